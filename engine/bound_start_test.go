package engine_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// mustBindNext asks for access with alice's next shift.
func (w *world) mustBindNext() access.Grant {
	w.t.Helper()
	r, err := w.engine.Submit(w.t.Context(), as(alice), askNextShift())
	must(w.t, err)
	if r.Grant == nil || !r.NextShift || r.StartsAt == nil || r.Grant.State != access.GrantScheduled || !r.Grant.Bound.NextShift {
		w.t.Fatalf("the request is %+v with %+v, want a grant that waits for a shift", r.Request, r.Grant)
	}
	return *r.Grant
}

// Alice's next shift is from one minute to three from now.
func TestGrantOfTheNextShiftMovesWithIt(t *testing.T) {
	for name, tc := range map[string]struct {
		heard      func(*world) []access.Shift
		start, end time.Duration // from when it was heard
	}{
		"it stays":        {func(w *world) []access.Shift { return []access.Shift{w.shift(50*time.Second, 170*time.Second)} }, 50 * time.Second, 170 * time.Second},
		"it comes sooner": {func(w *world) []access.Shift { return []access.Shift{w.shift(5*time.Second, time.Minute)} }, 5 * time.Second, time.Minute},
		"it comes later":  {func(w *world) []access.Shift { return []access.Shift{w.shift(2*time.Minute, 5*time.Minute)} }, 2 * time.Minute, 5 * time.Minute},
		"only its end moves": {
			func(w *world) []access.Shift { return []access.Shift{w.shift(50*time.Second, 4*time.Minute)} }, 50 * time.Second, 4 * time.Minute,
		},
		"the cap moves with it": {func(w *world) []access.Shift { return []access.Shift{w.shift(2*time.Minute, 50*time.Minute)} }, 2 * time.Minute, 12 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, atMostTenMinutes, func(t *testing.T, w *world) {
				w.hearShifts(w.shift(time.Minute, 3*time.Minute))
				g := w.mustBindNext()
				w.pass(10 * time.Second)
				heardAt := w.ledger.Now()
				w.hearShifts(tc.heard(w)...)
				w.wantVerbs()
				if waits := w.grant(g.ID); waits.Bound.EndsBy.Sub(waits.StartsAt) != 10*time.Minute {
					t.Fatalf("it can last %s, want 10m", waits.Bound.EndsBy.Sub(waits.StartsAt))
				}
				w.pass(tc.start - time.Second)
				w.wantVerbs()
				w.pass(2 * time.Second)
				w.wantVerbs(provision)
				got := w.grant(g.ID)
				if got.State != access.GrantActive || got.StartsAt.Sub(heardAt).Round(time.Second) != tc.start ||
					got.ExpiresAt.Sub(heardAt).Round(time.Second) != tc.end {
					t.Fatalf("the grant is %s from %s to %s, want %s to %s", got.State,
						got.StartsAt.Sub(heardAt), got.ExpiresAt.Sub(heardAt), tc.start, tc.end)
				}
				if most := got.Bound.EndsBy.Sub(got.StartsAt); most != 10*time.Minute {
					t.Fatalf("it can last %s, want 10m", most)
				}
			})
		})
	}
}

func TestShiftThatIsGoneIsDecidedAtTheStart(t *testing.T) {
	inNews(t, unchanged, func(_ *testing.T, w *world) {
		w.hearShifts(w.shift(time.Minute, 3*time.Minute))
		g := w.mustBindNext()
		w.pass(10 * time.Second)
		w.hearShifts()
		w.wantMoves(g.ID, 0)
		w.pass(time.Minute)
		w.wantEndedFor(g.ID, access.EndDeniedAtStart)
		w.wantVerbs()
	})
}

