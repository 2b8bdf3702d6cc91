package engine_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const (
	done   = access.CallbackDone
	failed = access.CallbackFailed
)

// inCallbackWorld is inWorld with a target that accepts, and calls back within a
// minute if it does.
func inCallbackWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	inWorldOf(t, func(w *world) { w.terms = callsBack }, story)
}

func callsBack(box *engine.Target) { box.CallbackWithin = time.Minute }

// message is the n-th that the target was told, 1 the first; a negative n counts
// from the end.
func (w *world) message(n int) access.Message {
	w.t.Helper()
	w.target.mu.Lock()
	defer w.target.mu.Unlock()
	told := w.target.told
	if n < 0 {
		n += len(told) + 1
	}
	if n < 1 || n > len(told) {
		w.t.Fatalf("the target was told %d messages, and not the %d-th", len(told), n)
	}
	return told[n-1]
}

// act does at the target what the message says.
func (x *target) act(m access.Message) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.has = m.Type != deprovision
}

// sendTimes sets how many requests an attempt takes to be accepted.
func (x *target) sendTimes(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tries = n
}

// word is the target's word on a message.
func (w *world) word(m access.Message, outcome access.CallbackOutcome, detail string) (engine.ConfirmationView, error) {
	return w.engine.Confirm(w.t.Context(), engine.Call{Channel: access.ChannelAPI, Source: "192.0.2.7"}, m.Data.Binding.ID,
		m.Data.Callback.Token, access.Confirmation{Generation: m.Data.Binding.Generation, Outcome: outcome, Detail: detail})
}

// do does what the message says, and calls back that it is done.
func (w *world) do(m access.Message) {
	w.t.Helper()
	w.target.act(m)
	if _, err := w.word(m, done, ""); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

func (w *world) wantCode(err error, code string) {
	w.t.Helper()
	if access.CodeOf(err) != code {
		w.t.Errorf("the error is %v, want one of the code %s", err, code)
	}
}

// wantWaiting wants the binding to wait for the target's word, for so long.
func (w *world) wantWaiting(id string, long time.Duration) {
	w.t.Helper()
	b := w.binding(id)
	by := w.ledger.Now().Add(long)
	if b.Observed != access.Unknown || b.CallbackBy == nil || b.NextAt == nil || !b.CallbackBy.Equal(*b.NextAt) || b.CallbackBy.Sub(by).Abs() > 2*time.Second {
		w.t.Fatalf("the binding is %+v, want one that waits for a word by %s", b, by)
	}
}

// wantSettled wants what the target confirmed, and nothing to do.
func (w *world) wantSettled(id string, observed access.Presence) {
	w.t.Helper()
	b := w.binding(id)
	if b.Observed != observed || b.Desired != observed || b.NextAt != nil || b.CallbackBy != nil || b.DueAt != nil || b.LastError != "" {
		w.t.Fatalf("the binding is %+v, want it settled %s", b, observed)
	}
	if claimed := w.claim(id); claimed != "" {
		w.t.Fatalf("the settled binding is still claimed by %s", claimed)
	}
}

func (w *world) claim(id string) (claim string) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		found, err := tx.Claimed(id)
		claim = found[id].Claim
		return err
	}))
	return claim
}

func (w *world) attempts(id string) (attempts []ledger.Attempt) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) (err error) {
		attempts, err = tx.Attempts(id)
		return err
	}))
	return attempts
}

func (w *world) revoke(r engine.RequestView) {
	w.t.Helper()
	_, err := w.engine.Revoke(w.t.Context(), as(alice), r.Grant.ID, "")
	must(w.t, err)
	w.settle()
}

func TestAcceptedMessageIsConfirmedByTheTargetsWord(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.settle()
		w.wantWaiting(id, time.Minute)
		m := w.message(1)
		if c := m.Data.Callback; c.URL != "https://curfew.test/v1/callbacks/"+id || len(c.Token) != 47 || !strings.HasPrefix(c.Token, "cbt_") ||
			c.ExpiresAt.Sub(m.Timestamp) != 75*time.Second {
			t.Fatalf("the message's callback is %+v", c)
		}
		w.pass(30 * time.Second)
		w.do(m)
		w.wantSettled(id, access.Present)
		w.pass(time.Hour)
		w.wantVerbs(provision, deprovision)
		w.wantWaiting(id, 30*time.Second)
		w.do(w.message(2))
		w.wantSettled(id, access.Absent)
		for i, a := range w.attempts(id) {
			if a.Class != access.ClassConfirmed || a.Status != 202 || a.CalledBack != done || a.CalledAt == nil || a.FinishedAt == nil || !a.FinishedAt.Equal(*a.CalledAt) {
				t.Errorf("attempt %d is recorded as %+v", i+1, a)
			}
		}
		w.wantBindingEvents(id, "desired attempted accepted provisioned desired attempted accepted deprovisioned")
		for _, e := range append(w.eventsOf(audit.BindingProvisioned), w.eventsOf(audit.BindingDeprovisioned)...) {
			if e.Data["confirmed_by"] != "callback" {
				t.Errorf("event %s has the data %v", e.Type, e.Data)
			}
		}
	})
}

