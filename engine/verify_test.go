package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// witness says what exists at the target: the truth, unless a test says otherwise.
type witness struct {
	target *target

	mu     sync.Mutex
	asked  []access.Message
	answer func(exists access.Presence) (access.Presence, error) // nil: the truth
}

func (x *witness) Verify(_ context.Context, m access.Message) (access.Presence, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asked = append(x.asked, m)
	exists := access.Absent
	if x.target.holds() {
		exists = access.Present
	}
	if x.answer != nil {
		return x.answer(exists)
	}
	return exists, nil
}

func (x *witness) say(answer func(access.Presence) (access.Presence, error)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answer = answer
}

func (x *witness) times() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.asked)
}

func (x *witness) last() access.Message {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.asked[len(x.asked)-1]
}

func always(p access.Presence, err error) func(access.Presence) (access.Presence, error) {
	return func(access.Presence) (access.Presence, error) { return p, err }
}

// sweepOf is how often the targets of these stories are asked.
const sweepOf = 8 * time.Minute

// inAskedWorld is inWorld with a target that is asked five seconds after each
// confirmation, and every eight minutes.
func inAskedWorld(t *testing.T, repair bool, story func(t *testing.T, w *world, x *witness)) {
	t.Helper()
	x := &witness{}
	inWorldOf(t, func(w *world) {
		x.target, w.asked = w.target, x
		w.terms = func(box *engine.Target) {
			box.Verify = &engine.VerifyTerms{After: 5 * time.Second, Every: sweepOf, Repair: repair}
		}
	}, func(t *testing.T, w *world) { story(t, w, x) })
}

func (w *world) verification(id string) (v access.Verification) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) (err error) {
		v, _, err = tx.Verification(id)
		return err
	}))
	return v
}

// repairs is how many of the binding's repairs the target has not said to have helped.
func (w *world) repairs(id string) (n int) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		all, err := tx.Verifications(id)
		n = all[id].Repairs
		return err
	}))
	return n
}

func (w *world) drift() (d access.Drift) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		all, err := tx.DriftedByTarget()
		d = all["box"]
		return err
	}))
	return d
}

// saidOf lists the events of the binding about what targets said and what came of it.
func (w *world) saidOf(id string) (types []string) {
	w.t.Helper()
	about := []string{
		audit.BindingVerified, audit.BindingDrifted, audit.BindingReasserted, audit.BindingProvisioned, audit.BindingDeprovisioned,
	}
	for _, typ := range w.events(ledger.EventFilter{BindingID: id}) {
		if slices.Contains(about, typ) {
			types = append(types, typ)
		}
	}
	return types
}

func (w *world) wantSaid(id string, want ...string) {
	w.t.Helper()
	if got := w.saidOf(id); !slices.Equal(got, want) {
		w.t.Errorf("the events are %v,\nwant %v", got, want)
	}
}

// removed is the binding of access that was given for half a minute and is gone.
func (w *world) removed() string {
	w.t.Helper()
	r := w.mustAsk(30 * time.Second)
	w.pass(31 * time.Second)
	return r.Grant.BindingID
}

const (
	given     = audit.BindingProvisioned
	gone      = audit.BindingDeprovisioned
	verified  = audit.BindingVerified
	drifted   = audit.BindingDrifted
	reassured = audit.BindingReasserted
)

func TestARemovalIsVerifiedRightAfterItsConfirmation(t *testing.T) {
	inAskedWorld(t, false, func(t *testing.T, w *world, x *witness) {
		id := w.removed()
		before := x.times() // after the beginning, and at the first sweep, if that came at once
		w.pass(3 * time.Second)
		if n := x.times(); before < 1 || n != before {
			t.Errorf("in the four seconds after the removal it was asked %d times", n-before)
		}
		w.pass(3 * time.Second)
		v, b, m := w.verification(id), w.binding(id), x.last()
		if v.Answer != access.Absent || v.VerifiedAt == nil || v.VerifiedAt.Before(*b.ConfirmedAt) || v.DriftedSince != nil {
			t.Errorf("the verification is %+v", v)
		}
		if v.NextAt == nil || v.NextAt.After(w.ledger.Now().Add(sweepOf)) {
			t.Errorf("the next sweep is at %v", v.NextAt)
		}
		if m.Type != access.VerbVerify || m.Data.Binding != (access.BindingRef{ID: id, Generation: 2}) || m.Data.Subject != alice ||
			m.Data.Callback != nil || m.Data.ExpiresAt != nil || m.Data.EndReason != nil || m.Data.Grants == nil {
			t.Errorf("the question is %+v", m)
		}
		w.pass(2 * sweepOf)
		if n := x.times(); n < 4 {
			t.Errorf("after two sweeps it was asked %d times", n)
		}
		w.wantSaid(id, given, verified, gone, verified)
	})
}

