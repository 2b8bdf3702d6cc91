package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// keepTasks is how long a task can be read after its end.
const keepTasks = 30 * 24 * time.Hour

// AccessTask returns a task that the caller may see. Of one that it may not see it
// learns nothing: that there is one neither.
func (e *Engine) AccessTask(ctx context.Context, call Call, id string) (TaskView, error) {
	t, r, err := e.seeTask(ctx, call, id)
	if err != nil {
		return TaskView{}, err
	}
	return e.taskView(t, r), nil
}

// CancelAccessTask takes the request of a pending task back.
func (e *Engine) CancelAccessTask(ctx context.Context, call Call, id, comment string) (TaskView, error) {
	_, r, err := e.seeTask(ctx, call, id)
	if err != nil {
		return TaskView{}, err
	}
	if _, err = e.Withdraw(ctx, call, r.ID, comment); err != nil {
		return TaskView{}, asTaskState(err)
	}
	poke(e.callbackWake)
	return e.AccessTask(ctx, call, id)
}

func asTaskState(err error) error {
	if isNotPending(err) {
		return access.Conflict(codeInvalidTaskState, "the task has come to its end; only a pending one can be cancelled")
	}
	return asReused(err)
}

// seeTask returns a task with its request, if the caller may read that.
func (e *Engine) seeTask(ctx context.Context, call Call, id string) (t access.RequestTask, r RequestView, err error) {
	if e.accessRequests == nil || access.CheckID(kindAccessTask, id) != nil {
		return t, r, unknownTask()
	}
	if t, r, err = e.lookUpTask(ctx, id); err != nil {
		return t, r, err
	}
	_, err = e.readRequest(ctx, call, opRequest, r.ID)
	switch {
	case isDenied(err):
		return t, r, unknownTask()
	case err == nil && r.ClosedAt != nil && e.ledger.Now().Sub(*r.ClosedAt) > keepTasks:
		return t, r, access.Conflict(codeTaskExpired, "the task came to its end more than %d days ago", int(keepTasks.Hours())/24)
	}
	return t, r, err
}

// lookUpTask reads a task and its request as they are now.
func (e *Engine) lookUpTask(ctx context.Context, id string) (t access.RequestTask, r RequestView, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if t, err = tx.AccessTask(id); err != nil {
			return err
		}
		r, err = requestView(tx, t.RequestID)
		return err
	})
	if isNotFound(err) {
		err = unknownTask()
	}
	return t, r, err
}

func unknownTask() error {
	return &access.Error{Kind: access.ErrNotFound, Code: codeUnknownTask, Detail: "there is no such task, or none for you"}
}

// taskView is a task as its request makes it.
func (e *Engine) taskView(t access.RequestTask, r RequestView) TaskView {
	at := e.accessRequests.at(AccessRequestPath, t.ID)
	v := TaskView{Task: Task{ID: t.ID, Status: taskStatus(r.State), StatusEndpoint: at, ExpiresAt: r.LapsesAt}}
	if r.State == access.RequestPending {
		v.Task.Links = &TaskLinks{Cancel: at + "/cancel"}
	}
	if r.State == access.RequestApproved && r.Grant != nil {
		v.Result = &Result{Mode: modeReevaluate, Approval: Approval{
			ID: t.ApprovalID, ApprovedAt: r.ClosedAt, ApprovedUntil: r.Grant.ExpiresAt,
		}}
	}
	return v
}
