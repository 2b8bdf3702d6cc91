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

// holders are people with a live grant of two hours each.
func (w *world) holders(n int) (grants []*access.Grant) {
	w.t.Helper()
	for i := range n {
		length := access.Duration(2 * time.Hour)
		who := access.Subject{Type: "user", ID: fmt.Sprintf("holder%d@example.com", i)}
		r, err := w.engine.Submit(w.t.Context(), as(who), engine.Ask{Action: debug, Resource: acme, For: &length, Reason: "PD-1"})
		must(w.t, err)
		grants = append(grants, r.Grant)
	}
	w.settle()
	return grants
}

// endingThe lets policy end the grants, and keep the others.
func endingThe(grants ...*access.Grant) func(access.ContinueInput) (access.Continuation, error) {
	return func(in access.ContinueInput) (access.Continuation, error) {
		if slices.ContainsFunc(grants, func(g *access.Grant) bool { return g.ID == in.Grant.ID }) {
			return answers(access.ContinueEnd)(in)
		}
		return answers(access.ContinueKeep)(in)
	}
}

// live counts the grants that are active.
func (w *world) live(grants []*access.Grant) (n int) {
	w.t.Helper()
	for _, g := range grants {
		if w.grantNow(g.ID).State == access.GrantActive {
			n++
		}
	}
	return n
}

// bulk is the open task of a bulk end, if there is one.
func (w *world) bulk() *engine.TaskItem {
	w.t.Helper()
	page, err := w.engine.Tasks(w.t.Context(), as(bob), engine.TaskFilter{State: "open", Kind: "bulk_end"})
	must(w.t, err)
	if len(page.Items) == 0 {
		return nil
	}
	return &page.Items[0]
}

func TestRevisionThatEndsMuchWaitsForASecondPerson(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		live, ends int
		share      float64
		waits      bool
	}{
		"one of one is no many":         {1, 1, 0, false},
		"one of ten: just the share":    {10, 1, 0, false},
		"two of twenty: just the share": {20, 2, 0, false},
		"three of twenty":               {20, 3, 0, true},
		"two of two":                    {2, 2, 0, true},
		"half, where half is allowed":   {4, 2, 0.5, false},
		"all, where all is allowed":     {4, 4, 1, false},
		"two, where hardly any is":      {20, 2, 0.0001, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, func(w *world) { w.maxEndShare = tc.share }, func(t *testing.T, w *world) {
				grants := w.holders(tc.live)
				w.resumes(endingThe(grants[:tc.ends]...))
				w.activate("r2")
				w.pass(5 * time.Second)
				left := tc.live
				if !tc.waits {
					left -= tc.ends
				}
				if got := w.live(grants); got != left {
					t.Errorf("%d grants are live, want %d", got, left)
				}
				task := w.bulk()
				if (task != nil) != tc.waits {
					t.Fatalf("the task is %+v", task)
				}
				if task == nil {
					return
				}
				var data access.BulkEndData
				must(t, json.Unmarshal(task.Data, &data))
				if data.Revision != "r2" || data.Evaluated != int64(tc.live) || data.Ends != int64(tc.ends) || len(data.Sample) != tc.ends || task.Grant != nil {
					t.Errorf("it says %+v", data)
				}
			})
		})
	}
}

func TestSecondPersonDecidesWhetherTheBulkEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func(*world, string) (engine.TaskItem, error)
		left   int
		event  string
		state  access.TaskState
	}{
		"approved": {func(w *world, id string) (engine.TaskItem, error) {
			return w.engine.ApproveTask(w.t.Context(), as(bob), id, "meant so")
		}, 0, audit.TaskApproved, access.TaskDone},
		"rejected": {func(w *world, id string) (engine.TaskItem, error) {
			return w.engine.RejectTask(w.t.Context(), as(bob), id, "a mistake")
		}, 4, audit.TaskRejected, access.TaskRejected},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				grants := w.holders(4)
				w.resumes(answers(access.ContinueEnd))
				w.activate("r2")
				w.pass(3 * time.Second)
				item, err := tc.answer(w, w.bulk().ID)
				must(t, err)
				if item.State != tc.state || *item.ClosedBy != bob || item.Comment == "" {
					t.Errorf("answered with %+v", item)
				}
				w.pass(5 * time.Second)
				if got := w.live(grants); got != tc.left {
					t.Errorf("%d are live, want %d", got, tc.left)
				}
				events := w.eventsOf(tc.event)
				if len(events) != 1 || *events[0].Actor != bob || events[0].Revision != "r2" || fmt.Sprint(events[0].Data["ends"]) != "4" {
					t.Errorf("events are %+v", events)
				}
				if ended := w.eventsOf(audit.GrantEnded); len(ended) != 4-tc.left {
					t.Errorf("%d ended", len(ended))
				}
				w.pass(time.Minute)
				if got := w.live(grants); got != tc.left {
					t.Errorf("a minute later %d are live", got)
				}
			})
		})
	}
}

// What policy said before somebody approved may be long ago.
func TestApprovedEndsAreEvaluatedOnceMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		grants := w.holders(4)
		w.resumes(answers(access.ContinueEnd))
		w.activate("r2")
		w.pass(3 * time.Second)
		w.resumes(endingThe(grants[0]))
		_, err := w.engine.ApproveTask(t.Context(), as(bob), w.bulk().ID, "")
		must(t, err)
		w.pass(5 * time.Second)
		if got := w.live(grants); got != 3 || w.grantNow(grants[0].ID).State != access.GrantEnded {
			t.Errorf("%d are live", got)
		}
	})
}

