package siem_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	hookSecret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
	hookToken  = "hunter2-hunter2"
)

// sealed are records from first on. Their bodies hold what encoders like to change.
func sealed(first int64, n int) []access.AuditRecord {
	var out []access.AuditRecord
	for seq := first; seq < first+int64(n); seq++ {
		id := fmt.Sprintf("evt_%026d", seq)
		out = append(out, access.AuditRecord{
			Seq: seq, EventID: id, Type: "grant.started", Time: time.Date(2026, 11, 22, 12, 0, 0, int(seq)*1000, time.UTC),
			Body: []byte(fmt.Sprintf(`{"data":{"note":"<Zoë> & \"日本\""},"grant_id":"grt_%d","id":%q,"subject":{"id":"a\"]\\z@example.com","type":"user"}}`, seq, id)),
		})
	}
	return out
}

// hookCall is what a receiver got.
type hookCall struct {
	header http.Header
	body   []byte
}

// receiver answers with each status in turn, and with 204 behind the last.
func receiver(t *testing.T, answers ...int) (url string, calls *[]hookCall) {
	t.Helper()
	calls = new([]hookCall)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*calls = append(*calls, hookCall{r.Header.Clone(), body})
		status := http.StatusNoContent
		if n := len(*calls); n <= len(answers) {
			status = answers[n-1]
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "42")
		}
		if status >= 300 {
			http.Error(w, "no: "+hookToken, status)
			return
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/in", calls
}

func newHook(t *testing.T, url string) *siem.Webhook {
	t.Helper()
	hook, err := siem.NewWebhook(siem.WebhookConfig{URL: url, Secrets: []string{hookSecret}, Headers: map[string]string{"Authorization": "Bearer " + hookToken}})
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

func TestWebhookBringsTheEventsByteForByteAndSigned(t *testing.T) {
	url, calls := receiver(t)
	records := sealed(7, 3)
	if receipt, err := newHook(t, url).Send(t.Context(), records); err != nil || receipt != "" {
		t.Fatalf("%q, %v", receipt, err)
	}
	call := (*calls)[0]
	verifier, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(call.body, http.Header{
		"Webhook-Id": call.header["Webhook-Id"], "Webhook-Timestamp": call.header["Webhook-Timestamp"], "Webhook-Signature": call.header["Webhook-Signature"],
	}); err != nil {
		t.Errorf("the signature is not good: %v", err)
	}
	if id := call.header.Get("Webhook-Id"); id != "aud_7_9" || call.header.Get("Authorization") != "Bearer "+hookToken {
		t.Errorf("its id is %q, its headers are %v", id, call.header)
	}
	var message struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			First, Last int64
			Events      []json.RawMessage
		}
	}
	if err := json.Unmarshal(call.body, &message); err != nil {
		t.Fatal(err)
	}
	if d := message.Data; message.Type != "audit.events" || d.First != 7 || d.Last != 9 || len(d.Events) != 3 || !message.Timestamp.Equal(records[2].Time) {
		t.Errorf("got %s", call.body)
	}
	for i, r := range records {
		if !bytes.Equal(message.Data.Events[i], r.Body) {
			t.Errorf("event %d is %s, want %s", i, message.Data.Events[i], r.Body)
		}
	}
}

func TestWebhookSendsTheSameMessageWhenItSendsTheSameRecords(t *testing.T) {
	url, calls := receiver(t)
	hook := newHook(t, url)
	for range 2 {
		if _, err := hook.Send(t.Context(), sealed(1, 2)); err != nil {
			t.Fatal(err)
		}
	}
	one, two := (*calls)[0], (*calls)[1]
	if !bytes.Equal(one.body, two.body) || one.header.Get("Webhook-Id") != two.header.Get("Webhook-Id") {
		t.Errorf("the second is another: %s\n%s", one.body, two.body)
	}
}

func TestWebhookSaysWhatAnAnswerMeansForTheRecords(t *testing.T) {
	cases := map[string]struct {
		answer              int
		permanent, rejected bool
		after               time.Duration
	}{
		"it has gone elsewhere":          {answer: 308, permanent: true},
		"a record is none for it":        {answer: 400, rejected: true},
		"it does not know the caller":    {answer: 401, permanent: true},
		"it does not want the caller":    {answer: 403, permanent: true},
		"it is not there":                {answer: 404, permanent: true},
		"it takes nothing posted":        {answer: 405, permanent: true},
		"it was too slow":                {answer: 408},
		"it is gone":                     {answer: 410, permanent: true},
		"it is too much at once":         {answer: 413, rejected: true},
		"a record makes no sense to it":  {answer: 422, rejected: true},
		"it wants a rest":                {answer: 429, after: 42 * time.Second},
		"it fails":                       {answer: 500},
		"it has nobody to ask":           {answer: 503},
		"a client error of its own kind": {answer: 418, permanent: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			url, _ := receiver(t, tc.answer, tc.answer, tc.answer)
			_, err := newHook(t, url).Send(t.Context(), sealed(1, 2))
			if err == nil {
				t.Fatal("it is taken")
			}
			var rejected *access.RejectedError
			if got := errors.As(err, &rejected); got != tc.rejected || got && rejected.Index != -1 {
				t.Errorf("%v is a refusal of records: %v", err, got)
			}
			if access.IsPermanent(err) != tc.permanent {
				t.Errorf("%v is permanent: %v", err, !tc.permanent)
			}
			var failed *access.DeliveryError
			if errors.As(err, &failed) == tc.rejected || failed != nil && (failed.RetryAfter != tc.after || failed.Status != tc.answer) {
				t.Errorf("got %#v", failed)
			}
			if strings.Contains(err.Error(), hookToken) {
				t.Errorf("a secret is in: %v", err)
			}
		})
	}
}

func TestWebhookThatIsNotThereIsTriedAgain(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := newHook(t, server.URL).Send(t.Context(), sealed(1, 1))
	var failed *access.DeliveryError
	if !errors.As(err, &failed) || failed.Class != access.ClassUnreachable || access.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestWebhookSaysEveryFaultOfItsConfigurationAndNoSecret(t *testing.T) {
	_, err := siem.NewWebhook(siem.WebhookConfig{
		URL: "ftp://" + hookToken, Secrets: []string{"whsec_" + hookToken}, Timeout: time.Hour,
		Headers: map[string]string{"Host": hookToken, "X-Good": "a\n" + hookToken},
	})
	for _, want := range []string{"the URL is not an absolute http", "signing secret 1 of 1", `header "Host"`, `header "X-Good"`, "the timeout 1h0m0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), hookToken) {
		t.Errorf("a secret is in: %v", err)
	}
	cfg := siem.WebhookConfig{URL: "https://" + hookToken, Secrets: []string{hookToken}}
	if printed := fmt.Sprintf("%v %+v %#v", cfg, newHook(t, "http://"+hookToken), cfg); strings.Contains(printed, hookToken) {
		t.Errorf("it prints %s", printed)
	}
}
