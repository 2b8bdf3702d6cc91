package chaos

import (
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// checkDeprovisioned: every binding that a provision was ever claimed for, and
// that no live grant holds, was closed at its target after the last of them (G1).
func checkDeprovisioned(x *index) []Violation {
	v := verdict{guarantee: "G1"}
	for _, b := range x.Ledger.Bindings {
		last := int64(-1)
		for _, a := range x.attempts[b.ID] {
			if a.Verb == access.VerbProvision {
				last = max(last, a.Generation)
			}
		}
		if last >= 0 && !x.liveAtEnd(b.ID) && !closedAfter(x.calls[b.ID], last) {
			v.add(x.story(b.ID), "%s was opened at generation %d, no grant holds it, and its target never closed it after", b.ID, last)
		}
	}
	return v.found
}

// closedAfter reports whether the target acted on a deprovision of a higher
// generation.
func closedAfter(calls []target.Call, generation int64) bool {
	for _, c := range calls {
		if c.Acted && c.Type() == access.VerbDeprovision && c.Generation() > generation {
			return true
		}
	}
	return false
}

// checkSettled: once every fault is healed, everything comes to rest as it should
// be: no grant outlives its time, and no binding stays undecided.
func checkSettled(x *index) []Violation {
	v := verdict{guarantee: "G1"}
	for _, g := range x.Ledger.Grants {
		if g.State != string(access.GrantEnded) && !g.ExpiresAt.Add(x.Skew).After(x.Ledger.Now) {
			v.add([]string{g.String()}, "the grant %s was over and had not ended at %s", g.ID, stamp(x.Ledger.Now))
		}
	}
	for _, b := range x.Ledger.Bindings {
		want := string(access.Absent)
		if x.liveAtEnd(b.ID) {
			want = string(access.Present)
		}
		if b.Desired != want || b.Observed != want || b.NextAt != nil {
			v.add(x.story(b.ID), "%s did not settle: desired %s, observed %s, want %s", b.ID, b.Desired, b.Observed, want)
		}
	}
	return v.found
}