// A start that was named stays, and the end follows the shift that it lies in.
func TestScheduledGrantKeepsTheStartThatWasNamed(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(time.Minute, 3*time.Minute))
		ask := askNextShift()
		ask.StartsAt = engine.StartAt(w.ledger.Now().Add(2 * time.Minute))
		r, err := w.engine.Submit(t.Context(), as(alice), ask)
		must(t, err)
		w.pass(time.Second)
		w.hearShifts(w.shift(90*time.Second, 5*time.Minute))
		w.wantEnd(r.Grant.ID, 5*time.Minute)
		w.hearShifts(w.shift(4*time.Minute, 5*time.Minute)) // it does not lie in it any more
		w.wantEnd(r.Grant.ID, 5*time.Minute)
		if g := w.grant(r.Grant.ID); !g.StartsAt.Equal(r.Grant.StartsAt) {
			t.Fatalf("the start moved from %s to %s", r.Grant.StartsAt, g.StartsAt)
		}
		w.pass(2 * time.Minute)
		w.wantEndedFor(r.Grant.ID, access.EndDeniedAtStart)
	})
}

func TestStartWaitsForFacts(t *testing.T) {
	unknown := func(is bool) func(*news) { return func(n *news) { n.unknown = is } }
	t.Run("and comes when they are known", func(t *testing.T) {
		inNews(t, unchanged, func(t *testing.T, w *world) {
			w.hearShifts(w.shift(5*time.Second, 2*time.Minute))
			g := w.mustBindNext()
			w.news.set(unknown(true))
			w.pass(15 * time.Second)
			if got := w.grant(g.ID); got.State != access.GrantScheduled {
				t.Fatalf("the grant is %s (%v), want scheduled", got.State, got.EndReason)
			}
			w.news.set(unknown(false))
			w.pass(45 * time.Second) // it is tried later and later
			w.wantVerbs(provision)
			w.wantEnd(g.ID, time.Minute)
		})
	})
	t.Run("until its time is over", func(t *testing.T) {
		inNews(t, unchanged, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(5*time.Second, 20*time.Second))
			g := w.mustBindNext()
			w.news.set(unknown(true))
			w.pass(20*time.Second + time.Second)
			w.wantEndedFor(g.ID, access.EndNotStarted)
		})
	})
}

func (n *news) set(change func(*news)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
}

func TestNextShiftIsTheFirstThatPolicyDoesNotDeny(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shiftOf("kitchen", time.Hour, 2*time.Hour), w.shift(3*time.Hour, 4*time.Hour), w.shift(-time.Hour, 30*time.Minute))
		w.policy.set(func(in access.Input) access.Decision {
			d := whileOnCall(0, 10*time.Hour)(in)
			for _, s := range in.Context.OnCall.Shifts {
				if s.Schedule.ID == "kitchen" && s.Covers(*in.Context.StartsAt) {
					d.Effect, d.Reasons = access.Deny, []access.Reason{{Code: "kitchen", Title: "Kitchen"}}
				}
			}
			return d
		})
		g := w.mustBindNext()
		if in := g.StartsAt.Sub(w.ledger.Now()).Round(time.Second); in != 3*time.Hour {
			t.Fatalf("it starts in %s, want 3h", in)
		}
		w.policy.set(func(in access.Input) access.Decision {
			return access.Decision{Effect: access.Deny, Reasons: []access.Reason{{Code: in.Context.StartsAt.Sub(in.Context.Now).Round(time.Hour).String(), Title: "No"}}}
		})
		r, err := w.engine.Submit(t.Context(), as(alice), askNextShift())
		must(t, err)
		if r.State != access.RequestDenied || r.Decision.Reasons[0].Code != "1h0m0s" {
			t.Fatalf("the answer is %+v, want the deny of the first", r.Decision)
		}
	})
}

func TestNextShiftThatNobodyKnows(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*news)
		want   string
	}{
		"none is coming":         {func(*news) {}, "no_next_shift"},
		"the facts are unknown":  {func(n *news) { n.unknown = true }, "oncall_unknown"},
		"one that began already": {func(n *news) { n.shifts[alice] = []access.Shift{{Schedule: &access.Ref{ID: "primary"}, Level: 1}} }, "no_next_shift"},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, unchanged, func(t *testing.T, w *world) {
				w.news.set(tc.change)
				if _, err := w.engine.Submit(t.Context(), as(alice), askNextShift()); access.CodeOf(err) != tc.want {
					t.Fatalf("a request: %v, want %s", err, tc.want)
				}
				if _, err := w.engine.Decide(t.Context(), as(alice), askNextShift()); access.CodeOf(err) != tc.want {
					t.Fatalf("a decision: %v, want %s", err, tc.want)
				}
			})
		})
	}
}

