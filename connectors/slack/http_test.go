package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

// signature is that of a body at a time.
func signature(secret, body string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, "v0:"+strconv.FormatInt(at.Unix(), 10)+":"+body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// signedRequest is a message as Slack sends it.
func signedRequest(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://gateway.example.com/hooks/slack/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(timestampHeader, strconv.FormatInt(time.Now().Unix(), 10))
	r.Header.Set("X-Slack-Signature", signature(plantedSecret, body, time.Now()))
	r.RemoteAddr = "192.0.2.7:4711"
	return r
}

// send has the App answer a request.
func (w *world) send(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	got := httptest.NewRecorder()
	w.app.Handler().ServeHTTP(got, r)
	w.quiet(got.Body.String())
	return got
}

// counted is how often each outcome was, without those that were not.
func (w *world) counted() map[string]int64 {
	counts := w.app.Counts()
	for o, n := range counts {
		if n == 0 {
			delete(counts, o)
		}
	}
	return counts
}

const ignoredPayload = `{"type":"view_closed","user":{"id":"UALICE"},"team":{"id":"T1"}}`

var (
	ignoredBody = url.Values{"payload": {ignoredPayload}}.Encode()
	helpBody    = url.Values{"command": {"/access"}, "text": {"help"}, "user_id": {aliceID}, "team_id": {team}, "trigger_id": {"t1"},
		"response_url": {"https://hooks.slack.com/commands/planted"}}.Encode()
)

func TestWhatIsNotSlacksIsRefused(t *testing.T) {
	cases := map[string]struct {
		change  func(*http.Request)
		status  int
		outcome outcome
		told    string
	}{
		"no signature":                       {func(r *http.Request) { r.Header.Del("X-Slack-Signature") }, 401, outcomeUnsigned, "signature_missing"},
		"no time":                            {func(r *http.Request) { r.Header.Del(timestampHeader) }, 401, outcomeUnsigned, "signature_missing"},
		"another secret":                     {resigned("other", 0), 403, outcomeRefused, "signature_wrong"},
		"an empty secret":                    {resigned("", 0), 403, outcomeRefused, "signature_wrong"},
		"a time that is too old":             {resigned(plantedSecret, -301*time.Second), 403, outcomeStale, "timestamp_stale"},
		"a time that is to come":             {resigned(plantedSecret, 302*time.Second), 403, outcomeStale, "timestamp_stale"},
		"a time that is too old, of another": {resigned("other", -301*time.Second), 403, outcomeRefused, "signature_wrong"},
		"a time that is too old, and no digits": {func(r *http.Request) {
			resigned("x", -time.Hour)(r)
			r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
		}, 403, outcomeRefused, "signature_wrong"},
		"a time before all times": {func(r *http.Request) { r.Header.Set(timestampHeader, "-9223372036854775808") }, 403, outcomeRefused, "signature_wrong"},
		"a time that is too long": {func(r *http.Request) { r.Header.Set(timestampHeader, strings.Repeat("9", 40)) }, 403, outcomeRefused, "signature_wrong"},
		"two signatures, the first one wrong": {func(r *http.Request) {
			good := r.Header.Get("X-Slack-Signature")
			r.Header["X-Slack-Signature"] = []string{"v0=" + strings.Repeat("0", 64), good}
		}, 403, outcomeRefused, "signature_wrong"},
		"a time that is written otherwise": {func(r *http.Request) { r.Header.Set(timestampHeader, "+"+r.Header.Get(timestampHeader)) }, 403, outcomeRefused, "signature_wrong"},
		"a time that was changed":          {func(r *http.Request) { r.Header.Set(timestampHeader, strconv.FormatInt(time.Now().Unix()-7, 10)) }, 403, outcomeRefused, "signature_wrong"},
		"a time that is none":              {func(r *http.Request) { r.Header.Set(timestampHeader, "now") }, 403, outcomeRefused, "signature_wrong"},
		"a body that was changed":          {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(ignoredBody + "&x=1")) }, 403, outcomeRefused, "signature_wrong"},
		"another version":                  {func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v1="+strings.Repeat("0", 64)) }, 403, outcomeRefused, "signature_wrong"},
		"a signature that is no digit":     {func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0=zz") }, 403, outcomeRefused, "signature_wrong"},
		"a short signature":                {func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0=00") }, 403, outcomeRefused, "signature_wrong"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t)
				r := signedRequest("interactions", ignoredBody)
				c.change(r)
				got := w.send(r)
				if got.Code != c.status || got.Body.Len() > 0 || w.counted()[string(c.outcome)] != 1 {
					t.Errorf("it is answered %d %s, and counted %v", got.Code, got.Body, w.counted())
				}
				time.Sleep(time.Second)
				if told := w.told.all(); !slices.Equal(told, []string{"slack 192.0.2.7 " + c.told}) {
					t.Errorf("written down: %v", told)
				}
				if !strings.Contains(w.log.String(), "REFUSED") {
					t.Error("the log does not say so")
				}
			})
		})
	}
}

