package slack_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/tests/fake/slack"
)

// app is the smallest one: it opens a form, answers what it is told to, and keeps
// what came.
type app struct {
	t    *testing.T
	sl   *slack.Fake
	api  *slackapi.Client
	form slackapi.ModalViewRequest

	mu     sync.Mutex
	answer map[slackapi.InteractionType]string
	came   []slackapi.InteractionCallback
	said   []slackapi.SlashCommand
}

func newApp(t *testing.T, cfg slack.Config) *app {
	t.Helper()
	sl := slack.New(t, cfg)
	sl.AddUser(slack.User{Email: "alice@example.com"})
	sl.AddUser(slack.User{Email: "bob@example.com"})
	a := &app{
		t: t, sl: sl, api: slackapi.New(sl.BotToken(), slackapi.OptionAPIURL(sl.URL()), slackapi.OptionAppLevelToken(sl.AppToken())),
		form: form(), answer: map[slackapi.InteractionType]string{slackapi.InteractionTypeBlockSuggestion: `{"options":[` + offer("acme", "r1") + `,` + offer("beta", "r2") + `]}`},
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	sl.AppAt(server.URL)
	return a
}

func offer(label, value string) string {
	return fmt.Sprintf(`{"text":{"type":"plain_text","text":%q},"value":%q}`, label, value)
}

func form() slackapi.ModalViewRequest {
	plain := func(s string) *slackapi.TextBlockObject {
		return slackapi.NewTextBlockObject(slackapi.PlainTextType, s, false, false)
	}
	resource := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeExternal, plain("Search"), "resource")
	least := 0
	resource.MinQueryLength = &least
	pick := slackapi.NewInputBlock("resource", plain("Resource"), nil, resource)
	pick.DispatchAction = true
	return slackapi.ModalViewRequest{
		Type: slackapi.VTModal, Title: plain("Request access"), Submit: plain("Request"), CallbackID: "request",
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{pick, slackapi.NewInputBlock("reason", plain("Reason"), nil, slackapi.NewPlainTextInputBlockElement(nil, "reason"))}},
	}
}

// ServeHTTP takes what Slack sends, if it is signed.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	verifier, err := slackapi.NewSecretsVerifier(r.Header, a.sl.SigningSecret())
	if err == nil {
		_, _ = verifier.Write(raw)
		err = verifier.Ensure()
	}
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.URL.Path == "/commands" {
		c, _ := slackapi.SlashCommandParse(r)
		a.said = append(a.said, c)
		if c.Text == "" {
			_, err = a.api.OpenView(c.TriggerID, a.form)
		} else {
			_, _ = io.WriteString(w, `{"text":"you said `+c.Text+`"}`)
		}
	} else {
		cb, parse := slackapi.InteractionCallbackParse(r)
		err = parse
		a.came = append(a.came, cb)
		_, _ = io.WriteString(w, a.answer[cb.Type])
	}
	if err != nil {
		a.t.Error(err)
	}
}

func (a *app) answers(kind slackapi.InteractionType, body string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer[kind] = body
}

func (a *app) newest() slackapi.InteractionCallback {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.came[len(a.came)-1]
}
