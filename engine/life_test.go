package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// mustSchedule asks for an hour from a minute from now.
func (w *world) mustSchedule() engine.RequestView {
	w.t.Helper()
	start, hour := w.ledger.Now().Add(time.Minute), access.Duration(time.Hour)
	r, err := w.engine.Submit(w.t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, For: &hour, StartsAt: engine.StartAt(start), Reason: "PD-1"})
	must(w.t, err)
	return r
}

func TestScheduledGrantIsDecidedAgainAtItsStart(t *testing.T) {
	cases := map[string]struct {
		answer func(access.Input) access.Decision
		state  access.GrantState
		reason access.EndReason
		verbs  []access.Verb
	}{
		"still allowed: it starts":          {allowAll, access.GrantActive, "", []access.Verb{provision}},
		"denied by then: it never does":     {denyAll, access.GrantEnded, access.EndDeniedAtStart, nil},
		"a review by then that nobody gave": {reviewBy(1), access.GrantEnded, access.EndDeniedAtStart, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				r := w.mustSchedule()
				if r.Grant.State != access.GrantScheduled || r.Grant.ExpiresAt.Sub(r.Grant.StartsAt) != time.Hour {
					t.Fatalf("grant is %+v, want a scheduled one of an hour", r.Grant)
				}
				w.pass(59 * time.Second)
				w.wantVerbs()
				var phases []access.Phase
				w.policy.set(func(in access.Input) access.Decision {
					phases = append(phases, in.Context.Phase)
					return tc.answer(in)
				})
				w.pass(2 * time.Second)
				g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID)
				must(t, err)
				if g.State != tc.state || (tc.reason != "" && *g.EndReason != tc.reason) {
					t.Fatalf("grant is %s (%v), want %s (%s)", g.State, g.EndReason, tc.state, tc.reason)
				}
				w.wantVerbs(tc.verbs...)
				if !slices.Contains(phases, access.PhaseStart) {
					t.Fatalf("policy was asked in phases %v, want start", phases)
				}
			})
		})
	}
}

func TestApprovedScheduledGrantStartsOnItsApproval(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(reviewBy(1))
		r := w.mustSchedule()
		_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
		must(t, err)
		w.wantVerbs()
		w.pass(time.Minute + time.Second)
		w.wantVerbs(provision)
	})
}

func TestScheduledGrantThatNobodyStartedEndsAsNotStarted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustSchedule()
		w.stop()
		w.pass(2 * time.Hour)
		w.start()
		w.pass(10 * time.Millisecond) // the lease is given a moment to announce it
		g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID)
		must(t, err)
		if g.State != access.GrantEnded || *g.EndReason != access.EndNotStarted {
			t.Fatalf("grant is %s (%v)", g.State, g.EndReason)
		}
		w.wantVerbs()
	})
}

func TestIdempotencyKeyHasOneEffect(t *testing.T) {
	hour := access.Duration(time.Hour)
	ask := engine.Ask{Action: debug, Resource: acme, For: &hour, Reason: "PD-1"}
	inWorld(t, func(t *testing.T, w *world) {
		call := as(alice)
		call.Once = engine.Once{Route: "POST /v1/requests", Key: "k1", BodyHash: "h1"}
		var twins sync.WaitGroup
		ids := make(chan string, 10)
		for range 10 {
			twins.Go(func() {
				r, err := w.engine.Submit(w.t.Context(), call, ask)
				if err != nil {
					t.Error(err)
					return
				}
				ids <- r.ID + r.Grant.ID
			})
		}
		twins.Wait()
		close(ids)
		first := <-ids
		for id := range ids {
			if id != first {
				t.Fatalf("twins got %s and %s", first, id)
			}
		}
		grants, err := w.engine.Grants(t.Context(), as(alice), engine.ListFilter{})
		must(t, err)
		if len(grants.Items) != 1 {
			t.Fatalf("there are %d grants", len(grants.Items))
		}

		{ // another body under the key is refused
			other := call
			other.Once.BodyHash = "h2"
			if _, err := w.engine.Submit(w.t.Context(), other, ask); access.CodeOf(err) != "idempotency_key_reused" {
				t.Fatalf("error %v", err)
			}
		}

		{ // the key of another caller is another key
			other := call
			other.Caller = dave
			r, err := w.engine.Submit(w.t.Context(), other, ask)
			must(t, err)
			if r.ID+r.Grant.ID == first {
				t.Fatal("dave was given alice's answer")
			}
		}

		{ // the answer is kept though the world moved on
			_, err := w.engine.SyncResources(w.t.Context(), "seed", access.Catalogue{})
			must(t, err)
			r, err := w.engine.Submit(w.t.Context(), call, ask)
			must(t, err)
			if r.ID+r.Grant.ID != first {
				t.Fatal("the repeat was answered otherwise")
			}
		}
	})
}

