package webhook_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func good() webhook.Config {
	return webhook.Config{Name: "okta", URL: "https://x.example.com/hook?t=TOKEN", Secrets: []string{secret}}
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*webhook.Config)
		want   string
	}{
		"no name":                   {func(c *webhook.Config) { c.Name = "" }, "the name is not"},
		"a name with a line end":    {func(c *webhook.Config) { c.Name = "a\nb" }, "the name is not"},
		"no URL":                    {func(c *webhook.Config) { c.URL = "" }, "the URL is missing"},
		"a relative URL":            {func(c *webhook.Config) { c.URL = "/hook-TOKEN" }, "not an absolute http or https URL"},
		"a URL without a host":      {func(c *webhook.Config) { c.URL = "https:///TOKEN" }, "not an absolute"},
		"a port without a host":     {func(c *webhook.Config) { c.URL = "https://:443/TOKEN" }, "not an absolute"},
		"another scheme":            {func(c *webhook.Config) { c.URL = "ftp://x.example.com/TOKEN" }, "not an absolute"},
		"a URL that is opaque":      {func(c *webhook.Config) { c.URL = "https:x.example.com/TOKEN" }, "not an absolute"},
		"a URL that is none":        {func(c *webhook.Config) { c.URL = "https://x.example.com/%zzTOKEN" }, "can not be parsed"},
		"a user in the URL":         {func(c *webhook.Config) { c.URL = "https://u:TOKEN@x.example.com/" }, "holds a user"},
		"a fragment in the URL":     {func(c *webhook.Config) { c.URL = "https://x.example.com/#TOKEN" }, "holds a fragment"},
		"no secret":                 {func(c *webhook.Config) { c.Secrets = nil }, "there is no signing secret"},
		"a short secret":            {func(c *webhook.Config) { c.Secrets = []string{"whsec_VE9LRU4="} }, "has 5 bytes"},
		"a negative timeout":        {func(c *webhook.Config) { c.Timeout = -1 }, "the timeout"},
		"a timeout of an hour":      {func(c *webhook.Config) { c.Timeout = time.Hour }, "the timeout 1h0m0s is not between"},
		"a content type":            {header("content-type", "TOKEN"), `header "content-type" can not be set`},
		"a host":                    {header("HOST", "TOKEN"), "can not be set"},
		"a signature":               {header("webhook-signature", "TOKEN"), "can not be set"},
		"an id in capitals":         {header("WEBHOOK-ID", "TOKEN"), "can not be set"},
		"a webhook header to come":  {header("Webhook-Extra", "TOKEN"), "can not be set"},
		"a length":                  {header("Content-Length", "TOKEN"), "can not be set"},
		"a header of a connection":  {header("transfer-encoding", "TOKEN"), "can not be set"},
		"a header without a name":   {header("", "TOKEN"), "is not the name of a header"},
		"a name with a space":       {header("X Y", "TOKEN"), "is not the name of a header"},
		"a name with a colon":       {header("X:", "TOKEN"), "is not the name of a header"},
		"an empty value":            {header("X-Key", " "), "is empty"},
		"a value with a line end":   {header("X-Key", "TOKEN\r\nX-Other: 1"), "control character"},
		"a value with a zero":       {header("X-Key", "TOKEN\x00"), "control character"},
		"a header in two spellings": {func(c *webhook.Config) { c.Headers = map[string]string{"X-A": "TOKEN", "x-a": "TOKEN"} }, "is there twice"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.change(&cfg)
			_, err := webhook.New(cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v; want one that says %q", err, c.want)
			}
			if strings.Contains(err.Error(), "TOKEN") || strings.Contains(err.Error(), "VE9LRU4") {
				t.Errorf("the error gives a secret away: %v", err)
			}
		})
	}
}

