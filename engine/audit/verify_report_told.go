package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// provedAccess is what of an access its events are held against.
type provedAccess struct {
	GrantID string `json:"grant_id"`
	access.Entitled
	StartsAt      time.Time  `json:"starts_at"`
	ExpiresAt     time.Time  `json:"expires_at"`
	EndsAt        *time.Time `json:"ends_at"`
	EndReason     *string    `json:"end_reason"`
	ProvisionedAt *time.Time `json:"provisioned_at"`
	RemovedAt     *time.Time `json:"removed_at"`
	Request       struct {
		ID        string         `json:"id"`
		Requester access.Subject `json:"requester"`
		Reason    string         `json:"reason"`
		Emergency bool           `json:"emergency"`
	} `json:"request"`
	Decision struct {
		ID       string        `json:"id"`
		Effect   access.Effect `json:"effect"`
		Revision string        `json:"revision"`
	} `json:"decision"`
	Reviews []reportedReview `json:"reviews"`
	Binding struct {
		ID string `json:"id"`
	} `json:"binding"`
	Proof struct {
		Events []struct {
			ID   string `json:"id"`
			Seq  *int64 `json:"seq"`
			Leaf Hash   `json:"leaf"`
		} `json:"events"`
	} `json:"proof"`
}

// reportedReview is a person's answer, as a report has it.
type reportedReview struct {
	Reviewer access.Subject `json:"reviewer"`
	Verdict  access.Verdict `json:"verdict"`
	Comment  string         `json:"comment"`
	Revision string         `json:"revision"`
}

// String renders it for a comparison, and for people.
func (r reportedReview) String() string {
	return fmt.Sprintf("%s: %s %q, under %s", r.Reviewer, r.Verdict, r.Comment, r.Revision)
}

// reportedWords is what an event says of what a report has.
type reportedWords struct {
	typ                                  string
	at                                   time.Time
	request, binding, decision, revision string
	by                                   access.Subject
	data                                 reportedData
}

// reportedData is what of an event's data a report has. Only the events of a request
// and of its grant have any.
type reportedData struct {
	StartsAt  time.Time      `json:"starts_at"`
	ExpiresAt time.Time      `json:"expires_at"`
	EndReason string         `json:"end_reason"`
	Effect    access.Effect  `json:"effect"`
	Reason    string         `json:"reason"`
	Requester string         `json:"requester"`
	Emergency bool           `json:"emergency"`
	Verdict   access.Verdict `json:"verdict"`
	Comment   string         `json:"comment"`
	Counted   *bool          `json:"counted"` // nil: it counts
}

// wordsOf is what an event says.
func wordsOf(e Event) reportedWords {
	w := reportedWords{
		typ: e.Type, at: e.Time, request: string(e.RequestID), binding: string(e.BindingID), decision: string(e.DecisionID), revision: string(e.Revision),
	}
	if e.Actor != nil {
		w.by = *e.Actor
	}
	switch e.Type {
	case RequestSubmitted, RequestReviewed, RequestApproved, GrantScheduled, GrantStarted, GrantMoved, GrantEnded:
		if raw, err := json.Marshal(e.Data); err == nil {
			_ = json.Unmarshal(raw, &w.data) // what is no such data says nothing, and so differs
		}
	}
	return w
}

// accessTold is an access with what its events say of it.
type accessTold struct {
	access  provedAccess
	pending bool // an event has no place in the signed log yet
	gone    bool // an event is not kept any more

	seqs []int64 // in the sequence
	said []reportedWords
}

// hear takes an event down.
func (t *accessTold) hear(seq int64, w reportedWords) {
	at, _ := slices.BinarySearch(t.seqs, seq)
	t.seqs, t.said = slices.Insert(t.seqs, at, seq), slices.Insert(t.said, at, w)
}

// last is the last event of one of the types; nil without one.
func (t *accessTold) last(types ...string) (seq int64, w *reportedWords) {
	for i := len(t.said) - 1; i >= 0; i-- {
		if slices.Contains(types, t.said[i].typ) {
			return t.seqs[i], &t.said[i]
		}
	}
	return 0, nil
}

// sealedWithin is how long before a checkpoint something can have happened that it does
// not hold: much longer than sealing takes.
const sealedWithin = time.Minute

