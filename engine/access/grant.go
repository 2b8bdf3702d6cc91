package access

import "time"

// Entitled names what is asked for or held: subject, action and resource.
type Entitled struct {
	Subject  Subject     `json:"subject"`
	Action   Action      `json:"action"`
	Resource ResourceRef `json:"resource"`
}

// Request is what someone asked for.
type Request struct {
	ID string `json:"id"`
	Entitled
	Requester  Subject      `json:"requester"`
	For        *Duration    `json:"for"`
	While      *string      `json:"while"`
	StartsAt   *time.Time   `json:"starts_at"`
	NextShift  bool         `json:"next_shift,omitzero"` // starts_at is the start of a shift, and moves with it
	Reason     string       `json:"reason"`
	Emergency  bool         `json:"emergency"`
	Channel    Channel      `json:"channel"`
	State      RequestState `json:"state"`
	DecisionID string       `json:"decision_id"` // the newest decision about it
	LapsesAt   *time.Time   `json:"lapses_at"`   // only while pending
	CreatedAt  time.Time    `json:"created_at"`
	ClosedAt   *time.Time   `json:"closed_at"`
	// EscalatedAt is since when the people whom policy names for that may answer too,
	// because nobody did in time; nil: they may not.
	EscalatedAt *time.Time `json:"escalated_at,omitzero"`
}

// Verdict is a reviewer's answer.
type Verdict string

// The verdicts.
const (
	VerdictApprove Verdict = "approve"
	VerdictDeny    Verdict = "deny"
)

// ReviewRecord is a reviewer's answer to a request.
type ReviewRecord struct {
	RequestID  string    `json:"-"`
	Reviewer   Subject   `json:"reviewer"`
	Verdict    Verdict   `json:"verdict"`
	Comment    string    `json:"comment,omitempty"`
	For        *Duration `json:"for,omitempty"` // shortened to this
	DecisionID string    `json:"decision_id"`
	CreatedAt  time.Time `json:"created_at"`
}

// Grant says that a subject may use an entitlement until a time.
type Grant struct {
	ID        string `json:"id"`
	RequestID string `json:"request_id"`
	BindingID string `json:"binding_id"`
	Entitled
	While      *string    `json:"while"`
	Bound      *Bound     `json:"bound"` // of a `while` grant; nil: it ends at a time that does not move
	StartsAt   time.Time  `json:"starts_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	State      GrantState `json:"state"`
	EndReason  *EndReason `json:"end_reason"`
	EndedAt    *time.Time `json:"ended_at"`
	DecisionID string     `json:"decision_id"` // the decision that gave it
	CreatedAt  time.Time  `json:"created_at"`
}

// Bound is what a `while` grant is bound to: while facts change, its end moves
// with them.
type Bound struct {
	Until
	// EndsBy is the cap that policy set: the end never moves beyond it.
	EndsBy time.Time `json:"ends_by"`
	// NextShift says that a grant which is scheduled begins with a shift, and so
	// moves with it.
	NextShift bool `json:"next_shift,omitempty"`
	// FactsAt is when the facts were learned that moved it last: older ones never
	// do.
	FactsAt time.Time `json:"facts_at"`
	// OverAs is why it ends when its time is over; "" for EndExpired.
	OverAs EndReason `json:"-"`
}

// LiveAt reports whether the grant gives access at t. It depends on the clock,
// not on whether the sweeper has run.
func (g Grant) LiveAt(t time.Time) bool {
	return g.State == GrantActive && !t.Before(g.StartsAt) && t.Before(g.ExpiresAt)
}

// A holder is told ten minutes before access ends, or when a quarter of it is left
// if that is later. Access shorter than two minutes is not worth it.
const (
	tellBefore   = 10 * time.Minute
	tellOfLonger = 2 * time.Minute
)

// EndingAt is when the holder is told that the grant is about to end; ok is false
// if it is too short for that. The ledger has an index by it.
func (g Grant) EndingAt() (at time.Time, ok bool) {
	length := g.ExpiresAt.Sub(g.StartsAt)
	quarter := (length / 4).Truncate(time.Microsecond) // as the ledger divides
	return g.ExpiresAt.Add(-min(tellBefore, quarter)), length >= tellOfLonger
}

// Binding is a subject with an entitlement at a target: the thing that exists
// there, or does not. Several grants can hold one binding.
type Binding struct {
	ID string `json:"id"`
	Entitled
	Target      string     `json:"target"`     // name in the configuration
	Contract    string     `json:"-"`          // digest of what the target was when the binding was made
	Desired     Presence   `json:"desired"`    // present while any grant on it is live
	Observed    Presence   `json:"observed"`   // what the target last confirmed
	Version     int64      `json:"-"`          // bumped, under lock, by whoever changes its grants
	Generation  int64      `json:"generation"` // counts deliveries decided: a fencing token
	Attempts    int        `json:"attempts"`   // at the current generation
	NextAt      *time.Time `json:"next_at"`    // when the next attempt is due; nil: nothing to do
	DueAt       *time.Time `json:"due_at"`     // since when desired and observed differ
	EndReason   *EndReason `json:"-"`          // of the grant on it that ended last
	LastClass   Class      `json:"-"`          // how the newest attempt ended
	LastError   string     `json:"last_error,omitempty"`
	ConfirmedAt *time.Time `json:"confirmed_at"`
	ReportedAt  *time.Time `json:"-"` // when a failed attempt was last an audit event
	// CallbackBy is until when the word of a target that has accepted is waited for;
	// nil: none is.
	CallbackBy *time.Time `json:"callback_by"`
	// ForcedAt is when it was declared gone without the target's word; nil: its word
	// counts.
	ForcedAt *time.Time `json:"forced_at"`
	// ToldUntil is the deadline that the newest message named; nil: it named none.
	ToldUntil *time.Time `json:"-"`
	// Renewing says that this generation only tells of a deadline that moved.
	Renewing bool `json:"-"`
	// Until when an attempt that was not confirmed may still take effect at the
	// target: a confirmation that was asked for before then is asserted again.
	ProvisionOpenUntil   time.Time `json:"-"`
	DeprovisionOpenUntil time.Time `json:"-"`
}

// OverdueAfter is how long a delivery may stay unconfirmed before it is alerted.
const OverdueAfter = 15 * time.Minute

// OverdueAt reports whether, at t, the binding has been in the wrong state for
// longer than OverdueAfter, or is and has no target that could be told.
func (b Binding) OverdueAt(t time.Time) bool {
	if b.DueAt == nil {
		return false
	}
	return b.LastClass == ClassTargetMissing || t.Sub(*b.DueAt) > OverdueAfter
}
