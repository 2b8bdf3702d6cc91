package outbox_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/tests/bubble"
)

func TestAtOneTargetNoMoreIsUnderWayThanItsWidth(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, narrow, usual := newBook(), &box{takes: 100 * time.Millisecond}, &box{takes: 100 * time.Millisecond}
		b.add("narrow", 30)
		b.add("usual", 160)
		_, stop := deliver(t, b, map[string]outbox.Target{"narrow": {Deliverer: narrow, Width: 3}, "usual": {Deliverer: usual}}, nil)
		defer stop()
		time.Sleep(1100 * time.Millisecond) // fake: the bubble's clock
		for name, most := range map[string]int{"narrow": 3, "usual": 16} {
			target := map[string]*box{"narrow": narrow, "usual": usual}[name]
			if _, got := target.begun(); got != most {
				t.Errorf("%s had %d at once, want %d", name, got, most)
			}
		}
		if n, _ := b.done("narrow"); n != 30 {
			t.Errorf("of 30, %d are done: the width is not used", n)
		}
		if n, _ := b.done("usual"); n != 160 {
			t.Errorf("of 160, %d are done: the width is not used", n)
		}
	})
}

func TestARateIsNeverExceededAndIsUsed(t *testing.T) {
	for _, perSecond := range []float64{0.5, 10, 400} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				b, target := newBook(), &box{takes: 5 * time.Millisecond}
				n := int(perSecond * 10)
				b.add("box", 2*n)
				_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target, PerSecond: perSecond}}, nil)
				defer stop()
				time.Sleep(10 * time.Second) // fake: the bubble's clock
				began, _ := target.begun()
				if burst := 1 + int(perSecond/20); len(began) < n*9/10 || len(began) > n+burst {
					t.Errorf("in ten seconds it began %d, want about %d", len(began), n)
				}
				within := int(perSecond) + 1 + int(perSecond/20)
				for i := range began {
					if i+within < len(began) && began[i+within].Sub(began[i]) < time.Second {
						t.Fatalf("%d began within %s", within+1, began[i+within].Sub(began[i]))
					}
				}
				if handed := b.handedBack(); len(handed) > 0 {
					t.Errorf("%d were claimed long before their turn, and handed back", len(handed))
				}
			})
		})
	}
}

// A target that answers in no time has much claimed ahead; when it hangs, what waits
// is handed back, so that a turn need not wait for it.
func TestWhatIsClaimedAheadWaitsHalfASecondAtTheMost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: time.Millisecond}
		b.add("box", 600)
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
		defer stop()
		time.Sleep(10 * time.Millisecond) // fake: the bubble's clock
		target.becomes(20*time.Second, nil)
		time.Sleep(10 * time.Second) // fake: the bubble's clock
		handed := b.handedBack()
		if len(handed) == 0 {
			t.Fatal("nothing was claimed ahead")
		}
		for _, waited := range handed {
			if waited > 510*time.Millisecond {
				t.Fatalf("what was claimed waited %s", waited)
			}
		}
		if len(handed) > 256 {
			t.Errorf("%d were handed back: it is claimed ahead of a target that hangs", len(handed))
		}
	})
}

// What a slow ledger gives is sent all the same: it is no older for it.
func TestAClaimThatTookLongIsSent(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: 10 * time.Millisecond}
		b.commit = 2 * time.Second
		b.add("box", 100)
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
		defer stop()
		time.Sleep(30 * time.Second) // fake: the bubble's clock
		if n, _ := b.done("box"); n != 100 || len(b.handedBack()) > 0 {
			t.Errorf("%d are done, %d were handed back", n, len(b.handedBack()))
		}
	})
}

// What a stop cuts off was no fault of the target.
func TestAStopIsNoSignOfATargetThatIsDown(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b, target := newBook(), &box{takes: 20 * time.Second}
		b.add("box", 10)
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, slog.New(slog.NewTextHandler(&out, nil)))
		time.Sleep(time.Second) // fake: the bubble's clock
		stop()
		if strings.Contains(out.String(), "is down") {
			t.Errorf("it is told: %s", out.String())
		}
	})
}

func TestASlowTargetHasNothingClaimedAhead(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: 8 * time.Second}
		b.add("box", 100)
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
		defer stop()
		time.Sleep(30 * time.Second) // fake: the bubble's clock
		if handed := b.handedBack(); len(handed) > 0 || b.attempts("box") != 64 {
			t.Errorf("%d were handed back, %d claimed", len(handed), b.attempts("box"))
		}
	})
}

