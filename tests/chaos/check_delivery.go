package chaos

import (
	"cmp"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// checkAgainstLive: no deprovision is claimed, or decided, while a grant on the
// binding is live (G2). The time in which a grant is live beyond doubt is taken
// from what callers were told, not from the ledger that may have miscounted.
func checkAgainstLive(x *index) []Violation {
	v := verdict{guarantee: "G2"}
	for _, g := range x.Ledger.Grants {
		from, to := x.certain(g)
		live := func(t time.Time) bool { return t.After(from) && t.Before(to) }
		for _, a := range x.attempts[g.BindingID] {
			if a.Verb == access.VerbDeprovision && live(a.StartedAt) {
				v.add(x.story(g.BindingID), "a deprovision was claimed at %s while the grant %s was live, %s to %s",
					stamp(a.StartedAt), g.ID, stamp(from), stamp(to))
			}
		}
		for _, e := range x.of(g.BindingID, audit.BindingDesired) {
			if e.Data["desired"] == string(access.Absent) && live(e.Time) {
				v.add(x.story(g.BindingID), "%s was to be absent from %s on, while the grant %s was live, %s to %s",
					g.BindingID, stamp(e.Time), g.ID, stamp(from), stamp(to))
			}
		}
	}
	for id, calls := range x.calls {
		for _, c := range calls {
			if c.Type() == access.VerbDeprovision && len(c.Message.Data.Grants) > 0 {
				v.add(x.story(id), "a deprovision of %s names a grant that holds it: %s", id, c.Message.Data.Grants[0].ID)
			}
		}
	}
	return v.found
}

// checkOrder: a target that compares generations never goes back to an older one,
// and a generation means one thing (G2).
func checkOrder(x *index) []Violation {
	v := verdict{guarantee: "G2"}
	for _, t := range x.Targets {
		if !t.Compares {
			continue
		}
		newest := map[string]target.Call{}
		for _, c := range acts(t.Calls) {
			id := c.Message.Data.Binding.ID
			before, seen := newest[id]
			switch {
			case seen && c.Generation() < before.Generation():
				v.add(x.story(id), "the target %s was moved back from generation %d to %d", t.Name, before.Generation(), c.Generation())
			case seen && c.Generation() == before.Generation() && c.Type() != before.Type():
				v.add(x.story(id), "generation %d of %s is both a provision and a deprovision", c.Generation(), id)
			}
			newest[id] = c
		}
	}
	return v.found
}

// acts lists the calls that were acted on, in the order of the acts: one that hung
// may act after one that came later.
func acts(calls []target.Call) []target.Call {
	done := slices.DeleteFunc(slices.Clone(calls), func(c target.Call) bool { return !c.Acted })
	slices.SortFunc(done, func(a, b target.Call) int { return cmp.Compare(a.Act, b.Act) })
	return done
}

// checkFinalState: once deliveries have drained, what exists at a target is what
// live grants hold, of whatever kind the target is (G2).
func checkFinalState(x *index) []Violation {
	v := verdict{guarantee: "G2"}
	for _, t := range x.Targets {
		held := map[access.Entitled]string{}
		for _, b := range x.Ledger.Bindings {
			switch live := x.liveAtEnd(b.ID); {
			case b.Target != t.Name:
			case live:
				held[b.About] = b.ID
				if !t.Exists[b.About] {
					v.add(x.story(b.ID), "%s is held by a live grant and does not exist at %s", name(b.About), t.Name)
				}
			case t.Exists[b.About]:
				v.add(x.story(b.ID), "%s exists at %s and no grant holds it", name(b.About), t.Name)
			}
		}
		for about := range t.Exists {
			if held[about] == "" && !x.hasBinding(t.Name, about) {
				v.add(nil, "%s exists at %s and the ledger has no binding for it", name(about), t.Name)
			}
		}
	}
	return v.found
}

func (x *index) hasBinding(at string, about access.Entitled) bool {
	for _, b := range x.Ledger.Bindings {
		if b.Target == at && b.About == about {
			return true
		}
	}
	return false
}

// checkClaimed: nothing reaches a target that was not claimed before, and nothing
// counts as confirmed that the target was never told. So neither a crash between
// a send and its record doubles an effect, nor does one before the send lose it.
func checkClaimed(x *index) []Violation {
	type delivery struct {
		binding    string
		generation int64
		verb       access.Verb
	}
	v := verdict{guarantee: "G2"}
	claimed, told := map[delivery]time.Time{}, map[delivery]bool{}
	for _, a := range x.Ledger.Attempts {
		d := delivery{a.BindingID, a.Generation, a.Verb}
		claimed[d] = earliest(claimed[d], a.StartedAt)
	}
	for id, calls := range x.calls {
		for _, c := range calls {
			d := delivery{id, c.Generation(), c.Type()}
			told[d] = told[d] || c.Acted || c.Stale
			switch at, ok := claimed[d]; {
			case !ok:
				v.add(x.story(id), "the target was told %s of %s at generation %d, which nobody claimed", c.Type(), id, c.Generation())
			case c.At.Add(x.Skew).Before(at):
				v.add(x.story(id), "the target was told %s of %s at generation %d before that was claimed", c.Type(), id, c.Generation())
			}
		}
	}
	for _, a := range x.Ledger.Attempts {
		if a.Class == string(access.ClassConfirmed) && !told[delivery{a.BindingID, a.Generation, a.Verb}] {
			v.add(x.story(a.BindingID), "%s of %s at generation %d counts as confirmed and the target never did it", a.Verb, a.BindingID, a.Generation)
		}
	}
	return v.found
}
