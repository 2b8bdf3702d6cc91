package ledgersuite

import (
	"errors"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// waitings: a pending request is found when its reviewers are to be asked again or
// others may answer too, until then not, and never once it is closed.
func waitings(t *testing.T, f *fixture) {
	var r access.Request
	wait := func(w ledger.Waiting) {
		f.update(func(tx *ledger.Tx) error { return errors.Join(tx.LockRequest(r.ID), tx.SetWaiting(r.ID, w)) })
	}
	f.update(func(tx *ledger.Tx) (err error) {
		r, err = addRequest(tx, what)
		return err
	})
	past, ahead := f.l.Now(), f.l.Now().Add(time.Minute)
	f.wantNudges(t, "one that nobody is to be asked about", nil, time.Time{})
	wait(ledger.Waiting{RemindAt: &ahead})
	f.wantNudges(t, "one whose reviewers have time", nil, ahead)
	wait(ledger.Waiting{RemindAt: &past, EscalateAt: &past, Reminded: 1})
	f.wantNudges(t, "one that is due twice", []string{r.ID}, past)
	wait(ledger.Waiting{RemindAt: &ahead, Reminded: 2, EscalatedAt: &past})
	f.wantNudges(t, "one that was escalated", nil, ahead)
	f.view(func(tx *ledger.Tx) error {
		w, err := tx.Waiting(r.ID)
		got, unread := tx.Request(r.ID)
		if w.Reminded != 2 || w.EscalateAt != nil || !w.EscalatedAt.Equal(past) || !w.RemindAt.Equal(ahead) || got.EscalatedAt == nil || !got.EscalatedAt.Equal(past) {
			t.Errorf("it waits as %+v (%v)", w, got.EscalatedAt)
		}
		return errors.Join(err, unread)
	})
	wait(ledger.Waiting{RemindAt: &past})
	f.update(func(tx *ledger.Tx) error { return tx.CloseRequest(r.ID, access.RequestDenied) })
	f.wantNudges(t, "one that is closed", nil, time.Time{})
}

// wantNudges holds what is due, and what is next, against what is wanted.
func (f *fixture) wantNudges(t *testing.T, name string, due []string, next time.Time) {
	t.Helper()
	f.view(func(tx *ledger.Tx) error {
		ids, err := tx.RequestsToNudge(5)
		at, unread := tx.NextNudge()
		if len(ids) != len(due) || len(ids) > 0 && ids[0] != due[0] || !at.Equal(next) {
			t.Errorf("%s: due are %v, next is %s; want %v and %s", name, ids, at, due, next)
		}
		return errors.Join(err, unread)
	})
}

// reviewedUnder: the newest decision about a request is that of its last review.
func reviewedUnder(t *testing.T, f *fixture) {
	f.update(func(tx *ledger.Tx) error {
		r, err := addRequest(tx, what)
		if err != nil {
			return err
		}
		if _, found, err := tx.LastReviewDecision(r.ID); found || err != nil {
			t.Errorf("one that nobody has reviewed has a decision of that (%v)", err)
		}
		first, last := decision(tx.Now()), decision(tx.Now())
		last.Revision = "r2"
		v := access.ReviewRecord{RequestID: r.ID, Reviewer: carol, Verdict: access.VerdictApprove, DecisionID: last.ID, CreatedAt: tx.Now()}
		w := v
		w.Reviewer, w.DecisionID, w.CreatedAt = bob, first.ID, tx.Now().Add(-time.Second)
		err = errors.Join(tx.PutDecision(first), tx.PutDecision(last), tx.AddReview(v), tx.AddReview(w))
		got, found, unread := tx.LastReviewDecision(r.ID)
		if !found || got.ID != last.ID || got.Revision != "r2" {
			t.Errorf("the last is %s (%v), want %s", got.ID, found, last.ID)
		}
		return errors.Join(err, unread)
	})
}

// endingsTold: grants are found when their holders are to be told, as
// access.Grant.EndingAt has it, by when that is and in pages; each end is told once.
func endingsTold(t *testing.T, f *fixture) {
	var due []access.Grant // in their order
	for i, tc := range []struct {
		length, left time.Duration
		due          bool
	}{
		{12 * time.Hour, 5 * time.Minute, true},
		{time.Hour, 10*time.Minute - time.Second, true},
		{20 * time.Minute, 5*time.Minute - time.Second, true},
		{2 * time.Minute, 29 * time.Second, true},
		{2 * time.Minute, 31 * time.Second, false},
		{20 * time.Minute, 6 * time.Minute, false},
		{time.Hour, 11 * time.Minute, false},
		{119 * time.Second, time.Second, false},
		{time.Hour, -time.Second, false},
	} {
		g := f.grant(entitled(i), time.Hour)
		end := f.l.Now().Add(tc.left)
		f.must(f.raw(`UPDATE grants SET starts_at = $2, expires_at = $3 WHERE id = $1`, g.ID, end.Add(-tc.length).UnixMicro(), end.UnixMicro()))
		g.StartsAt, g.ExpiresAt = end.Add(-tc.length), end
		if at, ok := g.EndingAt(); tc.left > 0 && (ok && !at.After(f.l.Now())) != tc.due {
			t.Errorf("one of %s with %s left is told at %s (%v)", tc.length, tc.left, at, ok)
		}
		if tc.due {
			due = append(due, g)
		}
	}
	f.wantTold(t, due...)
	f.update(func(tx *ledger.Tx) error {
		moved := due[1]
		moved.ExpiresAt = moved.ExpiresAt.Add(time.Second)
		told, err := tx.TellEnding([]access.Grant{due[0], moved, due[2]})
		if !told[due[0].ID] || told[moved.ID] || !told[due[2].ID] {
			t.Errorf("told are %v, want but the one that is not as it was read", told)
		}
		return err
	})
	f.wantTold(t, due[1], due[3])
	f.must(f.raw(`UPDATE grants SET expires_at = expires_at + 1000000 WHERE id = $1`, due[0].ID))
	due[0].ExpiresAt = due[0].ExpiresAt.Add(time.Second)
	f.wantTold(t, due[0], due[1], due[3])
	f.update(func(tx *ledger.Tx) error { return endOne(tx, due[0], access.EndRevoked) })
	f.wantTold(t, due[1], due[3])
}

// wantTold reads those that are to be told of, one on a page.
func (f *fixture) wantTold(t *testing.T, want ...access.Grant) {
	t.Helper()
	f.view(func(tx *ledger.Tx) error {
		var got []string
		var last access.Grant
		for {
			page, err := tx.GrantsToTell(last, 1)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			last = page[0]
			got = append(got, last.ID)
		}
		same := len(got) == len(want)
		for i := range want {
			same = same && got[i] == want[i].ID
		}
		if !same {
			t.Errorf("to be told of are %v, want %d: %v", got, len(want), want)
		}
		return nil
	})
}

// tasksAskedFor: an open task about access that was used before anybody looked is
// asked for again, each day once.
func tasksAskedFor(t *testing.T, f *fixture) {
	g := f.grant(what, 3*time.Minute)
	id := access.NewID(access.KindTask, f.l.Now())
	f.update(func(tx *ledger.Tx) error {
		return errors.Join(tx.OpenTask(id, access.TaskAfterReview, g, bob, "because"),
			tx.OpenTask(access.NewID(access.KindTask, f.l.Now()), access.TaskFlag, g, bob, "because"))
	})
	want := func(name string, n int) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			due, err := tx.TasksToRemind(5)
			if len(due) != n || n > 0 && due[0].ID != id {
				t.Errorf("%s: %+v are to be asked for, want %d", name, due, n)
			}
			return err
		})
	}
	remind := func() (err error) {
		return f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.RemindTask(id, tx.Now().Add(access.RemindTask)) })
	}
	counted := func(want access.TaskCounts) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			figures, err := tx.Figures()
			if figures.Tasks != want {
				t.Errorf("counted are %+v, want %+v", figures.Tasks, want)
			}
			return err
		})
	}
	counted(access.TaskCounts{AfterReview: 1, Flag: 1})
	want("one that was just opened", 0)
	if err := remind(); !errors.Is(err, access.ErrConflict) {
		t.Errorf("asked for too soon: %v", err)
	}
	f.must(f.raw(`UPDATE tasks SET remind_at = remind_at - $1`, access.RemindTask.Microseconds()))
	want("after a day", 1)
	f.must(remind())
	want("once it was asked for", 0)
	f.must(f.raw(`UPDATE tasks SET remind_at = remind_at - $1`, access.RemindTask.Microseconds()))
	f.update(func(tx *ledger.Tx) error { return tx.CloseTask(id, access.TaskDone, &carol, "seen") })
	want("one that is closed", 0)
	counted(access.TaskCounts{Flag: 1})
}