func TestAccessThatIsAddedAgainByHandIsFoundByTheSweep(t *testing.T) {
	inAskedWorld(t, false, func(t *testing.T, w *world, x *witness) {
		id := w.removed()
		w.pass(10 * time.Second)
		w.target.open()
		w.pass(sweepOf + time.Second)
		v, d := w.verification(id), w.drift()
		if v.Answer != access.Present || v.DriftedSince == nil || v.VerifiedAt == nil {
			t.Fatalf("the verification is %+v", v)
		}
		if d.Count != 1 || !d.Since.Equal(*v.DriftedSince) {
			t.Errorf("the target's drift is %+v", d)
		}
		since := *v.DriftedSince
		w.pass(2 * sweepOf)
		if v = w.verification(id); !v.DriftedSince.Equal(since) || w.binding(id).NextAt != nil {
			t.Errorf("later it is %+v, of the binding %+v", v, w.binding(id))
		}
		w.target.close()
		w.pass(sweepOf + time.Second)
		if v = w.verification(id); v.DriftedSince != nil || v.Answer != access.Absent || w.drift().Count != 0 {
			t.Errorf("put right by hand it is %+v", v)
		}
		w.wantSaid(id, given, verified, gone, verified, drifted, verified)
		if x.times() < 5 || w.counted.of(access.AskedDrifted) < 3 || w.counted.of(access.AskedAgreed) < 3 {
			t.Errorf("it was asked %d times; counted are %+v", x.times(), w.counted.asked)
		}
	})
}

func TestAccessThatIsAddedAgainByHandIsRemovedAgain(t *testing.T) {
	inAskedWorld(t, true, func(t *testing.T, w *world, _ *witness) {
		id := w.removed()
		for range 2 { // and again, as often as somebody does
			w.pass(10 * time.Second)
			w.target.open()
			w.pass(sweepOf + 10*time.Second)
			if w.target.holds() || w.drift().Count != 0 || w.binding(id).Observed != access.Absent {
				t.Fatalf("the target holds it: %t; the binding is %+v", w.target.holds(), w.binding(id))
			}
			if n := w.repairs(id); n != 0 {
				t.Errorf("after a repair that helped, %d are counted that did not", n)
			}
		}
		if b := w.binding(id); b.Generation != 4 || b.DueAt != nil {
			t.Errorf("the binding is %+v", b)
		}
		w.wantSaid(id, given, verified, gone, verified, drifted, reassured, gone, verified, drifted, reassured, gone, verified)
	})
}

func TestAccessThatIsTakenAwayByHandIsGivenAgain(t *testing.T) {
	inAskedWorld(t, true, func(t *testing.T, w *world, _ *witness) {
		id := w.mustAsk(2 * time.Hour).Grant.BindingID
		w.pass(10 * time.Second)
		w.target.close()
		w.pass(sweepOf + 10*time.Second)
		if !w.target.holds() || w.binding(id).Observed != access.Present {
			t.Errorf("the binding is %+v", w.binding(id))
		}
		w.wantSaid(id, given, verified, drifted, reassured, given, verified)
	})
}

// A target that confirms every removal and does none is told ever less often, and its
// binding is overdue.
func TestATargetThatConfirmsAndDoesNotIsNotToldWithoutEnd(t *testing.T) {
	inAskedWorld(t, true, func(t *testing.T, w *world, x *witness) {
		id := w.removed()
		x.say(always(access.Present, nil))
		w.pass(30 * time.Minute)
		removals := 0
		for _, verb := range w.target.verbs() {
			if verb == deprovision {
				removals++
			}
		}
		if removals < 4 || removals > 12 {
			t.Errorf("in half an hour it was told %d times", removals)
		}
		if w.target.alerted() == 0 || w.drift().Count != 1 {
			t.Errorf("%d alerts, drift %+v", w.target.alerted(), w.drift())
		}
		x.say(nil)
		w.pass(2 * sweepOf)
		if b := w.binding(id); w.drift().Count != 0 || b.DueAt != nil {
			t.Errorf("later the binding is %+v, the drift %+v", b, w.drift())
		}
	})
}

