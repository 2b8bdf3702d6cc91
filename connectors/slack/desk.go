package slack

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Desk is what people can do. The errors are the engine's: an *access.Error says
// what is wrong, by its code and in a sentence. Every method that changes
// something has done so, and committed it, when it returns without an error.
type Desk interface {
	// Resources lists what the person may find by the text in its name, type or id,
	// at most so many; "": whatever comes first.
	Resources(ctx context.Context, who Caller, typed string, limit int) ([]access.Resource, error)
	// Resource returns one that is in the catalogue.
	Resource(ctx context.Context, who Caller, ref access.ResourceRef) (access.Resource, error)
	// Facts is what is known of the person at the moment. It returns at once.
	Facts(s access.Subject) (access.OnCall, access.Incidents)
	// Decide says what policy would answer now; nothing changes.
	Decide(ctx context.Context, who Caller, ask Ask) (access.Decision, error)
	// Submit asks for access. It is done at most once for a key.
	Submit(ctx context.Context, who Caller, key string, ask Ask) (access.Case, error)
	// Case is a request, for whoever may see it.
	Case(ctx context.Context, who Caller, requestID string) (access.Case, error)
	// Review answers a request; at most once for a key.
	Review(ctx context.Context, who Caller, key, requestID string, answer Answer) (access.Case, error)
	// Withdraw takes a request back.
	Withdraw(ctx context.Context, who Caller, key, requestID string) (access.Case, error)
	// Live lists the person's grants that are live or scheduled, the next to end
	// first.
	Live(ctx context.Context, who Caller) ([]access.Case, error)
	// Revoke ends a grant.
	Revoke(ctx context.Context, who Caller, key, grantID string) (access.Grant, error)
	// CloseTask says that a second person has looked at what a task is about.
	CloseTask(ctx context.Context, who Caller, key, taskID, comment string) (access.Task, error)
	// Task is a task, for whoever may see it.
	Task(ctx context.Context, who Caller, taskID string) (access.Task, error)
}

// People is what is known of people and their accounts.
type People interface {
	// BySlack returns the person whose account the id is said to be.
	BySlack(ctx context.Context, id string) (p access.Person, known bool, err error)
	// ByEmail returns the person of a verified address, in the words of the list of
	// people: one who is not in it is themselves.
	ByEmail(ctx context.Context, email string) (access.Person, error)
}

// Refusals writes down, once a minute for each address, that a message was refused.
type Refusals interface {
	RefuseHook(ctx context.Context, hook, source, code string)
}

// Caller is a person who was recognised, and from where they came.
type Caller struct {
	Subject  access.Subject
	Source   string // address of the HTTP caller; "" by the socket
	HookID   string // of the message, for traces
	TimeZone *time.Location
}

// Ask is what somebody asks for, for themselves.
type Ask struct {
	Action    access.Action
	Resource  access.ResourceRef
	For       *access.Duration // one of For
	While     *string          // and While: "oncall", "incident:<id>"
	Reason    string
	Emergency bool
}

// Answer is what a reviewer says.
type Answer struct {
	Verdict access.Verdict
	For     *access.Duration // approve only: shorter than asked for
	Comment string
}
