package engine

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// The paths of AuthZEN's access request profile, below AccessRequests.URL.
const (
	AccessRequestPath = "/access/v1/requests"
	RequestSchemaPath = "/access/v1/request-schema.json"
	KeySetPath        = "/.well-known/jwks.json"
)

// AccessRequestCapability is how the profile is named in AuthZEN's metadata.
const AccessRequestCapability = "urn:openid:authzen:capability:access-request"

// Denials ties requests to the denials that they answer.
type Denials interface {
	// Sign returns a token for a denial.
	Sign(context.Context, access.DenialBinding) (string, error)
	// Verify returns the denial of a token. What is wrong with a token is an
	// access.Error.
	Verify(ctx context.Context, token string) (access.DenialBinding, error)
	// KeySet is the JWK Set that tokens are verified by.
	KeySet(context.Context) (json.RawMessage, error)
}

// Callbacks tells callers of the end of their tasks.
type Callbacks interface {
	// Check reports ErrInvalid unless the endpoint may be called.
	Check(ctx context.Context, endpoint string) error
	// Send makes one attempt, of Deadline at most. What it may reach is held
	// against the rules again: an address can have changed since.
	Send(context.Context, access.CallbackMessage) error
	Deadline() time.Duration
}

// AccessRequests is what it takes to offer AuthZEN's access request profile.
type AccessRequests struct {
	URL       string // as callers reach the gateway: "https://curfew.example.com"
	Denials   Denials
	Callbacks Callbacks // nil: callbacks are not offered
}

// at is the URL of a path.
func (a *AccessRequests) at(path ...string) string {
	u, err := url.JoinPath(a.URL, path...)
	if err != nil { // the configuration has checked the URL
		return a.URL
	}
	return u
}

// Offer is where the profile is offered.
type Offer struct {
	AccessRequestEndpoint string
	KeySetURL             string
}

// AccessRequestOffer says where access can be requested; ok is false when it can not
// be by the profile.
func (e *Engine) AccessRequestOffer() (o Offer, ok bool) {
	if e.accessRequests == nil {
		return o, false
	}
	return Offer{e.accessRequests.at(AccessRequestPath), e.accessRequests.at(KeySetPath)}, true
}

// KeySet is the JWK Set that binding tokens are verified by.
func (e *Engine) KeySet(ctx context.Context) (json.RawMessage, error) {
	if e.accessRequests == nil {
		return json.RawMessage(`{"keys":[]}`), nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	return e.accessRequests.Denials.KeySet(ctx)
}

// The codes of the profile's errors. Its problem types end in them.
const (
	codeNotRequestable   = "not_requestable"
	codeInvalidBinding   = "invalid_denial_binding"
	codeDuplicateRequest = "duplicate_request"
	codeUnknownTask      = "unknown_task"
	codeTaskExpired      = "task_expired"
	codeInvalidTaskState = "invalid_task_state"
)

// TaskView is a task as callers see it, with its result once there is one.
type TaskView struct {
	Task   Task    `json:"task"`
	Result *Result `json:"result,omitempty"`
}

// TaskStatus is where a task is, in the profile's words. All but TaskPending are
// final.
type TaskStatus string

// The states of a task, each that of its request.
const (
	TaskPending   TaskStatus = "pending"
	TaskApproved  TaskStatus = "approved"
	TaskDenied    TaskStatus = "denied"
	TaskCancelled TaskStatus = "cancelled" // it was withdrawn
	TaskExpired   TaskStatus = "expired"   // nobody answered in time
)

func taskStatus(s access.RequestState) TaskStatus {
	switch s {
	case access.RequestPending:
		return TaskPending
	case access.RequestApproved:
		return TaskApproved
	case access.RequestDenied:
		return TaskDenied
	case access.RequestWithdrawn:
		return TaskCancelled
	case access.RequestLapsed:
		return TaskExpired
	}
	return "failed" // no request is in another state
}

// Task is the handle of a request.
type Task struct {
	ID             string     `json:"id"`
	Status         TaskStatus `json:"status"`
	StatusEndpoint string     `json:"status_endpoint"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty"` // while pending: when it lapses
	Links          *TaskLinks `json:"links,omitempty"`
}

// TaskLinks is what can be done with a task.
type TaskLinks struct {
	Cancel string `json:"cancel"`
}

// Result is what an approved task leaves: to evaluate again, with the approval.
type Result struct {
	Mode     string   `json:"mode"`
	Approval Approval `json:"approval"`
}

const modeReevaluate = "reevaluate"

// Approval names an approval. It gives nothing by itself: the grant behind it does.
type Approval struct {
	ID            string     `json:"id"`
	ApprovedAt    *time.Time `json:"approved_at,omitempty"`
	ApprovedUntil time.Time  `json:"approved_until"`
}
