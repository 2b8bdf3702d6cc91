package connectors

import (
	"context"
	"errors"
	"net/url"
	"time"
)

// outOfTime is the end of a call that took as long as it may.
type outOfTime time.Duration //nolint:errname // reads as what happened

// Error says how long that was.
func (d outOfTime) Error() string { return "nothing within " + time.Duration(d).String() }

// Unwrap tells the cause to errors.Is.
func (d outOfTime) Unwrap() error { return context.DeadlineExceeded }

// fault is a call without an answer. It keeps the cleaned text and which of the
// known causes apply, never the cause itself: net/http's errors hold the URL, and
// some quote what the other side sent.
type fault struct {
	text   string
	causes []error
}

// Error renders the cleaned text.
func (f *fault) Error() string { return f.text }

// Is reports whether the target is one of the known causes.
func (f *fault) Is(target error) bool {
	for _, cause := range f.causes {
		if cause == target {
			return true
		}
	}
	return false
}

func newFault(prefix string, err error, redact *Redactor) error {
	f := &fault{}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, ErrAddressRefused} {
		if errors.Is(err, known) {
			f.causes = append(f.causes, known)
		}
	}
	var inner *url.Error
	for errors.As(err, &inner) {
		err = inner.Err
	}
	f.text = prefix + ": " + redact.Clean(err.Error())
	return f
}
