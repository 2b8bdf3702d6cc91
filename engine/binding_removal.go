package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Removal proves that access that ended was taken away: when it ended, what was
// tried, who confirmed, and what the target said when it was asked later. All of it
// is in the audit log too.
type Removal struct {
	Generation     int64             `json:"generation"` // that was confirmed; until then the newest
	DueAt          time.Time         `json:"due_at"`     // when access ended
	EndReason      *access.EndReason `json:"end_reason"` // of the grant that ended last
	GrantID        *string           `json:"grant_id"`
	RequestID      *string           `json:"request_id"`
	Attempts       int               `json:"attempts"` // until it was confirmed
	FirstAttemptAt *time.Time        `json:"first_attempt_at"`
	AcceptedAt     *time.Time        `json:"accepted_at"`  // of a target that confirms later
	ConfirmedAt    *time.Time        `json:"confirmed_at"` // for good: not only until it is asserted again
	ConfirmedBy    *ConfirmedBy      `json:"confirmed_by"`
	Seconds        *float64          `json:"seconds"`     // from DueAt to ConfirmedAt
	VerifiedAt     *time.Time        `json:"verified_at"` // when the target last said, asked, that it is gone
	Verified       *bool             `json:"verified"`    // nil: it did not say
}

// ConfirmedBy is by what a removal was confirmed.
type ConfirmedBy string

// What confirms a removal.
const (
	ByResponse ConfirmedBy = "response" // of the target
	ByCallback ConfirmedBy = "callback" // the target's word after it had accepted
	ByForce    ConfirmedBy = "force"    // two persons, without the target
)

// How many of the newest events of one type a removal is looked for in.
const (
	lookTurns     = 100
	lookConfirmed = 200
	lookOthers    = 50
)

// removalOf is the newest removal of a binding; nil when there is none. A binding that
// was to be open for a while and that no target was told of was never closed either.
func removalOf(tx *ledger.Tx, b BindingItem) (*Removal, error) {
	h, err := newestHistory(tx, b)
	if err != nil {
		return nil, err
	}
	turns, below := h.of(audit.BindingDesired), int64(math.MaxInt64) // the generation at which it was to be open again
	for i := len(turns) - 1; i >= 0; i-- {
		if turns[i].text("desired") == string(access.Absent) {
			r, during := h.removal(turns[i], below, tx.Now())
			if r.Attempts, r.FirstAttemptAt, err = tx.CountAttempts(b.ID, r.tried(during, tx.Now())); err != nil {
				return nil, err
			}
			if r.Attempts > 0 || r.ConfirmedBy != nil || below > b.Generation && b.NextAt != nil {
				return r, nil
			}
		}
		below = turns[i].number("generation")
	}
	return nil, nil //nolint:nilnil // that there is none is an answer
}

// bindingHistory is a binding with what the audit log has of its removals, oldest
// first.
type bindingHistory struct {
	BindingItem
	events []toldEvent
	whole  bool // they reach to now
}

// removalTypes are the events that removals are told by.
var removalTypes = []string{ //nolint:gochecknoglobals // a constant
	audit.BindingDesired, audit.GrantEnded, audit.BindingProvisioned, audit.BindingDeprovisioned, audit.BindingForced,
	audit.BindingOvertaken, audit.BindingAccepted, audit.BindingVerified,
}

// newestHistory is what the log has last of a binding.
func newestHistory(tx *ledger.Tx, b BindingItem) (bindingHistory, error) {
	h := bindingHistory{BindingItem: b, whole: true}
	for _, look := range []struct {
		limit int
		types []string
	}{
		{lookTurns, []string{audit.BindingDesired}},
		{lookConfirmed, []string{audit.BindingDeprovisioned, audit.BindingForced, audit.BindingOvertaken}},
		{lookOthers, []string{audit.GrantEnded}}, {lookOthers, []string{audit.BindingAccepted}}, {lookOthers, []string{audit.BindingVerified}},
	} {
		events, err := bindingEvents(tx, b.ID, look.limit, look.types...)
		if err != nil {
			return h, err
		}
		h.events = append(h.events, events...)
	}
	return h, nil
}

// of is the events of the types, oldest first.
func (h bindingHistory) of(types ...string) (events []toldEvent) {
	for _, e := range h.events {
		if slices.Contains(types, e.Type) {
			events = append(events, e)
		}
	}
	return events
}

// period is the generations at which a binding was to be closed.
type period struct{ from, below int64 }

func (p period) holds(e toldEvent) bool {
	n := e.number("generation")
	return n >= p.from && n < p.below
}

// removal is what the log has of the removal that began with the turn. What was tried
// for it is for its caller to count.
func (h bindingHistory) removal(turn toldEvent, below int64, now time.Time) (*Removal, period) {
	during := period{turn.number("generation"), below}
	r := &Removal{Generation: min(h.Generation, below-1), DueAt: turn.Time}
	r.ended(h, turn)
	r.confirmed(h, during)
	until := r.tried(during, now).Until
	for _, event := range h.of(audit.BindingAccepted) {
		if during.holds(event) && !event.Time.After(until) {
			r.AcceptedAt = &event.Time
		}
	}
	r.verified(h, during)
	return r, during
}

