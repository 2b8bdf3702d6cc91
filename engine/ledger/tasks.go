package ledger

import (
	"database/sql"
	"encoding/json"

	"github.com/curfew-access/curfew/engine/access"
)

// OpenTask records something about a grant that a second person must close.
func (tx *Tx) OpenTask(id string, kind access.TaskKind, g access.Grant, by access.Subject, reason string) error {
	return tx.AddTask(access.Task{
		ID: id, Kind: kind, RequestID: g.RequestID, GrantID: g.ID, BindingID: g.BindingID, OpenedBy: by, Reason: reason,
	})
}

// AddTask stores a new task, open. What it is not about is empty.
func (tx *Tx) AddTask(t access.Task) error {
	var remind any
	if t.Kind == access.TaskAfterReview {
		remind = micros(tx.now.Add(access.RemindTask))
	}
	return tx.exec(`
		INSERT INTO tasks (id, kind, request_id, grant_id, binding_id, opened_by, reason, data, created_at, remind_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open')`,
		t.ID, string(t.Kind), textOrNull(t.RequestID), textOrNull(t.GrantID), textOrNull(t.BindingID), t.OpenedBy.String(), t.Reason,
		textOrNull(string(t.Data)), micros(tx.now), remind)
}

const taskColumns = `SELECT t.id, t.kind, t.state, t.request_id, t.grant_id, t.binding_id, t.opened_by, t.created_at, t.reason, t.data,
	t.closed_by, t.closed_at, t.comment, b.subject, b.action, b.resource, r.requester
	FROM tasks t LEFT JOIN bindings b ON b.id = t.binding_id LEFT JOIN requests r ON r.id = t.request_id`

// Task returns a task.
func (tx *Tx) Task(id string) (access.Task, error) {
	return one(tx, scanTask, "task", id, taskColumns+` WHERE t.id = $1`, id)
}

// TaskFilter narrows a list of tasks. Empty members do not narrow.
type TaskFilter struct {
	State, Kind, GrantID, BindingID string

	Before string // ids below this one: the cursor
	Limit  int
}

// Tasks lists tasks, newest first.
func (tx *Tx) Tasks(f TaskFilter) ([]access.Task, error) {
	w := where{}
	w.add(f.Before != "", `t.id < `, f.Before)
	w.add(f.State != "", `t.state = `, f.State)
	w.add(f.Kind != "", `t.kind = `, f.Kind)
	w.add(f.GrantID != "", `t.grant_id = `, f.GrantID)
	w.add(f.BindingID != "", `t.binding_id = `, f.BindingID)
	return all(tx, scanTask, taskColumns+w.String()+` ORDER BY t.id DESC LIMIT `+w.bind(f.Limit), w.args...)
}

// OpenFlag returns the open flag about a grant, of which there is one at the most.
func (tx *Tx) OpenFlag(grantID string) (t access.Task, found bool, err error) {
	flags, err := tx.Tasks(TaskFilter{State: string(access.TaskOpen), Kind: string(access.TaskFlag), GrantID: grantID, Limit: 1})
	if err != nil || len(flags) == 0 {
		return t, false, err
	}
	return flags[0], true, nil
}

// OpenForceClose returns the open task that would have the binding declared gone, of
// which there is one at the most.
func (tx *Tx) OpenForceClose(bindingID string) (t access.Task, found bool, err error) {
	open, err := tx.Tasks(TaskFilter{State: string(access.TaskOpen), Kind: string(access.TaskForceClose), BindingID: bindingID, Limit: 1})
	if err != nil || len(open) == 0 {
		return t, false, err
	}
	return open[0], true, nil
}

// SetTaskData changes what an open task says.
func (tx *Tx) SetTaskData(id string, data json.RawMessage) error {
	return tx.changed(taskNotOpen(id), `UPDATE tasks SET data = $2 WHERE id = $1 AND state = 'open'`, id, string(data))
}

// CloseTask moves an open task to a final state. by is nil for the gateway itself.
func (tx *Tx) CloseTask(id string, to access.TaskState, by *access.Subject, comment string) error {
	var who any
	if by != nil {
		who = by.String()
	}
	return tx.changed(taskNotOpen(id), `
		UPDATE tasks SET prior_state = state, state = $2, closed_by = $3, closed_at = $4, comment = $5
		 WHERE id = $1 AND state = 'open'`, id, string(to), who, micros(tx.now), comment)
}

func taskNotOpen(id string) error {
	return access.Conflict("task_not_open", "task %s is not open any more", id)
}

func scanTask(row scanner) (t access.Task, err error) {
	var requestID, grantID, bindingID, data, closedBy, comment, subject, action, resource, requester sql.NullString
	var openedBy string
	var openedAt int64
	var closedAt sql.NullInt64
	err = row.Scan(&t.ID, &t.Kind, &t.State, &requestID, &grantID, &bindingID, &openedBy, &openedAt, &t.Reason, &data,
		&closedBy, &closedAt, &comment, &subject, &action, &resource, &requester)
	if err != nil {
		return t, err
	}
	t.RequestID, t.GrantID, t.BindingID, t.Comment = requestID.String, grantID.String, bindingID.String, comment.String
	t.OpenedBy, t.OpenedAt, t.ClosedAt = subjectOf(openedBy), fromMicros(openedAt), timePtr(closedAt)
	if data.Valid {
		t.Data = json.RawMessage(data.String)
	}
	if closedBy.Valid {
		by := subjectOf(closedBy.String)
		t.ClosedBy = &by
	}
	if subject.Valid {
		t.About = &access.Entitled{
			Subject: subjectOf(subject.String), Action: access.Action{Name: action.String}, Resource: resourceOf(resource.String),
		}
	}
	if requester.Valid {
		t.Requester = subjectOf(requester.String)
	}
	return t, nil
}

// taskCounts counts what is open, by the index of that.
func (tx *Tx) taskCounts() (c access.TaskCounts, err error) {
	_, err = all(tx, func(row scanner) (struct{}, error) {
		var kind access.TaskKind
		var n int64
		if err := row.Scan(&kind, &n); err != nil {
			return struct{}{}, err
		}
		switch kind {
		case access.TaskAfterReview:
			c.AfterReview = n
		case access.TaskFlag:
			c.Flag = n
		case access.TaskBulkEnd:
			c.BulkEnd = n
		case access.TaskForceClose:
			c.ForceClose = n
		}
		return struct{}{}, nil
	}, `SELECT kind, COUNT(*) FROM tasks WHERE state = 'open' GROUP BY kind`)
	return c, err
}
