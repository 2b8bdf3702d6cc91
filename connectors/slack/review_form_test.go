package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

// opened is the form that a click of bob's opens, as it is at last.
func (w *world) opened(action, value string) slackapi.ModalViewRequest {
	w.t.Helper()
	cb, act := clicked(action, value)
	w.app.reviewActed(w.ctx(), cb, act)
	opened := w.slack.called("open")
	if len(opened) != 1 || opened[0].To != "planted-trigger" {
		w.t.Fatalf("opened %+v", opened)
	}
	if first := w.slack.called(""); first[0].Method != "open" {
		w.t.Errorf("Slack was asked for %q before the form was open", first[0].Method)
	}
	if changed := w.slack.called("update_view"); len(changed) > 0 {
		if changed[0].To != "V1" || changed[0].Hash != "h0" {
			w.t.Errorf("the form %q was changed since %q", changed[0].To, changed[0].Hash)
		}
		return changed[len(changed)-1].View
	}
	return opened[0].View
}

// filledIn is the submission of a form, as it comes from Slack.
func filledIn(t *testing.T, form slackapi.ModalViewRequest, values map[string]slackapi.BlockAction) *slackapi.InteractionCallback {
	t.Helper()
	encoded, err := json.Marshal(form)
	if err != nil {
		t.Fatal(err)
	}
	var view slackapi.View
	if err := json.Unmarshal(encoded, &view); err != nil {
		t.Fatal(err)
	}
	view.ID, view.State = "V1", &slackapi.ViewState{Values: map[string]map[string]slackapi.BlockAction{}}
	for block, value := range values {
		view.State.Values[block] = map[string]slackapi.BlockAction{block: value}
	}
	return &slackapi.InteractionCallback{
		Type: slackapi.InteractionTypeViewSubmission, User: slackapi.User{ID: bobID, TeamID: team}, Team: slackapi.Team{ID: team}, View: view,
	}
}

func comment(text string) map[string]slackapi.BlockAction {
	return map[string]slackapi.BlockAction{blockComment: {Value: text}}
}

// answered is what the reply says: the form in its place, and what is wrong at
// which block.
func answered(t *testing.T, r reply) (view *slackapi.ModalViewRequest, faults map[string]string) {
	t.Helper()
	if r.Body == nil {
		return nil, nil
	}
	answer, ok := r.Body.(*slackapi.ViewSubmissionResponse)
	if !ok {
		t.Fatalf("answered with a %T", r.Body)
	}
	return answer.View, answer.Errors
}

func TestDenyingAsksWhyFirst(t *testing.T) {
	w := newWorld(t)
	w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
		return *with(pending(), closed(access.RequestDenied, says(bobS, access.VerdictDeny, "use the replica"))), nil
	}
	form := w.opened(actDeny, "req_1")
	if len(w.desk.called("")) != 0 || len(w.slack.called("")) != 1 {
		t.Errorf("before anything was written, the desk was asked %+v", w.desk.called(""))
	}
	if _, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, form, comment("  \n")))); faults[blockComment] == "" {
		t.Error("a denial without a comment is taken")
	}
	if view, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, form, comment(" use the replica ")))); view != nil || faults != nil {
		t.Fatalf("answered with %+v, %v", view, faults)
	}
	w.app.Close()
	calls := w.desk.called("review")
	if len(calls) != 1 || calls[0].ID != "req_1" || calls[0].Answer != (Answer{Verdict: access.VerdictDeny, Comment: "use the replica"}) {
		t.Fatalf("the desk was asked %+v", calls)
	}
	if shown := w.shown(); !strings.Contains(shown, "⛔ *Denied* by bob@example.com") || strings.Contains(shown, "[") {
		t.Errorf("it shows\n%s", shown)
	}
}

