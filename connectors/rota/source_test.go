package rota_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
)

func TestReplaceKeepsTheRotaWhenTheNewOneIsBroken(t *testing.T) {
	s := source(t, schedule(t, `"shifts": [{"subject": "alice"}]`))
	now := at(t, "2026-03-01T00:00:00Z")

	err := s.Replace(schedule(t, `"shifts": [{"subject": "bob", "level": 0}]`))
	if err == nil || !strings.Contains(err.Error(), "kept as it was") || !strings.Contains(err.Error(), "schedules[0].shifts[0].level") {
		t.Errorf("Replace() = %v, want the fault, and that the rota was kept", err)
	}
	if got := len(shifts(t, s, alice, now)); got != 1 {
		t.Errorf("after a broken change alice holds %d shifts, want 1", got)
	}

	if err := s.Replace(schedule(t, `"shifts": [{"subject": "bob"}]`)); err != nil {
		t.Fatal(err)
	}
	if a, b := len(shifts(t, s, alice, now)), len(shifts(t, s, bob, now)); a != 0 || b != 1 {
		t.Errorf("after the change alice holds %d shifts and bob %d, want 0 and 1", a, b)
	}
}

func TestReplaceWhileAsked(t *testing.T) {
	f := schedule(t, `"rotation": {"time_zone": "UTC", "start": "2026-01-01", "handoff": "09:00", "every": "day", "members": ["alice", "bob"]}`)
	s := source(t, f)
	now := at(t, "2026-03-01T00:00:00Z")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				if err := s.Replace(f); err != nil {
					t.Error(err)
				}
				if got, err := s.Shifts(context.Background(), alice, now); err != nil || len(got.Shifts) == 0 {
					t.Errorf("Shifts() = %v, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}

func TestShiftsFailsWhenTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := source(t, rota.File{}).Shifts(ctx, alice, time.Now())
	if !errors.Is(err, context.Canceled) || got.Known {
		t.Errorf("Shifts() = %v, %v; want nothing known and context.Canceled", got, err)
	}
}