func header(name, value string) func(*webhook.Config) {
	return func(c *webhook.Config) { c.Headers = map[string]string{name: value} }
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := webhook.New(webhook.Config{Headers: map[string]string{"Host": "x", "Te": "y"}, Timeout: -1})
	for _, want := range []string{"name", "URL", "secret", "timeout", `"Host"`, `"Te"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v; want it to name %s", err, want)
		}
	}
}

func TestContractIsTheDigestOfNameAndURL(t *testing.T) {
	cfg := good()
	sum := sha256.Sum256([]byte("okta\nhttps://x.example.com/hook?t=TOKEN"))
	if got, want := mustNew(t, cfg).Contract(), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("Contract = %s; want %s", got, want)
	}
	other := cfg
	other.URL += "2"
	if mustNew(t, cfg).Contract() == mustNew(t, other).Contract() {
		t.Error("two URLs have one contract")
	}
	rotated := cfg
	rotated.Secrets = []string{secret, secret}
	if mustNew(t, cfg).Contract() != mustNew(t, rotated).Contract() {
		t.Error("a new secret changed the contract")
	}
}

func TestDeadlineIsTheTimeoutOr15Seconds(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 15 * time.Second, time.Minute: time.Minute, webhook.MaxTimeout: webhook.MaxTimeout} {
		cfg := good()
		cfg.Timeout = timeout
		if got := mustNew(t, cfg).Deadline(); got != want {
			t.Errorf("Deadline = %s; want %s", got, want)
		}
	}
}

func TestConfigPrintsAsItsName(t *testing.T) {
	cfg := good()
	cfg.Headers = map[string]string{"Authorization": "TOKEN"}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "config", cfg, "pointer", &cfg, "target", mustNew(t, cfg))
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", cfg, "pointer", &cfg, "target", mustNew(t, cfg))
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	nested := struct{ Config webhook.Config }{cfg}
	all := fmt.Sprintf("%v %+v %#v %s %d %v %s %s", cfg, cfg, cfg, cfg, cfg, nested, &logged, asJSON)
	if strings.Contains(all, "TOKEN") || strings.Contains(all, secret[6:]) || !strings.Contains(all, "okta") {
		t.Errorf("printed: %s", all)
	}
}

func TestPublicOnlyRefusesAPrivateAddressForGood(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	cfg := good()
	cfg.URL, cfg.PublicOnly = server.URL, true
	_, err := mustNew(t, cfg).Deliver(t.Context(), access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: "bnd_1"}}})
	var failed *access.DeliveryError
	if !errors.As(err, &failed) || failed.Class != access.ClassUnreachable || !access.IsPermanent(err) {
		t.Errorf("error = %v; want a permanent one, unreachable", err)
	}
}

// The quickstart's target is on this machine.
func TestAPrivateAddressIsReachedUnlessForbidden(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	defer server.Close()
	cfg := good()
	cfg.URL = server.URL
	receipt, err := mustNew(t, cfg).Deliver(t.Context(), access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: "bnd_1"}}})
	if err != nil || receipt != (access.Receipt{Status: http.StatusAccepted, Tries: 1}) {
		t.Errorf("Deliver = %+v, %v", receipt, err)
	}
}

func TestAnErrorDoesNotRepeatAShortPathOrQuery(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no route "+r.URL.Path+" for "+r.URL.RequestURI(), http.StatusNotFound)
	}))
	defer server.Close()
	cfg := good()
	cfg.URL = server.URL + "/in?k=v7"
	err := deliver(t, mustNew(t, cfg))
	if want := "answered 404 Not Found: no route *** for ***?***"; err == nil || err.Error() != want {
		t.Errorf("error = %v; want %s", err, want)
	}
}

func deliver(t *testing.T, target *webhook.Target) error {
	t.Helper()
	_, err := target.Deliver(t.Context(), access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: "bnd_1"}}})
	return err
}

func TestDeliveriesAtOnceShareNothing(t *testing.T) {
	cfg := good()
	cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	target := mustNew(t, cfg)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := deliver(t, target); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAMessageWithoutAValidIDIsNotSent(t *testing.T) {
	for _, id := range []string{"", "a.b", "a b", "a\nb"} {
		_, err := mustNew(t, good()).Deliver(t.Context(), access.Message{Data: access.MessageData{Binding: access.BindingRef{ID: id}}})
		if err == nil || !access.IsPermanent(err) || !strings.Contains(err.Error(), "no valid id") {
			t.Errorf("id %q: error = %v", id, err)
		}
	}
}

func mustNew(t *testing.T, cfg webhook.Config) *webhook.Target {
	t.Helper()
	target, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return target
}