// wantBindingEvents wants these events of the binding itself, in sequence.
func (w *world) wantBindingEvents(id, want string) {
	w.t.Helper()
	var got []string
	for _, typ := range w.events(ledger.EventFilter{BindingID: id}) {
		if name, ok := strings.CutPrefix(typ, "binding."); ok {
			got = append(got, name)
		}
	}
	if strings.Join(got, " ") != want {
		w.t.Errorf("the binding's events are %q, want %q", strings.Join(got, " "), want)
	}
}

func TestNoWordInTimeIsAFailedAttempt(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(2 * time.Hour)
		id := r.Grant.BindingID
		w.pass(time.Minute + 100*time.Millisecond)
		b := w.binding(id)
		if b.CallbackBy != nil || b.LastClass != access.ClassNoCallback || b.LastError == "" || w.claim(id) != "" || b.NextAt.Sub(w.ledger.Now()) < 300*time.Millisecond {
			t.Fatalf("after the wait the binding is %+v, want one that is tried again after a pause", b)
		}
		w.wantVerbs(provision)
		w.pass(2 * time.Second)
		w.wantVerbs(provision, provision)
		w.wantWaiting(id, time.Minute)
		w.pass(10 * time.Minute)
		if n := len(w.eventsOf(audit.BindingFailed)); n != 1 {
			t.Errorf("failing in the same way for ten minutes is %d events, want 1", n)
		}
		if n := len(w.eventsOf(audit.BindingAccepted)); n != 1 {
			t.Errorf("being accepted again and again is %d events, want 1", n)
		}
		w.wantAttempts(id, func(a ledger.Attempt, last bool) bool {
			return last || a.Class == access.ClassNoCallback && a.FinishedAt != nil && a.Status == 202
		})
		w.do(w.message(-1))
		w.wantSettled(id, access.Present)
		w.pass(2 * time.Hour)
		w.do(w.message(-1))
		if w.target.holds() {
			t.Fatal("after its end the target still holds access")
		}
	})
}

func TestAccessThatIsNeverConfirmedStillEnds(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(2 * time.Minute)
		w.pass(2*time.Minute + time.Second)
		if b := w.binding(r.Grant.BindingID); b.Desired != access.Absent || w.message(-1).Type != deprovision {
			t.Fatalf("after the end the binding is %+v, and the target was told %v", b, w.target.verbs())
		}
		w.do(w.message(-1))
		w.pass(2 * time.Minute) // a provision could land until then, and is taken back
		w.do(w.message(-1))
		w.wantSettled(r.Grant.BindingID, access.Absent)
	})
}

func TestWordThatItFailedIsTriedAgainAfterAPause(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.settle()
		m := w.message(1)
		_, err := w.word(m, failed, "no such\x00 team,\n says "+m.Data.Callback.Token+strings.Repeat("é", 600))
		must(t, err)
		w.settle()
		b := w.binding(id)
		if b.LastClass != access.ClassCalledBack || b.CallbackBy != nil || len(b.LastError) > 512 || !strings.HasPrefix(b.LastError, "no such team, says <secret>") {
			t.Fatalf("the binding is %+v", b)
		}
		w.wantVerbs(provision)
		w.pass(2 * time.Second)
		w.wantVerbs(provision, provision)
		events := w.eventsOf(audit.BindingFailed)
		if len(events) != 1 || events[0].Data["class"] != string(access.ClassCalledBack) || events[0].Data["detail"] != b.LastError {
			t.Fatalf("the failures told are %+v", events)
		}
	})
}

