package engine

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// MaxTimeline bounds the timeline of a binding.
const MaxTimeline = 200

// TimelineEntry is one thing that happened to a binding: an event of the audit log, an
// attempt, or that a target was asked and said that all is as it should be.
type TimelineEntry struct {
	At         time.Time       `json:"at"`
	Event      string          `json:"event"` // its type in the audit log
	Generation int64           `json:"generation,omitzero"`
	Verb       access.Verb     `json:"verb,omitzero"`
	Attempt    int             `json:"attempt,omitzero"`
	Class      access.Class    `json:"class,omitzero"` // how an attempt ended
	Status     int             `json:"status,omitzero"`
	Detail     string          `json:"detail,omitzero"`
	Actor      *access.Subject `json:"actor,omitzero"`
	// EventID is of the audit log. An attempt is an event of its own when it is the
	// first of its generation, and when it ends otherwise than the one before.
	EventID string `json:"event_id,omitzero"`

	order int64 // among those of one time
}

// timelineOf is the newest entries of a binding's timeline, oldest first, and how many
// older ones there are.
func timelineOf(tx *ledger.Tx, b BindingItem) (entries []TimelineEntry, omitted int, err error) {
	events, err := told(tx.BindingEvents(b.ID, MaxTimeline, true, audit.BindingAttempted))
	if err != nil {
		return nil, 0, err
	}
	begun, err := bindingEvents(tx, b.ID, MaxTimeline, audit.BindingAttempted)
	if err != nil {
		return nil, 0, err
	}
	attempts, tried, err := tx.NewestAttempts(b.ID, MaxTimeline)
	if err != nil {
		return nil, 0, err
	}
	happened, err := tx.CountBindingEvents(b.ID, audit.BindingAttempted)
	if err != nil {
		return nil, 0, err
	}
	for _, event := range events {
		entries = append(entries, eventEntry(event))
	}
	entries = append(entries, attemptEntries(attempts, begun)...)
	total := happened + tried
	if again, found := verifiedAgain(b, events); found {
		entries, total = append(entries, again), total+1
	}
	slices.SortStableFunc(entries, func(a, b TimelineEntry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.order, b.order))
	})
	entries = entries[max(0, len(entries)-MaxTimeline):]
	return entries, total - len(entries), nil
}

func eventEntry(e toldEvent) TimelineEntry {
	return TimelineEntry{
		At: e.Time, Event: e.Type, Generation: e.number("generation"), Verb: access.Verb(e.text("verb")),
		Attempt: int(e.number("attempt")), Class: access.Class(e.text("class")), Status: int(e.number("status")),
		Detail: detailOf(e), Actor: e.Actor, EventID: e.ID, order: e.order,
	}
}

// detailOf is what an event says to people, in the first of the members that do.
func detailOf(e toldEvent) string {
	for _, name := range []string{"end_reason", "reason", "detail", "error", "cause", "comment"} {
		if text := e.text(name); text != "" {
			return text
		}
	}
	return ""
}

// try names an attempt on one binding.
type try struct{ generation, attempt int64 }

// attemptEntries is attempts, each at the time that it began and with how it ended. The
// first of a generation is where the log has it.
func attemptEntries(attempts []ledger.Attempt, begun []toldEvent) []TimelineEntry {
	logged := map[try]toldEvent{}
	for _, e := range begun {
		logged[try{e.number("generation"), e.number("attempt")}] = e
	}
	entries := make([]TimelineEntry, len(attempts))
	for i, a := range attempts {
		entries[i] = TimelineEntry{
			At: a.StartedAt, Event: audit.BindingAttempted, Generation: a.Generation, Verb: a.Verb, Attempt: a.Number,
			Class: a.Class, Status: a.Status, Detail: a.Detail, order: math.MaxInt64,
		}
		if e, known := logged[try{a.Generation, int64(a.Number)}]; known {
			entries[i].EventID, entries[i].order = e.ID, e.order
		}
	}
	return entries
}

// verifiedAgain is that the target last said that all is as it should be, when that is
// no event: only the first time after a confirmation is.
func verifiedAgain(b BindingItem, events []toldEvent) (TimelineEntry, bool) {
	if b.Verification == nil || b.Verification.VerifiedAt == nil {
		return TimelineEntry{}, false
	}
	at := *b.Verification.VerifiedAt
	for _, e := range events {
		if e.Type == audit.BindingVerified && !e.Time.Before(at) {
			return TimelineEntry{}, false
		}
	}
	return TimelineEntry{At: at, Event: audit.BindingVerified, Generation: b.Generation, order: math.MaxInt64}, true
}