func TestATargetThatCanNotTellIsNoDrift(t *testing.T) {
	inAskedWorld(t, true, func(t *testing.T, w *world, x *witness) {
		x.say(always(access.Unknown, nil))
		id := w.removed()
		w.pass(sweepOf)
		v := w.verification(id)
		if v.Answer != access.Unknown || v.AnsweredAt == nil || v.VerifiedAt != nil || v.DriftedSince != nil || v.Error != "" {
			t.Errorf("the verification is %+v", v)
		}
		w.wantSaid(id, given, gone)
	})
}

// What the target says of a binding that has turned meanwhile is about what was.
func TestAnAnswerAboutWhatHasTurnedIsThrownAway(t *testing.T) {
	for name, takes := range map[string]time.Duration{ // of the removal; the answer takes two seconds
		"the removal is confirmed": 0,
		"the removal is under way": 5 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			inAskedWorld(t, true, func(t *testing.T, w *world, x *witness) {
				r := w.mustAsk(time.Hour)
				first := true
				x.say(func(exists access.Presence) (access.Presence, error) {
					if !first {
						return exists, nil
					}
					first = false
					w.target.script(func(access.Message) (time.Duration, error) { return takes, nil })
					_, err := w.engine.Revoke(context.Background(), as(alice), r.Grant.ID, "")
					must(t, err)
					time.Sleep(2 * time.Second) // fake: the bubble's clock
					return access.Present, nil  // as it was when it was asked
				})
				w.pass(30 * time.Second)
				w.wantSaid(r.Grant.BindingID, given, gone, verified)
				if n := w.counted.of(access.AskedOver); n != 1 {
					t.Errorf("%d answers were thrown away", n)
				}
			})
		})
	}
}

// A grant that is over and not ended yet is about to turn its binding: a target that
// has ended it by itself is right.
func TestATargetThatEndsAccessByItselfIsNoDrift(t *testing.T) {
	inAskedWorld(t, true, func(t *testing.T, w *world, x *witness) {
		id := w.mustAsk(time.Hour).Grant.BindingID
		x.say(func(access.Presence) (access.Presence, error) {
			must(t, w.raw(`UPDATE grants SET expires_at = `+fmt.Sprint(w.ledger.Now().UnixMicro())))
			return access.Absent, nil
		})
		w.pass(6 * time.Second)
		if got := w.drift(); got.Count != 0 {
			t.Errorf("the drift is %+v", got)
		}
		if slices.Contains(w.saidOf(id), drifted) {
			t.Errorf("the events are %v", w.saidOf(id))
		}
	})
}

func TestATargetThatDoesNotAnswerIsAskedEverLessOften(t *testing.T) {
	inAskedWorld(t, false, func(t *testing.T, w *world, x *witness) {
		x.say(always(access.Unknown, errors.New("no answer from https://box")))
		id := w.removed()
		w.pass(10 * time.Second)
		if v := w.verification(id); v.Error != "" {
			t.Errorf("after one failure the view says %q", v.Error)
		}
		w.pass(30 * time.Minute)
		n := x.times()
		if v := w.verification(id); v.Error != "no answer from https://box" || v.AnsweredAt != nil || n < 5 || n > 12 {
			t.Errorf("after half an hour and %d questions the verification is %+v", n, v)
		}
		x.say(nil)
		w.pass(2 * sweepOf)
		if v := w.verification(id); v.Error != "" || v.VerifiedAt == nil {
			t.Errorf("when it answers again the verification is %+v", v)
		}
		if w.counted.of(access.AskedFailed) != n {
			t.Errorf("%d failures are counted, of %d", w.counted.of(access.AskedFailed), n)
		}
	})
}

// A target is asked of all there was before anybody asked it, at any time within a
// sweep; and its restart forgets nothing.
func TestASweepCoversWhatWasThereBeforeIt(t *testing.T) {
	x := &witness{}
	inWorldOf(t, func(w *world) { x.target = w.target }, func(t *testing.T, w *world) {
		id := w.removed()
		w.target.open()
		w.pass(time.Minute)
		w.stop()
		w.asked = x
		w.terms = func(box *engine.Target) { box.Verify = &engine.VerifyTerms{Every: sweepOf} }
		w.start()
		w.pass(sweepOf)
		w.pass(time.Second)
		since := w.verification(id).DriftedSince
		if since == nil || x.times() == 0 {
			t.Fatalf("after a sweep the verification is %+v", w.verification(id))
		}
		w.stop()
		w.target.close()
		w.start()
		if v := w.verification(id); v.DriftedSince == nil || !v.DriftedSince.Equal(*since) {
			t.Errorf("after a restart the verification is %+v", v)
		}
		w.pass(sweepOf + time.Second)
		w.wantSaid(id, given, gone, drifted, verified)
	})
}

