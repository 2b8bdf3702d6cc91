package bubble_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/tests/bubble"
)

// Timers that are over when they are asked race with those that the bubble
// fires: without the one processor, this ends in a SIGSEGV under -race.
func TestTimersThatAreOverDoNotCrashTheRaceDetector(t *testing.T) {
	for range 50 {
		bubble.Test(t, func(*testing.T) {
			for range 16 {
				go func() {
					for range 100 {
						time.Sleep(time.Millisecond)
						<-time.NewTimer(0).C
					}
				}()
			}
			time.Sleep(time.Second)
			synctest.Wait()
		})
	}
}
