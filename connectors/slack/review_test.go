package slack

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

var (
	inChannel = access.Place{Channel: "C1", At: "1700.1"}
	approval  = says(bobS, access.VerdictApprove, "")
)

// clicked is bob's click on a button of the request's message in a channel.
func clicked(action, value string) (*slackapi.InteractionCallback, *slackapi.BlockAction) {
	act := &slackapi.BlockAction{ActionID: action, Value: value, BlockID: reviewBlock(access.NoticeReview, "ntc_7"), ActionTs: "1701.2"}
	return &slackapi.InteractionCallback{
		Type: slackapi.InteractionTypeBlockActions, TriggerID: "planted-trigger", ResponseURL: "https://hooks.slack.com/planted",
		User: slackapi.User{ID: bobID, TeamID: team}, Team: slackapi.Team{ID: team},
		Container:      slackapi.Container{Type: "message", ChannelID: inChannel.Channel, MessageTs: inChannel.At},
		ActionCallback: slackapi.ActionCallbacks{BlockActions: []*slackapi.BlockAction{act}},
	}, act
}

// approves clicks, and waits until all that follows from it is done.
func (w *world) approves() {
	cb, act := clicked(actApprove, "req_1")
	w.app.reviewActed(w.ctx(), cb, act)
	w.app.Close()
}

// whispered is what whoever clicked was told, in order.
func (w *world) whispered() (texts []string) {
	for _, c := range w.slack.called("respond") {
		if c.Response.Replace {
			w.t.Error("a whisper takes the place of the message")
		}
		texts = append(texts, c.Response.Text)
	}
	return texts
}

// shown is the message as it was last changed; "" if it was not.
func (w *world) shown() string {
	w.t.Helper()
	changed := w.slack.called("update")
	if len(changed) == 0 {
		return ""
	}
	last := changed[len(changed)-1]
	if last.Place != inChannel || last.Message.NoticeID != "ntc_7" {
		w.t.Errorf("the message at %+v was changed, as %q", last.Place, last.Message.NoticeID)
	}
	inLimits(w.t, last.Message)
	return visible(last.Message)
}

func TestApproveIsOneClick(t *testing.T) {
	w := newWorld(t)
	w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
		return *with(pending(), closed(access.RequestApproved, approval)), nil
	}
	w.approves()
	calls := w.desk.called("review")
	if len(calls) != 1 || calls[0].ID != "req_1" || calls[0].Who.Subject != bobS || calls[0].Answer != (Answer{Verdict: access.VerdictApprove}) {
		t.Fatalf("the desk was asked %+v", calls)
	}
	if shown := w.shown(); !strings.Contains(shown, "✅ *Approved* by bob@example.com") || strings.Contains(shown, "[") {
		t.Errorf("it shows\n%s", shown)
	}
	if said := w.whispered(); len(said) != 0 {
		t.Errorf("bob was told %q", said)
	}
}

func TestAClickHasAKeyOfItsOwn(t *testing.T) {
	keys := map[string]string{}
	for name, change := range map[string]func(*slackapi.InteractionCallback, *slackapi.BlockAction){
		"itself":          func(*slackapi.InteractionCallback, *slackapi.BlockAction) {},
		"later":           func(_ *slackapi.InteractionCallback, act *slackapi.BlockAction) { act.ActionTs = "1701.3" },
		"another person":  func(cb *slackapi.InteractionCallback, _ *slackapi.BlockAction) { cb.User.ID = aliceID },
		"another message": func(cb *slackapi.InteractionCallback, _ *slackapi.BlockAction) { cb.Container.MessageTs = "1700.2" },
		"another channel": func(cb *slackapi.InteractionCallback, _ *slackapi.BlockAction) { cb.Container.ChannelID = "C2" },
		"another request": func(_ *slackapi.InteractionCallback, act *slackapi.BlockAction) { act.Value = "req_2" },
	} {
		cb, act := clicked(actApprove, "req_1")
		change(cb, act)
		key := clickKey(cb, act)
		if other, taken := keys[key]; taken {
			t.Errorf("%s has the key of %s", name, other)
		}
		keys[key] = name
	}
	cb, act := clicked(actApprove, "req_1")
	cb.ResponseURL, cb.TriggerID = "https://hooks.slack.com/another", "another" // as when Slack tells of it again
	if keys[clickKey(cb, act)] != "itself" {
		t.Error("the same click has another key when it is told of again")
	}
}

