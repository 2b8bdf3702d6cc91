package access

import (
	"crypto/rand"
	"encoding/json"
	"time"
)

// SigningKey is the public half of a key that a node of the gateway signs with.
// Nobody but that node ever has the other half.
type SigningKey struct {
	ID        string
	JWK       json.RawMessage // RFC 7517
	ExpiresAt time.Time       // nothing that it signed is valid beyond this
}

// DenialBinding ties a request to the denial that it answers: what was evaluated,
// as it was sent, and until when the denial can be answered.
type DenialBinding struct {
	EvaluationID string
	Subject      json.RawMessage
	Resource     json.RawMessage
	Action       json.RawMessage
	IssuedAt     time.Time
	ExpiresAt    time.Time // whole seconds
}

// RequestTask is a request that came by AuthZEN's access request profile, as that
// profile knows it. Its state is the request's.
type RequestTask struct {
	ID           string // opaque, and not to be guessed
	RequestID    string
	ApprovalID   string // opaque, and told to nobody before the approval
	EvaluationID string // of the denial: each is answered once
	Subject      json.RawMessage
	Resource     json.RawMessage
	Action       json.RawMessage
	Client       json.RawMessage // what the caller says of itself: for the record only
	CreatedAt    time.Time
}

// TaskCallback asks to be told when a task has come to its end.
type TaskCallback struct {
	TaskID   string
	Endpoint string
	State    json.RawMessage // goes back as it came; nil: none
	Events   []string        // task states to tell of; empty: all
}

// CallbackAttempt is a claim to make one attempt at a callback.
type CallbackAttempt struct {
	TaskCallback
	RequestID string
	Attempt   int       // counts from 1
	Claim     time.Time // by which the claim is known again
	ClosedAt  time.Time // when the task came to its end
}

// CallbackMessage is one attempt at telling of a task's end.
type CallbackMessage struct {
	ID       string // the same for every attempt
	Endpoint string
	Body     []byte // JSON
}

// NewOpaqueID returns an id of the kind that says nothing else: 128 random bits,
// in the form that CheckID knows.
func NewOpaqueID(kind string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return kind + "_" + crockford.EncodeToString(b[:])
}
