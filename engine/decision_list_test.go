package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/decisions"
	"github.com/curfew-access/curfew/engine/ledger"
)

// inLoggedWorld is inWorld with a decision log that masks reasons.
func inLoggedWorld(t *testing.T, story func(t *testing.T, w *world, log *decisions.Log)) {
	t.Helper()
	inLoggedWorldOf(t, func(*world) {}, story)
}

func inLoggedWorldOf(t *testing.T, change func(*world), story func(t *testing.T, w *world, log *decisions.Log)) {
	t.Helper()
	masks, err := decisions.ParseMasks([]string{"/input/context/reason"})
	must(t, err)
	form := decisions.NewForm(map[string]string{"id": "node"}, masks)
	d := &lateLog{}
	inWorldOf(t, func(w *world) { w.decisions, w.form = d, form; change(w) }, func(t *testing.T, w *world) {
		log, err := decisions.New(decisions.Config{
			Store: w.ledger, Form: form, Node: "node", Now: w.ledger.Now, Log: slog.New(slog.DiscardHandler),
		})
		must(t, err)
		d.Log = log
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { ended <- log.Run(ctx) }()
		defer func() {
			cancel()
			must(t, <-ended)
		}()
		story(t, w, log)
	})
}

// lateLog is a log that is there once the ledger is.
type lateLog struct{ *decisions.Log }

// logged is what a test looks at of an event.
type logged struct {
	ID        string    `json:"decision_id"`
	Path      string    `json:"path"`
	Timestamp time.Time `json:"timestamp"`
	Revision  string    `json:"revision"`
	Input     struct {
		Context map[string]any
	} `json:"input"`
	Result struct {
		Effect string
	} `json:"result"`
	Erased []string `json:"erased"`
	Error  *struct {
		Code string
	} `json:"error"`
	Custom struct {
		Caller string `json:"caller"`
	} `json:"custom"`
}

// list follows the cursor of a list to its end.
func (w *world) list(f engine.DecisionFilter) (all []logged) {
	w.t.Helper()
	for range 10_000 {
		page, err := w.engine.DecisionEvents(w.t.Context(), as(bob), f)
		must(w.t, err)
		if len(page.Items) > max(f.Limit, 1) && f.Limit > 0 {
			w.t.Fatalf("a page has %d items", len(page.Items))
		}
		for _, raw := range page.Items {
			var e logged
			must(w.t, json.Unmarshal(raw, &e))
			all = append(all, e)
		}
		if page.NextCursor == nil {
			return all
		}
		f.Cursor = *page.NextCursor
	}
	w.t.Fatal("the list does not end")
	return nil
}

func idsOf(events []logged) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func askForAnHour() engine.Ask {
	hour := access.Duration(time.Hour)
	return engine.Ask{Action: debug, Resource: acme, For: &hour, Reason: "my secret"}
}

func TestDecisionsOfBothKindsAreListedInOrder(t *testing.T) {
	t.Parallel()
	inLoggedWorld(t, func(t *testing.T, w *world, log *decisions.Log) {
		var want []string
		began := w.ledger.Now()
		for i := range 20 {
			switch i % 3 {
			case 0:
				want = append(want, w.mustAsk(time.Hour).Decision.ID)
			case 1:
				d, err := w.engine.Decide(t.Context(), as(alice), askForAnHour())
				must(t, err)
				want = append(want, d.ID)
			default:
				id := access.NewID(access.KindDecision, w.ledger.Now())
				log.Record(access.DecisionEvent{ID: id, Path: "check/decision", At: w.ledger.Now(), Caller: bob, Result: json.RawMessage(`{}`)})
				want = append(want, id)
			}
			w.pass(300 * time.Millisecond)
		}
		w.pass(2 * time.Second)
		whole := w.list(engine.DecisionFilter{})
		if !slices.Equal(idsOf(whole), want) {
			t.Fatalf("listed are\n%v, want\n%v", idsOf(whole), want)
		}
		for _, limit := range []int{1, 2, 7, 20, 500} {
			if got := idsOf(w.list(engine.DecisionFilter{Paging: engine.Paging{Limit: limit}})); !slices.Equal(got, want) {
				t.Errorf("in pages of %d: %v", limit, got)
			}
		}
		for i, e := range whole {
			switch {
			case i%3 == 2 && (e.Path != "check/decision" || e.Custom.Caller != bob.String()):
				t.Errorf("a check is %+v", e)
			case i%3 != 2 && (e.Path != "access/decision" || e.Custom.Caller != alice.String() || e.Revision != "r1" || e.Result.Effect != "allow"):
				t.Errorf("a decision is %+v", e)
			case i%3 != 2 && (!slices.Equal(e.Erased, []string{"/input/context/reason"}) || e.Input.Context["reason"] != nil || e.Input.Context["phase"] != "request"):
				t.Errorf("of %s was erased %v, and its context is %v", e.ID, e.Erased, e.Input.Context)
			}
			one, err := w.engine.DecisionEvent(t.Context(), as(bob), e.ID)
			var again logged
			if err = errors.Join(err, json.Unmarshal(one, &again)); err != nil || again.ID != e.ID || !again.Timestamp.Equal(e.Timestamp) {
				t.Errorf("%s by itself is %s, %v", e.ID, one, err)
			}
		}
		checks := w.list(engine.DecisionFilter{Path: "check/decision", Paging: engine.Paging{Limit: 2}})
		if len(checks) != 6 || checks[0].ID != want[2] {
			t.Errorf("checks are %v", idsOf(checks))
		}
		if none := w.list(engine.DecisionFilter{Path: "check"}); len(none) != 0 {
			t.Errorf("of a path that is none there are %v", idsOf(none))
		}
		part := w.list(engine.DecisionFilter{From: began.Add(3 * time.Second), To: began.Add(5 * time.Second), Paging: engine.Paging{Limit: 3}})
		if !slices.Equal(idsOf(part), want[10:17]) {
			t.Errorf("of two seconds there are %v, want %v", idsOf(part), want[10:17])
		}
	})
}

