package engine_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Alice is on call until in two minutes. What is heard after ten seconds moves her
// grant, whose time is counted from then.
func TestBoundGrantFollowsItsShift(t *testing.T) {
	for name, tc := range map[string]struct {
		heard func(*world) []access.Shift
		want  time.Duration
		moved int
	}{
		"nothing new moves nothing": {
			func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Minute, 110*time.Second)} }, 110 * time.Second, 0,
		},
		"less than a second is nothing new": {
			func(w *world) []access.Shift {
				return []access.Shift{w.shift(-time.Minute, 110*time.Second+900*time.Millisecond)}
			}, 110 * time.Second, 0,
		},
		"an extended shift": {func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Minute, 3*time.Minute)} }, 3 * time.Minute, 1},
		"a shortened shift": {func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Minute, time.Minute)} }, time.Minute, 1},
		"a shift that follows at once continues it": {func(w *world) []access.Shift {
			return []access.Shift{w.shift(-time.Minute, 110*time.Second), w.shift(110*time.Second, 4*time.Minute)}
		}, 4 * time.Minute, 1},
		"one of another schedule does not": {func(w *world) []access.Shift {
			return []access.Shift{w.shift(-time.Minute, 110*time.Second), w.shiftOf("other", -time.Minute, 4*time.Minute)}
		}, 110 * time.Second, 0},
		"it never goes beyond the cap": {
			func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Minute, 100*time.Minute)} }, 10*time.Minute - 10*time.Second, 1,
		},
		"a shift of which the end is not known any more": {
			func(w *world) []access.Shift { return []access.Shift{w.openShift()} }, time.Minute, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, atMostTenMinutes, func(t *testing.T, w *world) {
				w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
				g := w.mustBind()
				w.wantEnd(g.ID, 2*time.Minute)
				w.pass(10 * time.Second)
				w.hearShifts(tc.heard(w)...)
				w.wantEnd(g.ID, tc.want)
				w.wantMoves(g.ID, tc.moved)
				if tc.want > 2*time.Minute {
					return // a long time to sweep through
				}
				w.pass(tc.want - 5*time.Second)
				w.wantCheck(true, "lease")
				w.pass(5*time.Second + 30*time.Millisecond)
				if live, _ := w.check(w.engine); live {
					t.Fatal("a check says yes after the end")
				}
			})
		})
	}
}

// wantMoves counts the events of a grant's moves.
func (w *world) wantMoves(id string, want int, why ...string) {
	w.t.Helper()
	var got []string
	w.pass(time.Second + time.Millisecond)
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{GrantID: id, Type: "grant.moved", Limit: 1000})
		for _, e := range events {
			var body struct {
				Data struct {
					From, To, FactsAt time.Time
					Why               string
				}
			}
			must(w.t, json.Unmarshal(e.Body, &body))
			if body.Data.Why == "" || body.Data.From.IsZero() || body.Data.To.IsZero() {
				w.t.Errorf("event %s says too little", e.Body)
			}
			got = append(got, body.Data.Why)
		}
		return err
	}))
	if len(got) != want || len(why) > 0 && fmt.Sprint(got) != fmt.Sprint(why) {
		w.t.Fatalf("the moves are %v, want %d: %v", got, want, why)
	}
}

func TestOffCallEndsTheGrantAtOnce(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
		g := w.mustBind()
		w.pass(10 * time.Second)
		w.hearShifts()
		w.wantEndedFor(g.ID, access.EndOffCall)
		w.wantVerbs(provision, deprovision)
		w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
		w.wantEndedFor(g.ID, access.EndOffCall)
		if live, _ := w.check(w.engine); live {
			t.Fatal("the grant is live again")
		}
	})
}

