package splunk

import "net/http"

// Step is how one request is met. The zero Step is good service.
type Step struct {
	kind   kind
	code   int
	status int
	header http.Header
	body   string
	taking bool
	path   string
	times  int
}

type kind int

const (
	kindServe kind = iota
	kindCode
	kindStatus
	kindHang
	kindClose
)

// Serve is good service, for a place in the middle of a script.
func Serve() Step { return Step{} }

// Code answers with a code of the collector's, and its status and words.
func Code(code int) Step { return Step{kind: kindCode, code: code} }

// Busy is Code(9).
func Busy() Step { return Code(codeBusy) }

// Status answers with the status and the body, as somebody in between does.
func Status(status int, body string) Step { return Step{kind: kindStatus, status: status, body: body} }

// Hang holds the request until Release, until its caller has left or until the fake
// goes down, and gives no answer.
func Hang() Step { return Step{kind: kindHang} }

// Close closes the connection without an answer.
func Close() Step { return Step{kind: kindClose} }

// Taking takes what the request brings before it is met so: Close().Taking() is a
// connection that breaks after Splunk has the events.
func (s Step) Taking() Step {
	s.taking = true
	return s
}

// On meets only requests for the path, such as "/services/collector/ack". Without, a
// step meets what brings events.
func (s Step) On(path string) Step {
	s.path = path
	return s
}

// With sets a header of the answer.
func (s Step) With(name, value string) Step {
	if s.header = s.header.Clone(); s.header == nil {
		s.header = http.Header{}
	}
	s.header.Set(name, value)
	return s
}

// Times repeats the step for k requests.
func (s Step) Times(k int) Step {
	s.times = k
	return s
}

// Script queues what the next requests meet, one step for each, behind what is queued
// already. A request that meets no step is served well.
func (f *Fake) Script(steps ...Step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range steps {
		f.script.Add(s, s.times)
	}
}

// step takes the first step for the path. The caller holds f.mu.
func (f *Fake) step(path string) Step {
	s, _ := f.script.Take(func(s Step) bool { return s.path == path || s.path == "" && path == eventPath })
	return s
}