// What a word does that comes at some other time than between the acceptance and the
// end of the wait.
func TestWordThatComesAtAnotherTime(t *testing.T) {
	cases := map[string]func(t *testing.T, w *world, id string){
		"after the wait, before the next attempt: it counts": func(_ *testing.T, w *world, id string) {
			w.pass(time.Minute + 100*time.Millisecond)
			w.wantVerbs(provision)
			w.do(w.message(1))
			w.wantSettled(id, access.Present)
			w.pass(10 * time.Second)
			w.wantVerbs(provision)
		},
		"on the first attempt, while the word on the second is waited for: it counts": func(_ *testing.T, w *world, id string) {
			w.pass(time.Minute + 3*time.Second)
			w.wantVerbs(provision, provision)
			w.do(w.message(1))
			w.wantSettled(id, access.Present)
			w.do(w.message(2)) // says nothing new
			w.wantSettled(id, access.Present)
			w.pass(5 * time.Minute)
			w.wantVerbs(provision, provision)
		},
		"that the first attempt failed, while the second is waited for: it does not disturb that": func(t *testing.T, w *world, id string) {
			w.pass(time.Minute + 3*time.Second)
			before := w.binding(id)
			_, err := w.word(w.message(1), failed, "no")
			must(t, err)
			if b := w.binding(id); !b.CallbackBy.Equal(*before.CallbackBy) {
				t.Errorf("the binding was %+v and is %+v", before, b)
			}
		},
		"that it failed, after the wait: the next attempt stays when it was": func(t *testing.T, w *world, id string) {
			w.pass(time.Minute + 100*time.Millisecond)
			before := w.binding(id)
			_, err := w.word(w.message(1), failed, "no")
			must(t, err)
			if b := w.binding(id); !b.NextAt.Equal(*before.NextAt) || b.LastError != "no" {
				t.Errorf("the binding was %+v and is %+v", before, b)
			}
		},
		"that it failed, after another attempt was done: it is done": func(t *testing.T, w *world, id string) {
			w.pass(time.Minute + 3*time.Second)
			w.do(w.message(2))
			_, err := w.word(w.message(1), failed, "no")
			must(t, err)
			w.wantSettled(id, access.Present)
		},
		"after the gateway died before the response was recorded: it counts": func(t *testing.T, w *world, id string) {
			w.stop()
			w.start()
			must(t, w.raw(`UPDATE bindings SET claim = 'gone', callback_by = NULL, next_at = 1`))
			must(t, w.raw(`UPDATE attempts SET finished_at = NULL, class = NULL`))
			m := w.message(1)
			w.do(m)
			w.wantSettled(id, access.Present)
		},
		"after a restart, by a gateway that waits no more at this target: it counts": func(_ *testing.T, w *world, id string) {
			w.stop()
			w.terms = nil
			w.start()
			w.settle()
			w.wantVerbs(provision)
			w.do(w.message(1))
			w.wantSettled(id, access.Present)
		},
		"never, to a gateway that waits no more at this target: it asks anew": func(t *testing.T, w *world, id string) {
			w.stop()
			w.terms = nil
			w.start()
			w.pass(time.Minute + 3*time.Second)
			w.wantVerbs(provision, provision)
			w.wantSettled(id, access.Present)
			if a := w.attempts(id); a[0].Class != access.ClassNoCallback || a[1].Class != access.ClassConfirmed {
				t.Errorf("the attempts are %+v", a)
			}
		},
	}
	for name, story := range cases {
		t.Run(name, func(t *testing.T) {
			inCallbackWorld(t, func(t *testing.T, w *world) {
				r := w.mustAsk(time.Hour)
				w.settle()
				w.wantWaiting(r.Grant.BindingID, time.Minute)
				story(t, w, r.Grant.BindingID)
			})
		})
	}
}

// A flow can be quicker than the record of the response that it was accepted, and
// that response may fail to come at all.
func TestWordBeforeTheResponseCounts(t *testing.T) {
	lost := &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: errors.New("timeout")}
	cases := map[string]struct {
		outcome access.CallbackOutcome
		answer  error
		tries   int
		told    int  // messages, in the two seconds after
		again   bool // the removal is asserted again, because another request may still land
	}{
		"done, and then accepted":               {done, nil, 1, 1, false},
		"done, and then accepted at the second": {done, nil, 2, 1, true},
		"done, and then it timed out":           {done, lost, 1, 1, true},
		"failed, and then accepted":             {failed, nil, 1, 2, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inCallbackWorld(t, func(t *testing.T, w *world) {
				w.target.sendTimes(tc.tries)
				var once sync.Once
				w.target.script(func(m access.Message) (time.Duration, error) {
					var answer error
					once.Do(func() {
						_, err := w.word(m, tc.outcome, "")
						must(t, err)
						answer = tc.answer
					})
					return 0, answer
				})
				r := w.mustAsk(time.Hour)
				id := r.Grant.BindingID
				w.pass(2 * time.Second)
				if got := len(w.target.verbs()); got != tc.told {
					t.Fatalf("the target was told %v, want %d messages", w.target.verbs(), tc.told)
				}
				if a := w.attempts(id)[0]; a.CalledBack != tc.outcome || a.FinishedAt == nil || a.Class == access.ClassAccepted || a.Class == access.ClassUnreachable {
					t.Fatalf("the attempt is recorded as %+v", a)
				}
				if tc.outcome == failed {
					return
				}
				w.wantSettled(id, access.Present)
				w.revoke(r)
				w.do(w.message(-1))
				if again := w.binding(id).NextAt != nil; again != tc.again {
					t.Errorf("that the removal is asserted again is %v, want %v", again, tc.again)
				}
			})
		})
	}
}

