package decisions_test

import (
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
)

func TestDecisionsAreWrittenTogetherOnceASecond(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{}, func(t *testing.T, l *decisions.Log, s *store, _ func()) {
		var want []string
		for range 500 {
			e := event(10)
			want = append(want, e.ID)
			l.Record(e)
		}
		synctest.Wait()
		if _, n := s.count(); n != 0 {
			t.Errorf("there are %d chunks before a second is over", n)
		}
		pass(time.Second)
		if puts, n := s.count(); n != 1 || puts != 1 {
			t.Errorf("there are %d chunks of %d writes, want one", n, puts)
		}
		if got := s.ids(t); !sameIDs(got, want) {
			t.Errorf("%d decisions are stored, want %d", len(got), len(want))
		}
		if f := l.Figures(); f != (decisions.Figures{Logged: 500}) {
			t.Errorf("figures are %+v", f)
		}
		pass(time.Minute)
		if puts, _ := s.count(); puts != 1 {
			t.Errorf("nothing was recorded, and there were %d writes", puts)
		}
	})
}

func sameIDs(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func TestFullBatchIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{}, func(t *testing.T, l *decisions.Log, s *store, _ func()) {
		for range 3 {
			l.Record(event(500 << 10))
		}
		synctest.Wait()
		if _, n := s.count(); n != 1 {
			t.Errorf("there are %d chunks, want one", n)
		}
	})
}

func TestDecisionsLongApartAreNotInOneChunk(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{}, func(t *testing.T, l *decisions.Log, s *store, stop func()) {
		for _, ago := range []time.Duration{0, 2 * access.DecisionChunkSpan, access.DecisionChunkSpan / 2, 0} {
			e := event(10)
			e.At = e.At.Add(-ago)
			e.ID = access.NewID(access.KindDecision, e.At)
			l.Record(e)
		}
		stop()
		for _, c := range s.chunks {
			if c.LastAt.Sub(c.FirstAt) > access.DecisionChunkSpan || c.LastAt.Before(c.FirstAt) {
				t.Errorf("a chunk is from %s to %s", c.FirstAt, c.LastAt)
			}
		}
		if _, n := s.count(); n != 3 || len(s.ids(t)) != 4 {
			t.Errorf("there are %d decisions in %d chunks, want 4 in 3", len(s.ids(t)), n)
		}
	})
}

func TestStopWritesWhatIsLeft(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{}, func(t *testing.T, l *decisions.Log, s *store, stop func()) {
		l.Record(event(10))
		stop()
		if got := s.ids(t); len(got) != 1 {
			t.Errorf("stored are %v", got)
		}
	})
}

func TestStoreThatIsAwayIsTriedAgain(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{}, func(t *testing.T, l *decisions.Log, s *store, _ func()) {
		s.set(true, false)
		for range 10 * 60 {
			l.Record(event(10))
			pass(time.Second)
		}
		if puts, n := s.count(); n != 0 || puts > 60 || puts < 10 {
			t.Errorf("in ten minutes it was tried %d times, and %d chunks are stored", puts, n)
		}
		s.set(false, false)
		pass(time.Minute)
		if got := s.ids(t); len(got) != 600 || !slices.IsSorted(firsts(s)) {
			t.Errorf("%d decisions are stored, want 600 in their order", len(got))
		}
		if f := l.Figures(); f.Bytes != 0 || f.Dropped != 0 {
			t.Errorf("figures are %+v", f)
		}
	})
}

func firsts(s *store) (ids []string) {
	for _, c := range s.chunks {
		ids = append(ids, c.FirstID)
	}
	return ids
}

func TestWriteWhoseAnswerDoesNotComeIsThereOnce(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{}, func(t *testing.T, l *decisions.Log, s *store, _ func()) {
		s.set(false, true)
		l.Record(event(10))
		pass(time.Second)
		l.Record(event(10))
		pass(time.Second)
		s.set(false, false)
		pass(time.Minute)
		if got := s.ids(t); len(got) != 2 {
			t.Errorf("stored are %v", got)
		}
	})
}

