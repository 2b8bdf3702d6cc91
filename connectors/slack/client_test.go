package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// webFake answers each method of the Web API by a function.
type webFake struct {
	*httptest.Server
	seen map[string]*http.Request
	body map[string]string
}

// serveWeb starts a Web API that answers all methods so.
func serveWeb(t *testing.T, answer http.HandlerFunc) (*webFake, *client) {
	t.Helper()
	f := &webFake{seen: map[string]*http.Request{}, body: map[string]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		f.seen[name], f.body[name] = r, string(body)
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	c, err := newClient(Config{BotToken: plantedBot, AppToken: plantedApp, SigningSecret: plantedSecret, URL: f.URL + "/api"})
	if err != nil {
		t.Fatal(err)
	}
	return f, c
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestFaultsOfSlacksAreTold(t *testing.T) {
	cases := map[string]struct {
		answer    http.HandlerFunc
		permanent bool
		wait      time.Duration
		says      string
	}{
		"a rate limit": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(http.StatusTooManyRequests)
		}, wait: 17 * time.Second, says: "ratelimited"},
		"a rate limit for ever": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
		}, wait: connectors.MaxRetryAfter, says: "ratelimited"},
		"a rate limit that says nothing": {answer: saying(429, ""), says: "ratelimited"},
		"a rate limit in words":          {answer: saying(200, `{"ok":false,"error":"ratelimited"}`), says: "ratelimited"},
		"an inner fault":                 {answer: saying(500, "<html>"), says: "status 500"},
		"an inner fault in words":        {answer: saying(200, `{"ok":false,"error":"internal_error"}`), says: "internal_error"},
		"a redirect":                     {answer: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, permanent: true, says: "status 302"},
		"another page":                   {answer: saying(404, "no"), permanent: true, says: "status 404"},
		"no such channel":                {answer: saying(200, `{"ok":false,"error":"channel_not_found"}`), permanent: true, says: "invite the bot"},
		"not in the channel":             {answer: saying(200, `{"ok":false,"error":"not_in_channel"}`), permanent: true, says: "invite it there"},
		"an archived channel":            {answer: saying(200, `{"ok":false,"error":"is_archived"}`), permanent: true, says: "is_archived"},
		"a wrong token":                  {answer: saying(200, `{"ok":false,"error":"invalid_auth"}`), permanent: true, says: "invalid_auth"},
		"a lacking scope":                {answer: saying(200, `{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"commands"}`), permanent: true, says: "lacks the scope chat:write (it has commands)"},
		"a wrong form, and where":        {answer: saying(200, `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] at /blocks/0"]}}`), permanent: true, says: "at /blocks/0"},
		"a code that is not known":       {answer: saying(200, `{"ok":false,"error":"something_new"}`), permanent: true, says: "something_new"},
		"no code":                        {answer: saying(200, `{"ok":false}`), says: "neither yes nor no"},
		"nothing at all":                 {answer: saying(200, `{}`), says: "neither yes nor no"},
		"no JSON":                        {answer: saying(200, `ok`), says: "can not be read"},
		"a yes of another form":          {answer: saying(200, `{"ok":true,"channel":7}`), says: "can not be read"},
		"a yes that says not where":      {answer: saying(200, `{"ok":true}`), says: "where the message is"},
		"a token that comes back":        {answer: saying(200, `{"ok":false,"error":"token `+plantedBot+` is bad"}`), permanent: true, says: "withheld"},
		"an answer that is too long":     {answer: saying(200, `{"ok":true,"x":"`+strings.Repeat("x", maxAnswer)+`"}`), says: "can not be read"},
		"a hang-up":                      {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, says: "no answer"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, client := serveWeb(t, c.answer)
			_, err := client.Post(t.Context(), "#security", message{Text: "x"})
			if err == nil || access.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "planted") {
				t.Fatalf("error = %v, permanent %v", err, access.IsPermanent(err))
			}
			var later *access.DeliveryError
			if c.wait > 0 && (!errors.As(err, &later) || later.RetryAfter != c.wait) {
				t.Errorf("it wants %+v", later)
			}
		})
	}
}

func TestRefusedAsTellsSlacksWord(t *testing.T) {
	_, client := serveWeb(t, saying(200, `{"ok":false,"error":"hash_conflict"}`))
	_, err := client.UpdateView(t.Context(), "V1", "h", slackapi.ModalViewRequest{})
	if !refusedAs(err, "hash_conflict") || refusedAs(err, "not_found") || refusedAs(errors.New("hash_conflict"), "hash_conflict") {
		t.Errorf("error = %v", err)
	}
}

