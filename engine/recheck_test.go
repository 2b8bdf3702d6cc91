package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// answers lets policy answer every live grant with the action.
func answers(action access.ContinueAction) func(access.ContinueInput) (access.Continuation, error) {
	return func(access.ContinueInput) (access.Continuation, error) {
		return access.Continuation{Action: action, Reasons: []access.Reason{{Code: "moved_on", Title: "Moved on", Detail: "It has."}}}, nil
	}
}

// resumes sets what policy says of live grants.
func (w *world) resumes(resume func(access.ContinueInput) (access.Continuation, error)) {
	w.policy.mu.Lock()
	defer w.policy.mu.Unlock()
	w.policy.resume = resume
}

// activate brings another revision of the policies into force, as a delivery does:
// in the ledger first.
func (w *world) activate(name string) {
	w.t.Helper()
	must(w.t, w.engine.ActivatePolicy(w.t.Context(), access.PolicyRevision{Name: name, Source: "test"}))
	w.policy.mu.Lock()
	w.policy.name = name
	w.policy.mu.Unlock()
}

// recatalogue changes a property of acme.
func (w *world) recatalogue(tier string) {
	w.t.Helper()
	_, err := w.engine.SyncResources(w.t.Context(), "seed", access.Catalogue{Resources: []access.Resource{{
		Type: "customer", ID: "acme", Name: "Acme", Properties: map[string]any{"owner": "payments", "tier": tier},
		Entitlements: []access.Entitlement{{Action: "debug", Durations: []access.Duration{access.Duration(time.Hour), access.Duration(2 * time.Hour)}, Target: "box"}},
	}}})
	must(w.t, err)
}

func (w *world) regroup(groups ...string) {
	w.t.Helper()
	must(w.t, w.engine.LoadPeople(w.t.Context(), "file", []access.Person{
		{Subject: alice, Groups: groups}, {Subject: bob, Groups: []string{"security"}}, {Subject: dave, Groups: []string{"security"}},
	}))
}

// onCallNow is a snapshot in which they are on call.
func (w *world) onCallNow(who ...access.Subject) access.Snapshot {
	s := access.Snapshot{Source: "rota", Kind: access.SourceOnCall, FetchedAt: w.ledger.Now()}
	for _, subject := range who {
		start := s.FetchedAt.Add(-time.Hour)
		s.Shifts = append(s.Shifts, access.HeldShift{Subject: subject, Shift: access.Shift{Schedule: &access.Ref{ID: "S"}, Level: 1, Start: &start}})
	}
	return s
}

// asked counts what policy was asked about live grants, and remembers it.
type questions struct {
	mu  sync.Mutex
	ins []access.ContinueInput
}

func (q *questions) asking(action access.ContinueAction) func(access.ContinueInput) (access.Continuation, error) {
	return func(in access.ContinueInput) (access.Continuation, error) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.ins = append(q.ins, in)
		return answers(action)(in)
	}
}

func (q *questions) take() []access.ContinueInput {
	q.mu.Lock()
	defer q.mu.Unlock()
	ins := q.ins
	q.ins = nil
	return ins
}

// stirs are the ways in which something changes under alice's live grant, and the
// cause that each is.
func stirs() map[access.Cause]func(*testing.T, *world) {
	return map[access.Cause]func(*testing.T, *world){
		access.CauseResource: func(_ *testing.T, w *world) { w.recatalogue("gold") },
		access.CauseGroups:   func(_ *testing.T, w *world) { w.regroup("platform") },
		access.CausePolicy:   func(_ *testing.T, w *world) { w.activate("r2") },
		access.CauseOnCall: func(t *testing.T, w *world) {
			before := w.onCallNow(alice, bob)
			w.pass(time.Second)
			must(t, w.engine.FollowFacts(t.Context(), before, w.onCallNow(bob)))
		},
		access.CauseIncidents: func(t *testing.T, w *world) {
			before := access.Snapshot{Source: "pd.incidents", Kind: access.SourceIncidents, FetchedAt: w.ledger.Now()}
			now := before
			now.Incidents = []access.OpenIncident{{
				Incident: access.Incident{ID: "I1"}, Parts: []access.IncidentPart{{Subject: alice, Role: access.RoleAssignee}},
			}}
			must(t, w.engine.FollowFacts(t.Context(), before, now))
		},
	}
}