// A repeat reads the grant and then tells the lease, which reads again: never
// while it still holds the connection of the first reading.
func TestRepeatsAtOnceDoNotHoldEachOtherUp(t *testing.T) {
	hour := access.Duration(time.Hour)
	inWorld(t, func(t *testing.T, w *world) {
		call := as(alice)
		call.Once = engine.Once{Route: "POST /v1/requests", Key: "k1", BodyHash: "h1"}
		ask := engine.Ask{Action: debug, Resource: acme, For: &hour, Reason: "PD-1"}
		_, err := w.engine.Submit(t.Context(), call, ask)
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 64)
		for range cap(done) {
			go func() {
				_, err := w.engine.Submit(ctx, call, ask)
				done <- err
			}()
		}
		for range cap(done) {
			select {
			case err := <-done:
				must(t, err)
			case <-ctx.Done():
				t.Fatal("repeats wait for each other")
			}
		}
	})
}

func TestArchivedResourceEndsItsGrants(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		result, err := w.engine.SyncResources(t.Context(), "seed", access.Catalogue{})
		must(t, err)
		if result != (engine.SyncResult{Archived: 1}) {
			t.Fatalf("result %+v", result)
		}
		w.settle()
		w.wantVerbs(provision, deprovision)
		g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID)
		must(t, err)
		if *g.EndReason != access.EndResourceGone {
			t.Fatalf("grant ended for %s", *g.EndReason)
		}
		if _, err := w.ask(time.Hour); access.CodeOf(err) != "unknown_resource" {
			t.Fatalf("a request for it: %v", err)
		}
	})
}

func TestDeliveryThatIsOverdueIsAlertedOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.target.script(func(access.Message) (time.Duration, error) {
			return 0, &access.DeliveryError{Class: access.ClassRefused, Status: 500, Err: errors.New("answered 500")}
		})
		r := w.mustAsk(time.Hour)
		w.pass(time.Second)
		w.stop()
		w.pass(access.OverdueAfter - time.Minute)
		w.start()
		w.pass(50 * time.Second)
		if n := w.target.alerted(); n != 0 {
			t.Fatalf("%d alerts before it was overdue", n)
		}
		w.pass(time.Minute)
		if n := w.target.alerted(); n != 1 {
			t.Fatalf("%d alerts, want 1", n)
		}
		g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID)
		must(t, err)
		if !g.Binding.Overdue || g.Binding.LastError != "answered 500" {
			t.Fatalf("binding is %+v, want it overdue with the error", g.Binding)
		}
		types := w.events(ledger.EventFilter{BindingID: r.Grant.BindingID})
		count := func(typ string) (n int) {
			for _, x := range types {
				if x == typ {
					n++
				}
			}
			return n
		}
		if count("binding.overdue") != 1 || count("binding.attempted") != 1 || count("binding.attempt_failed") != 1 {
			t.Fatalf("events are %v, want one of overdue, attempted and attempt_failed", types)
		}
	})
}

// A target that left the configuration while access stands through it: the
// binding is overdue at once, nothing is sent elsewhere, and when the target is
// back the removal goes on.
func TestTargetThatLeftTheConfiguration(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(30 * time.Second)
		w.settle()
		w.stop()
		w.contract = "box-2"
		w.start()
		w.pass(45 * time.Second)
		w.wantVerbs(provision)
		g, err := w.engine.Grant(t.Context(), as(alice), r.Grant.ID)
		must(t, err)
		if !g.Binding.Overdue || w.target.alerted() != 1 {
			t.Fatalf("binding is %+v with %d alerts, want it overdue and alerted", g.Binding, w.target.alerted())
		}
		w.stop()
		w.pass(8 * time.Minute)
		w.contract = "box-1"
		w.start()
		w.pass(time.Second)
		w.wantVerbs(provision, deprovision)
	})
}

func TestUnknownOutcomeIsNeverTakenForAnAnswer(t *testing.T) {
	failures := map[string]*access.DeliveryError{
		"no answer":            {Class: access.ClassUnreachable, Err: errors.New("connection reset")},
		"a refusal":            {Class: access.ClassRefused, Status: 403, Err: errors.New("answered 403")},
		"what looks permanent": {Class: access.ClassRefused, Status: 410, Err: access.Permanent(errors.New("answered 410"))},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.target.script(func(access.Message) (time.Duration, error) { return 0, failure })
				r := w.mustAsk(30 * time.Second)
				w.pass(time.Second)
				if b := w.binding(r.Grant.BindingID); b.Observed != access.Unknown || b.NextAt == nil {
					t.Fatalf("binding is %+v, want an unknown one that is tried again", b)
				}
				w.pass(time.Minute)
				w.target.script(newTarget().answer)
				w.pass(10 * time.Second)
				if b := w.binding(r.Grant.BindingID); b.Observed != access.Absent || w.target.holds() {
					t.Fatalf("binding is %+v, want it absent in the end", b)
				}
			})
		})
	}
}

