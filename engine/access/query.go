package access

import (
	"encoding/json"
	"time"
)

// Query asks for a document of the policies: a rule's value, or data.
type Query struct {
	Path         []string        // below data: {"access", "decision"}; empty for all of it
	Input        json.RawMessage // any JSON value; nil: `input` is undefined
	StrictErrors bool            // an error in a built-in ends the evaluation; otherwise it is undefined there
	Metrics      bool            // say how long what took
}

// QueryAnswer is a document as the policies have it.
type QueryAnswer struct {
	Result         json.RawMessage // nil: undefined
	Revision       string
	BundleRevision string            // of the bundle's author; "" without a bundle
	Metrics        map[string]uint64 // by OPA's names, if asked for
	Took           time.Duration
}

// DecisionEvent is a decision as the decision log takes it down.
type DecisionEvent struct {
	ID             string // dec_…
	Path           string // of the entry point: "access/decision"
	Revision       string // of the policy that answered
	BundleRevision string
	Input          json.RawMessage // the whole document that policy saw; nil: none
	Result         json.RawMessage // its whole answer; nil: undefined
	Failure        string          // a code: why policy gave no answer; "" when it did
	At             time.Time
	Took           time.Duration
	Caller         Subject // who asked
	Source         string  // address that the caller came from
	HTTPRequestID  string
}