func TestAQuorumShowsProgressAndWhatIsNewerThanTheAnswer(t *testing.T) {
	one := func(c *access.Case) {
		c.Reviewers.Quorum, c.Counted, c.Reviews = 2, []access.Subject{bobS}, []access.ReviewRecord{approval}
	}
	for name, tc := range map[string]struct {
		now     *access.Case
		changes int
		shows   string
	}{
		"one of two": {with(pending(), one), 1, "*1 of 2 approvals*: bob@example.com"},
		"the other was given meanwhile": {with(pending(), one, closed(access.RequestApproved, approval, says(carolS, access.VerdictApprove, ""))), 2,
			"✅ *Approved* by bob@example.com, carol@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
				return *with(pending(), one), nil
			}
			w.desk.readCase = func(string) (access.Case, error) { return *tc.now, nil }
			w.approves()
			if shown := w.shown(); !strings.Contains(shown, tc.shows) || len(w.slack.called("update")) != tc.changes {
				t.Errorf("after %d changes it shows\n%s", len(w.slack.called("update")), shown)
			}
		})
	}
}

func TestWhoeverMayNotAnswerHearsWhy(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		says  string
		shows string // "": the message is left alone
	}{
		"the asker":                       {access.Denied("own_request", "user:bob@example.com can not review"), "You can not answer a request for or by yourself", ""},
		"somebody who is no reviewer":     {access.Denied("not_a_reviewer", "no"), "You are not one of those who may answer this request", ""},
		"somebody to whom policy says no": {access.Denied("not_allowed", "user:bob@example.com may not do request.review: only reviewers may: <ask>"), "Only reviewers may: &lt;ask&gt;.", ""},
		"who is too late":                 {access.Conflict("request_not_pending", "request req_1 is not pending any more"), "nothing was changed. ⛔ *Denied* by carol@example.com", "⛔ Request denied"},
		"when policy says no by now":      {access.Conflict("no_longer_allowed", "policy does not allow this any more: Off call."), "nothing was changed", "⛔ Request denied"},
		"when the ledger is not there":    {errors.New("connection refused"), "it is not known whether it was saved", ""},
		"when too much is asked for":      {errBusy(), "This was not begun", ""},
		"when nothing more is known":      {&access.Error{Kind: access.ErrInvalid, Code: "odd"}, "This can not be done: odd.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
				return access.Case{}, tc.err
			}
			w.desk.readCase = func(string) (access.Case, error) {
				return *with(pending(), closed(access.RequestDenied, says(carolS, access.VerdictDeny, "no"))), nil
			}
			w.approves()
			if said := w.whispered(); len(said) != 1 || !strings.Contains(said[0], tc.says) {
				t.Errorf("bob was told %q", said)
			}
			if shown := w.shown(); !strings.Contains(shown, tc.shows) || tc.shows == "" && shown != "" || strings.Contains(shown, "[Approve]") {
				t.Errorf("it shows\n%s", shown)
			}
		})
	}
}

// What keeps a request open leaves its buttons, for others.
func TestAConflictOfARequestThatIsOpenLeavesItsButtons(t *testing.T) {
	w := newWorld(t)
	w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
		return access.Case{}, access.Conflict("already_reviewed", "user:bob@example.com has already answered request req_1")
	}
	w.desk.readCase = func(string) (access.Case, error) { return pending(), nil }
	w.approves()
	if said := w.whispered(); len(said) != 1 || !strings.Contains(said[0], "You have answered this request already") {
		t.Errorf("bob was told %q", said)
	}
	if !strings.Contains(w.shown(), "[Approve]") {
		t.Errorf("it shows\n%s", w.shown())
	}
}

