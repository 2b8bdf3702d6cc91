package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What data.api.allow is asked about before somebody sees a task, or closes one.
const (
	opTasks       = "task.list"
	opTask        = "task.read"
	opCloseTask   = "task.close"
	opApproveTask = "task.approve" // and to reject it
)

// TaskItem is a task as callers see it: something that a second person must close.
type TaskItem struct {
	ID       string              `json:"id"`
	Kind     access.TaskKind     `json:"kind"`
	State    access.TaskState    `json:"state"`
	Reason   string              `json:"reason"`
	Data     json.RawMessage     `json:"data"` // of the kind
	Subject  *access.Subject     `json:"subject"`
	Action   *access.Action      `json:"action"`
	Resource *access.ResourceRef `json:"resource"`
	Grant    *GrantView          `json:"grant"`   // with its binding; nil: it is about many, or none
	Binding  *BindingItem        `json:"binding"` // that it would declare gone; nil: it is about none, or about a grant
	OpenedBy access.Subject      `json:"opened_by"`
	OpenedAt time.Time           `json:"opened_at"`
	ClosedBy *access.Subject     `json:"closed_by"` // nil: open, or the gateway itself closed it
	ClosedAt *time.Time          `json:"closed_at"`
	Comment  string              `json:"comment"` // of whoever closed it
}

// TaskFilter narrows a list of tasks. Empty members do not narrow.
type TaskFilter struct {
	Paging
	State, Kind string
}

// Tasks lists tasks, newest first.
func (e *Engine) Tasks(ctx context.Context, call Call, f TaskFilter) (page Page[TaskItem], err error) {
	before, limit, err := f.page()
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opTasks, access.APIObject{}); err != nil {
		return page, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		tasks, err := tx.Tasks(ledger.TaskFilter{State: f.State, Kind: f.Kind, Before: before, Limit: limit + 1})
		if err != nil {
			return err
		}
		items := make([]TaskItem, len(tasks))
		for i, t := range tasks {
			if items[i], err = taskItem(tx, t); err != nil {
				return err
			}
		}
		page = cutPage(items, limit, func(t TaskItem) string { return t.ID })
		return nil
	})
	return page, err
}

// Task returns a task.
func (e *Engine) Task(ctx context.Context, call Call, id string) (item TaskItem, err error) {
	t, err := e.readTask(ctx, id)
	if err != nil {
		return item, err
	}
	if err := e.authorize(ctx, call, opTask, taskObject(t)); err != nil {
		return item, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		item, err = taskItem(tx, t)
		return err
	})
	return item, err
}

func (e *Engine) readTask(ctx context.Context, id string) (t access.Task, err error) {
	if err := access.CheckID(access.KindTask, id); err != nil {
		return t, err
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		t, err = tx.Task(id)
		return err
	})
	return t, err
}

func taskObject(t access.Task) access.APIObject {
	if t.About == nil {
		return access.APIObject{}
	}
	return access.APIObject{Subject: &t.About.Subject, Requester: &t.Requester, Resource: &t.About.Resource, Action: &t.About.Action}
}

func taskItem(tx *ledger.Tx, t access.Task) (TaskItem, error) {
	item := TaskItem{
		ID: t.ID, Kind: t.Kind, State: t.State, Reason: t.Reason, Data: t.Data, OpenedBy: t.OpenedBy, OpenedAt: t.OpenedAt,
		ClosedBy: t.ClosedBy, ClosedAt: t.ClosedAt, Comment: t.Comment,
	}
	if item.Data == nil {
		item.Data = json.RawMessage("null")
	}
	if t.About == nil {
		return item, nil
	}
	item.Subject, item.Action, item.Resource = &t.About.Subject, &t.About.Action, &t.About.Resource
	if t.GrantID == "" {
		b, err := bindingItem(tx, t.BindingID)
		item.Binding = &b
		return item, err
	}
	g, err := grantView(tx, t.GrantID)
	item.Grant = &g
	return item, err
}

// answer is what somebody does to a task, and what becomes of it.
type taskAnswer struct {
	operation, event, verb string
	to                     access.TaskState
	kinds                  []access.TaskKind // that can be answered so
}

func closing() taskAnswer {
	return taskAnswer{opCloseTask, audit.TaskClosed, "closed", access.TaskDone, []access.TaskKind{access.TaskFlag, access.TaskAfterReview}}
}

func approving() taskAnswer {
	return taskAnswer{opApproveTask, audit.TaskApproved, "approved", access.TaskDone, []access.TaskKind{access.TaskBulkEnd, access.TaskForceClose}}
}

func rejecting() taskAnswer {
	return taskAnswer{opApproveTask, audit.TaskRejected, "rejected", access.TaskRejected, []access.TaskKind{access.TaskBulkEnd, access.TaskForceClose}}
}

// CloseTask says that somebody has looked at a flag, or at access that was used
// before anybody did.
func (e *Engine) CloseTask(ctx context.Context, call Call, id, comment string) (TaskItem, error) {
	return e.answerTask(ctx, call, id, comment, closing())
}