func TestEachChangeHasTheLiveGrantEvaluatedAgain(t *testing.T) {
	t.Parallel()
	for cause, stir := range stirs() {
		for _, action := range []access.ContinueAction{access.ContinueKeep, access.ContinueFlag, access.ContinueEnd} {
			t.Run(fmt.Sprint(cause, " ", action), func(t *testing.T) {
				q, log := &questions{}, &noted{}
				inWorldOf(t, func(w *world) { w.decisions = log }, func(t *testing.T, w *world) {
					w.resumes(q.asking(action))
					g := w.mustAsk(time.Hour).Grant
					w.settle()
					stir(t, w)
					w.pass(3 * time.Second)
					w.wantAsked(q.take(), g, cause)
					if got := log.paths(); !slices.Contains(got, "access/continue") {
						t.Errorf("in the decision log are %v", got)
					}
					now := w.grantNow(g.ID)
					if ended := now.State == access.GrantEnded; ended != (action == access.ContinueEnd) {
						t.Fatalf("the grant is %s", now.State)
					}
					switch action {
					case access.ContinueEnd:
						w.wantContinued(audit.GrantEnded, cause)
						if *now.EndReason != access.EndPolicyChanged || w.target.holds() {
							t.Errorf("it ended as %s, and the target holds it: %v", *now.EndReason, w.target.holds())
						}
					case access.ContinueFlag:
						w.wantContinued(audit.TaskOpened, cause)
					case access.ContinueKeep:
					}
					if n := len(w.tasks()); n != map[access.ContinueAction]int{access.ContinueFlag: 1}[action] {
						t.Errorf("there are %d tasks", n)
					}
				})
			})
		}
	}
}

// noted is the paths of the decisions that were taken down.
type noted struct {
	mu  sync.Mutex
	all []string
}

func (n *noted) Record(e access.DecisionEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !json.Valid(e.Input) || !json.Valid(e.Result) || e.Revision == "" {
		panic("a decision is not whole")
	}
	n.all = append(n.all, e.Path)
}

func (n *noted) paths() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

// wantAsked holds what policy was asked about a grant: once, and whole.
func (w *world) wantAsked(ins []access.ContinueInput, g *access.Grant, cause access.Cause) {
	w.t.Helper()
	if len(ins) != 1 {
		if cause != access.CausePolicy || len(ins) != 2 { // before it ends for a revision it is asked about once more
			w.t.Fatalf("policy was asked %d times", len(ins))
		}
	}
	in := ins[0]
	if in.Context.Phase != access.PhaseContinue || in.Grant.ID != g.ID || in.Grant.RequestID != g.RequestID || in.Grant.Decision.ID != g.DecisionID ||
		!slices.Equal(in.Grant.Decision.Reasons, []string{"ok"}) || in.Grant.Decision.Revision != "r1" || *in.Context.ForSeconds != 3600 {
		w.t.Errorf("policy saw %+v", in)
	}
	if len(in.Context.Grants) != 0 {
		w.t.Errorf("the grant is among the others: %+v", in.Context.Grants)
	}
}

func (w *world) grantNow(id string) engine.GrantView {
	w.t.Helper()
	g, err := w.engine.Grant(w.t.Context(), as(alice), id)
	must(w.t, err)
	return g
}

// wantContinued holds the one event of the type that an evaluation led to.
func (w *world) wantContinued(typ string, cause access.Cause) {
	w.t.Helper()
	events := w.eventsOf(typ)
	if len(events) != 1 {
		w.t.Fatalf("there are %d events %s", len(events), typ)
	}
	e := events[0]
	if e.Data["cause"] != string(cause) || e.Revision == "" || e.DecisionID == "" || !strings.Contains(fmt.Sprint(e.Data["reasons"]), "moved_on") || e.Actor != nil {
		w.t.Errorf("the event is %+v", e)
	}
}

// eventsOf are the sealed events of a type.
func (w *world) eventsOf(typ string) (events []audit.Event) {
	w.t.Helper()
	w.pass(time.Second + time.Millisecond)
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		sealed, err := tx.Events(ledger.EventFilter{Type: typ, Limit: 10_000})
		for _, s := range sealed {
			var e audit.Event
			must(w.t, json.Unmarshal(s.Body, &e))
			events = append(events, e)
		}
		return err
	}))
	return events
}

func (w *world) tasks() []engine.TaskItem {
	w.t.Helper()
	page, err := w.engine.Tasks(w.t.Context(), as(bob), engine.TaskFilter{})
	must(w.t, err)
	return page.Items
}

