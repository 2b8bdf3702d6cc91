package pagerduty

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Step is how one request to the API is met. The zero Step is good service.
type Step struct {
	kind   kind
	status int
	header http.Header
	body   string
	path   string
	times  int
	echo   bool
}

type kind int

const (
	kindServe kind = iota
	kindAnswer
	kindSlow
	kindCutOff
	kindClose
)

// Serve is good service, for a place in the middle of a script.
func Serve() Step { return Step{} }

// Status answers with the status and an error's body, as PagerDuty does.
func Status(status int) Step {
	return Step{kind: kindAnswer, status: status, body: `{"error":{"message":"` + http.StatusText(status) + `","code":2000,"errors":[]}}`}.
		With("Content-Type", "application/json")
}

// RateLimited answers 429 with the seconds to wait.
func RateLimited(seconds int) Step {
	return Status(http.StatusTooManyRequests).With("Ratelimit-Limit", "960").With("Ratelimit-Remaining", "0").
		With("Ratelimit-Reset", strconv.Itoa(seconds))
}

// RateLimitedWordless answers 429 without headers and without a body.
func RateLimitedWordless() Step { return Step{kind: kindAnswer, status: http.StatusTooManyRequests} }

// Slow sends half of the answer and then nothing, until Release or until the caller
// has left.
func Slow() Step { return Step{kind: kindSlow} }

// CutOff sends half of the answer and closes the connection.
func CutOff() Step { return Step{kind: kindCutOff} }

// CloseConnection closes it without an answer.
func CloseConnection() Step { return Step{kind: kindClose} }

// Saying answers 200 with the body, whatever it is.
func Saying(body string) Step {
	return Step{kind: kindAnswer, status: http.StatusOK, body: body}.With("Content-Type", "application/json")
}

// Huge answers 200 with so many bytes of a valid list.
func Huge(bytes int) Step {
	return Saying(`{"oncalls":[` + strings.Repeat(" ", bytes) + `],"more":false}`)
}

// On meets only requests for the path, such as "/oncalls"; others go on to the next
// step.
func (s Step) On(path string) Step {
	s.path = path
	return s
}

// Times repeats the step for k requests.
func (s Step) Times(k int) Step {
	s.times = k
	return s
}

// With sets a header of the answer.
func (s Step) With(name, value string) Step {
	s.header = script.With(s.header, name, value)
	return s
}

// Body sets the body of the answer.
func (s Step) Body(body string) Step {
	s.body = body
	return s
}

// Echoing repeats the credentials of the request in the error's message.
func (s Step) Echoing() Step {
	s.echo = true
	return s
}

// Script queues what the next requests meet, one step for each, behind what is
// queued already. A request that meets no step is served well.
func (f *Fake) Script(steps ...Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range steps {
		f.script.Add(s, s.times)
	}
}

// step takes the first step that fits the path. One for any path is not for the
// asking of a token. The caller holds f.mu.
func (f *Fake) step(path string) Step {
	s, _ := f.script.Take(func(s Step) bool { return s.path == path || s.path == "" && path != tokenPath })
	return s
}
