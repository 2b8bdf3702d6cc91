package slack_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/tests/fake/slack"
)

func TestMessagesArePostedChangedAndClicked(t *testing.T) {
	a := newApp(t, slack.Config{})
	security := a.sl.AddChannel("#security")
	button := slackapi.NewButtonBlockElement("review.approve", "req_1", slackapi.NewTextBlockObject(slackapi.PlainTextType, "Approve", false, false))
	blocks := slackapi.MsgOptionBlocks(
		slackapi.NewSectionBlock(slackapi.NewTextBlockObject(slackapi.MarkdownType, "a &lt;b&gt; until <!date^1^{date}|noon>", false, true), nil, nil),
		slackapi.NewActionBlock("", button))
	meta := slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: "notice", EventPayload: map[string]any{"id": "ntc_1"}})
	for _, to := range []string{"#security", a.sl.Person(t, "alice").ID} {
		channel, ts, err := a.api.PostMessage(to, slackapi.MsgOptionText("fallback", false), blocks, meta)
		if err != nil {
			t.Fatal(err)
		}
		m := a.sl.AwaitMessage(t, "it is there", func(m slack.Message) bool { return m.TS == ts && m.Channel == channel })
		if m.ID() != "ntc_1" || m.Visible() != "a <b> until noon\n[Approve]" || (m.Channel == security.ID) != (to == "#security") {
			t.Errorf("it is %s", m)
		}
		a.sl.Person(t, "alice").Click(m, "review.approve=req_1")
		if cb := a.newest(); cb.Container.ChannelID != channel || cb.Message.Timestamp != ts || cb.ActionCallback.BlockActions[0].Value != "req_1" || cb.ResponseURL == "" {
			t.Errorf("the click came as %+v", cb)
		}
		if _, _, _, err := a.api.UpdateMessage(channel, ts, slackapi.MsgOptionText("done", false), slackapi.MsgOptionBlocks()); err != nil {
			t.Fatal(err)
		}
		a.sl.AwaitMessage(t, "it is changed", func(m slack.Message) bool { return m.TS == ts && m.Versions == 2 && m.ID() == "ntc_1" })
	}
}

func TestRefusals(t *testing.T) {
	a := newApp(t, slack.Config{RateLimited: true})
	a.sl.AddChannel("quiet")
	a.sl.ChangeChannel("quiet", func(c *slack.Channel) { c.BotAbsent = true })
	a.sl.AddChannel("busy")
	gone := a.sl.AddUser(slack.User{Email: "gone@example.com", Deleted: true})
	post := func(to string) func() error {
		return func() error {
			_, _, err := a.api.PostMessage(to, slackapi.MsgOptionText("hello", false))
			return err
		}
	}
	for _, c := range []struct {
		what, want string
		do         func() error
	}{
		{"an unknown channel", "channel_not_found", post("#nowhere")},
		{"a channel without the app", "not_in_channel", post("quiet")},
		{"a bot", "cannot_dm_bot", post(slack.BotUser)},
		{"a message", "", post("busy")},
		{"a second one within a second", "slack rate limit exceeded, retry after 1s", post("busy")},
		{"a deactivated account", "users_not_found", func() error { _, err := a.api.GetUserByEmail(gone.Email); return err }},
		{"an unknown account", "user_not_found", func() error { _, err := a.api.GetUserInfo("U404"); return err }},
		{"another token", "invalid_auth", func() error {
			_, err := slackapi.New("xoxb-no", slackapi.OptionAPIURL(a.sl.URL())).AuthTest()
			return err
		}},
		{"the token of the app", "not_allowed_token_type", func() error {
			_, err := slackapi.New(a.sl.AppToken(), slackapi.OptionAPIURL(a.sl.URL())).AuthTest()
			return err
		}},
		{"a missing scope", "missing_scope", func() error {
			a.sl.SetScopes("commands")
			return post("busy")()
		}},
		{"a revoked token", "token_revoked", func() error {
			a.sl.RevokeToken(a.sl.BotToken())
			return post("busy")()
		}},
		{"a broken server", "slack server error: 503 Service Unavailable", func() error {
			a.sl.Script(slack.Status(http.StatusServiceUnavailable).On("chat.postMessage"))
			return post("busy")()
		}},
	} {
		err := c.do()
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v; want %q", c.what, err, c.want)
		}
		var refused slackapi.SlackErrorResponse
		if c.want == "missing_scope" && (!errors.As(err, &refused) || refused.Needed != "chat:write" || refused.Provided != "commands") {
			t.Errorf("%s: %+v", c.what, refused)
		}
	}
}

func TestTheScriptActsAndLosesTheAnswer(t *testing.T) {
	a := newApp(t, slack.Config{})
	a.sl.AddChannel("security")
	a.sl.Script(slack.CloseConnection().Acting().On("chat.postMessage"), slack.Hang().On("auth.test"))
	if _, _, err := a.api.PostMessage("security", slackapi.MsgOptionText("once", false)); err == nil || len(a.sl.State().In("security")) != 1 {
		t.Errorf("error = %v; the fake saw\n%s", err, a.sl.State())
	}
	hung := make(chan error)
	go func() {
		_, err := a.api.AuthTest()
		hung <- err
	}()
	a.sl.Await(t, "it hangs", slack.Asked("auth.test", 1))
	a.sl.Release()
	if err := <-hung; err != nil {
		t.Error(err)
	}
}
