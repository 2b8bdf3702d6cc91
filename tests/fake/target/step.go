package target

import (
	"net/http"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Step is how one call is met. The zero Step is good service: it acts and answers
// 204, or accepts what is to be confirmed by a callback.
type Step struct {
	kind   kind
	status int
	header http.Header
	body   string
	acting bool
	times  int
}

type kind int

const (
	kindServe kind = iota
	kindAnswer
	kindHang
	kindClose
	kindGarbage
)

// Serve is good service, for a place in the middle of a script.
func Serve() Step { return Step{} }

// Answer answers with the status and does not act, not even for a 2xx: such a
// target lies.
func Answer(status int) Step { return Step{kind: kindAnswer, status: status} }

// Accept answers 202 and does not act: what is to be done waits for CallBack. It is
// good service for a message with a callback, unless the target calls back by itself.
func Accept() Step { return Answer(http.StatusAccepted) }

// Hang holds the call until Release, and then serves it, late. It ends without an
// answer when the target goes down.
func Hang() Step { return Step{kind: kindHang} }

// Close closes the connection without an answer.
func Close() Step { return Step{kind: kindClose} }

// Garbage answers with bytes that are no HTTP, and closes the connection.
func Garbage() Step { return Step{kind: kindGarbage} }

// Acting does what the message says before it misbehaves: Hang().Acting() acts and
// then times out.
func (s Step) Acting() Step {
	s.acting = true
	return s
}

// Times repeats the step for k calls in a row.
func (s Step) Times(k int) Step {
	s.times = k
	return s
}

// With adds a header to an Answer, such as Retry-After.
func (s Step) With(name, value string) Step {
	s.header = script.With(s.header, name, value)
	return s
}

// Saying sets the body of an Answer.
func (s Step) Saying(body string) Step {
	s.body = body
	return s
}
