package target

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Asked is one question whether something is open. Questions are not among the calls,
// and meet no step of the script: what is said to them is Say's.
type Asked struct {
	At         time.Time
	ID         string // webhook-id
	Generation int64
	Entitled   access.Entitled
	Refused    error  // why the signature or the form is no good; nil: it is good
	Said       string // the answer's body; "": there was none
}

// Saying is how a question is answered.
type Saying int

// How a question is answered.
const (
	SayTruth   Saying = iota // what is so
	SayLie                   // what is not so
	SayNull                  // that it can not be told
	SayNothing               // the connection is closed without an answer
	SayFault                 // 500
	SayNoSense               // 200, and what is no answer
)

// Say queues how the next questions are answered, each so many times; a question that
// finds none is told the truth.
func (t *Target) Say(how Saying, times int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sayings.Add(how, times)
}

// Readd opens access as somebody does by hand, whom nobody told to.
func (t *Target) Readd(e access.Entitled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exists[e] = true
	t.notify()
}

// Remove closes access as somebody does by hand, whom nobody told to.
func (t *Target) Remove(e access.Entitled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.exists, e)
	t.notify()
}

// Questioned fits when the target was asked n questions or more about the access.
func Questioned(e access.Entitled, n int) func(State) bool {
	return func(s State) bool {
		of := 0
		for _, a := range s.Asked {
			if a.Entitled == e {
				of++
			}
		}
		return of >= n
	}
}

// checkQuestion checks the form of a question.
func checkQuestion(call Call) error {
	d := call.Message.Data
	if want := fmt.Sprintf("%s_%d_verify_", d.Binding.ID, d.Binding.Generation); !strings.HasPrefix(call.ID, want) {
		return fmt.Errorf("webhook-id is %q; want %q and a time", call.ID, want)
	}
	if d.Callback != nil || len(d.Grants) > 0 {
		return fmt.Errorf("a question holds more than what is asked: %s", call.Body)
	}
	return nil
}

// asked answers a question.
func (t *Target) asked(w http.ResponseWriter, call Call) {
	t.mu.Lock()
	how, _ := t.sayings.Take(func(Saying) bool { return true }) // none: the truth
	status, body := said(how, t.exists[call.Entitled()])
	if call.Refused != nil {
		status, body = http.StatusUnauthorized, call.Refused.Error()
	}
	t.questions = append(t.questions, Asked{
		At: call.At, ID: call.ID, Generation: call.Generation(), Entitled: call.Entitled(), Refused: call.Refused, Said: body,
	})
	t.notify()
	t.mu.Unlock()
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// said is the answer to a question about what exists or does not; status 0 is none.
func said(how Saying, exists bool) (status int, body string) {
	switch how {
	case SayNull:
		return http.StatusOK, `{"exists":null}`
	case SayNothing:
		return 0, ""
	case SayFault:
		return http.StatusInternalServerError, "it can not be looked up"
	case SayNoSense:
		return http.StatusOK, `{"status":"ok"}`
	case SayLie:
		exists = !exists
	case SayTruth:
	}
	return http.StatusOK, fmt.Sprintf(`{"exists":%t}`, exists)
}
