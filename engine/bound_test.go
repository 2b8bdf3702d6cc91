package engine_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Alice is on call until in two hours. What is heard after ten minutes moves her
// grant, whose time is counted from then.
func TestBoundGrantFollowsItsShift(t *testing.T) {
	for name, tc := range map[string]struct {
		heard func(*world) []access.Shift
		want  time.Duration
		moved int
	}{
		"nothing new moves nothing": {
			func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Hour, 110*time.Minute)} }, 110 * time.Minute, 0,
		},
		"less than a second is nothing new": {
			func(w *world) []access.Shift {
				return []access.Shift{w.shift(-time.Hour, 110*time.Minute+900*time.Millisecond)}
			}, 110 * time.Minute, 0,
		},
		"an extended shift": {func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Hour, 3*time.Hour)} }, 3 * time.Hour, 1},
		"a shortened shift": {func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Hour, time.Hour)} }, time.Hour, 1},
		"a shift that follows at once continues it": {func(w *world) []access.Shift {
			return []access.Shift{w.shift(-time.Hour, 110*time.Minute), w.shift(110*time.Minute, 4*time.Hour)}
		}, 4 * time.Hour, 1},
		"one of another schedule does not": {func(w *world) []access.Shift {
			return []access.Shift{w.shift(-time.Hour, 110*time.Minute), w.shiftOf("other", -time.Hour, 4*time.Hour)}
		}, 110 * time.Minute, 0},
		"it never goes beyond the cap": {
			func(w *world) []access.Shift { return []access.Shift{w.shift(-time.Hour, 100*time.Hour)} }, 10*time.Hour - 10*time.Minute, 1,
		},
		"a shift of which the end is not known any more": {
			func(w *world) []access.Shift { return []access.Shift{w.openShift()} }, time.Hour, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, unchanged, func(t *testing.T, w *world) {
				w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
				g := w.mustBind()
				w.wantEnd(g.ID, 2*time.Hour)
				w.pass(10 * time.Minute)
				w.hearShifts(tc.heard(w)...)
				w.wantEnd(g.ID, tc.want)
				w.wantMoves(g.ID, tc.moved)
				if tc.want > 2*time.Hour {
					return // a long time to sweep through
				}
				w.pass(tc.want - time.Minute)
				w.wantCheck(true, "lease")
				w.pass(time.Minute + 30*time.Millisecond)
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
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
		g := w.mustBind()
		w.pass(10 * time.Minute)
		w.hearShifts()
		w.wantEndedFor(g.ID, access.EndOffCall)
		w.wantVerbs(provision, deprovision)
		w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
		w.wantEndedFor(g.ID, access.EndOffCall)
		if live, _ := w.check(w.engine); live {
			t.Fatal("the grant is live again")
		}
	})
}

func TestOffCallEndsTheGrantAfterTheGrace(t *testing.T) {
	grace := func(w *world) { w.policy.set(whileOnCall(20*time.Minute, 10*time.Hour)) }
	t.Run("whatever later polls say", func(t *testing.T) {
		inNews(t, grace, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
			g := w.mustBind()
			w.wantEnd(g.ID, 2*time.Hour+20*time.Minute)
			w.hearShifts()
			w.wantEnd(g.ID, 20*time.Minute)
			for range 3 {
				w.pass(5 * time.Minute)
				w.hearShifts()
			}
			w.wantEnd(g.ID, 5*time.Minute)
			w.pass(5*time.Minute + 20*time.Millisecond)
			w.wantEndedFor(g.ID, access.EndOffCall)
			w.wantMoves(g.ID, 1, "off_call")
		})
	})
	t.Run("but not if the subject is on call again before", func(t *testing.T) {
		inNews(t, grace, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
			g := w.mustBind()
			w.hearShifts()
			w.pass(5 * time.Minute)
			w.hearShifts(w.shift(0, 30*time.Minute))
			w.wantEnd(g.ID, 50*time.Minute)
			w.wantMoves(g.ID, 2, "off_call", "shift_again")
			w.pass(50 * time.Minute)
			w.wantEndedFor(g.ID, access.EndExpired)
		})
	})
	t.Run("an end that was known all the time is no early one", func(t *testing.T) {
		inNews(t, grace, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
			g := w.mustBind()
			w.pass(2*time.Hour + 10*time.Minute)
			w.hearShifts()
			w.wantEnd(g.ID, 10*time.Minute)
			w.pass(10*time.Minute + 20*time.Millisecond)
			w.wantEndedFor(g.ID, access.EndExpired)
			w.wantMoves(g.ID, 0)
		})
	})
}

