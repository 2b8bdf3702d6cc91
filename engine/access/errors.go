package access

import (
	"errors"
	"fmt"
)

// The four kinds of failure. Every error that a caller should act upon wraps
// one of them; test with errors.Is. Anything else is an internal error.
var (
	// ErrInvalid says the input is wrong; the same input will never succeed.
	ErrInvalid = errors.New("invalid")
	// ErrDenied says policy does not let this caller do this.
	ErrDenied = errors.New("denied")
	// ErrNotFound says the object does not exist, or the caller may not know of it.
	ErrNotFound = errors.New("not found")
	// ErrConflict says the object is not in the state that the change needs:
	// someone else was first.
	ErrConflict = errors.New("conflict")
)

// ErrBusy says that more is asked at once than can be answered: try again in a
// second. Nothing was decided.
var ErrBusy = errors.New("too busy")

// ErrPropagating says that a change is made and that not every node is known to
// see it yet.
var ErrPropagating = errors.New("not yet seen by every node")

// Error is a failure of one of the four kinds with a stable code for programs
// and a sentence for people that names the fix.
type Error struct {
	Kind   error  // one of ErrInvalid, ErrDenied, ErrNotFound, ErrConflict
	Code   string // stable, snake_case: "unknown_resource"
	Field  string // JSON pointer of the input member at fault, if there is one
	Detail string // what is wrong and what would be right; never holds a secret
}

// Error renders the code and the detail.
func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s: %s", e.Code, e.Field, e.Detail)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap returns the kind, so that errors.Is(err, ErrInvalid) holds.
func (e *Error) Unwrap() error { return e.Kind }

// CodeOf returns the code of the Error that err wraps; "" when there is none.
func CodeOf(err error) string {
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return ""
}

// Invalid reports an input fault at field, a JSON pointer ("/for") or "".
func Invalid(code, field, format string, args ...any) error {
	return &Error{Kind: ErrInvalid, Code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Denied reports that policy refused.
func Denied(code, format string, args ...any) error {
	return &Error{Kind: ErrDenied, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// NotFound reports that there is no such object, kind being its word ("grant").
func NotFound(kind, id string) error {
	return &Error{Kind: ErrNotFound, Code: "not_found", Detail: fmt.Sprintf("there is no %s %q", kind, id)}
}

// Conflict reports that the object is not in the state that the change needs.
func Conflict(code, format string, args ...any) error {
	return &Error{Kind: ErrConflict, Code: code, Detail: fmt.Sprintf(format, args...)}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that trying again will not mend by itself (a wrong
// credential, a route that is gone). A nil error stays nil. Retries do not stop
// for it; they slow to the cap and an alert goes out.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent reports whether any error in err's tree was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
