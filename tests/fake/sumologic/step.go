package sumologic

import (
	"math"
	"net/http"
	"strconv"
)

// Step is how one request is met. The zero Step is good service.
type Step struct {
	status int // 0: good service
	header http.Header
	body   string
	lines  int // that are taken all the same
	hang   bool
	cut    bool
	times  int
}

// Serve is good service, for a place in the middle of a script.
func Serve() Step { return Step{} }

// Status answers with the status and drops what came.
func Status(status int) Step { return Step{status: status} }

// Throttled answers 429 and drops what came; with the seconds to wait, unless they
// are 0.
func Throttled(seconds int) Step {
	s := Status(http.StatusTooManyRequests)
	if seconds > 0 {
		s.header = http.Header{"Retry-After": {strconv.Itoa(seconds)}}
	}
	return s
}

// TimedOut answers 408, with so many lines taken.
func TimedOut(lines int) Step { return Step{status: http.StatusRequestTimeout, lines: lines} }

// Hang holds the request until Release, until its caller has left or until the fake
// goes down, and gives no answer.
func Hang() Step { return Step{hang: true} }

// Close takes what came and closes the connection without an answer.
func Close() Step { return Step{cut: true, lines: math.MaxInt} }

// Saying sets the body of the answer.
func (s Step) Saying(body string) Step {
	s.body = body
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
