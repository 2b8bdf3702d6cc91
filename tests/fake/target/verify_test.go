package target_test

import (
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

func TestAQuestionIsAnsweredFromWhatExistsOrAsItIsSaid(t *testing.T) {
	tgt := target.New(t, target.Config{})
	hook, err := webhook.New(webhook.Config{
		Name: "target", URL: tgt.URL(), Secrets: []string{tgt.Secret()}, Timeout: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	question := provision(3)
	question.Type, question.Timestamp, question.Data.Grants = access.VerbVerify, time.Now(), nil
	ask := func(want access.Presence, answers bool) {
		t.Helper()
		got, err := hook.Verify(t.Context(), question)
		if got != want || (err == nil) != answers {
			t.Errorf("it says %s, %v; want %s and an answer: %t", got, err, want, answers)
		}
	}
	ask(access.Absent, true)
	tgt.Readd(alice)
	ask(access.Present, true)
	tgt.Say(target.SayLie, 2)
	tgt.Say(target.SayNull, 1)
	ask(access.Absent, true)
	ask(access.Absent, true)
	ask(access.Unknown, true)
	tgt.Say(target.SayNothing, 3) // the first try and two more
	ask(access.Unknown, false)
	tgt.Say(target.SayNoSense, 1)
	ask(access.Unknown, false)
	ask(access.Present, true)
	tgt.Remove(alice)
	ask(access.Absent, true)

	state := tgt.State()
	if len(state.Calls) != 0 || len(state.Asked) < 9 || !target.Questioned(alice, 9)(state) {
		t.Errorf("it has %d calls and was asked %d times", len(state.Calls), len(state.Asked))
	}
	if first := state.Asked[0]; first.Generation != 3 || first.Said != `{"exists":false}` || first.Refused != nil {
		t.Errorf("the first question is %+v", first)
	}
}