func TestChangeOfWhatTheDecisionDoesNotDependOnAsksNobody(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		q := &questions{}
		w.resumes(q.asking(access.ContinueEnd))
		var codes []string
		w.policy.facts = func(of []string) ([]string, bool) {
			codes = of
			return []string{access.FactOnCall}, false
		}
		w.mustAsk(time.Hour)
		for _, cause := range []access.Cause{access.CauseResource, access.CauseGroups, access.CauseIncidents} {
			stirs()[cause](t, w)
			w.pass(3 * time.Second)
		}
		if ins := q.take(); len(ins) != 0 || !slices.Equal(codes, []string{"ok"}) {
			t.Errorf("asked %d times; the facts of %v", len(ins), codes)
		}
		stirs()[access.CauseOnCall](t, w)
		w.pass(3 * time.Second)
		if ins := q.take(); len(ins) != 1 {
			t.Errorf("asked %d times when the on-call facts changed", len(ins))
		}
	})
}

func TestOnlyThoseWhomTheFactsConcernAreEvaluated(t *testing.T) {
	t.Parallel()
	type step = func(w *world) (before, now access.Snapshot)
	after := func(w *world) { w.pass(time.Second) }
	for name, tc := range map[string]struct {
		step  step
		asked int
	}{
		"somebody else goes off call": {func(w *world) (before, now access.Snapshot) {
			before = w.onCallNow(alice, bob)
			after(w)
			return before, w.onCallNow(alice)
		}, 0},
		"she comes on call": {func(w *world) (before, now access.Snapshot) {
			before = w.onCallNow()
			after(w)
			return before, w.onCallNow(alice)
		}, 1},
		"her shift ends by itself": {func(w *world) (before, now access.Snapshot) {
			before, now = w.onCallNow(alice), w.onCallNow(alice)
			end := w.ledger.Now().Add(time.Millisecond)
			before.Shifts[0].End, now.Shifts[0].End = &end, &end
			after(w)
			now.FetchedAt = w.ledger.Now()
			return before, now
		}, 1},
		"only the end of her shift moves": {func(w *world) (before, now access.Snapshot) {
			before, now = w.onCallNow(alice), w.onCallNow(alice)
			end := w.ledger.Now().Add(time.Hour)
			now.Shifts[0].End = &end
			return before, now
		}, 0},
		"the source can not tell her from another any more": {func(w *world) (before, now access.Snapshot) {
			before, now = w.onCallNow(alice), w.onCallNow()
			now.Unclear = []access.Subject{alice}
			return before, now
		}, 0},
		"the source can tell her again": {func(w *world) (before, now access.Snapshot) {
			before, now = w.onCallNow(), w.onCallNow()
			before.Unclear = []access.Subject{alice}
			return before, now
		}, 1},
		"what it said before is not known": {func(w *world) (before, now access.Snapshot) {
			return access.Snapshot{}, w.onCallNow(bob)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				q := &questions{}
				w.resumes(q.asking(access.ContinueKeep))
				w.mustAsk(time.Hour)
				before, now := tc.step(w)
				must(t, w.engine.FollowFacts(t.Context(), before, now))
				w.pass(3 * time.Second)
				if n := len(q.take()); n != tc.asked {
					t.Errorf("asked %d times, want %d", n, tc.asked)
				}
			})
		})
	}
}

// What is bound to shifts follows them by itself: in its grace it is not flagged for
// them. What changes besides them is asked about.
func TestWhatIsBoundToShiftsIsNotEvaluatedForThem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		while string
		cause access.Cause
		asked int
	}{
		"shifts, when those change":           {"oncall", access.CauseOnCall, 0},
		"shifts, when incidents change":       {"oncall", access.CauseIncidents, 1},
		"shifts, when groups change":          {"oncall", access.CauseGroups, 1},
		"an incident, when shifts change":     {"incident:P1", access.CauseOnCall, 1},
		"an incident, when a part in it does": {"incident:P1", access.CauseIncidents, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				q := &questions{}
				w.resumes(q.asking(access.ContinueFlag))
				must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
					_, err := addBoundOf(tx, alice, tc.while, access.GrantActive)
					return err
				}))
				stirs()[tc.cause](t, w)
				must(t, w.engine.FollowFacts(t.Context(), access.Snapshot{}, w.onCallNow(bob))) // and when it is not known what was before
				w.pass(3 * time.Second)
				if n := len(w.tasks()); n != tc.asked {
					t.Errorf("there are %d flags, want %d", n, tc.asked)
				}
			})
		})
	}
}