func TestApprovingShorterOffersWhatIsShorter(t *testing.T) {
	w := newWorld(t)
	w.desk.readCase = func(string) (access.Case, error) { return pending(), nil }
	w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
		return *with(pending(), closed(access.RequestApproved, approval)), nil
	}
	form := w.opened(actShorten, "req_1")
	if shown := visibleBlocks(form.Blocks.BlockSet); shown != "alice@example.com asks for *debug* on *Acme Corp* (customer:acme), 2 h from the approval.\n? For how long?\n? Comment" {
		t.Errorf("it shows\n%s", shown)
	}
	var offered []string
	for _, o := range form.Blocks.BlockSet[1].(*slackapi.InputBlock).Element.(*slackapi.SelectBlockElement).Options {
		offered = append(offered, o.Text.Text+"="+o.Value)
	}
	if strings.Join(offered, " ") != "30 min=30m 1 h=1h" {
		t.Errorf("offered are %q", offered)
	}
	if _, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, form, comment("")))); faults[blockLength] == "" {
		t.Error("no length is taken for one")
	}
	hour := map[string]slackapi.BlockAction{blockLength: {SelectedOption: slackapi.OptionBlockObject{Value: "1h"}}}
	if view, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, form, hour))); view != nil || faults != nil {
		t.Fatalf("answered with %+v, %v", view, faults)
	}
	w.app.Close()
	calls := w.desk.called("review")
	if len(calls) != 1 || calls[0].Answer.Verdict != access.VerdictApprove || calls[0].Answer.For == nil || time.Duration(*calls[0].Answer.For) != time.Hour {
		t.Errorf("the desk was asked %+v", calls)
	}
}

func TestAFormOfARequestThatCanNotBeShortenedSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		read func(string) (access.Case, error)
		says string
	}{
		"one that is closed": {func(string) (access.Case, error) {
			return *with(pending(), closed(access.RequestDenied, says(carolS, access.VerdictDeny, "no"))), nil
		}, "not open any more. ⛔ *Denied* by carol@example.com"},
		"one without anything shorter": {func(string) (access.Case, error) {
			return *with(pending(), func(c *access.Case) { c.Shorter = nil }), nil
		}, "Nothing shorter is on offer"},
		"one that may not be seen":     {func(string) (access.Case, error) { return access.Case{}, access.NotFound("request", "req_1") }, "There is no request \"req_1\"."},
		"one that can not be read now": {func(string) (access.Case, error) { return access.Case{}, errors.New("gone") }, "could not do this now"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.desk.readCase = tc.read
			form := w.opened(actShorten, "req_1")
			if shown := visibleBlocks(form.Blocks.BlockSet); !strings.Contains(shown, tc.says) || form.Submit != nil {
				t.Errorf("it shows\n%s", shown)
			}
			w.app.Close()
			if stale := w.shown(); strings.Contains(name, "closed") != strings.Contains(stale, "Request denied") {
				t.Errorf("the message shows\n%s", stale)
			}
		})
	}
}

func TestWhatIsWrongWithAnAnswerIsSaidInItsForm(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		now   *access.Case
		fault string // at the comment
		says  string // instead of the form
	}{
		"who is no reviewer": {access.Denied("own_request", "no"), nil, "You can not answer a request for or by yourself", ""},
		"who is too late": {access.Conflict("request_not_pending", "no"), with(pending(), closed(access.RequestApproved, says(carolS, access.VerdictApprove, ""))),
			"", "✅ *Approved* by carol@example.com"},
		"who wrote too much":      {access.Invalid("text_too_long", "/comment", "it has 2500 bytes; 2000 are allowed"), nil, "It has 2500 bytes; 2000 are allowed.", ""},
		"who has answered before": {access.Conflict("already_reviewed", "no"), with(pending()), "You have answered this request already", ""},
		"who changed what was submitted before": {access.Invalid(codeKeyReused, "", "no"), with(pending(), closed(access.RequestDenied, says(bobS, access.VerdictDeny, "first"))),
			"", "What you submitted first counted; this did not. ⛔ *Denied* by bob@example.com"},
		"when the ledger is gone": {errors.New("gone"), nil, "it is not known whether it was saved", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
				return access.Case{}, tc.err
			}
			w.desk.readCase = func(string) (access.Case, error) {
				if tc.now == nil {
					return access.Case{}, access.NotFound("request", "req_1")
				}
				return *tc.now, nil
			}
			view, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, w.opened(actDeny, "req_1"), comment("no"))))
			if !strings.Contains(faults[blockComment], tc.fault) || tc.fault == "" && faults != nil {
				t.Errorf("said at the comment: %q", faults)
			}
			if tc.says != "" && (view == nil || view.Submit != nil || !strings.Contains(visibleBlocks(view.Blocks.BlockSet), tc.says)) {
				t.Errorf("the form is now %+v", view)
			}
			w.app.Close()
			if tc.says != "" && (w.shown() == "" || strings.Contains(w.shown(), "[Approve]")) {
				t.Errorf("the message shows\n%s", w.shown())
			}
		})
	}
}