func TestOffCallEndsTheGrantAfterTheGrace(t *testing.T) {
	grace := func(w *world) { w.policy.set(whileOnCall(20*time.Second, 10*time.Minute)) }
	t.Run("whatever later polls say", func(t *testing.T) {
		inNews(t, grace, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
			g := w.mustBind()
			w.wantEnd(g.ID, 2*time.Minute+20*time.Second)
			w.hearShifts()
			w.wantEnd(g.ID, 20*time.Second)
			for range 3 {
				w.pass(5 * time.Second)
				w.hearShifts()
			}
			w.wantEnd(g.ID, 5*time.Second)
			w.pass(5*time.Second + 20*time.Millisecond)
			w.wantEndedFor(g.ID, access.EndOffCall)
			w.wantMoves(g.ID, 1, "off_call")
		})
	})
	t.Run("but not if the subject is on call again before", func(t *testing.T) {
		inNews(t, grace, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
			g := w.mustBind()
			w.hearShifts()
			w.pass(5 * time.Second)
			w.hearShifts(w.shift(0, 30*time.Second))
			w.wantEnd(g.ID, 50*time.Second)
			w.wantMoves(g.ID, 2, "off_call", "shift_again")
			w.pass(50 * time.Second)
			w.wantEndedFor(g.ID, access.EndExpired)
		})
	})
	t.Run("an end that was known all the time is no early one", func(t *testing.T) {
		inNews(t, grace, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
			g := w.mustBind()
			w.pass(2*time.Minute + 10*time.Second)
			w.hearShifts()
			w.wantEnd(g.ID, 10*time.Second)
			w.pass(10*time.Second + 20*time.Millisecond)
			w.wantEndedFor(g.ID, access.EndExpired)
			w.wantMoves(g.ID, 0)
		})
	})
}

func TestOpenShiftIsRenewedInSteps(t *testing.T) {
	inNews(t, func(w *world) { w.policy.set(whileOnCall(0, 2*time.Minute)) }, func(_ *testing.T, w *world) {
		w.hearShifts(w.openShift())
		g := w.mustBind()
		w.wantEnd(g.ID, time.Minute)
		w.pass(25 * time.Second)
		w.hearShifts(w.openShift())
		w.wantEnd(g.ID, 35*time.Second) // more than half of a step is left
		w.pass(10 * time.Second)
		w.hearShifts(w.openShift())
		w.wantEnd(g.ID, time.Minute)
		w.pass(40 * time.Second)
		w.hearShifts(w.openShift())
		w.wantEnd(g.ID, 45*time.Second) // the cap
		for range 4 {
			w.pass(10 * time.Second)
			w.hearShifts(w.openShift())
		}
		w.wantMoves(g.ID, 2, "renewed", "renewed")
		w.pass(5 * time.Second)
		w.wantEndedFor(g.ID, access.EndExpired)
	})
}

func TestFactsThatAreNotCertainMoveNothing(t *testing.T) {
	ends := func(n *news) { n.shifts[alice] = nil }
	for name, heard := range map[string]func(*world){
		"the source can not say": func(w *world) {
			w.hear(access.SourceOnCall, func(n *news) { ends(n); n.unsure = []string{"pagerduty"} })
		},
		"another source that could tell can not say": func(w *world) {
			w.hear(access.SourceOnCall, func(n *news) { ends(n); n.unsure = []string{"rota"} })
		},
		"the facts are older than those that moved it last": func(w *world) {
			w.news.mu.Lock()
			ends(w.news)
			w.news.mu.Unlock()
			old := snapshotOf(access.SourceOnCall, w.ledger.Now().Add(-time.Minute))
			must(w.t, w.engine.FollowFacts(w.t.Context(), access.Snapshot{}, old))
		},
		"the snapshot is of incidents": func(w *world) { w.hear(access.SourceIncidents, ends) },
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, unchanged, func(_ *testing.T, w *world) {
				w.hearShifts(w.shift(-time.Minute, 2*time.Minute))
				g := w.mustBind()
				w.pass(10 * time.Second)
				heard(w)
				w.wantEnd(g.ID, 110*time.Second)
				w.wantMoves(g.ID, 0)
			})
		})
	}
}

// References that name their source depend on that one alone.
func TestOnlyTheSourceThatIsReferredToCounts(t *testing.T) {
	named := func(in access.Input) access.Decision {
		d := whileOnCall(0, 10*time.Hour)(in)
		for i := range d.Until.OnCall {
			d.Until.OnCall[i].Source = "pagerduty"
		}
		return d
	}
	inNews(t, func(w *world) { w.policy.set(named) }, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
		g := w.mustBind()
		w.pass(time.Minute)
		w.hear(access.SourceOnCall, func(n *news) {
			n.unsure, n.shifts[alice] = []string{"rota"}, []access.Shift{w.shift(-time.Hour, time.Hour)}
		})
		w.wantEnd(g.ID, time.Hour)
		w.news.mu.Lock()
		w.news.shifts[alice] = nil
		w.news.mu.Unlock()
		other := access.Snapshot{Source: "rota", Kind: access.SourceOnCall, FetchedAt: w.ledger.Now()}
		must(t, w.engine.FollowFacts(t.Context(), access.Snapshot{}, other))
		w.wantEnd(g.ID, time.Hour)
	})
}

