package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/notice"
)

var _ notice.Store = (*Engine)(nil)

// noticeFollower names how far notices are planned.
const noticeFollower = "notices"

// BeginNotices has notices begin with what happens from now on, unless they have
// begun.
func (e *Engine) BeginNotices(ctx context.Context) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if e.ledger.Alone() { // whoever claimed one is gone
			if err := tx.ReleaseNotices(); err != nil {
				return err
			}
		}
		return tx.BeginFollower(noticeFollower)
	})
}

// FollowNotices plans from a page of events. They are read beside the writers, and
// only what is planned is written, so that nothing that gives or ends access waits
// for the planning.
func (e *Engine) FollowNotices(
	ctx context.Context, page int, plan func(notice.Ledger, audit.Event) (notice.Plan, error),
) (more bool, err error) {
	var at ledger.Follower
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		at, err = tx.Follower(noticeFollower)
		return err
	})
	if err != nil || at.Head <= at.Seq {
		return false, err
	}
	var planned notice.Plan
	last := at.Seq
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{After: at.Seq, Limit: page})
		for _, sealed := range events {
			last = sealed.Seq
			var event audit.Event
			if err := json.Unmarshal(sealed.Body, &event); err != nil { // it must not hold up those after it
				e.log.Error("nobody is told of an event: it can not be read", "seq", sealed.Seq, "error", err)
				continue
			}
			p, err := plan(tx, event)
			if err != nil {
				return err
			}
			planned.Add(p)
		}
		return err
	})
	if err != nil || last == at.Seq {
		return false, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.MoveFollower(noticeFollower, at.Seq, last); err != nil {
			return err
		}
		return tx.PlanNotices(planned.Notices, ledger.NoticeChanges{
			Requests: planned.Requests, Grants: planned.Grants, Tasks: planned.Tasks, Alarms: planned.Alarms,
		})
	})
	if errors.Is(err, access.ErrConflict) {
		return true, nil // another node was first
	}
	if err == nil {
		e.step("notices.planned")
	}
	return last < at.Head, err
}

// ClaimNotices takes notices that are due.
func (e *Engine) ClaimNotices(
	ctx context.Context, owner string, lasts time.Duration, but []string, limit int,
) (claimed []access.Notice, err error) {
	due := false
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		due, err = tx.NoticesDue(but)
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		claimed, err = tx.ClaimNotices(owner, tx.Now().Add(lasts), but, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(claimed) > 0 {
		e.step("notices.claimed")
	}
	return claimed, nil
}

// RecordNotice writes down what came of a claimed notice. That one can not be
// shown is an audit event.
func (e *Engine) RecordNotice(ctx context.Context, owner string, n access.Notice, r notice.Result) error {
	why := cutText(r.Why)
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		now := tx.Now()
		switch r.Outcome {
		case notice.Shown, notice.Changed:
			return tx.ShowedNotice(owner, n, r.Place, now.Add(r.Rest))
		case notice.Failed:
			return tx.PutOffNotice(owner, n, n.Attempts+1, why, now.Add(r.Wait), now.Add(r.Rest))
		case notice.Held:
			return tx.PutOffNotice(owner, n, n.Attempts, why, now.Add(r.Wait), now.Add(r.Rest))
		case notice.Moot:
			return tx.DropNotice(owner, n, why)
		case notice.Dropped:
			return errors.Join(tx.DropNotice(owner, n, why), tx.Append(droppedEvent(n, why)))
		}
		return fmt.Errorf("a notice has no outcome %q", r.Outcome)
	})
}

func droppedEvent(n access.Notice, why string) audit.Event {
	event := audit.Event{
		Type: audit.NoticeDropped, RequestID: audit.Text(n.RequestID), GrantID: audit.Text(n.GrantID), BindingID: audit.Text(n.BindingID),
		Data: map[string]any{
			"notice_id": n.ID, "kind": n.Kind, "recipient": n.To.String(), "event_id": n.EventID, "shown": n.Shown > 0, "error": why,
		},
	}
	if n.TaskID != "" {
		event.Data["task_id"] = n.TaskID
	}
	if n.AlarmID != "" {
		event.Data["alarm_id"] = n.AlarmID
	}
	return event
}

// maxWhy bounds what is kept of the reason for which a notice was not shown.
const maxWhy = 300

// cutText makes a text one that both databases keep: PostgreSQL takes no NUL.
func cutText(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text[:min(len(text), maxWhy)], ""), "\x00", "")
}

// NoticeView is a notice with what it is about, as the ledger has it now. It is
// for whoever the notice is for: nothing is asked of policy.
func (e *Engine) NoticeView(ctx context.Context, n access.Notice) (v access.NoticeView, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		v = access.NoticeView{Notice: n, Now: tx.Now()}
		if n.To.Subject != nil {
			reader, known, err := tx.Person(*n.To.Subject)
			if err != nil {
				return err
			}
			if !known {
				reader = access.Person{Subject: *n.To.Subject}
			}
			v.Reader = &reader
		}
		return e.viewOfNotice(tx, &v)
	})
	return v, err
}

// viewOfNotice reads what a notice is about: the task, or the alarm, and the
// request with its grant and its binding, or a binding alone.
func (e *Engine) viewOfNotice(tx *ledger.Tx, v *access.NoticeView) error {
	if v.TaskID != "" {
		t, err := tx.Task(v.TaskID)
		if err != nil {
			return err
		}
		v.Task = &t
	}
	if v.AlarmID != "" {
		a, err := e.alarmView(tx, v.AlarmID)
		if err != nil {
			return err
		}
		v.Alarm = &a
	}
	switch {
	case v.RequestID != "":
		c, err := e.caseOf(tx, v.RequestID)
		v.Case, v.Grant, v.Binding = &c, c.Grant, c.Binding
		return err
	case v.BindingID != "":
		b, err := tx.Binding(v.BindingID)
		v.Binding = &b
		return err
	}
	return nil
}