// Of a message that was sent twice inside one attempt the target may have two flows
// under way, and calls back once about either.
func TestMessageThatWasSentTwiceMayLandAfterItsWord(t *testing.T) {
	for tries, again := range map[int]bool{1: false, 2: true} {
		inCallbackWorld(t, func(t *testing.T, w *world) {
			w.target.sendTimes(tries)
			r := w.mustAsk(time.Hour)
			w.settle()
			w.do(w.message(1))
			w.target.sendTimes(1)
			w.revoke(r)
			w.do(w.message(2))
			if got := w.binding(r.Grant.BindingID).NextAt != nil; got != again {
				t.Errorf("after %d requests, that the removal is asserted again is %v, want %v", tries, got, again)
			}
		})
	}
}

func TestTokenHasOneUse(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.settle()
		m := w.message(1)
		var words sync.WaitGroup
		views := make(chan engine.ConfirmationView, 5)
		for range 5 {
			words.Go(func() {
				view, err := w.word(m, done, "")
				if err != nil {
					t.Error(err)
				}
				views <- view
			})
		}
		words.Wait()
		close(views)
		for v := range views {
			if v.Binding != m.Data.Binding || v.Outcome != done {
				t.Errorf("one of five words at once was answered %+v", v)
			}
		}
		w.wantSettled(id, access.Present)
		before := w.binding(id)
		w.pass(time.Second)
		_, err := w.word(m, done, "again")
		must(t, err)
		_, err = w.word(m, failed, "")
		w.wantCode(err, "token_used")
		if b := w.binding(id); !b.ConfirmedAt.Equal(*before.ConfirmedAt) {
			t.Errorf("a repeat changed the binding from %+v to %+v", before, b)
		}
		if n := len(w.eventsOf(audit.BindingProvisioned)); n != 1 {
			t.Errorf("the repeats are %d events", n)
		}
		w.revoke(r)
		_, err = w.word(m, done, "")
		must(t, err) // as before, though its generation is over by now
	})
}

func TestWordWithoutItsTokenIsRefused(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.settle()
		m := w.message(1)
		say := func(binding, token string, word access.Confirmation) error {
			_, err := w.engine.Confirm(t.Context(), engine.Call{Source: "192.0.2.7"}, binding, token, word)
			return err
		}
		good := access.Confirmation{Generation: 1, Outcome: done}
		token := m.Data.Callback.Token
		for name, tc := range map[string]struct {
			err  error
			code string
		}{
			"no token":                    {say(id, "", good), "token_invalid"},
			"a token of another form":     {say(id, "secret", good), "token_invalid"},
			"a token that nobody has":     {say(id, token[:46]+"_", good), "token_invalid"},
			"the token of another":        {say("bnd_06h075kp17vzy1b5y81tdrdr5w", token, good), "token_invalid"},
			"an outcome that is none":     {say(id, token, access.Confirmation{Generation: 1, Outcome: "maybe"}), "invalid_outcome"},
			"a generation of another":     {say(id, token, access.Confirmation{Generation: 2, Outcome: done}), "wrong_generation"},
			"a generation and an outcome": {say(id, token, access.Confirmation{}), "invalid_outcome"},
		} {
			if access.CodeOf(tc.err) != tc.code || strings.Contains(tc.err.Error(), token) {
				t.Errorf("%s: the error is %v, want one of the code %s", name, tc.err, tc.code)
			}
		}
		w.wantWaiting(id, time.Minute)
		if n := len(w.eventsOf(audit.ConfirmationRefused)); n != 3 {
			t.Errorf("the refusals are %d events, want one for each reason", n)
		}
		w.do(m)
	})
}

