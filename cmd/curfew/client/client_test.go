package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/curfew-access/curfew/cmd/curfew/client"
)

const token = "a-token-that-is-never-printed"

// gateway answers with h. It returns a client of it.
func gateway(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL+"/", token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallsSayWhoAndHow(t *testing.T) {
	t.Parallel()
	var got *http.Request
	c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, `{"id":"x"}`)
	})
	var answer struct{ ID string }
	if _, err := c.Get(t.Context(), client.Path("v1", "resources", "db", "a/b c"), url.Values{"limit": {"1"}}, &answer); err != nil {
		t.Fatal(err)
	}
	if got.URL.RequestURI() != "/v1/resources/db/a%2Fb%20c?limit=1" || got.Header.Get("Authorization") != "Bearer "+token ||
		got.Header.Get("Curfew-Channel") != "cli" || got.Header.Get("Idempotency-Key") != "" || answer.ID != "x" {
		t.Errorf("got %s %v, answer %v", got.URL, got.Header, answer)
	}
}

func TestConnectionThatBreaksIsTriedOnceMoreWithTheSameKey(t *testing.T) {
	t.Parallel()
	var keys []string
	c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys)%2 == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	for _, key := range []string{"", "mine"} {
		if _, err := c.Post(t.Context(), "/v1/requests", key, struct{}{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys) != 4 || keys[0] == "" || keys[0] != keys[1] || keys[2] != "mine" || keys[3] != "mine" {
		t.Errorf("got keys %q", keys)
	}
}

func TestConnectionThatStaysBrokenIsUnreachable(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := gateway(t, func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		panic(http.ErrAbortHandler)
	})
	_, err := c.Get(t.Context(), "/v1/grants", nil, nil)
	if !errors.Is(err, client.ErrUnreachable) || calls.Load() != 2 || strings.Contains(err.Error(), token) {
		t.Errorf("%d calls, got %v", calls.Load(), err)
	}
}

func TestEndedContextIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int32
	c := gateway(t, func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		cancel()
		panic(http.ErrAbortHandler)
	})
	if _, err := c.Get(ctx, "/v1/grants", nil, nil); !errors.Is(err, client.ErrUnreachable) || calls.Load() != 1 {
		t.Errorf("%d calls, got %v", calls.Load(), err)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status           int
		kind, body, want string
	}{
		"a problem": {409, "application/problem+json", `{"code":"grant_ended","detail":"it has ended"}`, "it has ended (grant_ended)"},
		"a problem with its place": {
			422, "application/problem+json; charset=utf-8", `{"code":"not_offered","detail":"no","pointer":"/for"}`, "/for: no (not_offered)",
		},
		"an internal error":   {500, "application/problem+json", `{"code":"internal","detail":"failed","request_id":"R1"}`, "failed (internal, request R1)"},
		"not from Curfew":     {502, "text/html", "<h1>" + token, "502 Bad Gateway, and not from Curfew"},
		"a broken problem":    {502, "application/problem+json", "<h1>" + token, "502 Bad Gateway, and not from Curfew"},
		"an answer in pieces": {200, "application/json", `{"id":`, "not what this release of curfew reads"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			var answer struct{}
			_, err := c.Get(t.Context(), "/v1/grants", nil, &answer)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), token) {
				t.Errorf("got %v", err)
			}
			var p *client.AnswerError
			if tc.status >= 300 && (!errors.As(err, &p) || p.Status != tc.status) {
				t.Errorf("got %#v", p)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if _, err := c.Get(t.Context(), "/v1/grants", nil, nil); err == nil || calls.Load() != 1 || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("%d calls, got %v", calls.Load(), err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	c := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 33 {
			_, _ = w.Write(chunk)
		}
	})
	if _, err := c.Get(t.Context(), "/v1/grants", nil, nil); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
}

func TestAddressesAndTokensThatCanNotBe(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "gateway", "ftp://gateway", "http://", "http://a:b@gateway", "http://gateway?x", "http://gateway#x", "http://%"} {
		if _, err := client.New(address, ""); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, err := client.New("http://gateway", "two\nlines"); err == nil || strings.Contains(err.Error(), "lines") {
		t.Errorf("got %v", err)
	}
}