func TestOpenShiftIsRenewedInSteps(t *testing.T) {
	inNews(t, func(w *world) { w.policy.set(whileOnCall(0, 2*time.Hour)) }, func(_ *testing.T, w *world) {
		w.hearShifts(w.openShift())
		g := w.mustBind()
		w.wantEnd(g.ID, time.Hour)
		w.pass(25 * time.Minute)
		w.hearShifts(w.openShift())
		w.wantEnd(g.ID, 35*time.Minute) // more than half of a step is left
		w.pass(10 * time.Minute)
		w.hearShifts(w.openShift())
		w.wantEnd(g.ID, time.Hour)
		w.pass(40 * time.Minute)
		w.hearShifts(w.openShift())
		w.wantEnd(g.ID, 45*time.Minute) // the cap
		for range 4 {
			w.pass(10 * time.Minute)
			w.hearShifts(w.openShift())
		}
		w.wantMoves(g.ID, 2, "renewed", "renewed")
		w.pass(5 * time.Minute)
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
			old := snapshotOf(access.SourceOnCall, w.ledger.Now().Add(-time.Hour))
			must(w.t, w.engine.FollowFacts(w.t.Context(), access.Snapshot{}, old))
		},
		"the snapshot is of incidents": func(w *world) { w.hear(access.SourceIncidents, ends) },
	} {
		t.Run(name, func(t *testing.T) {
			inNews(t, unchanged, func(_ *testing.T, w *world) {
				w.hearShifts(w.shift(-time.Hour, 2*time.Hour))
				g := w.mustBind()
				w.pass(10 * time.Minute)
				heard(w)
				w.wantEnd(g.ID, 110*time.Minute)
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
		inNews(t, func(w *world) { w.shared = true; w.policy.set(whileOnCall(20*time.Minute, 10*time.Hour)) }, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Hour, 3*time.Hour))
			g := w.mustBind()
			w.pass(time.Second)
			w.wantCheck(true, "lease")
			w.lease.set(func(m *moody) { m.writes = errDown })
			w.hearShifts()
			w.wantEnd(g.ID, 20*time.Minute)
			w.wantCheck(true, "ledger")
			w.pass(20*time.Minute + 20*time.Millisecond)
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
			w.policy.set(whileOnCall(20*time.Minute, 10*time.Hour))
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
			w.hearShifts(w.shift(-time.Hour, 3*time.Hour))
			w.mustBind()
			w.hearShifts()
			if noted != 1 {
				t.Fatalf("%d ends are noted, want 1", noted)
			}
		})
	})
	t.Run("a crash before it was told: the repair mends it", func(t *testing.T) {
		inNews(t, func(w *world) { w.shared = true }, func(_ *testing.T, w *world) {
			w.hearShifts(w.shift(-time.Hour, time.Hour))
			g := w.mustBind()
			w.lease.set(func(m *moody) { m.writes = errDown })
			w.hearShifts(w.shift(-time.Hour, 3*time.Hour))
			w.lease.set(func(m *moody) { m.writes = nil })
			w.pass(30 * time.Second)
			w.wantCheck(true, "lease")
			w.pass(2 * time.Hour)
			w.wantCheck(true, "lease")
			w.wantEnd(g.ID, time.Hour-30*time.Second)
			w.wantVerbs(provision)
		})
	})
}

func TestManyGrantsMoveAndABrokenOneHoldsNobodyUp(t *testing.T) {
	inNews(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		const n = 1100 // more than two pages
		var ids []string
		for i := range n {
			s := access.Subject{Type: "user", ID: fmt.Sprintf("user%d@example.com", i)}
			w.news.mu.Lock()
			w.news.shifts[s] = []access.Shift{w.shift(-time.Hour, 2*time.Hour)}
			w.news.mu.Unlock()
			while := access.WhileOnCall
			r, err := w.engine.Submit(t.Context(), as(s), engine.Ask{Action: debug, Resource: acme, While: &while, Reason: "PD-1"})
			must(t, err)
			ids = append(ids, r.Grant.ID)
		}
		must(t, w.raw(`CREATE TRIGGER planted BEFORE UPDATE ON grants WHEN OLD.id = '`+ids[700]+`' BEGIN SELECT RAISE(ABORT, 'planted'); END`))
		w.pass(time.Minute)
		w.news.mu.Lock()
		for s := range w.news.shifts {
			w.news.shifts[s] = []access.Shift{w.shift(-time.Hour, 5*time.Hour)}
		}
		w.news.mu.Unlock()
		now := w.ledger.Now()
		if err := w.engine.FollowFacts(t.Context(), access.Snapshot{}, snapshotOf(access.SourceOnCall, now)); err == nil {
			t.Fatal("nothing is said of the broken one")
		}
		moved := 0
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			grants, err := tx.GrantsByID(ids...)
			for _, g := range grants {
				if g.ExpiresAt.After(now.Add(4 * time.Hour)) {
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
