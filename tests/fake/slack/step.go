package slack

import (
	"net/http"
	"strconv"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Step is how one request to the Web API is met. The zero Step is good service.
type Step struct {
	kind   kind
	status int
	header http.Header
	body   string
	method string
	times  int
	acting bool
}

type kind int

const (
	kindServe kind = iota
	kindAnswer
	kindHang
	kindClose
)

// Serve is good service, for a place in the middle of a script.
func Serve() Step { return Step{} }

// Status answers with the status and a page, as Slack does when it is not well.
func Status(status int) Step {
	return Step{kind: kindAnswer, status: status, body: "<html><body>" + http.StatusText(status) + "</body></html>"}.With("Content-Type", "text/html")
}

// Refuse answers 200 with an error, such as "channel_not_found".
func Refuse(code string) Step {
	return Step{kind: kindAnswer, status: http.StatusOK, body: `{"ok":false,"error":"` + code + `"}`}.With("Content-Type", "application/json; charset=utf-8")
}

// RateLimited answers 429 with the seconds to wait.
func RateLimited(seconds int) Step {
	s := Refuse("ratelimited").With("Retry-After", strconv.Itoa(seconds))
	s.status = http.StatusTooManyRequests
	return s
}

// Saying answers 200 with the body, whatever it is.
func Saying(body string) Step {
	return Step{kind: kindAnswer, status: http.StatusOK, body: body}.With("Content-Type", "application/json; charset=utf-8")
}

// Hang gives no answer until Release, and then good service; or until the caller
// has left.
func Hang() Step { return Step{kind: kindHang} }

// CloseConnection closes it without an answer.
func CloseConnection() Step { return Step{kind: kindClose} }

// Acting does what was asked for before it misbehaves: CloseConnection().Acting()
// posts a message and the caller never learns it.
func (s Step) Acting() Step {
	s.acting = true
	return s
}

// On meets only requests for the method, such as "chat.postMessage", or "response"
// for a response URL; others go on to the next step.
func (s Step) On(method string) Step {
	s.method = method
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

// Script queues what the next requests meet, one step for each, behind what is
// queued already. A request that meets no step is served well.
func (f *Fake) Script(steps ...Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range steps {
		f.queue.Add(s, s.times)
	}
}

// step takes the first step that fits the method. The caller holds f.mu.
func (f *Fake) step(method string) Step {
	s, _ := f.queue.Take(func(s Step) bool { return s.method == method || s.method == "" })
	return s
}
