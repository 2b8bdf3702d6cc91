package target

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/script"
)

// Call is one request that the target got.
type Call struct {
	N       int       // 1 is the first
	At      time.Time // when it had come
	ID      string    // webhook-id
	Message access.Message
	Header  http.Header
	Body    []byte
	Refused error // why the signature or the form is no good; nil: it is good
	Status  int   // answered; 0: none yet, or never
	Acted   bool  // the message was done
	Act     int   // 1 is the first that was done, which need not have come first; 0: not done
	Stale   bool  // ignored: a higher generation was done before

	CalledBack int // the status that the newest callback about it was answered with; 0: none was
}

// Type is what the message says to do.
func (c Call) Type() access.Verb { return c.Message.Type }

// Generation is the binding's, from the message.
func (c Call) Generation() int64 { return c.Message.Data.Binding.Generation }

// Entitled is the triple that the message is about.
func (c Call) Entitled() access.Entitled {
	d := c.Message.Data
	return access.Entitled{Subject: d.Subject, Action: d.Action, Resource: d.Resource}
}

// String renders the call in a line.
func (c Call) String() string {
	d := c.Message.Data
	line := fmt.Sprintf("#%d %s %s %s %s %s %s: status %d", c.N, c.At.UTC().Format("15:04:05.000"), c.ID, c.Type(), d.Subject, d.Action.Name, d.Resource, c.Status)
	if c.Acted {
		line += ", acted"
	}
	if c.Stale {
		line += ", stale"
	}
	if c.CalledBack != 0 {
		line += fmt.Sprintf(", called back: %d", c.CalledBack)
	}
	if c.Refused != nil {
		line += ", refused: " + c.Refused.Error()
	}
	return line
}

// State is what the target is at one moment: a copy.
type State struct {
	Calls  []Call                   // in the order in which they came
	Exists map[access.Entitled]bool // what is open; what is closed is not in it
	Asked  []Asked                  // the questions whether something is open, in the order in which they came
}

// Count counts the calls that fit.
func (s State) Count(fits func(Call) bool) int {
	n := 0
	for _, c := range s.Calls {
		if fits(c) {
			n++
		}
	}
	return n
}

// String renders the history, a line for each call, and what exists.
func (s State) String() string {
	var b strings.Builder
	for _, c := range s.Calls {
		b.WriteString(c.String() + "\n")
	}
	for e := range s.Exists {
		fmt.Fprintf(&b, "exists: %s %s %s\n", e.Subject, e.Action.Name, e.Resource)
	}
	return b.String()
}

// Seen fits when the target has got n calls or more.
func Seen(n int) func(State) bool {
	return func(s State) bool { return len(s.Calls) >= n }
}

// Open fits when the access exists.
func Open(e access.Entitled) func(State) bool {
	return func(s State) bool { return s.Exists[e] }
}

// Gone fits when the target was told to close the access, did, and nothing has
// opened it since.
func Gone(e access.Entitled) func(State) bool {
	return func(s State) bool {
		closed := s.Count(func(c Call) bool {
			return c.Acted && c.Type() == access.VerbDeprovision && c.Entitled() == e
		})
		return closed > 0 && !s.Exists[e]
	}
}

// State returns the state of now.
func (t *Target) State() State {
	state, _ := t.look()
	return state
}

// Calls returns the history.
func (t *Target) Calls() []Call { return t.State().Calls }

// Exists reports whether access is open.
func (t *Target) Exists(e access.Entitled) bool { return t.State().Exists[e] }

// Wait returns as soon as the state fits, without polling; or, with ctx, an error
// that holds the history.
func (t *Target) Wait(ctx context.Context, fits func(State) bool) error {
	state, err := script.Wait(ctx, t.look, fits)
	if err != nil {
		return fmt.Errorf("%w; the target saw %d calls:\n%s", err, len(state.Calls), state)
	}
	return nil
}

// AwaitLimit is how long Await waits.
const AwaitLimit = script.AwaitLimit

// Await waits for a state that fits and returns it. The test fails, with the
// history, when there is none within AwaitLimit.
func (t *Target) Await(tb testing.TB, what string, fits func(State) bool) State {
	tb.Helper()
	return script.Await(tb, what, t.Wait, fits)
}

func (t *Target) look() (State, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state(), t.changed.Next()
}

// state copies. The caller holds t.mu.
func (t *Target) state() State {
	return State{Calls: slices.Clone(t.calls), Exists: maps.Clone(t.exists), Asked: slices.Clone(t.questions)}
}

// notify wakes who waits. The caller holds t.mu.
func (t *Target) notify() { t.changed.Fire() }