func TestATargetThatIsDownIsTriedWithOneMessageAtATime(t *testing.T) {
	for name, answer := range map[string]func(access.Message) error{"no answer": says(0, 0), "502": says(502, 0), "429": says(429, 0)} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				b, target := newBook(), &box{takes: 10 * time.Millisecond, answer: answer}
				b.add("box", 1000)
				w, stop := deliver(t, b, map[string]outbox.Target{"box": {Name: "box", Deliverer: target}}, nil)
				defer stop()
				time.Sleep(5 * time.Minute) // fake: the bubble's clock
				began, _ := target.begun()
				if n := len(began); n < 15 || n > 60 {
					t.Errorf("in five minutes it was tried %d times", n)
				}
				for i := 20; i < len(began); i++ {
					if rest := began[i].Sub(began[i-1]); rest > 31*time.Second {
						t.Errorf("for %s it was not tried", rest)
					}
				}
				if s := w.States(); len(s) != 1 || s[0].Up || s[0].Name != "box" {
					t.Errorf("it is %+v", s)
				}
			})
		})
	}
}

func TestARefusalIsNotASignOfATargetThatIsDown(t *testing.T) {
	for _, status := range []int{400, 403, 404, 409, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				b, target := newBook(), &box{takes: 10 * time.Millisecond, answer: says(status, 0)}
				b.add("box", 1000)
				w, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
				defer stop()
				time.Sleep(2 * time.Second) // fake: the bubble's clock
				if began, _ := target.begun(); len(began) != 1000 || !w.States()[0].Up {
					t.Errorf("%d were tried, up: %v", len(began), w.States()[0].Up)
				}
			})
		})
	}
}

// The outage lasted until every back-off is at its cap. Nothing waits for the cap.
func TestAfterAnOutageWhatWaitedIsDoneInSeconds(t *testing.T) {
	for _, n := range []int{1, 2, 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				b, target := newBook(), &box{takes: 10 * time.Millisecond, answer: says(0, 0)}
				b.retry = time.Hour
				b.add("box", n)
				_, stop := deliver(t, b, map[string]outbox.Target{"box": {Name: "box", Deliverer: target}}, slog.New(slog.NewTextHandler(&out, nil)))
				defer stop()
				time.Sleep(20 * time.Minute) // fake: the bubble's clock
				up := time.Now()
				target.becomes(10*time.Millisecond, nil)
				time.Sleep(time.Minute) // fake: the bubble's clock
				if done, last := b.done("box"); done != n || last.Sub(up) > 32*time.Second {
					t.Errorf("of %d, %d are done, the last %s after it was up", n, done, last.Sub(up))
				}
				for _, line := range []string{"the target is down", "the target answers again"} {
					if strings.Count(out.String(), line) != 1 {
						t.Errorf("%q stands %d times", line, strings.Count(out.String(), line))
					}
				}
			})
		})
	}
}

// However much waits for a target that is up again, it is made due in parts: the other
// targets are told meanwhile.
func TestWhatWaitedForATargetHoldsUpNoOther(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: 10 * time.Millisecond}
		b.retry, b.reviving = time.Hour, time.Millisecond
		b.add("box-1", 2000)
		_, stop := deliver(t, b, map[string]outbox.Target{"box-1": {Deliverer: target, Width: 100}, "box-2": {Deliverer: &box{}}}, nil)
		defer stop()
		target.becomes(10*time.Millisecond, says(503, 0))
		b.putOff(time.Hour) // as in a long outage
		b.add("box-1", 4)
		time.Sleep(5 * time.Minute) // fake: the bubble's clock
		target.becomes(10*time.Millisecond, nil)
		var slowest time.Duration
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(100 * time.Millisecond) {
			asked := time.Now()
			before, _ := b.done("box-2")
			b.add("box-2", 1)
			for n := before; n == before; n, _ = b.done("box-2") {
				time.Sleep(10 * time.Millisecond) // fake
			}
			slowest = max(slowest, time.Since(asked))
		}
		if n, _ := b.done("box-1"); n != 2004 || slowest > time.Second {
			t.Errorf("%d are done; another target was told %s late", n, slowest)
		}
	})
}

// One binding at which the target fails each time is no target that is down: what is
// new is told at once.
func TestABindingThatAlwaysFailsHoldsUpNoOther(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: 10 * time.Millisecond}
		target.becomes(10*time.Millisecond, func(m access.Message) error {
			if m.Data.Binding.ID == "box-0" {
				return says(500, 0)(m)
			}
			return nil
		})
		b.retry = time.Second
		b.add("box", 1)
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
		defer stop()
		time.Sleep(5 * time.Minute) // fake: the bubble's clock
		asked := time.Now()
		b.add("box", 1)
		time.Sleep(time.Minute) // fake: the bubble's clock
		if n, last := b.done("box"); n != 1 || last.Sub(asked) > 50*time.Millisecond {
			t.Errorf("%d are done, after %s", n, last.Sub(asked))
		}
	})
}

func TestATargetThatAsksForARestGetsIt(t *testing.T) {
	cases := map[string]struct{ asks, atLeast, atMost time.Duration }{
		"a short one": {12 * time.Second, 12 * time.Second, 14 * time.Second},
		"one that is too long while removals wait": {4 * time.Minute, 30 * time.Second, 32 * time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				b, target := newBook(), &box{takes: time.Millisecond, answer: says(429, tc.asks)}
				b.retry = time.Second // so that much is due all the time
				b.add("box", 100)
				_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
				defer stop()
				time.Sleep(4 * time.Minute) // fake: the bubble's clock
				began, _ := target.begun()
				for i := 19; i < len(began); i++ { // the first go out together, and two after those of them that end first
					if rest := began[i].Sub(began[i-1]); rest < tc.atLeast || rest > tc.atMost {
						t.Errorf("it rested for %s", rest)
					}
				}
				if len(began) < 20 {
					t.Errorf("it was tried %d times", len(began))
				}
			})
		})
	}
}

// A target that is down may be tried with what waits for a better time, but not one
// that has said when that is.
func TestATargetThatAsksForARestIsNotTriedWithWhatWaitsForIt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: time.Millisecond, answer: says(429, 4*time.Minute)}
		b.retry = 4 * time.Minute
		b.add("box", 1)
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
		defer stop()
		time.Sleep(time.Hour) // fake: the bubble's clock
		began, _ := target.begun()
		if n := len(began); n < 15 || n > 25 || began[n-1].Sub(began[n-2]) < 4*time.Minute {
			t.Errorf("in an hour it was tried %d times", n)
		}
	})
}

// Nine go on as if the tenth were not there.
func TestADeadTargetHoldsUpNoneOfTheOthers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		took := map[bool]time.Duration{}
		for _, withDead := range []bool{false, true} {
			b, targets := newBook(), map[string]outbox.Target{}
			for i := range 9 {
				name := fmt.Sprintf("box%d", i)
				targets[name] = outbox.Target{Deliverer: &box{takes: 20 * time.Millisecond}}
				b.add(name, 200)
			}
			if withDead {
				targets["dead"] = outbox.Target{Deliverer: &box{takes: time.Hour}}
				b.add("dead", 1000)
			}
			began := time.Now()
			_, stop := deliver(t, b, targets, nil)
			time.Sleep(10 * time.Second) // fake: the bubble's clock
			for i := range 9 {
				n, last := b.done(fmt.Sprintf("box%d", i))
				if n != 200 {
					t.Errorf("with a dead one %v, box %d has done %d", withDead, i, n)
				}
				took[withDead] = max(took[withDead], last.Sub(began))
			}
			stop()
		}
		if took[true] > took[false]*11/10 {
			t.Errorf("beside a dead one they took %s, alone %s", took[true], took[false])
		}
	})
}

func TestAnOutcomeThatIsNeverTakenHoldsUpNoOther(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: 10 * time.Millisecond}
		b.broken = "box-3"
		b.add("box", 500)
		began := time.Now()
		_, stop := deliver(t, b, map[string]outbox.Target{"box": {Deliverer: target}}, nil)
		defer stop()
		time.Sleep(5 * time.Second) // fake: the bubble's clock
		if n, last := b.done("box"); n != 499 || last.Sub(began) > 400*time.Millisecond {
			t.Errorf("%d are done, the last after %s", n, last.Sub(began))
		}
		b.mend()
		time.Sleep(200 * time.Millisecond) // fake: the bubble's clock
		if n, _ := b.done("box"); n != 500 || b.attempts("box") != 500 {
			t.Errorf("once it can be taken, %d are done in %d attempts", n, b.attempts("box"))
		}
	})
}

func TestStatesTellWhatIsUnderWay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b, target := newBook(), &box{takes: 10 * time.Second}
		b.add("box", 5)
		w, stop := deliver(t, b, map[string]outbox.Target{"box": {Name: "box", Deliverer: target}}, nil)
		defer stop()
		time.Sleep(time.Second) // fake: the bubble's clock
		if s := w.States(); len(s) != 1 || s[0] != (outbox.TargetState{Name: "box", Up: true, UnderWay: 5}) {
			t.Errorf("it is %+v", s)
		}
		time.Sleep(20 * time.Second) // fake: the bubble's clock
		if s := w.States(); s[0].UnderWay != 0 {
			t.Errorf("it is %+v", s)
		}
	})
}