// resigned signs a request anew.
func resigned(secret string, ago time.Duration) func(*http.Request) {
	return func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		at := time.Now().Add(ago)
		r.Header.Set(timestampHeader, strconv.FormatInt(at.Unix(), 10))
		r.Header.Set("X-Slack-Signature", signature(secret, string(body), at))
	}
}

func TestAMessageIsHeldAgainstTheLedgersClock(t *testing.T) {
	w := newWorld(t)
	w.app.cfg.Now = func() time.Time { return time.Now().Add(6 * time.Minute) }
	if got := w.send(signedRequest("interactions", ignoredBody)); got.Code != http.StatusForbidden || w.counted()["stale"] != 1 {
		t.Errorf("it is answered %d, and counted %v", got.Code, w.counted())
	}
}

func TestWithoutASigningSecretNothingComesByHTTP(t *testing.T) {
	w := newWorld(t)
	w.app.cfg.SigningSecret = ""
	r := signedRequest("interactions", ignoredBody)
	resigned("", 0)(r)
	if got := w.send(r); got.Code != http.StatusForbidden {
		t.Errorf("it is answered %d", got.Code)
	}
}

func TestAlertsAreOncePerMinute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 20 {
			r := signedRequest("commands", helpBody)
			r.Header.Del("X-Slack-Signature")
			w.send(r)
			time.Sleep(time.Second)
		}
		if n := strings.Count(w.log.String(), "REFUSED"); n != 1 {
			t.Errorf("the log says it %d times", n)
		}
	})
}

func TestWhatIsNoMessageIsAnsweredByItsStatus(t *testing.T) {
	cases := map[string]struct {
		request func() *http.Request
		status  int
		outcome outcome
	}{
		"a GET": {func() *http.Request { return httptest.NewRequest(http.MethodGet, "/hooks/slack/commands", nil) }, 405, outcomeNotPost},
		"JSON": {func() *http.Request {
			r := signedRequest("interactions", ignoredPayload)
			r.Header.Set("Content-Type", "application/json")
			return r
		}, 415, outcomeNotForm},
		"no content type": {func() *http.Request {
			r := signedRequest("interactions", ignoredBody)
			r.Header.Del("Content-Type")
			return r
		}, 415, outcomeNotForm},
		"a body that says it is too large": {func() *http.Request { return signedRequest("interactions", strings.Repeat("x", maxBody+1)) }, 413, outcomeTooLarge},
		"a body that is too large and does not say so": {func() *http.Request {
			r := signedRequest("interactions", strings.Repeat("x", maxBody+1))
			r.ContentLength = -1
			return r
		}, 413, outcomeTooLarge},
		"a body that breaks off": {func() *http.Request {
			r := signedRequest("interactions", ignoredBody)
			r.Body = io.NopCloser(iotest.ErrReader(errors.New("broken")))
			return r
		}, 503, outcomeUnread},
		"another path":              {func() *http.Request { return signedRequest("events", ignoredBody) }, 404, outcomeNotFound},
		"a payload that is no JSON": {func() *http.Request { return signedRequest("interactions", "payload=%7B") }, 400, outcomeMalformed},
		"no payload":                {func() *http.Request { return signedRequest("interactions", "x=1") }, 400, outcomeMalformed},
		"a payload that names nobody": {func() *http.Request {
			return signedRequest("options", "payload=%7B%22type%22:%22block_suggestion%22%7D")
		}, 400, outcomeMalformed},
		"a payload in the address":   {func() *http.Request { return signedRequest("interactions?"+ignoredBody, "") }, 400, outcomeMalformed},
		"a command in the address":   {func() *http.Request { return signedRequest("commands?"+helpBody, "") }, 400, outcomeMalformed},
		"a command without a person": {func() *http.Request { return signedRequest("commands", "command=/access") }, 400, outcomeMalformed},
		"a command that can not be told from another": {func() *http.Request {
			return signedRequest("commands", "command=/access&text=acme+2h+x&user_id=UALICE&team_id=T1")
		}, 400, outcomeMalformed},
		"a form that can not be told from another": {func() *http.Request {
			return signedRequest("interactions", url.Values{"payload": {`{"type":"view_submission","user":{"id":"UALICE"},"team":{"id":"T1"},"view":{"callback_id":"request"}}`}}.Encode())
		}, 400, outcomeMalformed},
		"a body that is no form":                {func() *http.Request { return signedRequest("commands", "%zz=1;") }, 400, outcomeMalformed},
		"a message of which there is no use":    {func() *http.Request { return signedRequest("interactions", ignoredBody) }, 200, outcomeIgnored},
		"a look at the certificate, unsigned":   {sslCheck, 200, outcomeChecked},
		"options that the address is not for":   {func() *http.Request { return signedRequest("options", ignoredBody) }, 200, outcomeIgnored},
		"a command":                             {func() *http.Request { return signedRequest("commands", helpBody) }, 200, outcomeTaken},
		"a content type with a character set":   {withCharset, 200, outcomeIgnored},
		"a message that is almost too old":      {aged(-299 * time.Second), 200, outcomeIgnored},
		"a message of a clock that is in haste": {aged(299 * time.Second), 200, outcomeIgnored},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t)
				got := w.send(c.request())
				if got.Code != c.status || w.counted()[string(c.outcome)] != 1 || len(w.counted()) != 1 {
					t.Errorf("it is answered %d %s, and counted %v", got.Code, got.Body, w.counted())
				}
				time.Sleep(time.Minute)
				if c.outcome != outcomeTaken && len(w.desk.called(""))+len(w.slack.called("")) > 0 {
					t.Errorf("it had an effect: %v %v", w.desk.called(""), w.slack.called(""))
				}
			})
		})
	}
}

