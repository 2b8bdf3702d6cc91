package slack_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/fake/slack"
)

func TestAResponseURLIsGoodForFiveTimesInHalfAnHour(t *testing.T) {
	now := time.Now()
	a := newApp(t, slack.Config{Now: func() time.Time { return now }})
	alice := a.sl.Person(t, "alice")
	alice.Type("/access acme 2h")
	alice.AwaitTold("you said acme 2h")
	later := func() error {
		return slackapi.PostWebhook(a.said[len(a.said)-1].ResponseURL, &slackapi.WebhookMessage{Text: "later"})
	}
	for i := range 6 {
		if err := later(); (err == nil) != (i < 5) {
			t.Errorf("use %d: %v", i+1, err)
		}
	}
	if got := len(alice.Ephemerals()); got != 6 {
		t.Errorf("alice was told %d times", got)
	}
	alice.Type("/access again")
	now = now.Add(31 * time.Minute)
	if later() == nil {
		t.Error("an old one was good")
	}
}

func TestALateAnswerIsAFaultAndHasNoEffect(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		sl := slack.Unstarted(slack.Config{})
		sl.AddUser(slack.User{Email: "alice@example.com"})
		wait := 2900 * time.Millisecond
		sl.AppIs(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(wait)
			_, _ = io.WriteString(w, `{"text":"at last"}`)
		}))
		alice := sl.Person(t, "alice")
		if answer := alice.Type("/access acme"); answer.Late() || len(alice.Ephemerals()) != 1 {
			t.Errorf("in time: it took %s", answer.Took)
		}
		wait = 3100 * time.Millisecond
		answer := alice.Type("/access acme")
		if faults := sl.TakeFaults(); !answer.Late() || len(faults) != 1 || !strings.Contains(faults[0], "operation_timeout") || len(alice.Ephemerals()) != 1 {
			t.Errorf("it took %s: %q", answer.Took, faults)
		}
	})
}

func TestOnlyAGoodSignatureIsTaken(t *testing.T) {
	a := newApp(t, slack.Config{})
	alice := a.sl.Person(t, "alice")
	alice.Type("/access acme")
	hook, body := alice.Body()
	for how, want := range map[slack.Signature]int{
		slack.Good: 200, slack.Unsigned: 401, slack.Forged: 401, slack.Old: 401, slack.Early: 401, slack.Tampered: 401, slack.OtherScheme: 401,
	} {
		response, err := a.sl.Do(a.sl.Request(hook, body, how))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("signature %d: %d; want %d", how, response.StatusCode, want)
		}
	}
}

func TestTheSocketCarriesWhatHTTPWould(t *testing.T) {
	a := newApp(t, slack.Config{})
	a.sl.AppAt("")
	client := socketmode.New(a.api)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = client.RunContext(ctx)
	}()
	go func() {
		for {
			select {
			case e := <-client.Events:
				if c, ok := e.Data.(slackapi.SlashCommand); ok {
					_ = client.Ack(*e.Request, map[string]any{"text": "by the socket: " + c.Text})
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	a.sl.AwaitSocket(t, 1)
	alice := a.sl.Person(t, "alice")
	alice.Type("/access acme")
	alice.AwaitTold("by the socket: acme")
	a.sl.RefreshSockets()
	a.sl.Await(t, "it connects anew", slack.Asked("apps.connections.open", 2))
	a.sl.AwaitSocket(t, 1)
	cancel()
	<-ended
}
