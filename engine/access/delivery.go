package access

import "time"

// Verb is what a target is told: the type of the outbound message.
type Verb string

// The verbs.
const (
	VerbProvision   Verb = "access.provision"
	VerbDeprovision Verb = "access.deprovision"
	VerbUpdate      Verb = "access.update" // what exists ends at another time: to targets that want to know
	VerbVerify      Verb = "access.verify" // a question: does it exist? Nothing is to be changed
)

// Message is the body of an outbound webhook (DESIGN 5). Its id across retries
// is <binding id>_<generation>.
type Message struct {
	Type      Verb        `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      MessageData `json:"data"`
}

// MessageData is what a message says of a binding.
type MessageData struct {
	Binding   BindingRef     `json:"binding"`
	Subject   Subject        `json:"subject"`
	Action    Action         `json:"action"`
	Resource  ResourceRef    `json:"resource"`
	ExpiresAt *time.Time     `json:"expires_at"` // the binding's deadline at this generation, for information
	EndReason *EndReason     `json:"end_reason"` // of the grant that ended last, on a deprovision
	Grants    []MessageGrant `json:"grants"`
	Callback  *Callback      `json:"callback"` // nil: the response confirms
}

// BindingRef is a binding with its generation, a fencing token: a target that
// compares generations ignores a lower one than it has seen.
type BindingRef struct {
	ID         string `json:"id"`
	Generation int64  `json:"generation"`
}

// MessageGrant is a grant behind a message.
type MessageGrant struct {
	ID         string    `json:"id"`
	RequestID  string    `json:"request_id"`
	Reason     string    `json:"reason"`
	ReviewedBy []Subject `json:"reviewed_by"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Callback is where a target that confirms later does so.
type Callback struct {
	URL       string    `json:"url"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Confirmation is a target's word, after it accepted a message, of what became of
// it: the body of POST /v1/callbacks/{binding}.
type Confirmation struct {
	Generation int64           `json:"generation"`
	Outcome    CallbackOutcome `json:"outcome"`
	Detail     string          `json:"detail"` // for people; "" for none
}

// CallbackOutcome is what a target says became of a message.
type CallbackOutcome string

// The outcomes of a callback.
const (
	CallbackDone   CallbackOutcome = "done"
	CallbackFailed CallbackOutcome = "failed"
)

// Delivery is one attempt, claimed: nobody else works on the binding until
// Until, and the ledger already says that its state is unknown.
type Delivery struct {
	BindingID  string
	Generation int64
	Attempt    int    // 1 is the first at this generation
	Owner      string // the claim; only its holder may record the outcome
	Target     string
	Contract   string
	Until      time.Time // when the claim lapses
	StartedAt  time.Time
	DueAt      time.Time // since when the binding is wrong
	OpenBefore time.Time // until when earlier attempts of this verb could take effect
	Message    Message
}

// Receipt is a target's confirmation.
type Receipt struct {
	Status int    // of the HTTP answer
	Tries  int    // requests made inside the attempt; 1 when the first was confirmed
	Open   bool   // the target may still be at an earlier request, which had no answer of its own
	Detail string // for people; no secret, 512 bytes at most
}

// Outcome is how an attempt ended.
type Outcome struct {
	Delivery
	Receipt Receipt
	Failure error // nil: confirmed
	Unsent  bool  // no byte of it left: the claim is handed back
}

// Class is how an attempt ended, coarsely: an audit event is written when it
// changes.
type Class string

// The classes of an attempt's outcome.
const (
	ClassConfirmed     Class = "confirmed"
	ClassAccepted      Class = "accepted"        // answered with 2xx, and its word is waited for
	ClassNoCallback    Class = "no_callback"     // accepted, and its word did not come in time
	ClassCalledBack    Class = "callback_failed" // accepted, and its word was that it failed
	ClassRefused       Class = "refused"         // answered, and not with 2xx
	ClassUnreachable   Class = "unreachable"     // no answer
	ClassTargetMissing Class = "target_missing"  // the target or its secret left the configuration
	ClassUnsent        Class = "unsent"          // claimed and handed back before it began
)

// DeliveryError is a failed attempt. Whether the target acted is not known,
// whatever it answered.
type DeliveryError struct {
	Class      Class
	Status     int           // 0 when there was no answer
	Open       bool          // the target may still be at it: no answer came, or one that was not its own
	RetryAfter time.Duration // the target's wish, already capped; 0 when it had none
	Err        error         // marked Permanent when trying again will not help by itself
}

// Error renders the cause.
func (e *DeliveryError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }
