package slack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

var errWork = errors.New("what the work ended with")

// noLate fails if it is told anything.
func noLate(t *testing.T) func(context.Context, error) {
	return func(context.Context, error) { t.Error("late was told of work that had ended in time") }
}

func TestSettleWaitsForTheRestOfPatience(t *testing.T) {
	cases := map[string]struct {
		ago, takes time.Duration // since the arrival; the work
		done       bool
		answered   time.Duration
	}{
		"work that ends at once is done":                      {takes: 0, done: true, answered: 0},
		"work that ends in time is done":                      {takes: 1900 * time.Millisecond, done: true, answered: 1900 * time.Millisecond},
		"work that takes longer is not done":                  {takes: 3 * time.Second, answered: patience},
		"what passed before counts":                           {ago: 1500 * time.Millisecond, takes: time.Second, answered: 500 * time.Millisecond},
		"work goes on when nothing is left of the patience":   {ago: 5 * time.Second, takes: time.Second, answered: 0},
		"work that waits for something for ever comes to end": {takes: time.Hour, answered: patience},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ctx, hangUp := context.WithCancel(arriving(t.Context(), arrival{at: time.Now().Add(-c.ago)}))
				told := make(chan error, 1)
				began := time.Now()
				err, done := w.app.settle(ctx, func(ctx context.Context) error {
					select {
					case <-time.After(c.takes):
						return errWork
					case <-ctx.Done():
						return ctx.Err()
					}
				}, func(ctx context.Context, err error) {
					if ctx.Err() != nil {
						t.Error("late has no time to say anything")
					}
					told <- err
				})
				hangUp() // whoever waited is gone; the work is not
				if done != c.done || done && !errors.Is(err, errWork) || !done && err != nil || time.Since(began) != c.answered {
					t.Fatalf("settle = %v, %v after %s; want done %v after %s", err, done, time.Since(began), c.done, c.answered)
				}
				if done {
					return
				}
				want := errWork
				if c.takes > settleIn {
					want = context.DeadlineExceeded
				}
				if err := <-told; !errors.Is(err, want) || time.Since(began) != min(c.takes, settleIn) {
					t.Errorf("late was told %v after %s", err, time.Since(began))
				}
			})
		})
	}
}

func TestSettleMakesAPanicAnErrorAndTellsNotWhatWasInIt(t *testing.T) {
	w := newWorld(t)
	err, done := w.app.settle(w.ctx(), func(context.Context) error { panic("planted in a payload") }, noLate(t))
	if err == nil || !done {
		t.Fatalf("settle = %v, %v", err, done)
	}
	w.app.noted(err) // as whoever hears of it does
	if !strings.Contains(w.log.String(), "app_settle_test.go") {
		t.Error("the log does not say where")
	}
}

func TestSettleDoesOnlySoMuchAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		for range maxSettling {
			go func() {
				_, _ = w.app.settle(w.ctx(), func(context.Context) error {
					<-release
					return nil
				}, func(context.Context, error) {})
			}()
		}
		time.Sleep(time.Second)
		err, done := w.app.settle(w.ctx(), func(context.Context) error {
			t.Error("it was begun")
			return nil
		}, noLate(t))
		var said *access.Error
		if !done || !errors.As(err, &said) || said.Code != "busy" {
			t.Errorf("settle = %v, %v", err, done)
		}
		close(release)
		time.Sleep(time.Second)
		if err, done := w.app.settle(w.ctx(), func(context.Context) error { return nil }, noLate(t)); err != nil || !done {
			t.Errorf("once there is room: %v, %v", err, done)
		}
	})
}

func TestCloseWaitsForWhatIsAtWork(t *testing.T) {
	cases := map[string]struct{ takes, want time.Duration }{
		"nothing":                  {0, 0},
		"a while":                  {4 * time.Second, 4 * time.Second},
		"longer than it is waited": {25 * time.Second, closeIn},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t)
				began := time.Now()
				go func() {
					_, _ = w.app.attend(w.ctx(), job{do: func(ctx context.Context) reply {
						_, _ = w.app.settle(ctx, func(context.Context) error {
							time.Sleep(c.takes)
							return nil
						}, func(context.Context, error) {})
						return reply{}
					}})
				}()
				time.Sleep(time.Nanosecond)
				w.app.Close()
				if waited := time.Since(began).Truncate(time.Millisecond); waited != c.want {
					t.Errorf("Close took %s, want %s", waited, c.want)
				}
				if _, became := w.app.attend(w.ctx(), job{do: func(context.Context) reply { return reply{} }}); became != outcomeBusy {
					t.Errorf("a message after Close is %s", became)
				}
				time.Sleep(c.takes) // what is left of the work
				w.app.Close()       // once more does nothing
			})
		})
	}
}