func TestBufferThatIsFullDropsAndSaysSoOnceAMinute(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{Buffer: 4 << 10}, func(t *testing.T, l *decisions.Log, s *store, stop func()) {
		began := time.Now()
		for range 100 {
			l.Record(event(500))
		}
		f := l.Figures()
		if f.Logged+f.Dropped != 100 || f.Dropped < 80 || f.Bytes > 4<<10 {
			t.Fatalf("figures are %+v", f)
		}
		pass(100 * time.Millisecond)
		l.Record(event(500))
		first := f.Dropped + 1
		pass(time.Second)
		told, since := s.tolls()
		if len(told) != 1 || told[0] != first || !since[0].Equal(began) {
			t.Fatalf("told was %v since %v, want %d", told, since, first)
		}
		l.Record(event(500))
		if again := l.Figures(); again.Logged != f.Logged+1 || again.Dropped != first {
			t.Errorf("after it was written there is no room: %+v", again)
		}
		for range 100 {
			l.Record(event(500))
		}
		pass(30 * time.Second)
		if told, _ := s.tolls(); len(told) != 1 {
			t.Errorf("within a minute it was told %d times", len(told))
		}
		pass(31 * time.Second)
		for range 50 {
			l.Record(event(500))
		}
		stop()
		told, _ = s.tolls()
		var sum int64
		for _, n := range told {
			sum += n
		}
		if len(told) != 3 || sum != l.Figures().Dropped {
			t.Errorf("told was %v, dropped are %d", told, l.Figures().Dropped)
		}
	})
}

func TestOverflowIsToldWhenTheStoreIsBack(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{Buffer: 4 << 10}, func(t *testing.T, l *decisions.Log, s *store, _ func()) {
		s.set(true, false)
		for range 100 {
			l.Record(event(500))
		}
		pass(5 * time.Minute)
		s.set(false, false)
		pass(time.Minute)
		if told, _ := s.tolls(); len(told) != 1 || told[0] != l.Figures().Dropped {
			t.Errorf("told was %v, dropped are %d", told, l.Figures().Dropped)
		}
	})
}

func TestOldChunksAreForgottenInBatches(t *testing.T) {
	t.Parallel()
	inLog(t, decisions.Config{Keep: 48 * time.Hour}, func(t *testing.T, _ *decisions.Log, s *store, _ func()) {
		s.mu.Lock()
		s.old = 250
		s.mu.Unlock()
		pass(2 * time.Minute)
		s.mu.Lock()
		asked, old := append([]time.Time(nil), s.asked...), s.old
		s.mu.Unlock()
		if old != 0 || len(asked) != 3 || asked[0].After(time.Now().Add(-48*time.Hour)) || asked[0].Before(time.Now().Add(-49*time.Hour)) {
			t.Errorf("%d are left after it was asked %v", old, asked)
		}
		pass(2 * time.Hour)
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.asked) != 5 {
			t.Errorf("in two hours it was asked %d more times", len(s.asked)-3)
		}
	})
}

func TestLogNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := decisions.New(decisions.Config{}); err == nil {
		t.Error("a log was made of nothing")
	}
	if _, err := decisions.New(decisions.Config{Store: &store{}, Now: time.Now, Log: slog.New(slog.DiscardHandler), Node: "n"}); err != nil {
		t.Error(err)
	}
}

// BenchmarkRecord is what recording costs who waits for a decision.
func BenchmarkRecord(b *testing.B) {
	for name, masks := range map[string][]string{"plain": nil, "masked": {"/input/pad"}} {
		b.Run(name, func(b *testing.B) {
			m, err := decisions.ParseMasks(masks)
			must(b, err)
			l, err := decisions.New(decisions.Config{
				Store: &discarding{}, Node: "n", Now: time.Now, Log: slog.New(slog.DiscardHandler), Form: decisions.NewForm(map[string]string{"id": "n"}, m),
			})
			must(b, err)
			go func() { _ = l.Run(b.Context()) }()
			e := event(2000)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if l.Record(e); i%1000 == 0 && l.Figures().Bytes > decisions.DefaultBuffer/2 {
					b.StopTimer() // nothing is dropped: that would be cheap
					for l.Figures().Bytes > decisions.DefaultBuffer/4 {
						runtime.Gosched()
					}
					b.StartTimer()
				}
			}
			if n := l.Figures().Dropped; n > 0 {
				b.Errorf("%d were dropped", n)
			}
		})
	}
}
