package slack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/tests/fake/slack"
)

func TestAFormIsFilledAndSubmitted(t *testing.T) {
	a := newApp(t, slack.Config{})
	alice := a.sl.Person(t, "alice")
	alice.Type("/access")
	view := alice.View()
	if got := view.Sheet().Visible(); got != "Request access\nResource\nSearch\nReason" {
		t.Errorf("the form says %q", got)
	}
	view.Pick("resource", "beta")
	if cb := a.newest(); cb.Type != slackapi.InteractionTypeBlockActions || cb.ActionCallback.BlockActions[0].SelectedOption.Value != "r2" || cb.View.Hash != view.Sheet().Hash {
		t.Errorf("the pick came as %+v", cb)
	}
	view.Write("reason", "it is down")
	a.answers(slackapi.InteractionTypeViewSubmission, `{"response_action":"errors","errors":{"reason":"say more"}}`)
	view.Submit()
	if s := view.Sheet(); s.Errors["reason"] != "say more" || s.Closed {
		t.Errorf("the form is %+v", s)
	}
	a.answers(slackapi.InteractionTypeViewSubmission, "")
	view.Submit()
	first := a.newest()
	alice.Again()
	cb := a.newest()
	if cb.View.ID != first.View.ID || cb.User.ID != alice.ID || cb.View.CallbackID != "request" || cb.View.State.Values["reason"]["reason"].Value != "it is down" || cb.View.State.Values["resource"]["resource"].SelectedOption.Value != "r2" {
		t.Errorf("the submission came as %+v", cb)
	}
	if alice.SeesForm() || !view.Sheet().Closed {
		t.Error("the form is still there")
	}
}

func TestWhatWasPutInStaysWhereTheIdsStay(t *testing.T) {
	a := newApp(t, slack.Config{})
	alice := a.sl.Person(t, "alice")
	alice.Type("/access")
	view := alice.View()
	view.Write("reason", "it is down")
	view.Pick("resource", "acme")
	next := a.form
	next.Blocks.BlockSet = slices.Clone(next.Blocks.BlockSet)
	moved := *next.Blocks.BlockSet[1].(*slackapi.InputBlock)
	moved.BlockID = "reason.2"
	if _, err := a.api.UpdateView(next, "", "stale", view.ID); err == nil || err.Error() != "hash_conflict" {
		t.Errorf("an old hash: %v", err)
	}
	if _, err := a.api.UpdateView(next, "", view.Sheet().Hash, view.ID); err != nil {
		t.Fatal(err)
	}
	if s := view.Sheet(); s.Value("reason") != "it is down" || s.Value("resource") != "r1" || s.Version != 2 {
		t.Errorf("the form holds %q and %q", s.Value("reason"), s.Value("resource"))
	}
	next.Blocks.BlockSet[1] = &moved
	if _, err := a.api.UpdateView(next, "", "", view.ID); err != nil {
		t.Fatal(err)
	}
	if s := view.Sheet(); s.Value("reason.2") != "" || s.Value("resource") != "r1" {
		t.Errorf("under another id the form holds %q", s.Value("reason.2"))
	}
	view.Close()
	if _, err := a.api.UpdateView(next, "", "", view.ID); err == nil || err.Error() != "not_found" {
		t.Errorf("a closed form: %v", err)
	}
}

func TestATriggerLivesThreeSecondsAndOpensOneForm(t *testing.T) {
	now := time.Now()
	a := newApp(t, slack.Config{Now: func() time.Time { return now }})
	old := a.sl.Trigger("alice")
	now = now.Add(3*time.Second + time.Millisecond)
	fresh := a.sl.Trigger("alice")
	for _, c := range []struct{ trigger, want string }{
		{old, "expired_trigger_id"}, {fresh, ""}, {fresh, "exchanged_trigger_id"}, {"1.2.x", "invalid_trigger_id"},
	} {
		if _, err := a.api.OpenView(c.trigger, a.form); fmt.Sprint(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v; want %q", c.trigger, err, c.want)
		}
	}
}

func TestAnswersThatPeopleWouldSeeAsTroubleAreFaults(t *testing.T) {
	a := newApp(t, slack.Config{})
	alice := a.sl.Person(t, "alice")
	alice.Type("/access")
	view := alice.View()
	view.Write("reason", "x")
	for name, c := range map[string]struct {
		kind   slackapi.InteractionType
		answer string
		do     func()
	}{
		"options without a list":           {slackapi.InteractionTypeBlockSuggestion, `{}`, func() { view.Search("resource", "") }},
		"an option without a value":        {slackapi.InteractionTypeBlockSuggestion, `{"options":[` + offer("acme", "") + `]}`, func() { view.Search("resource", "") }},
		"101 options":                      {slackapi.InteractionTypeBlockSuggestion, `{"options":[` + strings.Repeat(offer("acme", "1")+",", 100) + offer("acme", "1") + `]}`, func() { view.Search("resource", "") }},
		"an error where no input is":       {slackapi.InteractionTypeViewSubmission, `{"response_action":"errors","errors":{"nowhere":"x"}}`, func() { view.Submit() }},
		"an action that does not exist":    {slackapi.InteractionTypeViewSubmission, `{"response_action":"close"}`, func() { view.Submit() }},
		"a view that Slack would not take": {slackapi.InteractionTypeViewSubmission, `{"response_action":"update","view":{"type":"modal"}}`, func() { view.Submit() }},
		"words that nobody sees":           {slackapi.InteractionTypeBlockActions, `{"text":"done"}`, func() { view.Pick("resource", "r1") }},
	} {
		a.answers(slackapi.InteractionTypeBlockSuggestion, `{"options":[`+offer("acme", "r1")+`]}`)
		view.Pick("resource", "r1")
		a.sl.TakeFaults()
		a.answers(c.kind, c.answer)
		c.do()
		if faults := a.sl.TakeFaults(); len(faults) == 0 {
			t.Errorf("%s: nothing was found", name)
		}
		a.answers(slackapi.InteractionTypeBlockActions, "")
	}
}
