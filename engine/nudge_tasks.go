package engine

import (
	"context"
	"errors"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// remindTasks asks again, once a day, for tasks that nobody has closed.
func (e *Engine) remindTasks(ctx context.Context) (n int, err error) {
	var due []access.Task
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		due, err = tx.TasksToRemind(sweepBatch)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(due), eachAlone(ctx, e, "task", due, func(t access.Task) string { return t.ID }, remindTask)
}

func remindTask(tx *ledger.Tx, t access.Task) error {
	err := tx.RemindTask(t.ID, tx.Now().Add(access.RemindTask))
	if errors.Is(err, access.ErrConflict) {
		return nil // it was closed, or another node was first
	}
	event := taskEvent(Call{}, audit.TaskReminded, t, "")
	event.Data = map[string]any{"task_id": t.ID, "kind": t.Kind, "opened_at": t.OpenedAt}
	return errors.Join(err, tx.Append(event))
}