func TestNewerRevisionTakesThePlaceOfOneThatWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		grants := w.holders(4)
		w.resumes(answers(access.ContinueEnd))
		w.activate("r2")
		w.pass(3 * time.Second)
		first := w.bulk()
		w.resumes(answers(access.ContinueKeep))
		w.activate("r3")
		w.pass(3 * time.Second)
		old, err := w.engine.Task(t.Context(), as(bob), first.ID)
		must(t, err)
		if old.State != access.TaskRejected || old.ClosedBy != nil || !strings.Contains(old.Comment, "r3") || w.bulk() != nil {
			t.Errorf("the first task is %+v", old)
		}
		if _, err := w.engine.ApproveTask(t.Context(), as(bob), first.ID, ""); !errors.Is(err, access.ErrConflict) {
			t.Errorf("approved after all: %v", err)
		}
		if events := w.eventsOf(audit.TaskRejected); len(events) != 1 || events[0].Data["superseded"] != true || events[0].Revision != "r3" || events[0].Actor != nil {
			t.Errorf("events are %+v", events)
		}
		w.pass(time.Minute)
		if got := w.live(grants); got != 4 {
			t.Errorf("%d are live", got)
		}
	})
}

// Ends that were approved, or too few to wait, and that are not done when the next
// revision comes, are that one's to say.
func TestNewerRevisionTakesThePlaceOfEndsUnderWay(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		grants := w.holders(4)
		w.resumes(answers(access.ContinueEnd))
		w.activate("r2")
		w.pass(3 * time.Second)
		id := w.bulk().ID
		w.resumes(func(access.ContinueInput) (access.Continuation, error) { return access.Continuation{}, access.ErrBusy })
		_, err := w.engine.ApproveTask(t.Context(), as(bob), id, "")
		must(t, err)
		w.pass(2 * time.Second)
		w.resumes(answers(access.ContinueEnd))
		w.activate("r3")
		w.pass(3 * time.Second)
		if w.bulk() == nil || w.live(grants) != 4 {
			t.Errorf("%d are live, and the task is %+v", w.live(grants), w.bulk())
		}
	})
}

func TestFlagsOfARevisionDoNotWait(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.holders(5)
		w.resumes(answers(access.ContinueFlag))
		w.activate("r2")
		w.pass(3 * time.Second)
		if n := len(w.tasks()); n != 5 || w.bulk() != nil {
			t.Errorf("there are %d tasks", n)
		}
	})
}

func TestFactsDoNotWaitForABulkEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		g := w.mustAsk(time.Hour).Grant
		grants := append(w.holders(3), g)
		w.resumes(answers(access.ContinueEnd))
		w.activate("r2")
		w.pass(3 * time.Second)
		w.regroup("platform")
		w.pass(3 * time.Second)
		if w.bulk() == nil || w.live(grants) != 3 || w.grantNow(g.ID).State != access.GrantEnded {
			t.Errorf("%d are live", w.live(grants))
		}
	})
}

// A process dies after each of the steps. The next goes on, and asks nobody twice
// to look at one thing.
func TestProcessThatDiesDuringABulkEndIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		grants := w.holders(9)
		w.resumes(endingThe(grants[:8]...))
		again := func() {
			w.stop()
			w.start()
			w.pass(time.Second)
		}
		w.activate("r2")
		again()
		again()
		w.pass(5 * time.Second)
		again()
		task := w.bulk()
		if task == nil || w.live(grants) != 9 {
			t.Fatalf("%d are live, the task is %+v", w.live(grants), task)
		}
		_, err := w.engine.ApproveTask(t.Context(), as(bob), task.ID, "")
		must(t, err)
		again()
		again()
		w.pass(10 * time.Second)
		if got := w.live(grants); got != 1 || len(w.tasks()) != 1 {
			t.Errorf("%d are live, and there are %d tasks", got, len(w.tasks()))
		}
	})
}

// More live grants than one page of the list, and than one batch of questions.
func TestEveryLiveGrantIsEvaluatedHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	inWorldOf(t, func(w *world) { w.idle = true }, func(t *testing.T, w *world) {
		const n = 510
		w.boundMany(n, access.WhileOnCall)
		var mu sync.Mutex
		asked := map[string]int{}
		w.resumes(func(in access.ContinueInput) (access.Continuation, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[in.Grant.ID]++
			return answers(access.ContinueKeep)(in)
		})
		w.activate("r2")
		w.pass(10 * time.Second)
		if len(asked) != n {
			t.Errorf("%d of %d were evaluated", len(asked), n)
		}
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			work, err := tx.RecheckWork()
			if work.Policy.Stage != ledger.StageDone || work.Open {
				t.Errorf("there is left %+v", work)
			}
			return err
		}))
	})
}

// A grant whose evaluation fails whatever is done holds up the ends of the others
// for a while, and not for ever.
func TestGrantThatCanNotBeEvaluatedHoldsNobodyUpForEver(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		grants := w.holders(3)
		w.resumes(endingThe(grants[0]))
		must(t, w.raw(`UPDATE decisions SET input = 'broken', output = 'broken' WHERE id = '`+grants[1].DecisionID+`'`))
		w.activate("r2")
		w.pass(10 * time.Second)
		if got := w.live(grants); got != 3 {
			t.Fatalf("%d grants are live while one was not evaluated, want 3", got)
		}
		must(t, w.raw(`UPDATE policy_verdicts SET failures = 18 WHERE failures > 0`)) // which takes a quarter of an hour
		w.pass(3 * time.Minute)
		if got := w.live(grants); got != 2 {
			t.Errorf("%d grants are live, want 2", got)
		}
		if now := w.grantNow(grants[0].ID); now.State != access.GrantEnded {
			t.Errorf("the one that is to end is %s", now.State)
		}
	})
}
