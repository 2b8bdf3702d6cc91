package slack

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// limit is how long Slack waits for an app; then a person sees
	// "operation_timeout", and what the app says later is lost.
	limit = 3 * time.Second
	// patience is how long the fake waits, to tell a late answer from none.
	patience = 20 * time.Second
	// maxAck is the size from which an answer by the socket is dropped, without a word.
	maxAck = 20_000
)

// Answer is what the app said to a message, within three seconds or later.
type Answer struct {
	Status int    // of HTTP; by the socket 200; 0: none came
	Body   []byte // JSON, or nothing
	Took   time.Duration
	Err    error // why none came
}

// Late reports whether it came too late, or not at all.
func (a Answer) Late() bool { return a.Status == 0 || a.Took > limit }

// envelope is a message to the app.
type envelope struct {
	hook    string // "commands", "interactions" or "options"
	kind    string // of the payload
	payload map[string]any
	applied func(Answer) // what the answer does, if it came in time and was 200
}

// form is the message as HTTP carries it.
func (e envelope) form() string {
	if e.hook != "commands" {
		return url.Values{"payload": {string(encode(e.payload))}}.Encode()
	}
	form := url.Values{}
	for name, value := range e.payload {
		form.Set(name, fmt.Sprint(value))
	}
	return form.Encode()
}

// send sends a message to the app, measures the answer, and does what it says.
func (f *Fake) send(e envelope) Answer {
	f.mu.Lock()
	byHTTP := f.appURL != ""
	f.mu.Unlock()
	began := time.Now()
	var a Answer
	if byHTTP {
		a = f.byHTTP(e)
	} else {
		a = f.bySocket(e)
	}
	a.Took = time.Since(began)
	switch {
	case a.Status == 0: // the app is away: people see it, and may try again
	case a.Late():
		f.fault("operation_timeout: %s was answered after %s", e.kind, a.Took.Round(time.Millisecond))
	case a.Status != http.StatusOK:
		f.fault("dispatch_failed: %s was answered with %d: %.200s", e.kind, a.Status, a.Body)
	default:
		e.applied(a)
	}
	return a
}

func (f *Fake) byHTTP(e envelope) Answer {
	response, err := f.Do(f.Request(e.hook, e.form(), Good))
	if err != nil {
		return Answer{Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return Answer{Status: response.StatusCode, Body: body, Err: err}
}