func TestRevokedGrantIsNotTouchedByAPoll(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
		g := w.mustBind()
		_, err := w.engine.Revoke(t.Context(), as(alice), g.ID, "enough")
		must(t, err)
		w.pass(time.Minute)
		w.hearShifts(w.shift(-time.Hour, 4*time.Hour))
		w.hearShifts()
		w.wantEndedFor(g.ID, access.EndRevoked)
		w.wantMoves(g.ID, 0)
		w.wantVerbs(provision, deprovision)
	})
}

// What is over is over: a shift that is extended in the moment of its end does
// not bring access back.
func TestMoveAtTheInstantOfTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		before time.Duration
		state  access.GrantState
	}{
		"a moment before it goes on":       {time.Millisecond, access.GrantActive},
		"at the instant itself it is over": {0, access.GrantEnded},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, unchanged, func(t *testing.T, w *world) {
				w.hearShifts(w.shift(-time.Hour, 2*time.Minute))
				g := w.mustBind()
				time.Sleep(time.Until(g.ExpiresAt) - tc.before) // fake; the sweep is due with it
				w.hear(access.SourceOnCall, func(n *news) { n.shifts[alice] = []access.Shift{w.shift(-time.Hour, time.Hour)} })
				w.pass(10 * time.Millisecond)
				if got := w.grant(g.ID); got.State != tc.state {
					t.Fatalf("the grant is %+v, want %s", got, tc.state)
				}
			})
		})
	}
}

func TestTwoNodesWithFactsOfDifferentAge(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
		g := w.mustBind()
		w.pass(time.Minute)
		old := w.ledger.Now()
		w.pass(time.Minute)
		w.hearShifts(w.shift(-time.Hour, 4*time.Hour))
		for _, stale := range [][]access.Shift{nil, {w.shift(-time.Hour, 30*time.Minute)}} {
			w.news.mu.Lock()
			w.news.at, w.news.shifts[alice] = old, stale
			w.news.mu.Unlock()
			must(t, w.engine.FollowFacts(t.Context(), access.Snapshot{}, snapshotOf(access.SourceOnCall, old)))
			w.wantEnd(g.ID, 4*time.Hour)
		}
	})
}

// A node that took its time follows nothing of what has since been followed, also
// where that left everything as it was.
func TestOlderSnapshotThatComesLateMovesNothing(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
		g := w.mustBind()
		w.pass(time.Minute)
		old := w.ledger.Now()
		w.pass(time.Minute)
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour-2*time.Minute))
		must(t, w.engine.TakeSnapshot(t.Context(), snapshotOf(access.SourceOnCall, w.ledger.Now())))
		for _, late := range [][]access.Shift{nil, {w.shift(-time.Hour, 4*time.Hour)}} {
			w.news.set(func(n *news) { n.at, n.shifts[alice] = old, late })
			must(t, w.engine.FollowFacts(t.Context(), access.Snapshot{}, snapshotOf(access.SourceOnCall, old)))
			w.wantEnd(g.ID, 2*time.Hour-2*time.Minute)
		}
		w.wantMoves(g.ID, 0)
	})
}

func TestMoveLeavesOtherGrantsOnTheBindingAlone(t *testing.T) {
	inSharedNews := func(w *world) { w.shared = true }
	inNews(t, inSharedNews, func(t *testing.T, w *world) {
		w.hearShifts(w.shift(-time.Hour, 3*time.Hour))
		bound := w.mustBind()
		other := w.mustAskAnyway(2 * time.Hour)
		if other.BindingID != bound.BindingID {
			t.Fatal("the grants do not share a binding")
		}
		w.pass(time.Minute)
		w.hearShifts()
		w.wantEndedFor(bound.ID, access.EndOffCall)
		w.wantEnd(other.ID, 2*time.Hour-time.Minute)
		w.wantVerbs(provision)
		w.pass(time.Second)
		w.wantCheck(true, "lease")
		s, known := w.lease.Standing(t.Context(), bound.Entitled)
		if !known || !s.Until.Equal(other.ExpiresAt) {
			t.Fatalf("the lease says until %s (%v), want %s", s.Until, known, other.ExpiresAt)
		}
	})
}