func sslCheck() *http.Request {
	r := signedRequest("commands", "ssl_check=1&token=x&command=/access&user_id=UALICE")
	r.Header.Del("X-Slack-Signature")
	return r
}

func withCharset() *http.Request {
	r := signedRequest("interactions", ignoredBody)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

func aged(ago time.Duration) func() *http.Request {
	return func() *http.Request {
		r := signedRequest("interactions", ignoredBody)
		resigned(plantedSecret, ago)(r)
		return r
	}
}

func TestABodyThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.app.Handler())
	defer server.Close()
	body, never := io.Pipe()
	defer func() { _ = never.Close() }()
	r, err := http.NewRequest(http.MethodPost, server.URL+"/hooks/slack/commands", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	began := time.Now()
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	if got.StatusCode != http.StatusServiceUnavailable || time.Since(began) > 3*time.Second {
		t.Errorf("it is answered %d after %s", got.StatusCode, time.Since(began))
	}
}

func TestARecordedMessageHasTheEffectThatItHad(t *testing.T) {
	w := newWorld(t)
	w.desk.review = func(_ context.Context, _ Caller, _, id string, _ Answer) (access.Case, error) {
		return access.Case{Request: access.Request{ID: id}}, nil
	}
	payload := `{"type":"block_actions","user":{"id":"UBOB","team_id":"T1"},"team":{"id":"T1"},"trigger_id":"t1","response_url":"https://hooks.slack.com/actions/1",
		"container":{"type":"message","message_ts":"1.1","channel_id":"C1"},"channel":{"id":"C1"},"message":{"ts":"1.1"},
		"actions":[{"type":"button","block_id":"b","action_id":"review.approve","value":"req_1","action_ts":"7.7"}]}`
	body := url.Values{"payload": {payload}}.Encode()
	for range 2 {
		if got := w.send(signedRequest("interactions", body)); got.Code != http.StatusOK || got.Body.Len() > 0 {
			t.Fatalf("it is answered %d %s", got.Code, got.Body)
		}
	}
	reviews := w.desk.called("review")
	if len(reviews) != 2 || reviews[0].Key == "" || reviews[0].Key != reviews[1].Key {
		t.Errorf("the Desk heard %+v", reviews)
	}
	if reviews[0].Who.Source != "192.0.2.7" || !strings.HasPrefix(reviews[0].Who.HookID, "slack-") {
		t.Errorf("from %+v", reviews[0].Who)
	}
}
