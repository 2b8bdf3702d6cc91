package slack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Call is one request that the Web API got, or a response URL ("response").
type Call struct {
	N      int // 1 is the first
	At     time.Time
	Method string
	Args   map[string]any // without the token; what is JSON in a form is decoded
	Status int            // answered; 0: none yet, or never
	Error  string         // answered; "": none
}

// String renders the call in a line.
func (c Call) String() string {
	return fmt.Sprintf("#%d %s %s: %d %s", c.N, c.At.UTC().Format("15:04:05.000"), c.Method, c.Status, c.Error)
}

// State is what the fake is at one moment: a copy.
type State struct {
	Calls    []Call
	Messages []Message          // as they are now, the oldest first; ephemerals too
	Sheets   map[string][]Sheet // by person's id: the open views, the top one last
	Faults   []string
	Sockets  int // connections of Socket Mode
}

// String renders the history.
func (s State) String() string {
	var b strings.Builder
	for _, c := range s.Calls {
		b.WriteString(c.String() + "\n")
	}
	for _, m := range s.Messages {
		b.WriteString(m.String() + "\n")
	}
	for id, open := range s.Sheets {
		for _, sheet := range open {
			fmt.Fprintf(&b, "%s sees %q:\n%s\n", id, sheet.Title(), sheet.Visible())
		}
	}
	for _, fault := range s.Faults {
		b.WriteString("fault: " + fault + "\n")
	}
	return b.String()
}

// To counts the requests for a method.
func (s State) To(method string) int {
	n := 0
	for _, c := range s.Calls {
		if c.Method == method {
			n++
		}
	}
	return n
}

// In returns the messages of a conversation that were not deleted, by its id or
// the name of a channel.
func (s State) In(channel string) []Message {
	var in []Message
	for _, m := range s.Messages {
		if (m.Channel == channel || m.ChannelName == strings.TrimPrefix(channel, "#")) && m.To == "" && !m.Deleted {
			in = append(in, m)
		}
	}
	return in
}

// Asked fits when the method was asked for n times or more.
func Asked(method string, n int) func(State) bool {
	return func(s State) bool { return s.To(method) >= n }
}

// Posted fits when a conversation has n messages or more.
func Posted(channel string, n int) func(State) bool {
	return func(s State) bool { return len(s.In(channel)) >= n }
}

// State returns the state of now.
func (f *Fake) State() State {
	state, _ := f.look()
	return state
}

func (f *Fake) look() (State, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := State{Calls: slices.Clone(f.calls), Sheets: map[string][]Sheet{}, Faults: slices.Clone(f.faults), Sockets: f.socks.count()}
	for _, m := range f.messages {
		s.Messages = append(s.Messages, *m)
	}
	for id, screen := range f.screens {
		for _, v := range screen {
			s.Sheets[id] = append(s.Sheets[id], v.sheet())
		}
	}
	return s, f.changed.Next()
}

// Calls returns the requests until now.
func (f *Fake) Calls() []Call { return f.State().Calls }

// Wait returns as soon as the state fits, without polling; or, with ctx, an error
// that holds the history.
func (f *Fake) Wait(ctx context.Context, fits func(State) bool) error {
	state, err := script.Wait(ctx, f.look, fits)
	if err != nil {
		return fmt.Errorf("%w; the fake Slack saw:\n%s", err, state)
	}
	return nil
}

// Await waits for a state that fits and returns it. The test fails, with the
// history, when there is none within script.AwaitLimit.
func (f *Fake) Await(tb script.TB, what string, fits func(State) bool) State {
	tb.Helper()
	return script.Await(tb, what, f.Wait, fits)
}

// AwaitMessage waits for a message that fits: posted, or changed to it.
func (f *Fake) AwaitMessage(tb script.TB, what string, fits func(Message) bool) Message {
	tb.Helper()
	var found Message
	until(f, tb, what, f.present, func(all []Message) bool {
		i := slices.IndexFunc(all, fits)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// present are the messages that were not deleted. The caller holds f.mu.
func (f *Fake) present() []Message {
	var all []Message
	for _, m := range f.messages {
		if !m.Deleted {
			all = append(all, *m)
		}
	}
	return all
}

// until waits for a part of the state, which is taken under f.mu: to copy the whole
// for each of many who wait would take long.
func until[S any](f *Fake, tb script.TB, what string, take func() S, fits func(S) bool) {
	tb.Helper()
	look := func() (S, <-chan struct{}) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return take(), f.changed.Next()
	}
	wait := func(ctx context.Context, fits func(S) bool) error {
		if _, err := script.Wait(ctx, look, fits); err != nil {
			return fmt.Errorf("%w; the fake Slack saw:\n%s", err, f.State())
		}
		return nil
	}
	script.Await(tb, what, wait, fits)
}