func TestDecisionThatIsAskedForIsInTheLogAlone(t *testing.T) {
	t.Parallel()
	inLoggedWorld(t, func(t *testing.T, w *world, _ *decisions.Log) {
		call := as(alice)
		call.Once = engine.Once{Route: "POST /v1/decisions", Key: "k", BodyHash: "h"}
		first, err := w.engine.Decide(t.Context(), call, askForAnHour())
		must(t, err)
		again, err := w.engine.Decide(t.Context(), call, askForAnHour())
		must(t, err)
		if first.ID != again.ID {
			t.Errorf("under one key there are %s and %s", first.ID, again.ID)
		}
		w.pass(2 * time.Second)
		if got := w.list(engine.DecisionFilter{}); len(got) != 1 || got[0].ID != first.ID {
			t.Errorf("logged are %+v", got)
		}
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			if _, err := tx.Decision(first.ID); !errors.Is(err, access.ErrNotFound) {
				t.Errorf("it is among the decisions of requests: %v", err)
			}
			return nil
		}))
		if events := w.events(ledger.EventFilter{}); slices.Contains(events, "decision.asked") {
			t.Errorf("events are %v", events)
		}
	})
}

// twins is a policy that answers two at once.
type twins struct {
	*policy
	here sync.WaitGroup
}

func (p *twins) Decide(ctx context.Context, in access.Input) (access.Decision, error) {
	p.here.Done()
	p.here.Wait()
	return p.policy.Decide(ctx, in)
}