func TestAFormIsOpenedSoonOrNotAtAll(t *testing.T) {
	_, client := serveWeb(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	began := time.Now()
	_, err := client.OpenView(t.Context(), "planted-trigger", slackapi.ModalViewRequest{})
	if took := time.Since(began); err == nil || took > callTimeout || strings.Contains(err.Error(), "planted") {
		t.Errorf("error = %v after %s", err, took)
	}
}

func TestAFormAndItsChangeAreSent(t *testing.T) {
	f, client := serveWeb(t, saying(200, `{"ok":true,"view":{"id":"V1","hash":"h1","type":"modal"}}`))
	form := slackapi.ModalViewRequest{Type: slackapi.VTModal, CallbackID: idRequest, Title: plain("Ask", maxTitle)}
	got, err := client.OpenView(t.Context(), "trigger-1", form)
	if err != nil || got.ID != "V1" || got.Hash != "h1" {
		t.Fatal(got, err)
	}
	if f.seen["views.open"].Header.Get("Authorization") != "Bearer "+plantedBot || !strings.Contains(f.body["views.open"], `"trigger_id":"trigger-1"`) {
		t.Errorf("it was sent %s", f.body["views.open"])
	}
	if _, err := client.UpdateView(t.Context(), "V1", "h1", form); err != nil {
		t.Fatal(err)
	}
	if body := f.body["views.update"]; !strings.Contains(body, `"view_id":"V1"`) || !strings.Contains(body, `"hash":"h1"`) {
		t.Errorf("it was sent %s", body)
	}
	if _, err := client.OpenView(t.Context(), "", form); !access.IsPermanent(err) {
		t.Errorf("without a trigger: %v", err)
	}
}

func TestAMessageHasItsNoticeInItsMetadataAndNoPreviews(t *testing.T) {
	f, client := serveWeb(t, saying(200, `{"ok":true,"channel":"C1","ts":"1.000100"}`))
	m := message{Text: "a <b> & c", NoticeID: "ntc_1", Blocks: []slackapi.Block{slackapi.NewSectionBlock(mrkdwn("hello"), nil, nil)}}
	at, err := client.Post(t.Context(), "#security", m)
	if err != nil || at != (access.Place{Channel: "C1", At: "1.000100"}) {
		t.Fatal(at, err)
	}
	if err := client.Update(t.Context(), at, m); err != nil {
		t.Fatal(err)
	}
	for method, to := range map[string]string{"chat.postMessage": "#security", "chat.update": "C1"} {
		form, err := url.ParseQuery(f.body[method])
		if err != nil {
			t.Fatal(err)
		}
		if form.Get("channel") != to || form.Get("text") != "a <b> & c" || !strings.Contains(form.Get("blocks"), `"hello"`) ||
			!strings.Contains(form.Get("metadata"), `"notice_id":"ntc_1"`) {
			t.Errorf("%s was sent %v", method, form)
		}
		if form.Get("unfurl_links") != "false" || form.Get("unfurl_media") != "false" {
			t.Errorf("%s shows previews: %v", method, form)
		}
	}
}

func TestAnAddressIsConfirmedUnlessSlackSaysOtherwise(t *testing.T) {
	cases := map[string]bool{
		`{"ok":true,"user":{"id":"U1"}}`:                             true,
		`{"ok":true,"user":{"id":"U1","is_email_confirmed":true}}`:   true,
		`{"ok":true,"user":{"id":"U1","is_email_confirmed":false}}`:  false,
		`{"ok":true,"user":{"id":"U1","is_email_confirmed":null}}`:   true,
		`{"ok":true,"user":{"id":"U1","profile":{"email":"a@b.c"}}}`: true,
	}
	for body, want := range cases {
		_, client := serveWeb(t, saying(200, body))
		got, err := client.User(t.Context(), "U1")
		if err != nil || got.ID != "U1" || got.IsEmailConfirmed != want {
			t.Errorf("%s is %v, %v", body, got.IsEmailConfirmed, err)
		}
	}
	_, client := serveWeb(t, saying(200, `{"ok":true}`))
	if got, err := client.UserByEmail(t.Context(), alice); err == nil {
		t.Errorf("an answer without an account is %+v", got)
	}
}

func TestSelfIsWhoseTheTokenIsAndWhatItMay(t *testing.T) {
	answering := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-OAuth-Scopes", "commands, chat:write,users:read")
			_, _ = io.WriteString(w, body)
		}
	}
	_, client := serveWeb(t, answering(`{"ok":true,"team_id":"T1","user_id":"UBOT","enterprise_id":"E1"}`))
	got, err := client.Self(t.Context())
	if err != nil || fmt.Sprint(got) != "{T1 E1 UBOT [commands chat:write users:read]}" {
		t.Errorf("self = %v, %v", got, err)
	}
	_, client = serveWeb(t, answering(`{"ok":true,"team_id":"E1","user_id":"UBOT","enterprise_id":"E1"}`))
	if got, err := client.Self(t.Context()); err != nil || got.TeamID != "" || got.EnterpriseID != "E1" {
		t.Errorf("of an organisation it is %v, %v", got, err)
	}
	_, client = serveWeb(t, answering(`{"ok":true,"user_id":"UBOT"}`))
	if got, err := client.Self(t.Context()); err == nil {
		t.Errorf("of nobody it is %v", got)
	}
}

