package sumologic

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

// Message is a line that it has.
type Message struct {
	Text                 []byte
	Category, Name, Host string
	Fields               map[string]string
	Request              int // in which it came; 1 is the first
}

// Call is one request that came.
type Call struct {
	N      int // 1 is the first
	At     time.Time
	Header http.Header
	Bytes  int // before compression
	Status int // answered; 0: none yet, or never
	Lines  int // kept of it
}

// String renders the call in a line.
func (c Call) String() string {
	return fmt.Sprintf("#%d %s %d bytes: %d, %d lines kept", c.N, c.At.UTC().Format("15:04:05.000"), c.Bytes, c.Status, c.Lines)
}

// State is what the fake is at one moment: a copy.
type State struct {
	Calls    []Call
	Messages []Message // in the order in which they came
	Dropped  int       // lines beyond the budget
	AtOnce   int       // requests that were under way at once, at most
}

// String renders the history.
func (s State) String() string {
	var b strings.Builder
	for _, c := range s.Calls {
		b.WriteString(c.String() + "\n")
	}
	fmt.Fprintf(&b, "%d messages, %d dropped\n", len(s.Messages), s.Dropped)
	return b.String()
}

// Distinct returns what a search finds that knows repeats: of each message the first,
// in their order.
func (s State) Distinct() (found []Message) {
	seen := map[string]bool{}
	for _, m := range s.Messages {
		if !seen[string(m.Text)] {
			seen[string(m.Text)] = true
			found = append(found, m)
		}
	}
	return found
}

// State returns the state of now.
func (f *Fake) State() State {
	state, _ := f.look()
	return state
}

// Calls returns the requests until now.
func (f *Fake) Calls() []Call { return f.State().Calls }

func (f *Fake) look() (State, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return State{slices.Clone(f.calls), slices.Clone(f.messages), f.dropped, f.most}, f.changed.Next()
}

// Wait returns as soon as the state fits, without polling; or, with ctx, an error that
// holds the history.
func (f *Fake) Wait(ctx context.Context, fits func(State) bool) error {
	state, err := script.Wait(ctx, f.look, fits)
	if err != nil {
		return fmt.Errorf("%w; the fake Sumo Logic saw:\n%s", err, state)
	}
	return nil
}

// Await waits for a state that fits, and returns it. The test fails, with the history,
// when there is none within script.AwaitLimit.
func (f *Fake) Await(tb testing.TB, what string, fits func(State) bool) State {
	tb.Helper()
	return script.Await(tb, what, f.Wait, fits)
}
