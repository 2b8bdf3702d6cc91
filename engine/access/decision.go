package access

import "time"

// Effect is what policy answered.
type Effect string

// The effects. Deny wins over allow, allow over review.
const (
	Allow  Effect = "allow"
	Review Effect = "review"
	Deny   Effect = "deny"
)

// DefaultLapse is how long a request waits for its reviewers when policy does
// not say.
const DefaultLapse = 24 * time.Hour

// Decision is policy's whole answer: the output of data.access.decision. Only
// Effect and Reasons are always there.
type Decision struct {
	Effect       Effect      `json:"effect"`
	Reasons      []Reason    `json:"reasons"`
	MaxSeconds   *int64      `json:"max_seconds,omitempty"`   // the longest access; nil: the entitlement's longest
	LapseSeconds *int64      `json:"lapse_seconds,omitempty"` // how long reviewers have; nil: DefaultLapse
	Until        *Until      `json:"until,omitempty"`         // what a `while` grant is bound to
	Reviewers    *Reviewers  `json:"reviewers,omitempty"`     // who may answer a review
	Obligations  Obligations `json:"obligations,omitzero"`
	Revision     string      `json:"-"` // digest of the policy that answered
}

// Reason explains a decision.
type Reason struct {
	Code   string `json:"code"`             // stable, snake_case: "not_on_call"
	Title  string `json:"title"`            // a few words
	Detail string `json:"detail,omitempty"` // a sentence that says what would help
}

// Until names the shifts, or the incident, that policy matched: a `while` grant
// ends with the last of them, plus the grace.
type Until struct {
	OnCall       []ShiftRef `json:"oncall,omitempty"`
	Incident     *string    `json:"incident,omitempty"`
	GraceSeconds int64      `json:"grace_seconds,omitempty"`
}

// ShiftRef picks shifts out of the facts by their ids. Without a source it picks
// them from any.
type ShiftRef struct {
	Source   string `json:"source,omitempty"`
	Schedule string `json:"schedule,omitempty"`
	Policy   string `json:"policy,omitempty"`
	Level    int    `json:"level"`
}

// Picks reports whether the reference names the shift.
func (r ShiftRef) Picks(s Shift) bool {
	id := func(ref *Ref) string {
		if ref == nil {
			return ""
		}
		return ref.ID
	}
	return (r.Source == "" || r.Source == s.Source) && r.Schedule == id(s.Schedule) && r.Policy == id(s.Policy) && r.Level == s.Level
}

// Reviewers is who may answer a review, and how many must say yes.
type Reviewers struct {
	Groups   []string  `json:"groups,omitempty"`
	Subjects []Subject `json:"subjects,omitempty"`
	Quorum   int       `json:"quorum"`
	// Channels is where they are asked; none: each person by themselves. It makes
	// nobody a reviewer.
	Channels []string `json:"channels,omitempty"`
	// RemindSeconds is after how long without an answer they are asked again; nil:
	// DefaultRemind. It doubles each time.
	RemindSeconds *int64 `json:"remind_seconds,omitempty"`
	// Escalate names who may answer too when nobody has for long; nil: nobody.
	Escalate *Escalation `json:"escalate,omitempty"`
}

// DefaultRemind is after how long reviewers are asked again when policy does not
// say.
const DefaultRemind = 15 * time.Minute

// Escalation is who may answer a request, beside its reviewers, once nobody has
// for so long.
type Escalation struct {
	AfterSeconds int64     `json:"after_seconds"`
	Groups       []string  `json:"groups,omitempty"`
	Subjects     []Subject `json:"subjects,omitempty"`
	Channels     []string  `json:"channels,omitempty"`
}

// Includes reports whether the subject, with these groups, is one of them.
func (r *Reviewers) Includes(s Subject, groups []string) bool {
	if r == nil {
		return false
	}
	for _, listed := range r.Subjects {
		if listed == s {
			return true
		}
	}
	for _, g := range r.Groups {
		for _, own := range groups {
			if g == own {
				return true
			}
		}
	}
	return false
}

// Obligations is what policy wants done beside the answer.
type Obligations struct {
	Notify      []string `json:"notify,omitempty"`
	AfterReview bool     `json:"after_review,omitempty"`
}

// DecisionRecord is a decision as the ledger keeps it, with its whole input.
type DecisionRecord struct {
	ID        string        `json:"id"`
	Phase     Phase         `json:"phase"`
	Revision  string        `json:"revision"`
	DecidedAt time.Time     `json:"decided_at"`
	FactsAt   time.Time     `json:"-"` // not after when the facts were learned that a bound depends on
	Input     Input         `json:"input"`
	Decision  Decision      `json:"decision"`
	Took      time.Duration `json:"-"` // to ask policy, to the microsecond
	Failed    bool          `json:"-"` // policy gave no answer of its own: the deny may not be its word
}

// Permission is data.api.allow's answer.
type Permission struct {
	Allowed bool
	Reason  string // why not; may be empty
}
