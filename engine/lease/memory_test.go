package lease_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/tests/suite/leasesuite"

	"github.com/curfew-access/curfew/tests/bubble"
)

func TestSuite(t *testing.T) {
	leasesuite.Run(t, func(t *testing.T, story func(*testing.T, leasesuite.World)) {
		bubble.Test(t, func(t *testing.T) {
			story(t, leasesuite.World{
				Lease: lease.NewMemory(time.Now), Now: time.Now,
				Pass: func(d time.Duration) {
					time.Sleep(d) // fake: the bubble's clock
					synctest.Wait()
				},
			})
		})
	})
}

func TestForgetsWhatIsOver(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		held := lease.NewMemory(time.Now)
		if err := held.Hold(t.Context(), "a", time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() { _ = held.Run(t.Context(), func(string) {}) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := held.Len(); n != 0 {
			t.Fatalf("%d are held", n)
		}
	})
}
