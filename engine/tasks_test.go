package engine_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// flagged is alice's live grant with the flag about it.
func (w *world) flagged() engine.TaskItem {
	w.t.Helper()
	w.resumes(answers(access.ContinueFlag))
	w.mustAsk(time.Hour)
	w.recatalogue("gold")
	w.pass(2 * time.Second)
	return w.tasks()[0]
}

func TestTaskIsClosedByASecondPerson(t *testing.T) {
	t.Parallel()
	robot := access.Subject{Type: "service", ID: "ci"}
	for name, tc := range map[string]struct {
		caller access.Subject
		answer func(*engine.Engine) func(*testing.T, engine.Call, string) error
		code   string
	}{
		"a reviewer closes it":     {bob, closes, ""},
		"not the holder":           {alice, closes, "own_task"},
		"not a service":            {robot, closes, "not_a_person"},
		"it is not to be approved": {bob, approves, "wrong_task_kind"},
		"and not to be rejected":   {bob, rejects, "wrong_task_kind"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				task := w.flagged()
				if err := tc.answer(w.engine)(t, as(tc.caller), task.ID); access.CodeOf(err) != tc.code {
					t.Fatalf("got %v, want %q", err, tc.code)
				}
				now, err := w.engine.Task(t.Context(), as(bob), task.ID)
				must(t, err)
				if open := now.State == access.TaskOpen; open != (tc.code != "") {
					t.Errorf("it is %s", now.State)
				}
				if closed := w.eventsOf(audit.TaskClosed); tc.code == "" && (len(closed) != 1 || *closed[0].Actor != bob || string(closed[0].GrantID) != task.Grant.ID) {
					t.Errorf("events are %+v", closed)
				}
			})
		})
	}
}

func closes(e *engine.Engine) func(*testing.T, engine.Call, string) error {
	return func(t *testing.T, call engine.Call, id string) error {
		_, err := e.CloseTask(t.Context(), call, id, "looked at")
		return err
	}
}

func approves(e *engine.Engine) func(*testing.T, engine.Call, string) error {
	return func(t *testing.T, call engine.Call, id string) error {
		_, err := e.ApproveTask(t.Context(), call, id, "")
		return err
	}
}

func rejects(e *engine.Engine) func(*testing.T, engine.Call, string) error {
	return func(t *testing.T, call engine.Call, id string) error {
		_, err := e.RejectTask(t.Context(), call, id, "")
		return err
	}
}

func TestAfterReviewIsNotClosedByWhoAskedForTheAccess(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(func(in access.Input) access.Decision {
			d := allowAll(in)
			d.Obligations.AfterReview = true
			return d
		})
		ask := askFor(time.Hour)
		ask.Subject = &bob
		_, err := w.engine.Submit(t.Context(), as(alice), ask)
		must(t, err)
		task := w.tasks()[0]
		if task.Kind != access.TaskAfterReview || task.OpenedBy != alice {
			t.Fatalf("the task is %+v", task)
		}
		also := access.Subject{Type: "user", ID: "a.other@example.com"}
		must(t, w.engine.LoadPeople(t.Context(), "more", []access.Person{{Subject: alice, Emails: []string{also.ID}}}))
		for _, own := range []access.Subject{alice, bob, also} {
			if _, err := w.engine.CloseTask(t.Context(), as(own), task.ID, ""); access.CodeOf(err) != "own_task" {
				t.Errorf("%s: %v", own, err)
			}
		}
		if _, err := w.engine.CloseTask(t.Context(), as(dave), task.ID, ""); err != nil {
			t.Error(err)
		}
	})
}

func TestTaskIsClosedOnceWhoeverComesAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		task := w.flagged()
		faults := make([]error, 2)
		var closing sync.WaitGroup
		for i, who := range []access.Subject{bob, dave} {
			closing.Go(func() { _, faults[i] = w.engine.CloseTask(t.Context(), as(who), task.ID, "") })
		}
		closing.Wait()
		if (faults[0] == nil) == (faults[1] == nil) || !errors.Is(errors.Join(faults...), access.ErrConflict) || access.CodeOf(errors.Join(faults...)) != "task_not_open" {
			t.Errorf("got %v", faults)
		}
		if events := w.eventsOf(audit.TaskClosed); len(events) != 1 {
			t.Errorf("there are %d events", len(events))
		}
	})
}

func TestRepeatedCloseHasOneEffect(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		task := w.flagged()
		call := as(bob)
		call.Once = engine.Once{Route: "POST /v1/tasks/" + task.ID + "/close", Key: "k", BodyHash: "h"}
		for range 2 {
			if item, err := w.engine.CloseTask(t.Context(), call, task.ID, "seen"); err != nil || item.State != access.TaskDone || item.Comment != "seen" {
				t.Errorf("got %+v, %v", item, err)
			}
		}
		if events := w.eventsOf(audit.TaskClosed); len(events) != 1 {
			t.Errorf("there are %d events", len(events))
		}
	})
}

func TestTasksAreListedByStateAndKindInPages(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.resumes(answers(access.ContinueFlag))
		w.holders(5)
		w.activate("r2")
		w.pass(2 * time.Second)
		var seen []string
		for cursor := ""; ; {
			page, err := w.engine.Tasks(t.Context(), as(bob), engine.TaskFilter{Paging: engine.Paging{Limit: 2, Cursor: cursor}})
			must(t, err)
			for _, item := range page.Items {
				if len(seen) > 0 && item.ID >= seen[len(seen)-1] {
					t.Error("they are not newest first")
				}
				seen = append(seen, item.ID)
			}
			if page.NextCursor == nil {
				break
			}
			cursor = *page.NextCursor
		}
		_, err := w.engine.CloseTask(t.Context(), as(bob), seen[0], "")
		must(t, err)
		for state, n := range map[string]int{"open": 4, "done": 1, "rejected": 0} {
			page, err := w.engine.Tasks(t.Context(), as(bob), engine.TaskFilter{State: state, Kind: "flag"})
			if err != nil || len(page.Items) != n {
				t.Errorf("%s: %d tasks, %v", state, len(page.Items), err)
			}
		}
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			f, err := tx.Figures()
			if f.Tasks != (access.TaskCounts{Flag: 4}) {
				t.Errorf("counted are %+v", f.Tasks)
			}
			return err
		}))
	})
}

func TestTaskThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, id := range []string{"tsk_nonsense", access.NewID(access.KindTask, w.ledger.Now())} {
			_, read := w.engine.Task(t.Context(), as(bob), id)
			_, closed := w.engine.CloseTask(t.Context(), as(bob), id, "")
			if !errors.Is(read, access.ErrNotFound) || !errors.Is(closed, access.ErrNotFound) {
				t.Errorf("%s: %v, %v", id, read, closed)
			}
		}
	})
}
