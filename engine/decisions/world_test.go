package decisions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/tests/bubble"
)

var errAway = errors.New("the store is away")

// store is a ledger that can be away.
type store struct {
	mu     sync.Mutex
	away   bool
	late   bool // it stores, and its answer does not come
	puts   int
	chunks []access.DecisionChunk
	told   []int64
	since  []time.Time
	asked  []time.Time // what was to be forgotten
	old    int         // how many chunks are old
}

func (s *store) PutDecisionChunks(_ context.Context, chunks ...access.DecisionChunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if s.away {
		return errAway
	}
	for _, c := range chunks {
		there := false
		for _, old := range s.chunks {
			there = there || old.ID == c.ID
		}
		if !there {
			s.chunks = append(s.chunks, c)
		}
	}
	if s.late {
		return errAway
	}
	return nil
}

func (s *store) ForgetDecisionChunks(_ context.Context, _ string, before time.Time, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, before)
	n := min(s.old, limit)
	s.old -= n
	return n, nil
}

func (s *store) TellDecisionsDropped(_ context.Context, node string, dropped int64, since time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away || node != "node" {
		return errAway
	}
	s.told, s.since = append(s.told, dropped), append(s.since, since)
	return nil
}

func (s *store) set(away, late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.late = away, late
}

// count is how often it was asked to store something, and how many chunks it has.
func (s *store) count() (puts, chunks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts, len(s.chunks)
}

func (s *store) tolls() (told []int64, since []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(told, s.told...), append(since, s.since...)
}

// ids returns the ids that are stored, in their order.
func (s *store) ids(t *testing.T) (ids []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chunks {
		n := 0
		for id, line := range linesOf(t, c.Body) {
			if !json.Valid(line) {
				t.Fatalf("a line is no JSON: %s", line)
			}
			if id < c.FirstID || id > c.LastID {
				t.Errorf("%s is not within %s to %s", id, c.FirstID, c.LastID)
			}
			ids = append(ids, id)
			n++
		}
		if n != c.Count || c.Node != "node" {
			t.Errorf("the chunk %+v has %d lines", c, n)
		}
	}
	return ids
}

func linesOf(t *testing.T, body []byte) map[string][]byte {
	t.Helper()
	u, err := decisions.NewUnpacker()
	must(t, err)
	defer u.Close()
	lines, err := u.Lines(body)
	must(t, err)
	out := map[string][]byte{}
	for id, line := range lines {
		out[id] = append([]byte(nil), line...)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inLog runs a story with a log that runs, in a bubble of fake time. stop ends
// the log and waits for it.
func inLog(t *testing.T, cfg decisions.Config, story func(t *testing.T, l *decisions.Log, s *store, stop func())) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		s := &store{}
		cfg.Store, cfg.Node, cfg.Now, cfg.Log = s, "node", time.Now, slog.New(slog.DiscardHandler)
		l, err := decisions.New(cfg)
		must(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		stop := sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		defer stop()
		story(t, l, s, stop)
	})
}

// pass lets time pass, and what it brings about happen.
func pass(d time.Duration) {
	time.Sleep(d) // fake: the bubble's clock
	synctest.Wait()
}

// event is a decision now with an input of the size.
func event(size int) access.DecisionEvent {
	input := make([]byte, 0, size+16)
	input = fmt.Appendf(input, `{"pad":"%0*d"}`, size, 7)
	return access.DecisionEvent{
		ID: access.NewID(access.KindDecision, time.Now()), Path: "check/decision", Revision: "r1", Input: input,
		Result: json.RawMessage(`{"decision":true,"reason":"live_grant"}`), At: time.Now(), Took: 42 * time.Microsecond,
		Caller: access.Subject{Type: "service", ID: "proxy"}, Source: "192.0.2.1", HTTPRequestID: "req-1",
	}
}

// discarding stores nothing, at once.
type discarding struct{ store }

func (*discarding) PutDecisionChunks(context.Context, ...access.DecisionChunk) error { return nil }