// Many that are settled together are asked about together, and then at any time:
// their sweeps are spread over it.
func TestManyThatSettleTogetherAreAskedAboutAndSpread(t *testing.T) {
	inAskedWorld(t, false, func(t *testing.T, w *world, x *witness) {
		const many = 100
		for i := range many {
			s := access.Subject{Type: "user", ID: fmt.Sprintf("u%d@example.com", i)}
			_, err := w.engine.Submit(t.Context(), as(s), askFor(30*time.Second))
			must(t, err)
		}
		w.pass(45 * time.Second)
		x.mu.Lock()
		x.asked = nil
		x.mu.Unlock()
		// The half that is asked within the first half of a sweep, by chance.
		w.pass(sweepOf / 2)
		if n := x.times(); n < many/4 || n > 3*many/4 {
			t.Errorf("in the first half of a sweep %d of %d are asked about", n, many)
		}
		w.pass(sweepOf / 2)
		seen := map[string]bool{}
		x.mu.Lock()
		for _, m := range x.asked {
			seen[m.Data.Binding.ID] = true
		}
		x.mu.Unlock()
		if len(seen) != many {
			t.Errorf("in a whole sweep %d of %d are asked about", len(seen), many)
		}
	})
}

// close lets access go, as when somebody takes it away by hand.
func (x *target) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.has = false
}

// Two nodes share the questions: each is asked by one of them, and by another when its
// claim has lapsed. Then the answer of who asked first is nobody's.
func TestNodesShareTheQuestions(t *testing.T) {
	terms := &engine.VerifyTerms{Every: time.Hour}
	inWorldOf(t, func(w *world) { w.terms = func(box *engine.Target) { box.Verify = terms } }, func(t *testing.T, w *world) {
		const many = 20
		for i := range many {
			_, err := w.engine.Submit(t.Context(), as(access.Subject{Type: "user", ID: fmt.Sprintf("u%d@example.com", i)}), askFor(time.Hour))
			must(t, err)
		}
		w.pass(2 * time.Second)
		other := w.other(func(cfg *engine.Config) { cfg.Targets[0].Verify = terms })
		room, by := map[string]int{"box-1": 5}, map[string]access.Question{}
		for i := 0; len(by) < many && i < many; i++ {
			for owner, e := range map[string]*engine.Engine{"one": w.engine, "two": other} {
				asked, err := e.ClaimQuestions(t.Context(), owner, 5, room)
				must(t, err)
				for _, q := range asked {
					if first, twice := by[q.BindingID]; twice {
						t.Fatalf("%s is asked about by %s and %s", q.BindingID, first.Owner, q.Owner)
					}
					by[q.BindingID] = q
				}
			}
		}
		if len(by) != many {
			t.Fatalf("%d of %d are asked about", len(by), many)
		}
		if at, err := w.engine.NextQuestion(t.Context(), room); err != nil || at.Before(w.ledger.Now()) {
			t.Errorf("the next question is due at %v, %v", at, err)
		}
		w.pass(time.Minute)
		again, err := other.ClaimQuestions(t.Context(), "two", 1, room)
		must(t, err)
		if len(again) != 1 {
			t.Fatalf("%d claims have lapsed", len(again))
		}
		id := again[0].BindingID
		must(t, w.engine.RecordAnswers(t.Context(), access.Answer{Question: by[id], Exists: access.Absent}))
		if v := w.verification(id); v.AnsweredAt != nil {
			t.Errorf("the answer of who asked first counts: %+v", v)
		}
		must(t, other.RecordAnswers(t.Context(), access.Answer{Question: again[0], Exists: access.Present}))
		if v := w.verification(id); v.Answer != access.Present || v.VerifiedAt == nil {
			t.Errorf("the answer of who asks does not count: %+v", v)
		}
	})
}

