package chaos

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// checkLog: the sealed sequence has no gap and no leftover, each leaf is the hash
// of its event, and the API tells the same events in the same order (G4).
func checkLog(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	seen := map[string]bool{}
	for i, entry := range x.Ledger.Log {
		if entry.Seq != int64(i)+1 {
			v.add(nil, "the audit log goes from %d to %d", i, entry.Seq)
			break
		}
		if seen[entry.ID] {
			v.add(nil, "the event %s is twice in the audit log", entry.ID)
		}
		seen[entry.ID] = true
		if hex.EncodeToString(audit.Leaf([]byte(entry.Body))) != entry.Leaf {
			v.add([]string{entry.Body}, "the leaf of event %d is not the hash of its body", entry.Seq)
		}
		if i < len(x.Told) && x.Told[i] != entry.Body {
			v.add([]string{entry.Body, x.Told[i]}, "the API tells another event %d than the ledger holds", entry.Seq)
		}
	}
	for _, entry := range x.odd {
		v.add([]string{entry.Body}, "event %d is none of the envelope's form", entry.Seq)
	}
	if n := int64(len(x.Ledger.Log)); x.Ledger.Head != n || int64(len(x.Told)) != n {
		v.add(nil, "the audit log has %d events, its head says %d and the API tells %d", n, x.Ledger.Head, len(x.Told))
	}
	if x.Ledger.Pending != 0 || x.Ledger.Stray != 0 {
		v.add(nil, "%d events were not sealed and %d were lost from the queue", x.Ledger.Pending, x.Ledger.Stray)
	}
	return v.found
}

// counts holds how often each type of event should be there for one object.
type counts map[string]int

// expect compares how often events of the types name the object.
func (v *verdict) expect(x *index, id string, want counts) {
	for typ, n := range want {
		if got := x.of(id, typ); len(got) != n {
			v.add(lines(x.events[id]), "%s has %d events %s, want %d", id, len(got), typ, n)
		}
	}
}

// checkRequestEvents: a request was submitted once, and came to its state once.
func checkRequestEvents(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	for _, r := range x.Ledger.Requests {
		want := counts{
			audit.RequestSubmitted: 1, audit.RequestApproved: 0, audit.RequestDenied: 0,
			audit.RequestWithdrawn: 0, audit.RequestLapsed: 0,
		}
		if r.State != string(access.RequestPending) {
			want["request."+r.State]++
		}
		v.expect(x, r.ID, want)
	}
	return v.found
}

// checkGrantEvents: a grant started once and ended once, in this order and for
// the reason that the ledger holds.
func checkGrantEvents(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	for _, g := range x.Ledger.Grants {
		want := counts{audit.GrantStarted: 0, audit.GrantEnded: 0}
		if g.State == string(access.GrantActive) || g.Prior == string(access.GrantActive) {
			want[audit.GrantStarted] = 1
		}
		if g.State == string(access.GrantEnded) {
			want[audit.GrantEnded] = 1
		}
		v.expect(x, g.ID, want)
		started, ended := x.of(g.ID, audit.GrantStarted), x.of(g.ID, audit.GrantEnded)
		if len(started) == 1 && len(ended) == 1 && started[0].seq > ended[0].seq {
			v.add(lines(x.events[g.ID]), "%s ended before it started", g.ID)
		}
		if len(ended) == 1 && ended[0].Data["end_reason"] != g.EndReason {
			v.add(lines(ended), "%s ended as %s and its event says otherwise", g.ID, g.EndReason)
		}
	}
	return v.found
}

// checkBindingEvents: what a binding should be turned as often as its events say,
// each generation was decided by one of them, and what the ledger observed is what
// the newest confirmation said.
func checkBindingEvents(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	for _, b := range x.Ledger.Bindings {
		v.turned(x, b)
		v.confirmed(x, b)
		v.attempted(x, b)
	}
	return v.found
}

