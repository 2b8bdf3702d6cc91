package access

import "time"

// Verification is what a target said, asked whether a binding exists there, and when
// it is asked again.
type Verification struct {
	Answer       Presence   `json:"answer"` // Unknown: it could not tell, or was never asked
	AnsweredAt   *time.Time `json:"answered_at"`
	VerifiedAt   *time.Time `json:"verified_at"`   // when it last said that the binding is as it should be
	DriftedSince *time.Time `json:"drifted_since"` // since when it says that it is not; nil: it does not say so
	Error        string     `json:"error,omitempty"`
	NextAt       *time.Time `json:"next_at"` // while it is being asked, when the asking lapses
}

// Question is what a target is asked of one binding, claimed: nobody else asks it
// until Until.
type Question struct {
	BindingID  string
	Generation int64 // the answer counts while the binding is settled at it
	Owner      string
	Target     string
	Contract   string
	Until      time.Time
	Message    Message
}

// Answer is how a question ended. Exists counts only without a Failure.
type Answer struct {
	Question
	Exists  Presence
	Failure error // the target did not answer, or not as it should; nil: it answered
	Unsent  bool  // no byte of it left: the claim is handed back
}

// Asked is what became of a question.
type Asked string

// What becomes of a question.
const (
	AskedAgreed  Asked = "agreed"  // the binding is as it should be
	AskedDrifted Asked = "drifted" // it is not
	AskedUnknown Asked = "unknown" // the target can not tell
	AskedFailed  Asked = "failed"  // there was no answer, or none that can be read
	AskedOver    Asked = "over"    // what it was about has changed meanwhile: the answer is thrown away
)

// Drift is how many of a target's bindings are not as they should be, by its own
// word.
type Drift struct {
	Count    int
	Removals int       // of them, those that should be gone
	Since    time.Time // of the one that is so longest
}

// VerifyCounts is how questions to targets stand.
type VerifyCounts struct {
	Drifted int64         // bindings that are not as they should be, by their target's word
	Oldest  time.Duration // for how long it has been time to ask what waits longest
}

// Settled reports whether nothing is under way or to be done about a binding, so
// that a target's word about it can be compared with what is desired. claim is who
// holds the attempt under way, "" for nobody.
func (b Binding) Settled(claim string) bool {
	return claim == "" && b.NextAt == nil && b.CallbackBy == nil && (b.Observed == b.Desired || b.ForcedAt != nil)
}
