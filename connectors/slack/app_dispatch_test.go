package slack

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/tests/bubble"
)

// formView is a form with one question.
var formView = slackapi.View{Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{
	slackapi.NewDividerBlock(),
	slackapi.NewInputBlock("why", plain("Why", 10), nil, slackapi.NewPlainTextInputBlockElement(nil, "why")),
}}}

func TestAnAnswerIsGivenInTimeWhateverIsAtWork(t *testing.T) {
	w := newWorld(t)
	interaction := func(kind slackapi.InteractionType, v slackapi.View) job {
		v.CallbackID = idRequest
		j, known := w.app.ofInteraction(&slackapi.InteractionCallback{Type: kind, CallbackID: idShortcut, View: v})
		if !known {
			t.Fatalf("there is no use for %s", kind)
		}
		return j
	}
	cases := map[string]struct {
		job    job
		became outcome
		body   string // a part of it; "": it is empty
	}{
		"a command is told that it takes longer":      {w.app.ofCommand(slackapi.SlashCommand{}), outcomeOverdue, "nothing is known to be done yet"},
		"a click is answered with nothing":            {interaction(slackapi.InteractionTypeBlockActions, slackapi.View{}), outcomeOverdue, ""},
		"a shortcut is answered with nothing":         {interaction(slackapi.InteractionTypeShortcut, slackapi.View{}), outcomeOverdue, ""},
		"options are none":                            {interaction(slackapi.InteractionTypeBlockSuggestion, slackapi.View{}), outcomeOverdue, `{"options":[]}`},
		"a form stays open, and says so at an input":  {interaction(slackapi.InteractionTypeViewSubmission, formView), outcomeOverdue, `{"response_action":"errors","errors":{"why":"Still saving.`},
		"a form without an input is not said to done": {interaction(slackapi.InteractionTypeViewSubmission, slackapi.View{}), outcomeFailed, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c.job.do = func(context.Context) reply {
					time.Sleep(time.Minute)
					return reply{Body: "never"}
				}
				began := time.Now()
				ctx := arriving(t.Context(), arrival{at: began.Add(-500 * time.Millisecond)})
				answer, became := w.app.attend(ctx, c.job)
				if passed := time.Since(began); became != c.became || passed != answerIn-500*time.Millisecond {
					t.Errorf("it became %s after %s", became, passed)
				}
				body, err := encode(answer)
				if err != nil || !strings.Contains(string(body), c.body) || c.body == "" && len(body) > 0 {
					t.Errorf("it is answered %s, %v", body, err)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestAPanicCostsOneMessage(t *testing.T) {
	w := newWorld(t)
	broken := job{do: func(context.Context) reply { panic("planted") }, overdue: &reply{}}
	if _, became := w.app.attend(w.ctx(), broken); became != outcomeFailed {
		t.Errorf("it became %s", became)
	}
	well := job{do: func(context.Context) reply { return reply{Body: "well"} }}
	if answer, became := w.app.attend(w.ctx(), well); became != outcomeTaken || answer.Body != "well" {
		t.Errorf("the next became %s, %v", became, answer.Body)
	}
}

func TestSoManyMessagesAreHandledAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		held := job{do: func(context.Context) reply {
			<-release
			return reply{}
		}, overdue: &reply{}}
		for range maxHandling {
			go func() { _, _ = w.app.attend(w.ctx(), held) }()
		}
		time.Sleep(answerIn + time.Second) // all are answered, and none is done
		if _, became := w.app.attend(w.ctx(), held); became != outcomeBusy {
			t.Errorf("one more became %s", became)
		}
		close(release)
		time.Sleep(time.Second)
		if _, became := w.app.attend(w.ctx(), held); became != outcomeTaken {
			t.Errorf("once there is room it became %s", became)
		}
	})
}

func TestWhatThereIsNoUseForIsIgnored(t *testing.T) {
	w := newWorld(t)
	cases := map[string]slackapi.InteractionCallback{
		"a type that is not known":   {Type: "something_new"},
		"a message's shortcut":       {Type: slackapi.InteractionTypeMessageAction, CallbackID: idShortcut},
		"somebody else's shortcut":   {Type: slackapi.InteractionTypeShortcut, CallbackID: "other"},
		"a form that is not of ours": {Type: slackapi.InteractionTypeViewSubmission, View: slackapi.View{CallbackID: "requests"}},
		"a form that was closed":     {Type: slackapi.InteractionTypeViewClosed, View: slackapi.View{CallbackID: idRequest}},
	}
	for name, cb := range cases {
		t.Run(name, func(t *testing.T) {
			if answer, became := w.app.interact(w.ctx(), &cb); became != outcomeIgnored || answer.Body != nil {
				t.Errorf("it became %s, %v", became, answer.Body)
			}
		})
	}
	if calls := w.desk.called(""); len(calls) > 0 {
		t.Errorf("the Desk was asked: %v", calls)
	}
}

func TestActionsOfNobodyDoNothing(t *testing.T) {
	w := newWorld(t)
	cb := &slackapi.InteractionCallback{Type: slackapi.InteractionTypeBlockActions, ActionCallback: slackapi.ActionCallbacks{
		BlockActions: []*slackapi.BlockAction{nil, {ActionID: "reviews.approve"}, {ActionID: ""}, {ActionID: "tasks"}}}}
	if _, became := w.app.interact(w.ctx(), cb); became != outcomeTaken || len(w.desk.called(""))+len(w.slack.called("")) > 0 {
		t.Errorf("it became %s, and asked %v %v", became, w.desk.called(""), w.slack.called(""))
	}
}

func TestOptionsAreAListOfAtMostAHundred(t *testing.T) {
	many := make([]*slackapi.OptionBlockObject, 150)
	for i := range many {
		many[i] = slackapi.NewOptionBlockObject("v", plain("t", 10), nil)
	}
	var got struct{ Options []json.RawMessage }
	body, err := encode(options(many))
	if err != nil || json.Unmarshal(body, &got) != nil || len(got.Options) != maxOptions {
		t.Errorf("there are %d options, %v", len(got.Options), err)
	}
	if body, _ := encode(options(nil)); string(body) != `{"options":[]}` {
		t.Errorf("none are %s", body)
	}
}