// differs is the first thing of which the access and its events say different things,
// and the event; "" when they agree. signedAt is when the log was signed.
func (t *accessTold) differs(signedAt time.Time) (int64, string) {
	for _, held := range []func(time.Time) (int64, string, string, string){
		t.whose, t.started, t.expired, t.ended, t.endedFor, t.asked, t.emergency, t.decided, t.reviewed, t.opened, t.removed,
	} {
		if seq, what, row, log := held(signedAt); row != log {
			if log == "" {
				return seq, fmt.Sprintf("%s is %s, and no event that it names says so", what, row)
			}
			return seq, fmt.Sprintf("%s is %s, and its event %d says %s", what, orNone(row), seq, log)
		}
	}
	return 0, ""
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func timeText(at *time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// whose compares of which request and binding the events are.
func (t *accessTold) whose(time.Time) (seq int64, what, row, log string) {
	for i, w := range t.said {
		if w.request != "" && w.request != t.access.Request.ID {
			return t.seqs[i], "the request", t.access.Request.ID, w.request
		}
		if w.binding != "" && w.binding != t.access.Binding.ID {
			return t.seqs[i], "the binding", t.access.Binding.ID, w.binding
		}
	}
	return 0, "", "", ""
}

// started compares from when access was given: a scheduled grant may be started late.
func (t *accessTold) started(time.Time) (seq int64, what, row, log string) {
	seq, newest := t.last(GrantScheduled, GrantStarted, GrantMoved, GrantEnded)
	if newest == nil {
		return 0, "", "", ""
	}
	begun := newest.data.StartsAt
	if _, started := t.last(GrantStarted); started != nil && started.at.After(begun) {
		begun = started.at
	}
	return seq, "starts_at", timeText(&t.access.StartsAt), timeText(&begun)
}

// expired compares until when the grant was to last. Where an event is not signed yet
// that may have moved it, nothing is compared.
func (t *accessTold) expired(time.Time) (seq int64, what, row, log string) {
	seq, newest := t.last(GrantScheduled, GrantStarted, GrantMoved, GrantEnded)
	if newest == nil || t.pending && newest.typ != GrantEnded {
		return 0, "", "", ""
	}
	return seq, "expires_at", timeText(&t.access.ExpiresAt), timeText(&newest.data.ExpiresAt)
}

// ended compares when the grant stopped giving access.
func (t *accessTold) ended(signedAt time.Time) (seq int64, what, row, log string) {
	a := t.access
	seq, ended := t.last(GrantEnded)
	switch {
	case ended == nil && t.excused(a.EndsAt, signedAt), ended == nil && a.EndReason == nil:
		return 0, "", "", "" // or its time is over, and the gateway has not come to it
	case ended == nil:
		return 0, "ends_at", timeText(a.EndsAt), ""
	}
	end := ended.at
	if ended.data.ExpiresAt.Before(end) {
		end = ended.data.ExpiresAt
	}
	return seq, "ends_at", timeText(a.EndsAt), timeText(&end)
}

// excused reports whether nothing that the report proves has to tell of what happened
// at the time.
func (t *accessTold) excused(at *time.Time, signedAt time.Time) bool {
	return t.gone || at == nil || t.pending && at.After(signedAt.Add(-sealedWithin))
}

func (t *accessTold) endedFor(time.Time) (seq int64, what, row, log string) {
	seq, ended := t.last(GrantEnded)
	if ended == nil {
		return 0, "", "", ""
	}
	if t.access.EndReason != nil {
		row = *t.access.EndReason
	}
	return seq, "end_reason", row, ended.data.EndReason
}

// asked compares who asked, and why.
func (t *accessTold) asked(time.Time) (seq int64, what, row, log string) {
	seq, asked := t.last(RequestSubmitted)
	q := t.access.Request
	switch {
	case asked == nil && t.gone:
		return 0, "", "", ""
	case asked == nil:
		return 0, "the request", q.ID, ""
	case q.Requester.String() != asked.data.Requester:
		return seq, "the requester", q.Requester.String(), asked.data.Requester
	}
	return seq, "the reason", strconv.Quote(q.Reason), strconv.Quote(asked.data.Reason)
}

func (t *accessTold) emergency(time.Time) (seq int64, what, row, log string) {
	seq, asked := t.last(RequestSubmitted)
	if asked == nil {
		return 0, "", "", ""
	}
	return seq, "emergency", strconv.FormatBool(t.access.Request.Emergency), strconv.FormatBool(asked.data.Emergency)
}

// decided compares by which decision the grant is, and what that said.
func (t *accessTold) decided(time.Time) (seq int64, what, row, log string) {
	d := t.access.Decision
	seq, begun := t.last(GrantScheduled, GrantStarted)
	switch {
	case begun == nil:
		return 0, "", "", ""
	case begun.decision != d.ID:
		return seq, "the decision", d.ID, begun.decision
	}
	for i, w := range t.said { // not each of them says both
		switch {
		case w.decision != d.ID:
		case w.revision != "" && w.revision != d.Revision:
			return t.seqs[i], "the revision", d.Revision, w.revision
		case w.data.Effect != "" && w.data.Effect != d.Effect:
			return t.seqs[i], "the effect", string(d.Effect), string(w.data.Effect)
		}
	}
	return 0, "", "", ""
}

// reviewed compares who answered, and what. An answer that policy did not let count is
// in the log alone.
func (t *accessTold) reviewed(time.Time) (seq int64, what, row, log string) {
	if t.gone {
		return 0, "", "", ""
	}
	n := 0
	for i, w := range t.said {
		if w.typ != RequestReviewed || w.data.Counted != nil && !*w.data.Counted {
			continue
		}
		if n < len(t.access.Reviews) {
			row = t.access.Reviews[n].String()
		} else {
			row = ""
		}
		if log = (reportedReview{w.by, w.data.Verdict, w.data.Comment, w.revision}).String(); row != log {
			return t.seqs[i], "the review", row, log
		}
		n++
	}
	if n < len(t.access.Reviews) {
		return 0, "the review", t.access.Reviews[n].String(), ""
	}
	return 0, "", "", ""
}

// opened compares when the target confirmed that access was there.
func (t *accessTold) opened(signedAt time.Time) (seq int64, what, row, log string) {
	return t.confirmed("provisioned_at", t.access.ProvisionedAt, signedAt, BindingProvisioned)
}

// removed compares when it was confirmed, or declared, that access is gone.
func (t *accessTold) removed(signedAt time.Time) (seq int64, what, row, log string) {
	return t.confirmed("removed_at", t.access.RemovedAt, signedAt, BindingDeprovisioned, BindingForced)
}

// confirmed looks for the event of that time.
func (t *accessTold) confirmed(what string, at *time.Time, signedAt time.Time, types ...string) (int64, string, string, string) {
	seq, told := t.last(types...)
	switch {
	case told == nil && t.excused(at, signedAt):
		return 0, "", "", ""
	case told == nil:
		return 0, what, timeText(at), ""
	}
	for i, w := range t.said {
		if at != nil && slices.Contains(types, w.typ) && w.at.Equal(*at) {
			return t.seqs[i], what, "", ""
		}
	}
	return seq, what, timeText(at), timeText(&told.at)
}