// What was claimed and not sent is asked soon, and what does not fit into a batch of
// answers does not hold up the others.
func TestAQuestionThatIsHandedBackIsAskedSoon(t *testing.T) {
	inWorldOf(t, func(w *world) {
		w.terms = func(box *engine.Target) { box.Verify = &engine.VerifyTerms{Every: time.Hour} }
	}, func(t *testing.T, w *world) {
		id := w.mustAsk(time.Hour).Grant.BindingID
		w.pass(2 * time.Second)
		room := map[string]int{"box-1": 1}
		asked, err := w.engine.ClaimQuestions(t.Context(), "one", 1, room)
		must(t, err)
		if len(asked) != 1 {
			t.Fatalf("%d questions are due", len(asked))
		}
		nobody := access.Answer{Question: access.Question{BindingID: "bnd_none", Owner: "one"}}
		must(t, w.engine.RecordAnswers(t.Context(), nobody, access.Answer{Question: asked[0], Unsent: true}))
		if next := w.verification(id).NextAt; next == nil || next.After(w.ledger.Now().Add(2*time.Second)) {
			t.Errorf("it is asked at %v", next)
		}
		if n := w.counted.of(access.AskedFailed) + w.counted.of(access.AskedUnknown); n != 0 {
			t.Errorf("%d are counted as failed, or as unknown", n)
		}
	})
}

// What was declared gone is asked about like all else: the target's word that it is
// there puts an end to the declaration.
func TestWhatWasDeclaredGoneIsAskedAbout(t *testing.T) {
	inAskedWorld(t, true, func(t *testing.T, w *world, _ *witness) {
		id := w.mustAsk(30 * time.Second).Grant.BindingID
		w.target.script(func(m access.Message) (time.Duration, error) {
			if m.Type == deprovision {
				return 0, &access.DeliveryError{Class: access.ClassRefused, Status: 500, Err: errors.New("no")}
			}
			return 0, nil
		})
		w.pass(time.Minute)
		task, err := w.engine.ForceClose(t.Context(), as(bob), id, "the box burned down")
		must(t, err)
		_, err = w.engine.ApproveTask(t.Context(), as(dave), task.ID, "I saw the ashes")
		must(t, err)
		w.target.script(func(access.Message) (time.Duration, error) { return 0, nil })
		w.pass(40 * time.Second) // a question that was just asked is asked again after a pause
		if b := w.binding(id); w.target.holds() || b.ForcedAt != nil || b.Observed != access.Absent || b.NextAt != nil {
			t.Errorf("the target holds it: %t; the binding is %+v", w.target.holds(), b)
		}
		w.wantSaid(id, given, verified, drifted, reassured, gone, verified)
	})
}

func TestWhatATargetCalledBackAboutIsVerified(t *testing.T) {
	x := &witness{}
	inWorldOf(t, func(w *world) {
		x.target, w.asked = w.target, x
		w.terms = func(box *engine.Target) {
			box.CallbackWithin, box.Verify = time.Minute, &engine.VerifyTerms{Every: time.Hour}
		}
	}, func(t *testing.T, w *world) {
		id := w.mustAsk(time.Hour).Grant.BindingID
		w.pass(10 * time.Second)
		if n := x.times(); n != 0 {
			t.Errorf("while its word is waited for it is asked %d times", n)
		}
		w.do(w.message(1))
		w.pass(2 * time.Second)
		if v := w.verification(id); v.Answer != access.Present || v.VerifiedAt == nil {
			t.Errorf("the verification is %+v", v)
		}
	})
}

// A drift about which nobody asks any more is not told for ever.
func TestADriftAtATargetThatIsAskedNoMoreIsForgotten(t *testing.T) {
	inAskedWorld(t, false, func(t *testing.T, w *world, _ *witness) {
		w.removed()
		w.pass(10 * time.Second)
		w.target.open()
		w.pass(sweepOf + time.Second)
		if w.drift().Count != 1 {
			t.Fatalf("the drift is %+v", w.drift())
		}
		w.stop()
		w.asked, w.terms = nil, nil
		w.start()
		w.pass(time.Minute)
		if w.drift().Count != 1 {
			t.Error("it is forgotten before another node could have asked")
		}
		must(t, w.raw(`UPDATE verifications SET next_at = next_at - 7200000000`))
		w.pass(time.Hour)
		if w.drift().Count != 0 {
			t.Errorf("the drift is %+v", w.drift())
		}
	})
}
