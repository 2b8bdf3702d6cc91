package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/outbox"
	"github.com/curfew-access/curfew/tests/bubble"
)

// down is a store that does not answer.
type down struct{ refused int }

var errDown = errors.New("the ledger does not answer")

func (d *down) Claim(context.Context, string, int, map[string]int) ([]access.Delivery, error) {
	d.refused++
	return nil, errDown
}

func (*down) Record(_ context.Context, outcomes ...access.Outcome) ([]access.Outcome, error) {
	return outcomes, errDown
}

func (*down) NextDelivery(context.Context, map[string]int) (time.Time, error) {
	return time.Time{}, errDown
}

func (*down) Revive(context.Context, string, int) (int, error)      { return 0, errDown }
func (*down) TakeOverdue(context.Context) ([]access.Binding, error) { return nil, errDown }
func (*down) DeliveryWake() <-chan struct{}                         { return nil }
func (*down) Now() time.Time                                        { return time.Now() }

// nobody is a target that is never told.
type nobody struct{}

func (nobody) Deliver(context.Context, access.Message) (access.Receipt, error) {
	return access.Receipt{}, nil
}

// A gateway that lost its only target, or the secret of that, has none. What is due
// there is overdue at once, and it is the claiming that finds out.
func TestAWorkerWithoutTargetsStillLooksForWhatIsDue(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := &down{}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		w := outbox.Worker{Store: store, Alerter: outbox.LogAlerter{Log: slog.New(slog.DiscardHandler)}, Log: slog.New(slog.DiscardHandler), Owner: "one"}
		if err := w.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if store.refused < 5 {
			t.Errorf("in ten seconds it claimed %d times", store.refused)
		}
	})
}

func TestLedgerThatIsAwayIsALineAMinute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		store, log := &down{}, slog.New(slog.NewTextHandler(&out, nil))
		worker := &outbox.Worker{
			Store: store, Targets: map[string]outbox.Target{"box-1": {Deliverer: nobody{}}}, Alerter: outbox.LogAlerter{Log: log}, Log: log, Owner: "test",
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = worker.Run(ctx) })
		time.Sleep(150 * time.Second) // fake: the bubble's clock
		cancel()
		running.Wait()
		if store.refused < 100 {
			t.Errorf("it was tried %d times", store.refused)
		}
		for _, what := range []string{"deliveries could not be claimed", "overdue bindings could not be read"} {
			if n := strings.Count(out.String(), what); n != 3 {
				t.Errorf("%q stands %d times in\n%s", what, n, out.String())
			}
		}
	})
}
