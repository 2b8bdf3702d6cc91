package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
	"github.com/curfew-access/curfew/tests/service"
)

// peer is somebody's Slack, with alice and a channel.
type peer struct {
	full, poor *client                    // by a token with the app's scopes, and by one with none of use
	trigger    func(userID string) string // as an act of that person gives one
}

// TestPeersAnswerTheClientAlike holds what the client asks for, and what our fake
// answers, against a Slack that others have written.
func TestPeersAnswerTheClientAlike(t *testing.T) {
	for name, start := range map[string]func(*testing.T) peer{"our fake": fakePeer, "emulate": emulatePeer} {
		t.Run(name, func(t *testing.T) { converse(t, start(t)) })
	}
}

// converse calls everything that the app calls, well and not well.
func converse(t *testing.T, p peer) {
	t.Helper()
	ctx := t.Context()
	self, err := p.full.Self(ctx)
	wantCode(t, "who the bot is", err, "")
	if self.TeamID == "" || self.BotUser == "" {
		t.Errorf("the bot is %+v", self)
	}
	found, err := p.full.UserByEmail(ctx, alice)
	wantCode(t, "an account by its address", err, "")
	u, err := p.full.User(ctx, found.ID)
	wantCode(t, "an account by its id", err, "")
	if u.ID == "" || u.Profile.Email != alice || u.TeamID == "" || u.Deleted || u.IsBot || !u.IsEmailConfirmed {
		t.Errorf("alice is %+v", u)
	}
	_, err = p.full.User(ctx, "U404")
	wantCode(t, "an account that is not there", err, "user_not_found")
	_, err = p.full.UserByEmail(ctx, "nobody@example.com")
	wantCode(t, "an address that nobody has", err, "users_not_found")
	_, err = p.poor.User(ctx, u.ID)
	wantCode(t, "an account without the scope", err, "missing_scope")
	if !strings.Contains(err.Error(), "users:read") || !strings.Contains(err.Error(), "commands") {
		t.Errorf("the error names no scopes: %v", err)
	}
	converseByViews(t, p, u.ID)
	converseByMessages(t, p, u.ID)
}

func converseByViews(t *testing.T, p peer, userID string) {
	t.Helper()
	ctx := t.Context()
	v := slackapi.ModalViewRequest{
		Type: slackapi.VTModal, Title: plain("Access", maxTitle), CallbackID: "request", PrivateMetadata: "m",
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{slackapi.NewSectionBlock(mrkdwn("Loading…"), nil, nil)}},
	}
	trigger := p.trigger(userID)
	opened, err := p.full.OpenView(ctx, trigger, v)
	wantCode(t, "a form", err, "")
	if opened.ID == "" || opened.Hash == "" || opened.CallbackID != "request" || opened.PrivateMetadata != "m" {
		t.Errorf("the form is %+v", opened)
	}
	_, err = p.full.OpenView(ctx, trigger, v)
	wantCode(t, "a trigger that opened one", err, "exchanged_trigger_id")
	_, err = p.full.OpenView(ctx, "1.2.three", v)
	wantCode(t, "a trigger that is none", err, "invalid_trigger_id")
	changed, err := p.full.UpdateView(ctx, opened.ID, opened.Hash, v)
	wantCode(t, "a form that is changed", err, "")
	if changed.ID != opened.ID || changed.Hash == opened.Hash {
		t.Errorf("the form is %+v after %+v", changed, opened)
	}
	_, err = p.full.UpdateView(ctx, opened.ID, opened.Hash, v)
	wantCode(t, "a form that is newer", err, "hash_conflict")
	_, err = p.full.UpdateView(ctx, opened.ID, "", v)
	wantCode(t, "a form that is changed in any case", err, "")
	_, err = p.full.UpdateView(ctx, "V404", "", v)
	wantCode(t, "a form that is not there", err, "not_found")
}