func TestAResponseGoesToSlackOnly(t *testing.T) {
	cases := map[string]struct {
		base, to string
		sent     bool
	}{
		"Slack's":                       {"https://slack.com/api/", "https://hooks.slack.com/commands/T1/2/x", true},
		"Slack's for governments":       {"https://slack-gov.com/api/", "https://hooks.slack-gov.com/actions/1", true},
		"in capitals":                   {"https://slack.com/api/", "https://HOOKS.slack.com/commands/1", true},
		"without encryption":            {"https://slack.com/api/", "http://hooks.slack.com/commands/1", false},
		"another port":                  {"https://slack.com/api/", "https://hooks.slack.com:8443/commands/1", false},
		"another host":                  {"https://slack.com/api/", "https://example.com/hooks.slack.com", false},
		"a host that ends like Slack's": {"https://slack.com/api/", "https://evilhooks.slack.com/", false},
		"a host that begins like it":    {"https://slack.com/api/", "https://hooks.slack.com.example.com/", false},
		"with a user":                   {"https://slack.com/api/", "https://hooks.slack.com@example.com/", false},
		"with a user of Slack's":        {"https://slack.com/api/", "https://x@hooks.slack.com/", false},
		"nothing":                       {"https://slack.com/api/", "", false},
		"a wrong one":                   {"https://slack.com/api/", "https://hooks.slack.com/%zz", false},
		"the one that is configured":    {"http://127.0.0.1:4600/api/", "http://127.0.0.1:4600/response/1", true},
		"beside what is configured":     {"http://127.0.0.1:4600/api/", "http://127.0.0.1:4601/response/1", false},
		"Slack's beside another":        {"https://slack.example.com/api/", "https://hooks.slack.com/commands/1", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			base, err := apiURL(c.base)
			if err != nil {
				t.Fatal(err)
			}
			to, err := url.Parse(c.to)
			if sent := err == nil && responseHosts(base)(to); sent != c.sent {
				t.Errorf("sent is %v", sent)
			}
		})
	}
}

func TestAResponseSaysWhetherItReplaces(t *testing.T) {
	f, client := serveWeb(t, saying(200, "ok"))
	var got map[string]any
	if err := client.Respond(t.Context(), f.URL+"/planted-response", response{Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal([]byte(f.body["planted-response"]), &got) != nil || got["response_type"] != "ephemeral" || got["replace_original"] != false || got["text"] != "hello" {
		t.Errorf("it was sent %v", got)
	}
	if f.seen["planted-response"].Header.Get("Authorization") != "" {
		t.Error("it was sent the token")
	}
	if err := client.Respond(t.Context(), f.URL+"/planted-response", response{Text: "x", Replace: true}); err != nil || !strings.Contains(f.body["planted-response"], `"replace_original":true`) {
		t.Errorf("it was sent %s, %v", f.body["planted-response"], err)
	}
}

func TestAResponseThatIsRefusedIsTold(t *testing.T) {
	cases := map[string]struct {
		answer    http.HandlerFunc
		permanent bool
	}{
		"it is used up":  {saying(404, "used_url"), true},
		"it says where":  {func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.Path, http.StatusNotFound) }, true},
		"Slack is busy":  {saying(429, ""), false},
		"Slack is ill":   {saying(500, ""), false},
		"nobody answers": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f, client := serveWeb(t, c.answer)
			err := client.Respond(t.Context(), f.URL+"/hook/ticket-of-the-url", response{Text: "x"})
			if err == nil || access.IsPermanent(err) != c.permanent || strings.Contains(err.Error(), "ticket") {
				t.Errorf("error = %v", err)
			}
		})
	}
	_, client := serveWeb(t, saying(200, ""))
	if err := client.Respond(t.Context(), "https://example.com/planted", response{}); !access.IsPermanent(err) || strings.Contains(err.Error(), "planted") {
		t.Errorf("to somebody else: %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	_, client := serveWeb(t, saying(200, ""))
	w := newWorld(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		w.quiet(fmt.Sprintf(verb+verb, client, w.app))
	}
}

func TestAConfigurationIsCheckedAsAWhole(t *testing.T) {
	_, err := New(Config{})
	for _, part := range []string{"bot token", "signing secret", "Desk", "people", "log", "clock"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name the %s", err, part)
		}
	}
	good := Config{BotToken: plantedBot, SigningSecret: plantedSecret, Desk: &deskFake{}, People: newPeopleFake(),
		Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if app, err := New(good); err != nil || app == nil {
		t.Errorf("a good one: %v", err)
	}
	for _, bad := range []string{"slack.com", "ftp://slack.com", "https://slack.com/api?x=1", "https://u:planted@slack.com/", "https://slack.com/api/#x"} {
		good.URL = bad
		if _, err := New(good); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