// Access that began sooner than was asked for, with a shift that moved, is evaluated
// as it is now.
func TestGrantThatMovedIsEvaluatedFromWhenItBegan(t *testing.T) {
	inNews(t, unchanged, func(t *testing.T, w *world) {
		q := &questions{}
		w.resumes(q.asking(access.ContinueKeep))
		w.hearShifts(w.shift(time.Hour, 3*time.Hour))
		g := w.mustBindNext()
		w.pass(time.Minute)
		w.hearShifts(w.shift(time.Minute, 40*time.Minute))
		w.pass(2 * time.Minute)
		w.regroup("platform")
		w.pass(3 * time.Second)
		ins := q.take()
		if len(ins) != 1 || !ins[0].Context.StartsAt.Equal(w.grant(g.ID).StartsAt) {
			t.Fatalf("policy saw %+v", ins)
		}
	})
}

func TestFlagIsOneAndKeepsEachNewReason(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.resumes(answers(access.ContinueFlag))
		g := w.mustAsk(time.Hour).Grant
		w.recatalogue("gold")
		w.pass(2 * time.Second)
		w.recatalogue("silver") // the same again
		w.pass(2 * time.Second)
		w.regroup("platform")
		w.pass(2 * time.Second)
		tasks := w.tasks()
		if len(tasks) != 1 {
			t.Fatalf("there are %d tasks", len(tasks))
		}
		var data access.FlagData
		must(t, json.Unmarshal(tasks[0].Data, &data))
		if len(data.Rechecks) != 2 || data.Rechecks[0].Cause != access.CauseResource || data.Rechecks[1].Cause != access.CauseGroups {
			t.Errorf("it says %+v", data)
		}
		task := tasks[0]
		if task.Kind != access.TaskFlag || task.State != access.TaskOpen || task.Grant.ID != g.ID || task.Grant.Binding.ID != g.BindingID ||
			*task.Subject != alice || *task.Resource != acme || task.Reason != "Moved on. It has." || task.OpenedBy.String() != "service:curfew" {
			t.Errorf("the task is %+v", task)
		}
		w.wantContinued(audit.TaskUpdated, access.CauseGroups)
	})
}

func TestFlagThatWasClosedIsRaisedAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.resumes(answers(access.ContinueFlag))
		w.mustAsk(time.Hour)
		for range 2 {
			w.regroup("platform")
			w.pass(2 * time.Second)
			_, err := w.engine.CloseTask(t.Context(), as(bob), w.tasks()[0].ID, "seen")
			must(t, err)
			w.regroup("payments")
			w.pass(2 * time.Second)
			_, err = w.engine.CloseTask(t.Context(), as(bob), w.tasks()[0].ID, "seen")
			must(t, err)
		}
		if n := len(w.tasks()); n != 4 {
			t.Errorf("there were %d flags", n)
		}
	})
}

func TestPolicyThatGivesNoAnswerIsAskedAgainAndThenFlagged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var asked int
		w.resumes(func(access.ContinueInput) (access.Continuation, error) {
			asked++
			return access.Continuation{}, fmt.Errorf("no time: %w", access.ErrBusy)
		})
		w.mustAsk(2 * time.Hour)
		w.recatalogue("gold")
		w.pass(2 * time.Second)
		if asked == 0 || len(w.tasks()) != 0 {
			t.Fatalf("asked %d times, %d tasks", asked, len(w.tasks()))
		}
		w.pass(4 * time.Minute)
		tasks := w.tasks()
		if asked != 8 || len(tasks) != 1 || !strings.Contains(string(tasks[0].Data), "continue_timeout") {
			t.Errorf("asked %d times, tasks %+v", asked, tasks)
		}
	})
}

func TestGrantThatCanNotBeEvaluatedHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		grants := []*access.Grant{w.mustAsk(2 * time.Hour).Grant, w.mustAsk(time.Hour).Grant}
		w.resumes(func(in access.ContinueInput) (access.Continuation, error) {
			if in.Grant.ID == grants[0].ID {
				panic("the policy fell over")
			}
			return answers(access.ContinueEnd)(in)
		})
		w.recatalogue("gold")
		w.pass(3 * time.Second)
		if w.grantNow(grants[0].ID).State != access.GrantActive || w.grantNow(grants[1].ID).State != access.GrantEnded {
			t.Fatal("want the one kept and the other ended")
		}
		w.resumes(answers(access.ContinueEnd))
		w.pass(time.Minute)
		if w.grantNow(grants[0].ID).State != access.GrantEnded {
			t.Error("it was not tried again")
		}
	})
}

