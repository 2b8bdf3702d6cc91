package lease_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"
)

func TestMemorySuite(t *testing.T) {
	leasesuite.Run(t, func(t *testing.T, story func(*testing.T, leasesuite.World)) {
		bubble.Test(t, func(t *testing.T) {
			story(t, leasesuite.World{Lease: lease.NewMemory(time.Now, true), Now: time.Now, Unit: time.Minute, Many: 10_000})
		})
	})
}

// heard runs the lease and returns the ends that it announced until now.
func heard(t *testing.T, held *lease.Memory) func() []string {
	var mu sync.Mutex
	var ids []string
	nothing := func() {}
	hear := func(id string) {
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, id)
	}
	go func() {
		_ = held.Run(t.Context(), lease.Events{Expired: hear, Connected: nothing, Emptied: nothing})
	}()
	return func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(ids)
	}
}

func TestMemoryAnnouncesInTheOrderOfEndsAndAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		held := lease.NewMemory(time.Now, false)
		announced := heard(t, held)
		for id, in := range map[string]time.Duration{"c": 3 * time.Hour, "a": time.Hour, "b": 2 * time.Hour} {
			_ = held.Hold(t.Context(), access.Hold{GrantID: id, Until: time.Now().Add(in)})
		}
		for want, id := range []string{"a", "b", "c"} {
			time.Sleep(time.Hour - time.Microsecond) // fake: the bubble's clock
			if n := len(announced()); n != want {
				t.Fatalf("%d were announced too soon", n-want)
			}
			time.Sleep(time.Microsecond)
			if got := announced(); len(got) != want+1 || got[want] != id {
				t.Fatalf("announced %v", got)
			}
		}
	})
}

func TestMemoryForgetsWhatIsOver(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		held := lease.NewMemory(time.Now, true)
		announced := heard(t, held)
		x := leasesuite.Of("alice")
		_ = held.Hold(t.Context(), access.Hold{GrantID: "a", Until: time.Now().Add(time.Second)})
		_ = held.Stand(t.Context(), access.Standing{Entitled: x, BindingID: "b", Version: 1, Until: time.Now().Add(time.Second)})
		time.Sleep(time.Second)
		if n := len(announced()); n != 1 || held.Len() != 0 {
			t.Fatalf("%d were announced, %d are held", n, held.Len())
		}
		time.Sleep(time.Hour)
		_ = held.Stand(t.Context())
		if s, known := held.Standing(t.Context(), x); known {
			t.Fatalf("%+v stands", s)
		}
	})
}

func TestMemoryWithoutChecksKnowsNoStanding(t *testing.T) {
	held := lease.NewMemory(time.Now, false)
	x := leasesuite.Of("alice")
	err := held.Stand(t.Context(), access.Standing{Entitled: x, Version: 1, Until: time.Now().Add(time.Hour)})
	if _, known := held.Standing(t.Context(), x); known || err != nil || held.Checks() {
		t.Fatalf("known: %v, error: %v", known, err)
	}
}

func TestAMillionGrantsInMemoryAreSmall(t *testing.T) {
	const n = 100_000
	held := lease.NewMemory(time.Now, true)
	before := heap()
	for range n {
		id := access.NewID(access.KindGrant, time.Now())
		_ = held.Hold(t.Context(), access.Hold{GrantID: id, Until: time.Now().Add(time.Hour)})
	}
	if each := (heap() - before) / n; each > 64 {
		t.Errorf("a grant takes %d bytes", each)
	}
	runtime.KeepAlive(held)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