func TestTwinsThatAskAtOnceAreLoggedOnce(t *testing.T) {
	t.Parallel()
	begin := func(w *world) {
		both := &twins{policy: w.policy}
		both.here.Add(2)
		w.decider = both
	}
	inLoggedWorldOf(t, begin, func(t *testing.T, w *world, _ *decisions.Log) {
		call := as(alice)
		call.Once = engine.Once{Route: "POST /v1/decisions", Key: "k", BodyHash: "h"}
		var calls sync.WaitGroup
		var answers [2]engine.DecisionView
		for i := range answers {
			calls.Go(func() {
				var err error
				if answers[i], err = w.engine.Decide(t.Context(), call, askForAnHour()); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		w.pass(2 * time.Second)
		if got := w.list(engine.DecisionFilter{}); len(got) != 1 || got[0].ID != answers[0].ID || got[0].ID != answers[1].ID {
			t.Errorf("answered were %s and %s, and logged %v", answers[0].ID, answers[1].ID, idsOf(got))
		}
	})
}

// chunks writes each batch of decisions as a chunk of the log.
func (w *world) chunks(batches ...[]string) {
	w.t.Helper()
	for _, ids := range batches {
		log, err := decisions.New(decisions.Config{Store: w.ledger, Node: "other", Now: w.ledger.Now, Log: slog.New(slog.DiscardHandler)})
		must(w.t, err)
		for _, id := range ids {
			log.Record(access.DecisionEvent{ID: id, Path: "check/decision", At: access.IDTime(id)})
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		must(w.t, log.Run(ctx))
	}
}

func TestChunksThatOverlapAreMerged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var want []string
		batches := make([][]string, 100) // as of a hundred nodes
		begin := w.ledger.Now()
		for i := range 520 {
			id := access.NewID(access.KindDecision, begin.Add(time.Duration(i)*40*time.Millisecond))
			want = append(want, id)
			batches[i%len(batches)] = append(batches[i%len(batches)], id)
		}
		for _, b := range batches {
			slices.Reverse(b) // recorded in another order
		}
		w.chunks(batches...)
		for _, limit := range []int{13, 500} {
			if got := idsOf(w.list(engine.DecisionFilter{Paging: engine.Paging{Limit: limit}})); !slices.Equal(got, want) {
				t.Errorf("in pages of %d there are %d of %d, or not in order", limit, len(got), len(want))
			}
		}
		for _, id := range []string{want[0], want[260], want[519]} {
			if _, err := w.engine.DecisionEvent(t.Context(), as(bob), id); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestPageReadsSoMuchOfTheLogAndNoMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var batches [][]string
		begin := w.ledger.Now()
		for i := range 150 {
			batches = append(batches, []string{access.NewID(access.KindDecision, begin.Add(time.Duration(i)*time.Second))})
		}
		w.chunks(batches...)
		f, pages := engine.DecisionFilter{Path: "nobody/asks"}, 0
		for ; ; pages++ {
			page, err := w.engine.DecisionEvents(t.Context(), as(bob), f)
			must(t, err)
			if len(page.Items) > 0 {
				t.Fatalf("found are %s", page.Items)
			}
			if page.NextCursor == nil {
				break
			}
			f.Cursor = *page.NextCursor
		}
		if pages != 2 {
			t.Errorf("there were %d pages with a cursor, want 2", pages)
		}
		if got := w.list(engine.DecisionFilter{}); len(got) != 150 {
			t.Errorf("listed are %d", len(got))
		}
	})
}

func TestPageOfLongEventsIsShort(t *testing.T) {
	t.Parallel()
	inLoggedWorld(t, func(t *testing.T, w *world, log *decisions.Log) {
		long := json.RawMessage(`"` + strings.Repeat("x", 1<<20-100) + `"`)
		for range 20 {
			log.Record(access.DecisionEvent{ID: access.NewID(access.KindDecision, w.ledger.Now()), At: w.ledger.Now(), Result: long})
			w.pass(2 * time.Second)
		}
		page, err := w.engine.DecisionEvents(t.Context(), as(bob), engine.DecisionFilter{})
		must(t, err)
		size := 0
		for _, item := range page.Items {
			size += len(item)
		}
		if size > 8<<20 || len(page.Items) < 7 || page.NextCursor == nil {
			t.Errorf("a page has %d events of %d bytes", len(page.Items), size)
		}
	})
}

// brokenPolicy gives no answer.
type brokenPolicy struct{ *policy }

func (brokenPolicy) Decide(context.Context, access.Input) (access.Decision, error) {
	return access.Decision{}, errors.New("the policy fell over")
}

func TestFailureOfPolicyIsInTheLog(t *testing.T) {
	t.Parallel()
	inLoggedWorldOf(t, func(w *world) { w.decider = brokenPolicy{w.policy} }, func(t *testing.T, w *world, _ *decisions.Log) {
		_, err := w.engine.Decide(t.Context(), as(alice), askForAnHour())
		must(t, err)
		w.pass(2 * time.Second)
		if got := w.list(engine.DecisionFilter{}); len(got) != 1 || got[0].Error == nil || got[0].Error.Code != "policy_error" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestDecisionsThatCanNotBeShown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for name, tc := range map[string]struct {
			err  error
			code string
		}{
			"an id that is none":        {second(w.engine.DecisionEvent(t.Context(), as(bob), "dec_1")), "not_found"},
			"an id that nothing has":    {second(w.engine.DecisionEvent(t.Context(), as(bob), access.NewID(access.KindDecision, time.Now()))), "not_found"},
			"a cursor of another list":  {second(w.engine.DecisionEvents(t.Context(), as(bob), engine.DecisionFilter{Paging: engine.Paging{Cursor: "MTo3"}})), "invalid_cursor"},
			"a cursor that is none":     {second(w.engine.DecisionEvents(t.Context(), as(bob), engine.DecisionFilter{Paging: engine.Paging{Cursor: "x"}})), "invalid_cursor"},
			"a limit beyond the bounds": {second(w.engine.DecisionEvents(t.Context(), as(bob), engine.DecisionFilter{Paging: engine.Paging{Limit: 501}})), "invalid_limit"},
		} {
			if access.CodeOf(tc.err) != tc.code {
				t.Errorf("%s: got %v, want %s", name, tc.err, tc.code)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestDroppedDecisionsAreInTheAuditLog(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		log, err := decisions.New(decisions.Config{Store: w.ledger, Node: "n", Now: w.ledger.Now, Log: slog.New(slog.DiscardHandler), Buffer: 1})
		must(t, err)
		log.Record(access.DecisionEvent{ID: access.NewID(access.KindDecision, w.ledger.Now()), At: w.ledger.Now()})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		must(t, log.Run(ctx))
		if events := w.events(ledger.EventFilter{Type: audit.DecisionLogOverflowed}); len(events) != 1 {
			t.Errorf("events are %v", events)
		}
	})
}
