package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"

	"github.com/curfew-access/curfew/tests/bubble"
)

func event() audit.Event {
	actor := access.Subject{Type: "user", ID: "bob@example.com"}
	return audit.Event{
		ID: "evt_1", Version: audit.Version, Type: audit.GrantEnded, Time: time.Date(2026, 11, 22, 3, 0, 0, 5000, time.UTC),
		Actor: &actor, GrantID: "grt_1", Data: map[string]any{"ö": 1e21, "a": "<b>", "end_reason": access.EndRevoked},
	}
}

// The bytes are RFC 8785's: members in order of their UTF-16 units, ECMAScript
// numbers, no escapes but those that must be.
func TestCanonicalForm(t *testing.T) {
	got, err := event().Canonical()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"action":null,"actor":{"id":"bob@example.com","type":"user"},"binding_id":null,"channel":null,` +
		`"data":{"a":"<b>","end_reason":"revoked","ö":1e+21},"decision_id":null,"grant_id":"grt_1","http_request_id":null,"id":"evt_1",` +
		`"request_id":null,"resource":null,"revision":null,"source":null,"subject":null,"time":"2026-11-22T03:00:00.000005Z",` +
		`"type":"grant.ended","version":1}`
	if string(got) != want {
		t.Fatalf("the event is\n%s, want\n%s", got, want)
	}
	var back audit.Event
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	again, err := back.Canonical()
	if err != nil || !bytes.Equal(again, got) {
		t.Fatalf("read and written again it is\n%s, %v", again, err)
	}
}

func TestEnvelopeHasTheMembersOfTheDesign(t *testing.T) {
	raw, err := audit.Event{}.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"action", "actor", "binding_id", "channel", "data", "decision_id", "grant_id", "http_request_id", "id", "request_id",
		"resource", "revision", "source", "subject", "time", "type", "version",
	}
	var got []string
	for name := range members {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("members are %v, want %v", got, want)
	}
}

func TestLeafIsThatOfTheTransparencyLog(t *testing.T) {
	h := tlog.RecordHash([]byte("x"))
	if !bytes.Equal(audit.Leaf([]byte("x")), h[:]) {
		t.Fatal("the leaf is not RFC 6962's")
	}
}

// store seals what waits, unless it is down.
type store struct {
	mu      sync.Mutex
	waiting int
	sealed  int
	down    bool
}

func (s *store) SealEvents(_ context.Context, limit int, _ *audit.Keys) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return 0, errors.New("down")
	}
	n := min(limit, s.waiting)
	s.waiting -= n
	s.sealed += n
	return n, nil
}

func (s *store) set(waiting int, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting, s.down = waiting, down
}

func (s *store) counts() (waiting, sealed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting, s.sealed
}

func TestSealerSealsEverythingSoonAndOnceMoreAtItsEnd(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &store{}
		var log bytes.Buffer
		sealer := &audit.Sealer{Store: s, Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = sealer.Run(ctx) })
		s.set(1234, false)
		time.Sleep(100 * time.Millisecond) // fake: the bubble's clock
		synctest.Wait()
		if waiting, sealed := s.counts(); waiting != 0 || sealed != 1234 {
			t.Errorf("%d wait and %d are sealed, want all", waiting, sealed)
		}
		s.set(5, true) // the ledger does not answer
		time.Sleep(time.Second)
		s.set(5, false)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if lines := strings.Count(log.String(), "\n"); lines != 1 {
			t.Errorf("of a second without the ledger the log has %d lines:\n%s", lines, log.String())
		}
		if waiting, _ := s.counts(); waiting != 0 {
			t.Errorf("%d wait after the ledger was back", waiting)
		}
		s.set(7, false)
		cancel()
		running.Wait()
		if waiting, _ := s.counts(); waiting != 0 {
			t.Errorf("%d were left at the end", waiting)
		}
	})
}

func TestSealerLeavesTheLedgerToEndsAndStillSealsWithinASecond(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &store{}
		var busy atomic.Bool
		busy.Store(true)
		sealer := &audit.Sealer{Store: s, Log: slog.New(slog.DiscardHandler), Busy: busy.Load}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = sealer.Run(ctx) })
		defer running.Wait()
		defer cancel()
		synctest.Wait()
		s.set(10, false)
		time.Sleep(400 * time.Millisecond) // fake: the bubble's clock
		synctest.Wait()
		if waiting, _ := s.counts(); waiting != 10 {
			t.Errorf("%d wait while ends do, want 10", waiting)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if waiting, _ := s.counts(); waiting != 0 {
			t.Errorf("%d wait still", waiting)
		}
	})
}

func TestSealerThatFindsManyEventsLetsMoreOfThemCome(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &store{}
		sealer := &audit.Sealer{Store: s, Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = sealer.Run(ctx) })
		defer running.Wait()
		defer cancel()
		s.set(500, false)
		synctest.Wait()
		for _, step := range []struct {
			after   time.Duration
			waiting int
		}{{300 * time.Millisecond, 9}, {200 * time.Millisecond, 0}} {
			if step.waiting > 0 {
				s.set(step.waiting, false)
			}
			time.Sleep(step.after) // fake: the bubble's clock
			synctest.Wait()
			if waiting, _ := s.counts(); waiting != step.waiting {
				t.Fatalf("%s later %d wait, want %d", step.after, waiting, step.waiting)
			}
		}
		s.set(1, false) // few came: the next look is as soon as ever
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if waiting, _ := s.counts(); waiting != 0 {
			t.Error("after few events the sealer still waits for more")
		}
	})
}