// mustAskAnyway is mustAsk under a policy that allows it.
func (w *world) mustAskAnyway(d time.Duration) access.Grant {
	w.t.Helper()
	w.policy.set(allowAll)
	r := w.mustAsk(d)
	w.policy.set(whileOnCall(0, 10*time.Hour))
	w.settle()
	return *r.Grant
}

func TestLeaseThatWasNotToldOfAMove(t *testing.T) {
	t.Run("a sooner end: no check says yes after it", func(t *testing.T) {
		inNews(t, func(w *world) { w.shared = true; w.policy.set(whileOnCall(20*time.Second, 10*time.Minute)) }, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Minute, 3*time.Minute))
			g := w.mustBind()
			w.pass(time.Second)
			w.wantCheck(true, "lease")
			w.lease.set(func(m *moody) { m.writes = errDown })
			w.hearShifts()
			w.wantEnd(g.ID, 20*time.Second)
			w.wantCheck(true, "ledger")
			w.pass(20*time.Second + 20*time.Millisecond)
			w.wantEndedFor(g.ID, access.EndOffCall)
			w.wantCheck(false, "ledger")
			w.lease.set(func(m *moody) { m.writes = nil })
			w.pass(2 * time.Second)
			w.wantCheck(false, "lease")
		})
	})
	t.Run("a sooner end is noted with the move, for whoever survives it", func(t *testing.T) {
		noted := 0
		inNews(t, func(w *world) {
			w.shared = true
			w.policy.set(whileOnCall(20*time.Second, 10*time.Minute))
			w.step = func(name string) {
				if name != "facts.committed" {
					return
				}
				must(w.t, w.ledger.Look(w.t.Context(), func(tx *ledger.Tx) error {
					unsaid, err := tx.Unsaid()
					noted = len(unsaid)
					return err
				}))
			}
		}, func(t *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Minute, 3*time.Minute))
			w.mustBind()
			w.hearShifts()
			if noted != 1 {
				t.Fatalf("%d ends are noted, want 1", noted)
			}
		})
	})
	t.Run("a crash before it was told: the repair mends it", func(t *testing.T) {
		inNews(t, func(w *world) { w.shared = true }, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Minute, time.Minute))
			g := w.mustBind()
			w.lease.set(func(m *moody) { m.writes = errDown })
			w.hearShifts(w.shift(-time.Minute, 3*time.Minute))
			w.lease.set(func(m *moody) { m.writes = nil })
			w.pass(30 * time.Second)
			w.wantCheck(true, "lease")
			w.pass(2 * time.Minute)
			w.wantCheck(true, "lease")
			w.wantEnd(g.ID, time.Minute-30*time.Second)
			w.wantVerbs(provision)
		})
	})
}

func TestManyGrantsMoveAndABrokenOneHoldsNobodyUp(t *testing.T) {
	inNews(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		const n = 510 // more than a page
		var ids []string
		for _, g := range w.boundMany(n, access.WhileOnCall) {
			ids = append(ids, g.ID)
			w.news.set(func(n *news) { n.shifts[g.Subject] = []access.Shift{w.shift(-time.Hour, 3*time.Hour)} })
		}
		must(t, w.raw(`CREATE TRIGGER planted BEFORE UPDATE ON grants WHEN OLD.id = '`+ids[100]+`' BEGIN SELECT RAISE(ABORT, 'planted'); END`))
		w.pass(time.Second)
		now := w.ledger.Now()
		w.news.set(func(n *news) { n.at = now })
		must(t, w.engine.FollowFacts(t.Context(), access.Snapshot{}, snapshotOf(access.SourceOnCall, now)))
		moved := 0
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			grants, err := tx.GrantsByID(ids...)
			for _, g := range grants {
				if g.ExpiresAt.After(now.Add(2 * time.Hour)) {
					moved++
				}
			}
			return err
		}))
		if moved != n-1 {
			t.Fatalf("%d grants moved, want all but one of %d", moved, n)
		}
	})
}

func TestWithoutSourcesNothingMoves(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.facts.shifts = []access.Shift{w.shift(-time.Hour, 2*time.Hour)}
		w.policy.set(whileOnCall(0, 10*time.Hour))
		g := w.mustBind()
		must(t, w.engine.FollowFacts(t.Context(), access.Snapshot{}, snapshotOf(access.SourceOnCall, w.ledger.Now())))
		w.wantEnd(g.ID, 2*time.Hour)
	})
}
