package pagerduty

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Call is one request that the API got.
type Call struct {
	N      int // 1 is the first
	At     time.Time
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	Status int // answered; 0: none yet, or never
}

// String renders the call in a line, without its credentials.
func (c Call) String() string {
	return fmt.Sprintf("#%d %s %s %s?%s: %d", c.N, c.At.UTC().Format("15:04:05.000"), c.Method, c.Path, c.Query.Encode(), c.Status)
}

// State is what the fake saw and sent until a moment: a copy.
type State struct {
	Calls      []Call
	Deliveries []Delivery
	Alerts     []Alert
}

// String renders the history.
func (s State) String() string {
	var b strings.Builder
	for _, c := range s.Calls {
		b.WriteString(c.String() + "\n")
	}
	for _, d := range s.Deliveries {
		fmt.Fprintf(&b, "webhook %s %s to %s, try %d: %d\n", d.ID, d.Event, d.Subscription, d.Try, d.Status)
	}
	for _, a := range s.Alerts {
		fmt.Fprintf(&b, "alert %s open %t, triggered %d times, resolved %d times: %s\n", a.Key, a.Open, a.Triggers, a.Resolves, a.Summary)
	}
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

// Asked fits when the path was asked for n times or more.
func Asked(path string, n int) func(State) bool {
	return func(s State) bool { return s.To(path) >= n }
}

// Delivered fits when n events of the type, or more, were taken.
func Delivered(kind string, n int) func(State) bool {
	return func(s State) bool {
		taken := 0
		for _, d := range s.Deliveries {
			if d.Event == kind && d.Status/100 == 2 {
				taken++
			}
		}
		return taken >= n
	}
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
	return State{slices.Clone(f.calls), slices.Clone(f.sent), f.alertsNow()}, f.changed.Next()
}

// Wait returns as soon as the state fits, without polling; or, with ctx, an error
// that holds the history.
func (f *Fake) Wait(ctx context.Context, fits func(State) bool) error {
	state, err := script.Wait(ctx, f.look, fits)
	if err != nil {
		return fmt.Errorf("%w; the fake PagerDuty saw:\n%s", err, state)
	}
	return nil
}

// AwaitLimit is how long Await waits.
const AwaitLimit = script.AwaitLimit

// Await waits for a state that fits. The test fails, with the history, when there
// is none within AwaitLimit.
func (f *Fake) Await(tb testing.TB, what string, fits func(State) bool) {
	tb.Helper()
	script.Await(tb, what, f.Wait, fits)
}