func TestNextShiftWithALengthIsSimplyAStart(t *testing.T) {
	inNews(t, func(w *world) { w.policy.set(allowAll) }, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(time.Hour, 3*time.Hour))
		ask := askNextShift()
		length := access.Duration(time.Hour)
		ask.While, ask.For = nil, &length
		r, err := w.engine.Submit(t.Context(), as(alice), ask)
		must(t, err)
		w.pass(time.Minute)
		w.hearShifts(w.shift(2*time.Hour, 3*time.Hour))
		g := w.grant(r.Grant.ID)
		if g.Bound != nil || !g.StartsAt.Equal(r.Grant.StartsAt) || g.ExpiresAt.Sub(g.StartsAt) != time.Hour {
			t.Fatalf("the grant is %+v, want an hour that does not move", g)
		}
	})
}

// A request that waits for its reviewers begins with the shift as it is when they
// approve.
func TestApprovalTakesTheShiftAsItIsThen(t *testing.T) {
	review := func(in access.Input) access.Decision {
		d := whileOnCall(0, 10*time.Minute)(in)
		if d.Effect == access.Allow {
			d.Effect, d.Reviewers = access.Review, &access.Reviewers{Groups: []string{"security"}, Quorum: 1}
		}
		return d
	}
	for name, tc := range map[string]struct {
		heard func(*world) []access.Shift
		start time.Duration // from the approval
	}{
		"it comes later": {func(w *world) []access.Shift { return []access.Shift{w.shift(2*time.Minute, 5*time.Minute)} }, 2 * time.Minute},
		"it has begun":   {func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Second, time.Minute)} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, func(w *world) { w.policy.set(review) }, func(t *testing.T, w *world) {
				w.hearShifts(w.shift(time.Minute, 3*time.Minute))
				r, err := w.engine.Submit(t.Context(), as(alice), askNextShift())
				must(t, err)
				if r.State != access.RequestPending {
					t.Fatalf("the request is %s", r.State)
				}
				w.pass(10 * time.Second)
				w.hearShifts(tc.heard(w)...)
				r, err = w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
				must(t, err)
				if in := r.Grant.StartsAt.Sub(w.ledger.Now()).Round(time.Second); in != tc.start {
					t.Fatalf("it starts in %s, want %s", in, tc.start)
				}
				if want := map[bool]access.GrantState{true: access.GrantActive, false: access.GrantScheduled}[tc.start == 0]; r.Grant.State != want {
					t.Fatalf("the grant is %s, want %s", r.Grant.State, want)
				}
			})
		})
	}
}

// The start and the news of a shift that begins later come at the same moment:
// the grant waits for its move, and is not denied for good.
func TestStartThatIsOvertakenByItsShift(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(5*time.Second, 20*time.Second))
		g := w.mustBindNext()
		w.pass(4 * time.Second)
		later := w.shift(5*time.Second, 10*time.Second)
		w.news.set(func(n *news) { n.shifts[alice] = []access.Shift{later} }) // and it is not followed yet
		w.pass(2 * time.Second)
		if got := w.grant(g.ID); got.State != access.GrantScheduled {
			t.Fatalf("the grant is %s (%v)", got.State, got.EndReason)
		}
		w.hearShifts(later)
		w.pass(4 * time.Second)
		w.wantVerbs(provision)
	})
}

// An archived resource ends a grant also if it has moved since it was given.
func TestArchivedResourceEndsAGrantThatMoved(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Hour, 3*time.Hour))
		g := w.mustBind()
		w.hearShifts(w.shift(-time.Hour, 5*time.Hour))
		_, err := w.engine.SyncResources(t.Context(), "seed", access.Catalogue{})
		must(t, err)
		w.wantEndedFor(g.ID, access.EndResourceGone)
	})
}