// turned: present and absent take turns, each under a higher generation, and the
// last turn is what is desired. What is not a turn is a repair.
func (v *verdict) turned(x *index, b Binding) {
	turns := x.of(b.ID, audit.BindingDesired)
	slices.SortStableFunc(turns, func(p, q event) int {
		return cmp.Compare(number(p.Data["generation"]), number(q.Data["generation"]))
	})
	desired, generation := string(access.Absent), int64(0)
	for _, e := range turns {
		if e.Data["desired"] == desired || number(e.Data["generation"]) <= generation {
			v.add(x.story(b.ID), "%s did not turn with event %d", b.ID, e.seq)
		}
		desired, _ = e.Data["desired"].(string)
		generation = number(e.Data["generation"])
	}
	if desired != b.Desired {
		v.add(x.story(b.ID), "%s is to be %s and its events say %s", b.ID, b.Desired, desired)
	}
	decided := int64(len(turns))
	for _, e := range x.events[b.ID] {
		if e.Data["asserted_again_at"] != nil {
			decided++
		}
	}
	if decided != b.Generation {
		v.add(x.story(b.ID), "%s is at generation %d and its events decided %d", b.ID, b.Generation, decided)
	}
}

// confirmed: what is observed is what the newest confirmation said.
func (v *verdict) confirmed(x *index, b Binding) {
	observed, newest := string(access.Absent), int64(-1)
	for typ, presence := range map[string]access.Presence{
		audit.BindingProvisioned: access.Present, audit.BindingDeprovisioned: access.Absent,
	} {
		for _, e := range x.of(b.ID, typ) {
			if n := number(e.Data["generation"]); n > newest {
				newest, observed = n, string(presence)
			}
		}
	}
	if b.Observed != string(access.Unknown) && b.Observed != observed {
		v.add(x.story(b.ID), "%s was observed %s and its newest confirmation says %s", b.ID, b.Observed, observed)
	}
}

// attempted: the first attempt of each generation is an event.
func (v *verdict) attempted(x *index, b Binding) {
	said := map[int64]int{}
	for _, e := range x.of(b.ID, audit.BindingAttempted) {
		said[number(e.Data["generation"])]++
	}
	for _, a := range x.attempts[b.ID] {
		if a.Attempt == 1 && said[a.Generation] != 1 {
			v.add(x.story(b.ID), "the first attempt of %s at generation %d has %d events", b.ID, a.Generation, said[a.Generation])
		}
	}
}

// checkAcknowledged: what an answer said is in the ledger. A commit that was
// acknowledged is not lost, whatever was killed after it.
func checkAcknowledged(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	for _, s := range x.Steps {
		for _, c := range s.Calls {
			if c.Done() {
				if why := x.missing(s, c); why != "" {
					v.add([]string{c.String()}, "%s %s %s was answered and %s", s.Kind, name(s.About), s.Object, why)
				}
			}
		}
	}
	return v.found
}

// missing says what the ledger lacks of what a call was told.
func (x *index) missing(s Step, c Call) string {
	if s.Kind == Revoke {
		if g := x.grant[s.Object]; g.State != string(access.GrantEnded) || g.EndReason != string(access.EndRevoked) {
			return fmt.Sprintf("the grant is %q %q", g.State, g.EndReason)
		}
		return ""
	}
	r, ok := x.request[c.RequestID]
	want := map[string]access.RequestState{
		Approve: access.RequestApproved, Deny: access.RequestDenied, Withdraw: access.RequestWithdrawn,
	}[s.Kind]
	switch _, granted := x.grant[c.GrantID]; {
	case !ok:
		return "the request is not there"
	case want != "" && r.State != string(want):
		return "the request is " + r.State
	case c.GrantID != "" && !granted:
		return "the grant is not there"
	}
	return ""
}

// lines renders events.
func lines(events []event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.String()
	}
	return out
}

// number reads a number of an event's data.
func number(v any) int64 {
	f, _ := v.(float64)
	return int64(f)
}