func converseByMessages(t *testing.T, p peer, userID string) {
	t.Helper()
	ctx := t.Context()
	button := slackapi.NewButtonBlockElement("review.approve", "req_1", plain("Approve", maxButton))
	m := message{Text: "Please review", NoticeID: "ntc_1", Blocks: []slackapi.Block{
		slackapi.NewSectionBlock(mrkdwn("*Please* review"), nil, nil), slackapi.NewActionBlock("", button),
	}}
	for _, to := range []string{"general", userID} {
		at, err := p.full.Post(ctx, to, m)
		wantCode(t, "a message to "+to, err, "")
		if at.Channel == "" || at.Channel == userID || at.At == "" {
			t.Errorf("it is at %+v", at)
		}
		wantCode(t, "a message that is changed", p.full.Update(ctx, at, message{Text: "Done", NoticeID: "ntc_1"}), "")
		at.At = "1.000001"
		wantCode(t, "a message that is not there", p.full.Update(ctx, at, m), "message_not_found")
	}
	_, err := p.full.Post(ctx, "nowhere", m)
	wantCode(t, "a channel that is not there", err, "channel_not_found")
	_, err = p.poor.Post(ctx, "general", m)
	wantCode(t, "a message without the scope", err, "missing_scope")
}

// wantCode fails unless Slack refused with the code; "": unless it did not.
func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var r *refused
	switch {
	case (code == "") != (err == nil):
		t.Fatalf("%s: %v; want %q", what, err, code)
	case code != "" && (!errors.As(err, &r) || r.code != code || !access.IsPermanent(err)):
		t.Errorf("%s: %v; want %s", what, err, code)
	}
}

func fakePeer(t *testing.T) peer {
	t.Helper()
	sl := fake.New(t, fake.Config{Scopes: Scopes()})
	sl.AddUser(fake.User{Email: alice})
	sl.AddChannel("general")
	return peer{peerClient(t, sl.URL(), sl.BotToken()), peerClient(t, sl.URL(), sl.AddToken("commands")), sl.Trigger}
}

// peerSeed is what emulate begins with.
const peerSeed = `
slack:
  team: {name: Acme, domain: acme}
  strict_scopes: true
  users:
    - {name: alice, real_name: Alice, email: alice@example.com}
    - {name: curfew, real_name: Curfew, email: curfew@example.com}
  channels:
    - {name: general, topic: all}
  tokens:
    - {token: xoxb-full, user: curfew, scopes: [commands, "chat:write", "users:read", "users:read.email"]}
    - {token: xoxb-poor, user: curfew, scopes: [commands]}
`

func emulatePeer(t *testing.T) peer {
	t.Helper()
	server := service.Emulate(t, "slack", peerSeed)
	full := peerClient(t, server.URL+"/api/", "xoxb-full")
	return peer{full, peerClient(t, server.URL+"/api/", "xoxb-poor"), func(userID string) string {
		body, err := json.Marshal(map[string]string{"user_id": userID})
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/views.generateTriggerId", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer xoxb-full")
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var answer struct {
			Trigger string `json:"trigger_id"`
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Trigger == "" {
			t.Fatalf("there is no trigger: %v", err)
		}
		return answer.Trigger
	}}
}

// peerClient is the client of the app, but for one header.
func peerClient(t *testing.T, apiURL, token string) *client {
	t.Helper()
	c, err := newClient(Config{BotToken: token, URL: apiURL})
	if err != nil {
		t.Fatal(err)
	}
	c.calls = connectors.NewClient(connectors.Options{Timeout: callTimeout, Retries: -1, MaxAnswer: maxAnswer, Transport: bearer{}})
	c.opening = c.calls
	return c
}

// bearer shows the token of a form in a header too: emulate looks only there.
type bearer struct{}

// RoundTrip passes the request on.
func (bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	next := r.Clone(r.Context())
	next.Body = io.NopCloser(bytes.NewReader(body))
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("token") != "" {
		next.Header.Set("Authorization", "Bearer "+form.Get("token"))
	}
	return http.DefaultTransport.RoundTrip(next)
}
