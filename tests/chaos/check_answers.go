package chaos

import (
	"slices"
	"time"
)

// checkAnswers: no check says yes when no grant can have been live while it was
// asked, because time was over or a revoke had been acknowledged, and none when
// its node could reach no store (G3).
func checkAnswers(x *index) []Violation {
	v := verdict{guarantee: "G3"}
	for _, c := range x.Checks {
		if !c.Yes {
			continue
		}
		if !x.maybeLive(c) {
			v.add(x.possible(c), "yes to %s, and no grant can have been live", c)
		}
		for _, w := range x.Dark {
			if w.Node == c.Node && c.Began.After(w.From) && c.Ended.Before(w.To) {
				v.add(nil, "yes to %s, and the node could reach no store from %s to %s", c, stamp(w.From), stamp(w.To))
			}
		}
	}
	return v.found
}

// maybeLive reports whether some grant may have been live at some moment of the
// check.
func (x *index) maybeLive(c Check) bool {
	for _, g := range x.Ledger.Grants {
		if g.About != c.About {
			continue
		}
		if from, to := x.possibly(g, c); !c.Ended.Before(from) && c.Began.Before(to) {
			return true
		}
	}
	return false
}

// propagates is how long a revoke that was answered with 202 may take to reach a
// node that reads the ledger: a second, and two for a busy machine.
const propagates = 3 * time.Second

// possibly is the longest that the grant can have been live for the node of a
// check: from its start until its time is over or its revoke was acknowledged.
func (x *index) possibly(g Grant, c Check) (from, to time.Time) {
	from, to = g.StartsAt.Add(-x.Skew), g.ExpiresAt.Add(x.Skew)
	k := x.known[g.ID]
	if !k.gone.IsZero() {
		to = earliest(to, k.gone)
	}
	if !k.going.IsZero() && !x.deaf(c.Node, k.going, c.Ended) {
		to = earliest(to, k.going.Add(propagates))
	}
	return from, to
}

// deaf reports whether the node may have missed the ledger at some time.
func (x *index) deaf(node int, from, to time.Time) bool {
	return slices.ContainsFunc(x.Deaf, func(w Window) bool {
		return w.Node == node && w.From.Before(to) && from.Before(w.To)
	})
}

// possible lists the grants that a check could be about.
func (x *index) possible(c Check) (lines []string) {
	for _, g := range x.Ledger.Grants {
		if g.About == c.About {
			from, to := x.possibly(g, c)
			lines = append(lines, g.String()+", at most live "+stamp(from)+" to "+stamp(to))
			lines = append(lines, x.revokes(g.ID)...)
		}
	}
	return lines
}

// revokes lists the calls that would end a grant.
func (x *index) revokes(grant string) (lines []string) {
	for _, s := range x.Steps {
		if s.Kind == Revoke && s.Object == grant {
			for _, c := range s.Calls {
				lines = append(lines, "  revoke "+s.Key+", "+c.String())
			}
		}
	}
	return lines
}
