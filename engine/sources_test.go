package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// listening keeps what the API's policy is asked.
type listening struct {
	*policy
	asked []access.APIInput
}

func (l *listening) Allow(ctx context.Context, in access.APIInput) (access.Permission, error) {
	l.asked = append(l.asked, in)
	return l.policy.Allow(ctx, in)
}

func TestPolicyIsToldWhoseShiftsAreListed(t *testing.T) {
	p := &policy{answer: allowAll}
	heard := &listening{policy: p}
	inWorldOf(t, func(w *world) { w.policy, w.decider = p, heard }, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			subject *access.Subject
			scope   string
		}{
			"everybody's":     {nil, engine.ScopeAll},
			"one's own":       {&alice, engine.ScopeOwn},
			"somebody else's": {&bob, engine.ScopeAll},
		} {
			heard.asked = nil
			f := engine.OnCallFilter{RosterFilter: access.RosterFilter{Subject: c.subject}}
			page, err := w.engine.OnCall(t.Context(), as(alice), f)
			must(t, err)
			if len(heard.asked) != 1 || heard.asked[0].Operation != "oncall.list" || heard.asked[0].Object.Scope != c.scope || heard.asked[0].Object.Subject != c.subject {
				t.Errorf("%s: policy was asked %+v", name, heard.asked)
			}
			if page.Items == nil || page.Sources == nil || page.At.IsZero() {
				t.Errorf("%s: got %+v", name, page)
			}
		}
	})
}

func TestAnOlderSnapshotIsNotKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		now := w.ledger.Now()
		say := func(age time.Duration, faults ...string) {
			must(t, w.engine.TakeSnapshot(t.Context(), access.Snapshot{
				Source: "rota", Kind: access.SourceOnCall, FetchedAt: now.Add(-age), Until: now, Faults: faults,
			}))
		}
		say(0, "this is so")
		say(time.Minute, "this was so")
		say(0, "this is not")
		got, found, err := w.engine.LastSnapshot(t.Context(), "rota")
		must(t, err)
		if !found || len(got.Faults) != 1 || got.Faults[0] != "this is so" || !got.FetchedAt.Equal(now) {
			t.Errorf("kept is %+v, %v", got, found)
		}
		if n := len(w.events(ledger.EventFilter{Type: audit.SourceFaultsChanged})); n != 1 {
			t.Errorf("its faults changed %d times", n)
		}
	})
}

func TestTheCauseOfAFailureIsKeptShort(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		cause := strings.Repeat("é", 2000)
		for range 3 {
			must(t, w.engine.SourceFailed(t.Context(), "rota", access.SourceOnCall, errors.New(cause+"\nand a stack")))
		}
		must(t, w.engine.SourceFailed(t.Context(), "rota", access.SourceOnCall, errors.New("now it is something else")))
		news, err := w.engine.SourceNews(t.Context(), "rota")
		must(t, err)
		if news.Error != "now it is something else" || news.FailedSince == nil {
			t.Errorf("kept is %+v", news)
		}
		var stored []ledger.SealedEvent
		w.pass(2 * time.Second)
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) (err error) {
			stored, err = tx.Events(ledger.EventFilter{Type: audit.SourceFailed, Limit: 10})
			return err
		}))
		if len(stored) != 1 || len(stored[0].Body) > 1500 || strings.Contains(string(stored[0].Body), "stack") || !strings.Contains(string(stored[0].Body), "é …") {
			t.Errorf("%d events: %v", len(stored), stored)
		}
	})
}

// TestOnOneNodeTheDutyIsItsOwn: whoever had it is gone, and waits for nothing.
func TestOnOneNodeTheDutyIsItsOwn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
			_, err := tx.TakeDuty("source.rota", "a node that is gone", tx.Now().Add(time.Hour))
			return err
		}))
		mine, err := w.engine.SourceDuty(t.Context(), "rota")
		if err != nil || !mine {
			t.Errorf("the duty is its own: %v, %v", mine, err)
		}
		must(t, w.engine.LeaveSourceDuty(t.Context(), "rota"))
	})
}