func TestWhoIsNotRecognisedChangesNothing(t *testing.T) {
	w := newWorld(t)
	cb, act := clicked(actApprove, "req_1")
	cb.User.ID = guestID
	w.app.reviewActed(w.ctx(), cb, act)
	w.app.Close()
	if said := w.whispered(); len(said) != 1 || !strings.Contains(said[0], "Guests can not") || len(w.desk.called("")) != 0 || w.shown() != "" {
		t.Errorf("told %q; the desk was asked %+v", said, w.desk.called(""))
	}
}

// Nobody must not read a request: a conflict about who it is tells nothing of it.
func TestAnAccountOfTwoPeopleReadsNothing(t *testing.T) {
	w := newWorld(t)
	w.people.fails(access.Conflict("ambiguous_account", "the list of people has this Slack account for two people; an operator must mend that"))
	w.approves()
	if said := w.whispered(); len(said) != 1 || !strings.Contains(said[0], "for two people") || len(w.desk.called("")) != 0 {
		t.Errorf("told %q; the desk was asked %+v", said, w.desk.called(""))
	}
}

func TestTwoClicksAtOnceHaveOneOutcome(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	current := pending()
	w.desk.review = func(_ context.Context, who Caller, _, _ string, answer Answer) (access.Case, error) {
		mu.Lock()
		defer mu.Unlock()
		if current.State != access.RequestPending {
			return access.Case{}, access.Conflict("request_not_pending", "request req_1 is not pending any more")
		}
		current = *with(current, closed(access.RequestApproved, says(who.Subject, answer.Verdict, "")))
		return current, nil
	}
	w.desk.readCase = func(string) (access.Case, error) {
		mu.Lock()
		defer mu.Unlock()
		return current, nil
	}
	var both sync.WaitGroup
	for _, id := range []string{aliceID, bobID} {
		both.Go(func() {
			cb, act := clicked(actApprove, "req_1")
			cb.User.ID = id
			w.app.reviewActed(w.ctx(), cb, act)
		})
	}
	both.Wait()
	w.app.Close()
	winner := current.Reviews[0].Reviewer.ID
	if said := w.whispered(); len(said) != 1 || !strings.Contains(said[0], "not the first") || !strings.Contains(said[0], winner) {
		t.Errorf("the loser was told %q; %s was first", said, winner)
	}
	for _, c := range w.slack.called("update") {
		if !strings.Contains(visible(c.Message), "✅ *Approved* by "+winner) {
			t.Errorf("it shows\n%s", visible(c.Message))
		}
	}
}

func TestASlowApprovalIsNeverCalledDone(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		after string
		shows string
	}{
		"one that was saved late":       {nil, "Your approval is saved.", "✅ *Approved*"},
		"one that was not saved":        {access.Denied("not_a_reviewer", "no"), "You are not one of those who may answer", ""},
		"one of which nothing is known": {errors.New("the connection is gone"), "it is not known whether it was saved", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
					time.Sleep(5 * time.Second)
					return *with(pending(), closed(access.RequestApproved, approval)), tc.err
				}
				cb, act := clicked(actApprove, "req_1")
				began := time.Now()
				w.app.reviewActed(w.ctx(), cb, act)
				if said := w.whispered(); time.Since(began) != patience || len(said) != 1 || !strings.Contains(said[0], "Still saving") || w.shown() != "" {
					t.Fatalf("after %s bob was told %q, and it shows %q", time.Since(began), said, w.shown())
				}
				w.app.Close()
				if said := w.whispered(); len(said) != 2 || !strings.Contains(said[1], tc.after) {
					t.Errorf("later bob was told %q", said)
				}
				if !strings.Contains(w.shown(), tc.shows) || tc.shows == "" && w.shown() != "" {
					t.Errorf("it shows\n%s", w.shown())
				}
			})
		})
	}
}

func TestWhatSlackDoesNotTakeUndoesNothing(t *testing.T) {
	w := newWorld(t)
	w.slack.fails("update", errors.New("status 503"))
	w.slack.fails("respond", errors.New("status 503"))
	w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
		return *with(pending(), closed(access.RequestApproved, approval)), nil
	}
	w.approves()
	if len(w.whispered()) != 0 || !strings.Contains(w.log.String(), "could not be shown anew") {
		t.Errorf("told %q; the log says %s", w.whispered(), w.log.String())
	}
}