// tried is the attempts at the removal until it was confirmed.
func (r *Removal) tried(during period, now time.Time) ledger.AttemptSpan {
	if r.ConfirmedAt != nil {
		now = *r.ConfirmedAt
	}
	return ledger.AttemptSpan{Verb: access.VerbDeprovision, From: during.from, Below: during.below, Until: now}
}

// confirmed reads who confirmed the removal. The target's word is worth more than
// that of two persons; and one that could still be undone, because an older attempt at
// the opposite was open, is no end, nor one that was undone by such an attempt.
func (r *Removal) confirmed(h bindingHistory, during period) {
	for _, event := range h.of(audit.BindingDeprovisioned, audit.BindingForced, audit.BindingOvertaken) {
		if event.Type == audit.BindingOvertaken {
			if again := event.number("asserted_generation"); again >= during.from && again < during.below {
				r.Generation, r.ConfirmedAt, r.ConfirmedBy, r.Seconds = again, nil, nil, nil
			}
			continue
		}
		if !during.holds(event) || event.Data["asserted_again_at"] != nil || r.ConfirmedBy != nil && *r.ConfirmedBy != ByForce {
			continue
		}
		by := ByResponse
		switch {
		case event.Type == audit.BindingForced:
			by = ByForce
		case event.text("confirmed_by") == string(ByCallback):
			by = ByCallback
		}
		if by == ByForce && r.ConfirmedBy != nil {
			continue
		}
		took := event.Time.Sub(r.DueAt).Seconds()
		r.Generation, r.ConfirmedAt, r.ConfirmedBy, r.Seconds = event.number("generation"), &event.Time, &by, &took
	}
}

// ended reads which grant ended last. Access ended with the last of those that ended
// together, which may be long before the gateway, if it was away, found that they had.
func (r *Removal) ended(h bindingHistory, turn toldEvent) {
	var last time.Time
	for _, event := range h.of(audit.GrantEnded) {
		if event.Time.After(turn.Time) {
			break
		}
		if at := event.instant("expires_at"); event.Time.Equal(turn.Time) && at.After(last) {
			last = at
		}
		why := access.EndReason(event.text("end_reason"))
		grant, request := string(event.GrantID), string(event.RequestID)
		r.EndReason, r.GrantID, r.RequestID = &why, &grant, &request
	}
	if !last.IsZero() && last.Before(turn.Time) {
		r.DueAt = last
	}
}

// verified reads what the target said when it was asked after the confirmation. What
// it says now is of the newest removal alone, while the binding is to be closed.
func (r *Removal) verified(h bindingHistory, during period) {
	if r.ConfirmedAt == nil {
		return
	}
	for _, event := range h.of(audit.BindingVerified) {
		if during.holds(event) && !event.Time.Before(*r.ConfirmedAt) {
			r.VerifiedAt = &event.Time
		}
	}
	v := h.Verification
	current := h.whole && h.Generation < during.below
	if current && v != nil && v.VerifiedAt != nil && !v.VerifiedAt.Before(*r.ConfirmedAt) {
		r.VerifiedAt = v.VerifiedAt
	}
	gone := r.VerifiedAt != nil
	if drifted := current && v != nil && v.DriftedSince != nil; gone || drifted {
		said := gone && !drifted
		r.Verified = &said
	}
}

// toldEvent is an event about a binding, as the audit log has it.
type toldEvent struct {
	audit.Event
	order int64 // among those of one time

	// Where that was asked for: its place in the log, 0 for none yet, its leaf there,
	// and whether that is of what it says.
	seq    int64
	leaf   audit.Hash
	intact bool
}

// text is a member of the event's data, "" when it is no text.
func (e toldEvent) text(name string) string {
	text, _ := e.Data[name].(string)
	return text
}

// instant is a member of the event's data, the zero time when it is no time.
func (e toldEvent) instant(name string) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, e.text(name))
	return at
}

// number is a member of the event's data, 0 when it is no number.
func (e toldEvent) number(name string) int64 {
	n, _ := e.Data[name].(float64)
	return int64(n)
}

// bindingEvents reads the newest events of the types about a binding, oldest first.
func bindingEvents(tx *ledger.Tx, id string, limit int, types ...string) ([]toldEvent, error) {
	return told(tx.BindingEvents(id, limit, false, types...))
}

func told(read []ledger.BindingEvent, err error) ([]toldEvent, error) {
	if err != nil {
		return nil, err
	}
	events := make([]toldEvent, len(read))
	for i, e := range read {
		if err := json.Unmarshal(e.Body, &events[i].Event); err != nil {
			return nil, fmt.Errorf("an event about a binding: %w", err)
		}
		events[i].order = e.Order
	}
	return events, nil
}
