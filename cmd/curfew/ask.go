package main

import (
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// ask is the body of a request, without the members that were not given.
type ask struct {
	Subject   *access.Subject    `json:"subject,omitempty"`
	Action    access.Action      `json:"action"`
	Resource  access.ResourceRef `json:"resource"`
	For       *access.Duration   `json:"for,omitempty"`
	While     *string            `json:"while,omitempty"`
	StartsAt  *engine.Start      `json:"starts_at,omitempty"`
	Reason    string             `json:"reason"`
	Emergency bool               `json:"emergency,omitempty"`
}

// askFlags are the flags of a request, as they were typed.
type askFlags struct {
	length, while, startsAt, subject, reason, key string
	emergency, dryRun                             bool
}

// ask reads the command line into a body.
func (f *askFlags) ask(resource, action string) (a ask, err error) {
	a = ask{Action: access.Action{Name: action}, Reason: f.reason, Emergency: f.emergency}
	if a.Resource, err = resourceArg(resource); err != nil {
		return a, err
	}
	if f.length != "" {
		d, err := access.ParseDuration(f.length)
		if err != nil {
			return a, usage("--for: %v", err)
		}
		a.For = &d
	}
	if f.while != "" {
		a.While = &f.while
	}
	if f.subject != "" {
		s, err := access.ParseSubject(f.subject)
		if err != nil {
			return a, usage("--subject: %v", err)
		}
		a.Subject = &s
	}
	a.StartsAt, err = f.start()
	return a, err
}

// start reads when access is to begin; nil for at once.
func (f *askFlags) start() (*engine.Start, error) {
	switch f.startsAt {
	case "":
		return nil, nil
	case engine.NextShift:
		return &engine.Start{NextShift: true}, nil
	}
	t, err := time.Parse(time.RFC3339, f.startsAt)
	if err != nil {
		return nil, usage("--starts-at: %q is neither a time such as 2026-01-31T09:00:00Z nor %s", f.startsAt, engine.NextShift)
	}
	return engine.StartAt(t), nil
}

// after is the error of a command that asked, given what policy said.
func after(err error, effect access.Effect) error {
	switch {
	case err != nil:
		return err
	case effect == access.Deny:
		return exitError{code: exitDenied}
	case effect == access.Review:
		return exitError{code: exitPending}
	}
	return nil
}

func effectOf(r engine.RequestView) access.Effect {
	switch r.State {
	case access.RequestApproved:
		return access.Allow
	case access.RequestPending:
		return access.Review
	default:
		return access.Deny
	}
}
