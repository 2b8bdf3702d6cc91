package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/chaos"
)

// skew is how far the clocks may be apart: the ledger's is that of this machine,
// as is every caller's, give or take what a node is allowed to be unsure of.
const skew = 50 * time.Millisecond

// calm is how long everything may take to come to rest once it is healed. A
// delivery that its gateway did not survive is taken over when its claim lapses,
// after 11 s here, and what may still be under way is asserted again after that.
const calm = 90 * time.Second

// TestFaults asks for access while everything fails, and holds what came of it
// against the guarantees. It is short here; make chaos runs it for longer.
func TestFaults(t *testing.T) {
	for name, begin := range map[string]func(*testing.T, bool) *world{"sqlite": onSQLite, "postgres": onPostgres} {
		if *ledgerFlag != "" && *ledgerFlag != name {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := *seedFlag
			if seed == 0 {
				seed = rand.Uint64N(1 << 32)
			}
			t.Logf("SEED=%d DURATION=%s LEDGER=%s", seed, *forFlag, name)
			run(t, begin(t, seed%2 == 1), seed)
		})
	}
}

func run(t *testing.T, w *world, seed uint64) {
	t.Helper()
	plan := chaos.NewPlan(seed, w.shape(*forFlag))
	h, made := w.suffer(plan)
	if found := chaos.Verify(h); len(found) > 0 {
		t.Error(chaos.Report(seed, found[:min(len(found), 20)]))
	}
	if t.Failed() {
		for _, f := range plan.Faults {
			t.Log(f)
		}
	}
	t.Log(summary(h, made))
	enough(t, h)
}

// suffer plays a plan to its end and returns what is known then.
func (w *world) suffer(plan chaos.Plan) (chaos.History, map[string]int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p, m := &player{w: w, looks: w.checks(ctx), prefix: fmt.Sprint(plan.Seed)}, &nemesis{w: w}
	suffered := make(chan struct{})
	go func() {
		defer close(suffered)
		m.run(ctx, plan.Faults)
	}()
	p.play(ctx, plan.Moves)
	<-suffered
	for _, err := range m.faults {
		w.t.Errorf("the test's own fault: %v", err)
	}
	w.await("the nodes serve again", time.Minute, w.serving)
	p.repeat(ctx, 200)
	p.clearUp(ctx)
	w.await("everything comes to rest", calm, w.ledger.unsettled)
	h, err := w.history(chaos.History{Skew: skew, Steps: p.steps, Checks: p.checks, Dark: m.dark, Deaf: m.deaf})
	if err != nil {
		w.t.Error(err)
	}
	for _, n := range w.nodes {
		for _, fault := range slices.Concat(n.faults(), n.fell) {
			w.t.Errorf("%s: %s", n.url, fault)
		}
	}
	return h, m.made
}

// enough fails a run that shows nothing, because too little happened in it.
func enough(t *testing.T, h chaos.History) {
	t.Helper()
	ended := map[string]int{}
	for _, g := range h.Ledger.Grants {
		ended[g.EndReason]++
	}
	again, yes := 0, 0
	for _, a := range h.Ledger.Attempts {
		if a.Attempt > 1 {
			again++
		}
	}
	for _, c := range h.Checks {
		if c.Yes {
			yes++
		}
	}
	long := *forFlag >= 30*time.Second
	if ended["expired"] < 3 || yes == 0 && len(h.Checks) > 0 || long && (ended["revoked"] < 5 || again < 5) {
		t.Errorf("too little happened: grants that ended %v, %d attempts again, %d checks that said yes", ended, again, yes)
	}
}

// summary says in a few lines what happened.
func summary(h chaos.History, made map[string]int) string {
	calls, answered, yes, no := 0, map[int]int{}, 0, 0
	for _, s := range h.Steps {
		for _, c := range s.Calls {
			calls++
			answered[c.Status]++
		}
	}
	for _, c := range h.Checks {
		if c.Yes {
			yes++
		} else {
			no++
		}
	}
	told := 0
	for _, t := range h.Targets {
		told += len(t.Calls)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d steps in %d calls, by status %v; checks: %d yes, %d not; %d requests, %d grants, %d bindings, %d attempts, %d calls at targets, %d events\n",
		len(h.Steps), calls, answered, yes, no, len(h.Ledger.Requests), len(h.Ledger.Grants), len(h.Ledger.Bindings), len(h.Ledger.Attempts), told, len(h.Ledger.Log))
	fmt.Fprintf(&b, "faults: %v", made)
	return b.String()
}
