package engine

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// The shortest that reviewers are left in peace, and how long in an emergency when
// policy does not say.
const (
	shortestRemind  = time.Minute
	emergencyRemind = 2 * time.Minute
)

// policySaid is what policy said of a pending request.
type policySaid struct {
	first  access.DecisionRecord
	newest access.DecisionRecord // under which it was reviewed last; the first while nobody has answered
}

// reviewSaid reads it.
func reviewSaid(tx *ledger.Tx, r access.Request) (s policySaid, err error) {
	if s.first, err = tx.Decision(r.DecisionID); err != nil {
		return s, err
	}
	last, found, err := tx.LastReviewDecision(r.ID)
	if s.newest = s.first; found {
		s.newest = last
	}
	return s, err
}

// reviewers is who may answer before anything is escalated.
func (s policySaid) reviewers() *access.Reviewers {
	if s.newest.Decision.Effect == access.Review {
		return s.newest.Decision.Reviewers
	}
	return s.first.Decision.Reviewers
}

// escalation is what the newest decision says, or else the first; nil: none.
func (s policySaid) escalation() *access.Escalation {
	for _, d := range []access.DecisionRecord{s.newest, s.first} {
		if r := d.Decision.Reviewers; d.Decision.Effect == access.Review && r != nil && r.Escalate != nil {
			return r.Escalate
		}
	}
	return nil
}

// widened is the reviewers with those of an escalation, of whom as many must say
// yes as before.
func widened(r *access.Reviewers, esc *access.Escalation) *access.Reviewers {
	if r == nil || esc == nil {
		return r
	}
	wider := *r
	wider.Groups = append(append([]string{}, r.Groups...), esc.Groups...)
	wider.Subjects = append(append([]access.Subject{}, r.Subjects...), esc.Subjects...)
	return &wider
}

// awaiting is how a new request waits for its reviewers.
func awaiting(r access.Request, d access.DecisionRecord) ledger.Waiting {
	return ledger.Waiting{
		RemindAt:   within(r, r.CreatedAt.Add(remindAfter(r, d))),
		EscalateAt: escalateAt(r, policySaid{first: d, newest: d}),
	}
}

// awaitingStill is how a request goes on to wait after a review that did not
// settle it. Policy may have changed when it escalates; if that is over, it does
// now.
func awaitingStill(tx *ledger.Tx, r access.Request, d access.DecisionRecord) error {
	w, err := tx.Waiting(r.ID)
	if err != nil || w.EscalatedAt != nil {
		return err
	}
	first, err := tx.Decision(r.DecisionID)
	if err != nil {
		return err
	}
	if w.EscalateAt = escalateAt(r, policySaid{first: first, newest: d}); w.EscalateAt != nil {
		at := later(*w.EscalateAt, tx.Now())
		w.EscalateAt = &at
	}
	return tx.SetWaiting(r.ID, w)
}

// escalateAt is when others may answer a request too; nil: never.
func escalateAt(r access.Request, said policySaid) *time.Time {
	esc := said.escalation()
	if esc == nil {
		return nil
	}
	return within(r, r.CreatedAt.Add(time.Duration(esc.AfterSeconds)*time.Second))
}

// remindAfter is how long the reviewers of a request have before they are asked
// again for the first time.
func remindAfter(r access.Request, d access.DecisionRecord) time.Duration {
	switch rs := d.Decision.Reviewers; {
	case rs != nil && rs.RemindSeconds != nil:
		return max(time.Duration(*rs.RemindSeconds)*time.Second, shortestRemind)
	case r.Emergency:
		return emergencyRemind
	}
	return access.DefaultRemind
}

// within is the time, if the request has not lapsed by then.
func within(r access.Request, at time.Time) *time.Time {
	if r.LapsesAt != nil && !at.Before(*r.LapsesAt) {
		return nil
	}
	return &at
}