// ApproveTask has done what waited for a second person.
func (e *Engine) ApproveTask(ctx context.Context, call Call, id, comment string) (TaskItem, error) {
	return e.answerTask(ctx, call, id, comment, approving())
}

// RejectTask leaves undone what waited for a second person.
func (e *Engine) RejectTask(ctx context.Context, call Call, id, comment string) (TaskItem, error) {
	return e.answerTask(ctx, call, id, comment, rejecting())
}

func (e *Engine) answerTask(ctx context.Context, call Call, id, comment string, a taskAnswer) (TaskItem, error) {
	if kept, found, err := replay[TaskItem](ctx, e, call); found || err != nil {
		return kept, err
	}
	if err := checkText("/comment", comment); err != nil {
		return TaskItem{}, err
	}
	t, err := e.readTask(ctx, id)
	if err != nil {
		return TaskItem{}, err
	}
	if err := e.authorize(ctx, call, a.operation, taskObject(t)); err != nil {
		return TaskItem{}, err
	}
	if err := errors.Join(a.fits(t), e.secondPerson(ctx, t, call.Caller)); err != nil {
		return TaskItem{}, e.refusePerson(ctx, call, a.operation, taskObject(t), err)
	}
	comment = strings.TrimSpace(comment)
	item, err := once(ctx, e, call, nil, func(tx *ledger.Tx) (TaskItem, error) {
		if err := tx.CloseTask(id, a.to, &call.Caller, comment); err != nil {
			return TaskItem{}, err
		}
		if err := e.takeEffect(tx, call, t, a.to, comment); err != nil {
			return TaskItem{}, err
		}
		if err := tx.Append(taskEvent(call, a.event, t, comment)); err != nil {
			return TaskItem{}, err
		}
		now, err := tx.Task(id)
		if err != nil {
			return TaskItem{}, err
		}
		return taskItem(tx, now)
	})
	if err == nil {
		e.step("task.committed")
		poke(e.recheckWake)
	}
	return item, err
}

// fits reports whether a task of this kind can be answered so.
func (a taskAnswer) fits(t access.Task) error {
	for _, kind := range a.kinds {
		if t.Kind == kind {
			return nil
		}
	}
	instead := "closed"
	if a.verb == "closed" {
		instead = "approved or rejected"
	}
	return access.Invalid("wrong_task_kind", "", "a task of the kind %s can not be %s; it is %s", t.Kind, a.verb, instead)
}

// secondPerson reports ErrDenied unless s may close the task: a person, and not
// who opened it, holds the access that it is about, or asked for that.
func (e *Engine) secondPerson(ctx context.Context, t access.Task, s access.Subject) error {
	if s.Type != access.TypeUser {
		return access.Denied("not_a_person", "%s is not a user; a person must close a task", s)
	}
	about := []access.Subject{t.OpenedBy}
	if t.About != nil {
		about = append(about, t.About.Subject, t.Requester)
	}
	var own bool
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		own, err = tx.SamePerson(s, about...)
		return err
	})
	if err != nil {
		return err
	}
	if own {
		return access.Denied("own_task", "%s can not close a task about what they did, hold or asked for; another person must", s)
	}
	return nil
}

// takeEffect does what the answer to a task means.
func (e *Engine) takeEffect(tx *ledger.Tx, call Call, t access.Task, to access.TaskState, comment string) error {
	switch {
	case t.Kind == access.TaskBulkEnd:
		return answerBulkEnd(tx, t, to)
	case t.Kind == access.TaskForceClose && to == access.TaskDone:
		return e.forceClose(tx, call, t, comment)
	}
	return nil
}

// answerBulkEnd lets the ends that waited go on, or leaves them.
func answerBulkEnd(tx *ledger.Tx, t access.Task, to access.TaskState) error {
	var data access.BulkEndData
	if err := json.Unmarshal(t.Data, &data); err != nil {
		return err
	}
	waiting := ledger.PolicyRecheck{Revision: data.Revision, Stage: ledger.StageWaiting}
	if to == access.TaskDone {
		return tx.MovePolicyRecheck(waiting, ledger.PolicyRecheck{Stage: ledger.StageEnding})
	}
	return errors.Join(tx.MovePolicyRecheck(waiting, ledger.PolicyRecheck{Stage: ledger.StageDone}), tx.ForgetVerdicts())
}

// taskEvent tells what became of a task.
func taskEvent(call Call, typ string, t access.Task, comment string) audit.Event {
	event := call.event(typ)
	if t.About != nil {
		event = event.About(*t.About)
	}
	event.RequestID, event.GrantID, event.BindingID = audit.Text(t.RequestID), audit.Text(t.GrantID), audit.Text(t.BindingID)
	event.Data = map[string]any{"task_id": t.ID, "kind": t.Kind, "comment": comment}
	var bulk access.BulkEndData
	if t.Kind == access.TaskBulkEnd && json.Unmarshal(t.Data, &bulk) == nil {
		event.Revision = audit.Text(bulk.Revision)
		event.Data["ends"], event.Data["evaluated"] = bulk.Ends, bulk.Evaluated
	}
	return event
}