func TestASlowAnswerKeepsItsFormAndIsOneWithTheNext(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := make(chan struct{})
		w.desk.readCase = func(string) (access.Case, error) { return pending(), nil }
		w.desk.review = func(context.Context, Caller, string, string, Answer) (access.Case, error) {
			<-slow
			return *with(pending(), closed(access.RequestApproved, approval)), nil
		}
		values := map[string]slackapi.BlockAction{
			blockLength:  {SelectedOption: slackapi.OptionBlockObject{Text: plain("1 h", maxOption), Value: "1h"}},
			blockComment: {Value: "be <quick>"},
		}
		began := time.Now()
		submission := filledIn(t, w.opened(actShorten, "req_1"), values)
		view, faults := answered(t, w.app.reviewSubmitted(w.ctx(), submission))
		if time.Since(began) != patience || view == nil || faults != nil {
			t.Fatalf("after %s it answered with %+v, %v", time.Since(began), view, faults)
		}
		shown := visibleBlocks(view.Blocks.BlockSet)
		if !strings.HasPrefix(shown, "⏳ Still saving. Submit again to see how it ended.") || view.Submit == nil || view.CallbackID != actShorten {
			t.Errorf("it shows\n%s", shown)
		}
		if got := view.Blocks.BlockSet[2].(*slackapi.InputBlock).Element.(*slackapi.SelectBlockElement).InitialOption; got == nil || got.Value != "1h" {
			t.Errorf("the length is %+v", got)
		}
		if got := view.Blocks.BlockSet[3].(*slackapi.InputBlock).Element.(*slackapi.PlainTextInputBlockElement).InitialValue; got != "be <quick>" {
			t.Errorf("the comment is %q", got)
		}
		close(slow)
		again, faults := answered(t, w.app.reviewSubmitted(w.ctx(), filledIn(t, *view, values)))
		if again != nil || faults != nil {
			t.Errorf("submitted again, it answered with %+v, %v", again, faults)
		}
		w.app.Close()
		calls := w.desk.called("review")
		if len(calls) != 2 || calls[0].Key != calls[1].Key || calls[0].Answer.Comment != calls[1].Answer.Comment || *calls[0].Answer.For != *calls[1].Answer.For {
			t.Errorf("the desk was asked %+v", calls)
		}
		// A third time: the line stands there once.
		if n := strings.Count(visibleBlocks(kept(filledIn(t, *view, values).View, "⏳ Still saving.").Blocks.BlockSet), "Still saving"); n != 1 {
			t.Errorf("the line stands there %d times", n)
		}
	})
}

func TestAFormThatIsNotOursDoesNothing(t *testing.T) {
	for name, change := range map[string]func(*slackapi.View){
		"no metadata":            func(v *slackapi.View) { v.PrivateMetadata = "" },
		"a callback of nobody's": func(v *slackapi.View) { v.CallbackID = "review.other" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			submission := filledIn(t, denyForm(pressed{About: "req_1"}), comment("no"))
			change(&submission.View)
			view, _ := answered(t, w.app.reviewSubmitted(w.ctx(), submission))
			if view == nil || !strings.Contains(visibleBlocks(view.Blocks.BlockSet), "Nothing was changed") || len(w.desk.called("")) != 0 {
				t.Errorf("answered with %+v", view)
			}
		})
	}
}

func TestAFormThatDoesNotOpenIsSaid(t *testing.T) {
	w := newWorld(t)
	w.slack.fails("open", errors.New("expired_trigger_id"))
	for _, action := range []string{actDeny, actShorten, actClose} {
		cb, act := clicked(action, "req_1")
		w.app.reviewActed(w.ctx(), cb, act)
	}
	if said := w.whispered(); len(said) != 3 || !strings.Contains(said[2], "Click again") || len(w.desk.called("")) != 0 {
		t.Errorf("bob was told %q", said)
	}
}
