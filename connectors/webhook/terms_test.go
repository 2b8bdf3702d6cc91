package webhook_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
)

// While a secret is changed over, some receivers know the old one only, and others
// the new one only. One that knows neither takes nothing.
func TestBothSecretsOfARotationAreTaken(t *testing.T) {
	const before, after, other = secret, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd", "whsec_HRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"
	for name, tc := range map[string]struct {
		knows string
		taken bool
	}{"the old one": {before, true}, "the new one": {after, true}, "neither": {other, false}} {
		t.Run(name, func(t *testing.T) {
			verifier, err := standardwebhooks.NewWebhook(tc.knows)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if n := len(strings.Fields(r.Header.Get("Webhook-Signature"))); n != 2 {
					t.Errorf("there are %d signatures", n)
				}
				if verifier.Verify(body, r.Header) != nil {
					w.WriteHeader(http.StatusForbidden)
				}
			}))
			defer server.Close()
			cfg := good()
			cfg.URL, cfg.Secrets = server.URL, []string{after, before}
			if err := deliver(t, mustNew(t, cfg)); (err == nil) != tc.taken {
				t.Errorf("it answers %v", err)
			}
		})
	}
}

// Clouds keep credentials there. An operator who may name private networks may not
// name these.
func TestMetadataIsNeverCalled(t *testing.T) {
	for _, url := range []string{"http://169.254.169.254/latest/", "http://[fd00:ec2::254]/latest/", "http://[::ffff:169.254.169.254]/", "http://169.254.170.2/v2/"} {
		cfg := good()
		cfg.URL = url
		err := deliver(t, mustNew(t, cfg))
		if err == nil || !access.IsPermanent(err) || !strings.Contains(err.Error(), "address refused") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestATargetWithoutRetriesGetsOneRequestAnAttempt(t *testing.T) {
	for retries, want := range map[int]int64{0: 1 + connectors.DefaultRetries, -1: 1} {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		cfg := good()
		cfg.URL, cfg.Retries = server.URL, retries
		var told *access.DeliveryError
		if err := deliver(t, mustNew(t, cfg)); !errors.As(err, &told) || told.Status != http.StatusServiceUnavailable || requests.Load() != want {
			t.Errorf("with retries %d: %v, after %d requests", retries, err, requests.Load())
		}
		server.Close()
	}
}

// A target that takes many at once keeps as many connections: a new one for each
// message would cost more than the message.
func TestConnectionsOfAWideTargetAreKept(t *testing.T) {
	const width, rounds = 64, 4
	var opened atomic.Int64
	gate := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gate }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	cfg := good()
	cfg.URL, cfg.AtOnce, cfg.Timeout = server.URL, width, time.Minute
	target := mustNew(t, cfg)
	for range rounds {
		var all sync.WaitGroup
		for range width {
			all.Go(func() {
				if err := deliver(t, target); err != nil {
					t.Error(err)
				}
			})
		}
		for range width {
			gate <- struct{}{}
		}
		all.Wait()
	}
	if n := opened.Load(); n > width {
		t.Errorf("%d connections were made for %d at once", n, width)
	}
}

func TestACertificateIsForAnHTTPSURL(t *testing.T) {
	cfg := good()
	cfg.As = &connectors.Credentials{}
	if _, err := webhook.New(cfg); err != nil {
		t.Errorf("over https: %v", err)
	}
	cfg.URL = "http://x.example.com/"
	if _, err := webhook.New(cfg); err == nil || !strings.Contains(err.Error(), "a client certificate is for an https URL") {
		t.Errorf("over http: %v", err)
	}
}