// What changes while policy thinks is seen: the answer that is acted on is on
// what holds at its commit.
func TestChangeDuringTheEvaluationIsEvaluatedToo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		g := w.mustAsk(time.Hour).Grant
		first := true
		var tiers []any
		w.resumes(func(in access.ContinueInput) (access.Continuation, error) {
			tiers = append(tiers, in.Resource.Properties["tier"])
			if first {
				first = false
				w.recatalogue("gold")
				return answers(access.ContinueEnd)(in)
			}
			return answers(access.ContinueKeep)(in)
		})
		w.recatalogue("silver")
		w.pass(3 * time.Second)
		if w.grantNow(g.ID).State != access.GrantActive || len(tiers) < 2 || tiers[0] != "silver" || tiers[len(tiers)-1] != "gold" {
			t.Errorf("it is %s, after %v", w.grantNow(g.ID).State, tiers)
		}
	})
}

// Facts are not in the ledger: that they changed again is seen by what is queued.
func TestFactsThatChangeDuringTheEvaluationAreEvaluatedToo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		g := w.mustAsk(time.Hour).Grant
		on, off := w.onCallNow(alice), w.onCallNow()
		asked := 0
		w.resumes(func(in access.ContinueInput) (access.Continuation, error) {
			if asked++; asked > 1 {
				return answers(access.ContinueKeep)(in)
			}
			must(t, w.engine.FollowFacts(t.Context(), off, on))
			return answers(access.ContinueEnd)(in)
		})
		must(t, w.engine.FollowFacts(t.Context(), on, off))
		w.pass(3 * time.Second)
		if w.grantNow(g.ID).State != access.GrantActive || asked != 2 {
			t.Errorf("it is %s, and policy was asked %d times", w.grantNow(g.ID).State, asked)
		}
	})
}

func TestProcessThatDiesBeforeTheEvaluationLeavesItToTheNext(t *testing.T) {
	t.Parallel()
	for cause, stir := range stirs() {
		if cause == access.CauseOnCall || cause == access.CauseIncidents {
			continue // the same table
		}
		t.Run(string(cause), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				g := w.mustAsk(time.Hour).Grant
				w.settle()
				w.policy.mu.Lock()
				w.policy.name = "elsewhere" // this node has not the active policies: it evaluates nothing
				w.policy.mu.Unlock()
				must(t, w.engine.ActivatePolicy(t.Context(), access.PolicyRevision{Name: "r1"}))
				q := &questions{}
				w.resumes(q.asking(access.ContinueEnd))
				stir(t, w)
				if cause == access.CausePolicy {
					w.policy.mu.Lock()
					w.policy.name = "elsewhere"
					w.policy.mu.Unlock()
				}
				w.pass(5 * time.Second)
				if n := len(q.take()); n > 0 || w.grantNow(g.ID).State != access.GrantActive {
					t.Fatalf("a node on other policies evaluated it %d times", n)
				}
				w.stop()
				w.policy.mu.Lock()
				w.policy.name = map[bool]string{true: "r2", false: "r1"}[cause == access.CausePolicy]
				w.policy.mu.Unlock()
				w.start()
				w.pass(5 * time.Second)
				if got := w.grantNow(g.ID); got.State != access.GrantEnded || *got.EndReason != access.EndPolicyChanged {
					t.Errorf("after the restart it is %s", got.State)
				}
			})
		})
	}
}

func TestOneNodeEvaluatesAtATime(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		g := w.mustAsk(time.Hour).Grant
		w.resumes(answers(access.ContinueEnd))
		must(t, w.ledger.Update(t.Context(), func(tx *ledger.Tx) error {
			mine, err := tx.TakeDuty("recheck", "another", tx.Now().Add(20*time.Second))
			if !mine {
				t.Error("the duty is taken")
			}
			return err
		}))
		w.recatalogue("gold")
		w.pass(10 * time.Second)
		if w.grantNow(g.ID).State != access.GrantActive {
			t.Fatal("it was evaluated beside the node whose duty it is")
		}
		w.pass(15 * time.Second)
		if w.grantNow(g.ID).State != access.GrantEnded {
			t.Error("nobody took over")
		}
	})
}

func TestGrantThatEndedMeanwhileIsForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		g := w.mustAsk(time.Hour).Grant
		w.resumes(func(in access.ContinueInput) (access.Continuation, error) {
			_, err := w.engine.Revoke(t.Context(), as(alice), g.ID, "done")
			if err != nil && !errors.Is(err, access.ErrConflict) {
				t.Error(err)
			}
			return answers(access.ContinueFlag)(in)
		})
		w.recatalogue("gold")
		w.pass(3 * time.Second)
		if got := w.grantNow(g.ID); *got.EndReason != access.EndRevoked || len(w.tasks()) != 0 {
			t.Errorf("it ended as %s, with %d tasks", *got.EndReason, len(w.tasks()))
		}
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			due, err := tx.DueRechecks(10)
			if len(due) > 0 {
				t.Errorf("still due: %+v", due)
			}
			return err
		}))
	})
}
