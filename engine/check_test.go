package engine_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

var aliceDebugsAcme = access.Entitled{Subject: alice, Action: debug, Resource: acme}

// check asks as bob, and says by whom it was answered.
func (w *world) check(e *engine.Engine) (live bool, by string) {
	w.t.Helper()
	before := map[string]int{"lease": w.counted.by("lease"), "ledger": w.counted.by("ledger"), "none": w.counted.by("none")}
	answer, err := e.Check(w.t.Context(), as(bob), engine.Evaluate(aliceDebugsAcme))
	must(w.t, err)
	for name, n := range before {
		if w.counted.by(name) > n {
			by = name
		}
	}
	return answer.Decision, by
}

func (w *world) wantCheck(live bool, by string) {
	w.t.Helper()
	got, who := w.check(w.engine)
	if got != live || who != by {
		w.t.Fatalf("the check says %v, by the %s; want %v, by the %s", got, who, live, by)
	}
}

func TestCheckFollowsTheGrant(t *testing.T) {
	for name, story := range map[string]func(*world){
		"without any grant the ledger says no": func(w *world) {
			w.wantCheck(false, "ledger")
		},
		"with a live grant the lease says yes": func(w *world) {
			w.mustAsk(time.Hour)
			w.wantCheck(true, "lease")
		},
		"a lease that knows nothing leaves it to the ledger": func(w *world) {
			w.mustAsk(time.Hour)
			w.lease.set(func(f *moody) { f.deaf = true })
			w.wantCheck(true, "ledger")
		},
		"it says yes until the end, and no from the end on": func(w *world) {
			r := w.mustAsk(30 * time.Second)
			w.pass(r.Grant.ExpiresAt.Sub(w.ledger.Now()) - time.Millisecond)
			w.wantCheck(true, "lease")
			w.pass(time.Millisecond + time.Millisecond/2) // the ledger's clock is some microseconds ahead
			if live, _ := w.check(w.engine); live {
				w.t.Fatal("yes at the end")
			}
		},
		"a revoked grant is a cheap no at once": func(w *world) {
			r := w.mustAsk(time.Hour)
			_, err := w.engine.Revoke(w.t.Context(), as(alice), r.Grant.ID, "")
			must(w.t, err)
			w.pass(time.Second) // until then the ledger is asked about it
			w.wantCheck(false, "lease")
		},
		"of two grants on one binding the later end counts": func(w *world) {
			w.mustAsk(30 * time.Second)
			second := w.mustAsk(2 * time.Minute)
			w.pass(time.Minute)
			w.wantCheck(true, "lease")
			_, err := w.engine.Revoke(w.t.Context(), as(alice), second.Grant.ID, "")
			must(w.t, err)
			if live, _ := w.check(w.engine); live {
				w.t.Fatal("yes after the last was revoked")
			}
		},
		"a grant given again after a revoke is seen": func(w *world) {
			r := w.mustAsk(time.Hour)
			_, err := w.engine.Revoke(w.t.Context(), as(alice), r.Grant.ID, "")
			must(w.t, err)
			w.mustAsk(time.Hour)
			if live, _ := w.check(w.engine); !live {
				w.t.Fatal("no, with a live grant")
			}
		},
		"a write that was delayed does not bring back what was revoked": func(w *world) {
			r := w.mustAsk(time.Hour)
			late, known := w.lease.Standing(w.t.Context(), aliceDebugsAcme)
			if !known {
				w.t.Fatal("the lease does not know the grant")
			}
			_, err := w.engine.Revoke(w.t.Context(), as(alice), r.Grant.ID, "")
			must(w.t, err)
			w.pass(time.Second)
			must(w.t, w.lease.Stand(w.t.Context(), late))
			w.wantCheck(false, "lease")
		},
		"the subject is who it is however it is spelled": func(w *world) {
			w.mustAsk(time.Hour)
			x := aliceDebugsAcme
			x.Subject.ID = "Alice@Example.com"
			answer, err := w.engine.Check(w.t.Context(), as(bob), engine.Evaluate(x))
			must(w.t, err)
			if !answer.Decision {
				w.t.Fatal("no")
			}
		},
	} {
		t.Run(name, func(t *testing.T) { inWorld(t, func(_ *testing.T, w *world) { story(w) }) })
	}
}

func TestCheckIsNoWhenNeitherStoreAnswers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustAsk(time.Hour)
		w.wantCheck(true, "lease") // bob may ask: that is remembered
		must(t, w.ledger.Close())
		w.wantCheck(true, "lease")
		w.lease.set(func(f *moody) { f.deaf = true })
		answer, err := w.engine.Check(t.Context(), as(bob), engine.Evaluate(aliceDebugsAcme))
		must(t, err)
		if answer.Decision || answer.Reason != "unavailable" {
			t.Fatalf("the answer is %+v", answer)
		}
	})
}

// A node whose lease says yes still refuses a revoke that another node could not
// tell the lease of, as soon as it has read the ledger.
func TestRevokeThatTheLeaseMissesIsRefusedByEveryNode(t *testing.T) {
	inSharedWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.lease.set(func(f *moody) { f.writes = errDown })
		revoked, err := w.engine.Revoke(t.Context(), as(alice), r.Grant.ID, "")
		must(t, err)
		if !revoked.Propagating {
			t.Error("the revoke is said to be seen everywhere")
		}
		if s, known := w.lease.Standing(t.Context(), aliceDebugsAcme); !known || s.Until.IsZero() {
			t.Fatal("the lease was told after all")
		}
		w.pass(500 * time.Millisecond)
		w.wantCheck(false, "ledger")

		w.lease.set(func(f *moody) { f.writes = nil })
		w.pass(time.Second)
		w.wantCheck(false, "lease")
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			left, err := tx.Unsaid()
			if len(left) != 0 {
				t.Errorf("%d are still unsaid", len(left))
			}
			return err
		}))
	})
}

func TestRevokeIsPropagatingUntilItIsCertain(t *testing.T) {
	inSharedWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.lease.set(func(f *moody) { f.uncertain = true })
		call := as(alice)
		call.Once = engine.Once{Route: "revoke", Key: "k", BodyHash: "h"}
		first, err := w.engine.Revoke(t.Context(), call, r.Grant.ID, "")
		must(t, err)
		w.lease.set(func(f *moody) { f.uncertain = false })
		again, err := w.engine.Revoke(t.Context(), call, r.Grant.ID, "")
		must(t, err)
		if !first.Propagating || again.Propagating {
			t.Errorf("propagating: %v, and then %v", first.Propagating, again.Propagating)
		}
	})
}

// closing is a policy that lets nobody query, and counts who asks whether it may check.
type closing struct {
	*policy
	asked int
}

func (c *closing) Allow(_ context.Context, in access.APIInput) (access.Permission, error) {
	if in.Operation == "access.evaluate" {
		c.asked++
	}
	return access.Permission{Allowed: in.Operation != "data.query"}, nil
}

// Who is refused can not make the gateway forget who may check.
func TestRefusalsPushOutNoPermission(t *testing.T) {
	p := &closing{policy: &policy{answer: allowAll}}
	inWorldOf(t, func(w *world) { w.decider = p }, func(t *testing.T, w *world) {
		w.check(w.engine)
		for i := range 10_100 {
			if _, err := w.engine.Query(t.Context(), as(alice), access.Query{Path: []string{strconv.Itoa(i)}}); !errors.Is(err, access.ErrDenied) {
				t.Fatalf("alice was answered, %v", err)
			}
		}
		w.check(w.engine)
		if p.asked != 1 {
			t.Errorf("policy was asked %d times whether bob may check", p.asked)
		}
	})
}
