package engine

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// MaxForceReason bounds, in characters, why a binding is to be declared gone.
const MaxForceReason = 1000

// ForceClose asks a second person to declare a binding gone without its target's
// word: a task. Nothing else happens before somebody approves it, and it is tried on
// as before.
func (e *Engine) ForceClose(ctx context.Context, call Call, id, reason string) (TaskItem, error) {
	if kept, found, err := replay[TaskItem](ctx, e, call); found || err != nil {
		return kept, err
	}
	reason = strings.TrimSpace(reason)
	if err := checkForceReason(reason); err != nil {
		return TaskItem{}, err
	}
	b, err := e.readBinding(ctx, id)
	if err != nil {
		return TaskItem{}, err
	}
	if err := e.authorize(ctx, call, opForceClose, bindingObject(b)); err != nil {
		return TaskItem{}, err
	}
	if call.Caller.Type != access.TypeUser { // else one person with a program's token would be both
		err := access.Denied("not_a_person", "%s is not a user; two persons declare access gone", call.Caller)
		return TaskItem{}, e.refusePerson(ctx, call, opForceClose, bindingObject(b), err)
	}
	item, err := once(ctx, e, call, nil, func(tx *ledger.Tx) (TaskItem, error) {
		t, err := openForceClose(tx, call, id, reason)
		if err != nil {
			return TaskItem{}, err
		}
		return taskItem(tx, t)
	})
	if err == nil {
		e.step("task.committed")
	}
	return item, err
}

func checkForceReason(reason string) error {
	if reason == "" {
		return access.Invalid("reason_required", "/reason", "say why the target's word is not waited for")
	}
	if n := utf8.RuneCountInString(reason); n > MaxForceReason {
		return access.Invalid("text_too_long", "/reason", "it has %d characters; %d are allowed", n, MaxForceReason)
	}
	return checkCharacters("/reason", reason)
}

func openForceClose(tx *ledger.Tx, call Call, id, reason string) (access.Task, error) {
	b, err := closable(tx, id)
	if err != nil {
		return access.Task{}, err
	}
	open, found, err := tx.OpenForceClose(id)
	if err != nil {
		return access.Task{}, err
	}
	if found {
		return access.Task{}, access.Conflict("task_open", "task %s waits already for a second person to declare this gone", open.ID)
	}
	asked, err := tx.LastRequestOn(b.Binding)
	if err != nil {
		return access.Task{}, err
	}
	t := access.Task{
		ID: access.NewID(access.KindTask, tx.Now()), Kind: access.TaskForceClose, RequestID: asked, BindingID: id,
		OpenedBy: call.Caller, Reason: reason,
	}
	event := personEvent(call, audit.TaskOpened, b.Binding, "")
	event.RequestID = audit.Text(asked)
	event.Data["task_id"], event.Data["kind"], event.Data["reason"] = t.ID, t.Kind, reason
	if err := errors.Join(tx.AddTask(t), tx.Append(event)); err != nil {
		return access.Task{}, err
	}
	return tx.Task(t.ID)
}

// closable holds the binding until the transaction ends, and reports ErrConflict
// unless it may be declared gone: nobody has access by it, and it is not known to be
// gone.
func closable(tx *ledger.Tx, id string) (ledger.Claimed, error) {
	held, err := tx.HoldClaimed(id)
	if err != nil {
		return ledger.Claimed{}, err
	}
	live, err := tx.LiveGrantsOn(id)
	b := held[id]
	switch {
	case err != nil:
		return b, err
	case b.Desired != access.Absent, len(live[id]) > 0:
		return b, access.Conflict("access_is_live", "a grant on binding %s is live; end it first", id)
	case b.Observed == access.Absent && b.NextAt == nil:
		return b, access.Conflict("nothing_to_close", "binding %s is closed: there is nothing to declare", id)
	}
	return b, nil
}

// forceClose declares gone what the task is about: the removal that was not confirmed
// when it was opened, and not one that came since. What is under way is not waited for:
// its claim is gone, so that its outcome settles nothing any more.
func (e *Engine) forceClose(tx *ledger.Tx, call Call, t access.Task, comment string) error {
	b, err := closable(tx, t.BindingID)
	if err != nil {
		return err
	}
	if b.DueAt != nil && b.DueAt.After(t.OpenedAt) {
		return access.Conflict("binding_changed", "since task %s was opened, binding %s was as it should be, and is to be closed anew "+
			"since %s: reject the task, and ask again if that is wanted", t.ID, b.ID, b.DueAt.UTC().Format(time.RFC3339))
	}
	now := tx.Now()
	event := personEvent(call, audit.BindingForced, b.Binding, comment)
	event.RequestID = audit.Text(t.RequestID)
	event.Data["task_id"], event.Data["reason"] = t.ID, t.Reason
	event.Data["asked_by"], event.Data["asked_at"] = t.OpenedBy.String(), t.OpenedAt
	event.Data["due_at"], event.Data["attempts"], event.Data["last_error"] = b.DueAt, b.Attempts, b.LastError
	b.Observed, b.ForcedAt = access.Absent, &now
	b.NextAt, b.DueAt, b.CallbackBy, b.Claim = nil, nil, nil, ""
	b.LastClass, b.LastError = "", ""
	return errors.Join(tx.PutBindings(b), tx.Append(event), e.askLater(tx, b))
}
