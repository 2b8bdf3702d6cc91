package access

import (
	"encoding/json"
	"time"
)

// CheckInput is the document that data.check.decision sees as `input`: an
// evaluation of OpenID AuthZEN as it was sent, and the access that the subject's
// live grants give together.
type CheckInput struct {
	// Subject, Resource, Action and Context are JSON objects, with every member
	// that was sent. The subject's id is canonical, where it can be one of ours.
	Subject  json.RawMessage `json:"subject"`
	Resource json.RawMessage `json:"resource"`
	Action   json.RawMessage `json:"action"`
	Context  json.RawMessage `json:"context,omitempty"` // nil: none was sent
	Grants   []CheckGrant    `json:"grants"`
	Now      time.Time       `json:"now"`
}

// CheckGrant is live access to what a check is about: all live grants together,
// until the last of them ends.
type CheckGrant struct {
	Action    Action      `json:"action"`
	Resource  ResourceRef `json:"resource"`
	ExpiresAt time.Time   `json:"expires_at"`
}

// CheckAnswer is the answer of data.check.decision: may this subject do this, now.
type CheckAnswer struct {
	Decision bool
	Reason   string          // a code, of the policy or of how it failed
	Revision string          // of the policy that answered
	Input    json.RawMessage // the whole document that it saw
	Took     time.Duration
	Failure  error // why policy gave no answer: for the log; the decision is no
}