// A provision was not confirmed, but acted late; the lag of the target says how
// late. The deprovision is asserted once more after that.
func TestDeprovisionIsAssertedAgainAfterTheLagOfTheTarget(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.stop()
		w.target.lag = 2 * time.Minute
		w.start()
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Type == provision {
				return 0, &access.DeliveryError{Class: access.ClassUnreachable, Err: errors.New("time-out")}
			}
			return 0, nil
		})
		r := w.mustAsk(30 * time.Second)
		w.pass(40 * time.Second)
		count := func() (n int) {
			for _, v := range w.target.verbs() {
				if v == deprovision {
					n++
				}
			}
			return n
		}
		if n := count(); n != 1 {
			t.Fatalf("%d deprovisions right after the end, want 1", n)
		}
		w.pass(3 * time.Minute)
		if n := count(); n != 2 {
			t.Fatalf("%d deprovisions after the lag, want 2", n)
		}
		if b := w.binding(r.Grant.BindingID); b.NextAt != nil || b.Observed != access.Absent {
			t.Fatalf("binding is %+v, want it settled", b)
		}
	})
}

func TestRefusalsAreOneEventAMinute(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 5 {
			err := w.engine.RefuseCaller(t.Context(), engine.Call{Source: "192.0.2.7"}, "token_invalid", "no")
			if !errors.Is(err, access.ErrDenied) {
				t.Fatalf("error %v", err)
			}
		}
		if got := w.events(ledger.EventFilter{Type: "caller.refused"}); len(got) != 1 {
			t.Fatalf("%d events in a minute, want 1", len(got))
		}
		w.pass(time.Minute)
		_ = w.engine.RefuseCaller(t.Context(), engine.Call{Source: "192.0.2.7"}, "token_invalid", "no")
		if got := w.events(ledger.EventFilter{Type: "caller.refused"}); len(got) != 2 {
			t.Fatalf("%d events in two minutes, want 2", len(got))
		}
	})
}

func TestAskIsHeldAgainstTheCatalogue(t *testing.T) {
	d := func(d time.Duration) *access.Duration { x := access.Duration(d); return &x }
	s := func(s string) *string { return &s }
	at := func(d time.Duration) *engine.Start { return engine.StartAt(time.Now().Add(d)) }
	cases := map[string]struct {
		ask  engine.Ask
		code string
	}{
		"an unknown resource":             {engine.Ask{Action: debug, Resource: access.ResourceRef{Type: "customer", ID: "none"}, For: d(time.Hour)}, "unknown_resource"},
		"an unknown action":               {engine.Ask{Action: access.Action{Name: "rule"}, Resource: acme, For: d(time.Hour)}, "unknown_action"},
		"a malformed action":              {engine.Ask{Action: access.Action{Name: "a b"}, Resource: acme, For: d(time.Hour)}, "invalid_action"},
		"a malformed resource":            {engine.Ask{Action: debug, Resource: access.ResourceRef{Type: "Customer", ID: "x"}, For: d(time.Hour)}, "invalid_resource"},
		"a malformed subject":             {engine.Ask{Subject: &access.Subject{Type: "user", ID: "alice"}, Action: debug, Resource: acme, For: d(time.Hour)}, "invalid_subject"},
		"a duration that is not on offer": {engine.Ask{Action: debug, Resource: acme, For: d(3 * time.Hour)}, "duration_not_offered"},
		"for and while":                   {engine.Ask{Action: debug, Resource: acme, For: d(time.Hour), While: s("oncall")}, "for_and_while"},
		"neither for nor while":           {engine.Ask{Action: debug, Resource: acme}, "for_or_while_required"},
		"a while that does not exist":     {engine.Ask{Action: debug, Resource: acme, While: s("ever")}, "invalid_while"},
		"an incident without its id":      {engine.Ask{Action: debug, Resource: acme, While: s("incident:")}, "invalid_while"},
		"a start that is past":            {engine.Ask{Action: debug, Resource: acme, For: d(time.Hour), StartsAt: at(-30 * 365 * 24 * time.Hour)}, "starts_at_out_of_range"},
		"a start in ten years":            {engine.Ask{Action: debug, Resource: acme, For: d(time.Hour), StartsAt: at(10 * 365 * 24 * time.Hour)}, "starts_at_out_of_range"},
		"a reason without end":            {engine.Ask{Action: debug, Resource: acme, For: d(time.Hour), Reason: string(make([]byte, 3000))}, "text_too_long"},
	}
	inWorld(t, func(t *testing.T, w *world) {
		for name, tc := range cases {
			_, err := w.engine.Submit(t.Context(), as(alice), tc.ask)
			if access.CodeOf(err) != tc.code || !errors.Is(err, access.ErrInvalid) {
				t.Errorf("%s: %v, want %s", name, err, tc.code)
			}
		}
		if got := w.events(ledger.EventFilter{Type: "request.submitted"}); len(got) != 0 {
			t.Fatalf("%d requests were stored", len(got))
		}
	})
}