func TestRevokeDoesNotWaitForAProvisionsWord(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.pass(10 * time.Second)
		w.revoke(r)
		w.wantVerbs(provision, deprovision)
		w.do(w.message(2))
		if w.binding(id).NextAt == nil {
			t.Fatal("the removal is not asserted again, though the provision may still land")
		}
		w.pass(5 * time.Second)
		w.target.act(w.message(1)) // it lands, and says so
		_, err := w.word(w.message(1), done, "")
		w.wantCode(err, "generation_passed")
		w.settle()
		w.wantVerbs(provision, deprovision, deprovision) // not only when the wait is over
		w.do(w.message(3))
		if w.target.holds() {
			t.Fatal("the target holds access that was revoked")
		}
		_, err = w.word(w.message(1), done, "")
		w.wantCode(err, "generation_passed") // as before
		w.pass(2 * time.Minute)
		w.do(w.message(-1))
		w.wantSettled(id, access.Absent)
		if n := len(w.eventsOf(audit.BindingOvertaken)); n != 1 {
			t.Errorf("the late word is %d events", n)
		}
	})
}

// A flow that takes longer than it may, and longer than its effect was expected.
func TestProvisionThatLandsAfterEverythingIsSettledIsTakenBack(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.settle()
		w.revoke(r)
		w.do(w.message(2))
		w.pass(2 * time.Minute)
		w.do(w.message(3))
		w.wantSettled(id, access.Absent)
		w.pass(10 * time.Minute)
		w.target.act(w.message(1))
		_, err := w.word(w.message(1), done, "")
		w.wantCode(err, "generation_passed")
		w.settle()
		w.do(w.message(-1))
		w.wantSettled(id, access.Absent)
		if w.target.holds() {
			t.Fatal("the target holds access that was revoked")
		}
	})
}

func TestProvisionWaitsForTheWordOnARemoval(t *testing.T) {
	cases := map[string]func(t *testing.T, w *world){
		"its word": func(_ *testing.T, w *world) {
			w.pass(10 * time.Second)
			w.wantVerbs(provision, deprovision)
			w.target.act(w.message(2))
			_, err := w.word(w.message(2), done, "")
			w.wantCode(err, "generation_passed")
			w.settle()
		},
		"its word that it failed": func(_ *testing.T, w *world) {
			_, err := w.word(w.message(2), failed, "")
			w.wantCode(err, "generation_passed")
			w.settle()
		},
		"the end of the wait": func(t *testing.T, w *world) {
			w.pass(55 * time.Second)
			w.wantVerbs(provision, deprovision)
			w.pass(10 * time.Second)
			if a := w.attempts(w.message(1).Data.Binding.ID); a[1].Class != access.ClassNoCallback {
				t.Errorf("the attempts are %+v", a)
			}
		},
	}
	for name, until := range cases {
		t.Run(name, func(t *testing.T) {
			inCallbackWorld(t, func(t *testing.T, w *world) {
				first := w.mustAsk(time.Hour)
				w.settle()
				w.do(w.message(1))
				w.revoke(first)
				w.wantWaiting(first.Grant.BindingID, time.Minute)
				w.mustAsk(time.Hour)
				w.settle()
				until(t, w)
				w.wantVerbs(provision, deprovision, provision)
				w.do(w.message(3))
				if b := w.binding(first.Grant.BindingID); b.Observed != access.Present || !w.target.holds() {
					t.Fatalf("the binding is %+v", b)
				}
			})
		})
	}
}

func TestRemovalThatWasAcceptedOutlivesARestart(t *testing.T) {
	inCallbackWorld(t, func(_ *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		w.do(w.message(1))
		w.revoke(r)
		w.stop()
		w.start()
		w.settle()
		w.wantWaiting(r.Grant.BindingID, time.Minute)
		w.wantVerbs(provision, deprovision)
		w.do(w.message(2))
		w.wantSettled(r.Grant.BindingID, access.Absent)
	})
}

func TestWordCountsWhileTheTargetIsMissing(t *testing.T) {
	inCallbackWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		id := r.Grant.BindingID
		w.settle()
		w.stop()
		w.contract = "box-2"
		w.start()
		w.pass(2 * time.Minute)
		if b := w.binding(id); b.LastClass != access.ClassTargetMissing {
			t.Fatalf("the binding is %+v, want its target missing", b)
		}
		w.do(w.message(1))
		w.wantSettled(id, access.Present)
	})
}
