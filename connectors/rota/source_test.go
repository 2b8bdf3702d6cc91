package rota_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// shelf is a rota file that a test changes, and what was told of it.
type shelf struct {
	file rota.File
	err  error
	told []string
}

func (s *shelf) source() *rota.Source {
	return rota.Open(rota.Config{
		Read: func() (rota.File, error) { return s.file, s.err },
		Told: func(_ context.Context, schedules int, refused error) {
			s.told = append(s.told, fmt.Sprint(schedules, " ", refused))
		},
	})
}

func fetch(t testing.TB, s interface {
	Fetch(context.Context, access.SourceAsk) (access.Snapshot, error)
}, now time.Time) access.Snapshot {
	t.Helper()
	got, err := s.Fetch(t.Context(), access.SourceAsk{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// renderHeld writes shifts as "alice primary/1 <start>..<end>".
func renderHeld(list []access.HeldShift) string {
	lines := make([]string, len(list))
	for i, s := range list {
		name, _, _ := strings.Cut(s.Subject.ID, "@")
		lines[i] = name + " " + render([]access.Shift{s.Shift})
	}
	return strings.Join(lines, "\n")
}

func TestSnapshotHoldsEverybodysShifts(t *testing.T) {
	now := at(t, "2026-03-03T00:00:00Z")
	got := fetch(t, source(t, schedule(t, `
		"rotation": {"time_zone": "UTC", "start": "2026-03-02", "handoff": "09:00", "every": "3 weeks", "members": ["alice", "bob"]},
		"overrides": [{"subject": "carol", "start": "2026-03-04T00:00:00Z", "end": "2026-03-05T00:00:00Z"}],
		"shifts": [{"subject": "bob", "level": 2}]`)), now)
	want := `alice primary/1 2026-03-02T09:00:00Z..2026-03-04T00:00:00Z
alice primary/1 2026-03-05T00:00:00Z..2026-03-23T09:00:00Z
bob primary/1 2026-03-23T09:00:00Z..2026-04-13T09:00:00Z
bob primary/2 -..-
carol primary/1 2026-03-04T00:00:00Z..2026-03-05T00:00:00Z`
	if rendered := renderHeld(got.Shifts); rendered != want {
		t.Errorf("got\n%s\nwant\n%s", rendered, want)
	}
	if got.Source != "rota" || got.Kind != access.SourceOnCall || !got.FetchedAt.Equal(now) || !got.Until.Equal(now.Add(rota.LookAhead)) || len(got.Faults) > 0 {
		t.Errorf("got %+v", got)
	}
	for _, s := range got.Shifts {
		if s.Source != "rota" || s.Schedule.Name != "Primary" || s.Policy != nil {
			t.Errorf("got %+v", s.Shift)
		}
	}
}

func TestFaultsOfAFileAreBounded(t *testing.T) {
	s := &shelf{file: schedule(t, `"shifts": [{"subject": "alice"}]`)}
	src, now := s.source(), at(t, "2026-03-01T00:00:00Z")
	fetch(t, src, now)
	for range 1000 {
		s.file.Schedules = append(s.file.Schedules, rota.Schedule{ID: " ä "})
	}
	got := fetch(t, src, now)
	if len(got.Faults) != 1 || len(got.Faults[0]) > 1200 || !strings.HasSuffix(got.Faults[0], " …") || !utf8.ValidString(got.Faults[0]) {
		t.Errorf("%d faults, the first of %d bytes", len(got.Faults), len(got.Faults[0]))
	}
	if told := s.told[len(s.told)-1]; len(told) > 1200 {
		t.Errorf("%d bytes are told", len(told))
	}
}

func TestFileIsReadAnewWithEachFetch(t *testing.T) {
	s := &shelf{file: schedule(t, `"shifts": [{"subject": "alice"}]`)}
	src, now := s.source(), at(t, "2026-03-01T00:00:00Z")
	for _, step := range []struct {
		what     string
		file     rota.File
		err      error
		want     string
		fault    string
		toldLast string
		told     int
	}{
		{"the first", s.file, nil, "alice primary/1 -..-", "", "1 <nil>", 1},
		{"the same", s.file, nil, "alice primary/1 -..-", "", "1 <nil>", 1},
		{"one with faults", schedule(t, `"shifts": [{"subject": "bob", "level": 0}]`), nil, "alice primary/1 -..-", "schedules[0].shifts[0].level", "not a level", 2},
		{"the same with faults", schedule(t, `"shifts": [{"subject": "bob", "level": 0}]`), nil, "alice primary/1 -..-", "schedules[0].shifts[0].level", "not a level", 2},
		{"none", rota.File{}, errors.New("gone\naway"), "alice primary/1 -..-", "gone; away", "gone", 3},
		{"the first again", s.file, nil, "alice primary/1 -..-", "", "1 <nil>", 4},
		{"another", schedule(t, `"shifts": [{"subject": "bob"}]`), nil, "bob primary/1 -..-", "", "1 <nil>", 5},
	} {
		s.file, s.err = step.file, step.err
		got := fetch(t, src, now)
		if rendered := renderHeld(got.Shifts); rendered != step.want {
			t.Errorf("%s: got %s, want %s", step.what, rendered, step.want)
		}
		if faults := strings.Join(got.Faults, "\n"); !strings.Contains(faults, step.fault) || (faults == "") != (step.fault == "") {
			t.Errorf("%s: faults %q, want %q", step.what, faults, step.fault)
		}
		if len(s.told) != step.told || !strings.Contains(s.told[len(s.told)-1], step.toldLast) {
			t.Errorf("%s: told %q, want %d times and last %q", step.what, s.told, step.told, step.toldLast)
		}
	}
}

func TestWithoutAFileNothingIsKnown(t *testing.T) {
	s := &shelf{err: errors.New("not there")}
	src := s.source()
	if _, err := src.Fetch(t.Context(), access.SourceAsk{Now: time.Now()}); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("Fetch() = %v, want why there is none", err)
	}
	if known, err := src.Shifts(t.Context(), alice, time.Now()); err == nil || known.Known {
		t.Errorf("Shifts() = %v, %v; want nothing known", known, err)
	}
}

func TestSourceIsAskedByMany(t *testing.T) {
	s := source(t, schedule(t, `"rotation": {"time_zone": "UTC", "start": "2026-01-01", "handoff": "09:00", "every": "day", "members": ["alice", "bob"]}`))
	now := at(t, "2026-03-01T00:00:00Z")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				if got, err := s.Fetch(context.Background(), access.SourceAsk{Now: now}); err != nil || len(got.Shifts) == 0 {
					t.Errorf("Fetch() = %v, %v", got, err)
				}
				if got, err := s.Shifts(context.Background(), alice, now); err != nil || len(got.Shifts) == 0 {
					t.Errorf("Shifts() = %v, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}

func TestAskingFailsWhenTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := source(t, rota.File{})
	got, err := s.Shifts(ctx, alice, time.Now())
	if !errors.Is(err, context.Canceled) || got.Known {
		t.Errorf("Shifts() = %v, %v; want nothing known and context.Canceled", got, err)
	}
	if _, err := s.Fetch(ctx, access.SourceAsk{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch() = %v, want context.Canceled", err)
	}
}
