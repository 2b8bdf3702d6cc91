package splunk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Call is one request that came.
type Call struct {
	N        int // 1 is the first
	At       time.Time
	Method   string
	Path     string
	Header   http.Header
	Body     []byte // as it was before compression
	Status   int    // answered; 0: none yet, or never
	Code     int    // answered; -1: none
	Events   int    // taken of it
	Channel  string
	Unpacked error // nil: the body could be read
}

// String renders the call in a line, without its credentials.
func (c Call) String() string {
	return fmt.Sprintf("#%d %s %s %s: %d, code %d, %d events taken", c.N, c.At.UTC().Format("15:04:05.000"), c.Method, c.Path, c.Status, c.Code, c.Events)
}

// State is what the fake is at one moment: a copy.
type State struct {
	Calls  []Call
	Index  []Event // in the order in which they were indexed
	Queued int     // events that are taken, and not indexed
}

// String renders the history.
func (s State) String() string {
	var b strings.Builder
	for _, c := range s.Calls {
		b.WriteString(c.String() + "\n")
	}
	fmt.Fprintf(&b, "%d events are indexed, %d wait\n", len(s.Index), s.Queued)
	return b.String()
}

// To counts the requests for a path.
func (s State) To(path string) int {
	n := 0
	for _, c := range s.Calls {
		if c.Path == path {
			n++
		}
	}
	return n
}

// Distinct returns what a search finds that knows repeats by a field: of each value
// the first event, in their order.
func (s State) Distinct(field string) (found []Event) {
	seen := map[string]bool{}
	for _, e := range s.Index {
		if v := e.Fields[field]; !seen[v] {
			seen[v] = true
			found = append(found, e)
		}
	}
	return found
}

// Indexed fits when so many events, or more, are indexed, each counted once.
func Indexed(field string, n int) func(State) bool {
	return func(s State) bool { return len(s.Distinct(field)) >= n }
}

// State returns the state of now.
func (f *Fake) State() State {
	state, _ := f.look()
	return state
}

// Calls returns the requests until now.
func (f *Fake) Calls() []Call { return f.State().Calls }

// Search returns the indexed events that fit.
func (f *Fake) Search(fits func(Event) bool) (found []Event) {
	for _, e := range f.State().Index {
		if fits(e) {
			found = append(found, e)
		}
	}
	return found
}

func (f *Fake) look() (State, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return State{slices.Clone(f.calls), slices.Clone(f.index), f.queued()}, f.changed.Next()
}

// Wait returns as soon as the state fits, without polling; or, with ctx, an error that
// holds the history.
func (f *Fake) Wait(ctx context.Context, fits func(State) bool) error {
	state, err := script.Wait(ctx, f.look, fits)
	if err != nil {
		return fmt.Errorf("%w; the fake Splunk saw:\n%s", err, state)
	}
	return nil
}

// Await waits for a state that fits, and returns it. The test fails, with the history,
// when there is none within script.AwaitLimit.
func (f *Fake) Await(tb testing.TB, what string, fits func(State) bool) State {
	tb.Helper()
	return script.Await(tb, what, f.Wait, fits)
}
