package connectorsuite

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/engine/access"
)

// Verifier is a connector that can ask whether a binding exists.
type Verifier interface {
	Verify(ctx context.Context, m access.Message) (access.Presence, error)
}

// question is the question about what message is about.
func question() access.Message {
	m := access.Message{Type: access.VerbVerify, Timestamp: time.Now().UTC(), Data: message().Data}
	m.Data.ExpiresAt, m.Data.EndReason, m.Data.Grants, m.Data.Callback = nil, nil, []access.MessageGrant{}, nil
	return m
}

// ask asks a connector that can, and returns the error.
func (s *scene) ask(t *testing.T) error {
	t.Helper()
	verifier, ok := s.connector.(Verifier)
	if !ok {
		return nil
	}
	_, err := verifier.Verify(t.Context(), question())
	return err
}

func testQuestions(t *testing.T, factory Factory) {
	long := `{"exists": false, "note": "` + strings.Repeat("x", 4<<10) + `"}`
	cases := map[string]struct {
		status int
		body   string
		want   access.Presence
		fault  string // "": none
	}{
		"it exists":                         {200, `{"exists": true}`, access.Present, ""},
		"it does not":                       {200, ` {"exists":false}` + "\n", access.Absent, ""},
		"it can not be told":                {200, `{"exists": null}`, access.Unknown, ""},
		"any 2xx is an answer":              {299, `{"exists": true}`, access.Present, ""},
		"members beside it are ignored":     {200, `{"a": {"exists": true}, "exists": false, "b": [1]}`, access.Absent, ""},
		"nothing":                           {204, ``, access.Unknown, "is not a JSON object"},
		"no JSON":                           {200, `false`, access.Unknown, "is not a JSON object"},
		"a page":                            {200, `<html>exists</html>`, access.Unknown, "is not a JSON object"},
		"another object":                    {200, `{"present": true}`, access.Unknown, `has no member "exists"`},
		"another case":                      {200, `{"Exists": true}`, access.Unknown, `has no member "exists"`},
		"a word":                            {200, `{"exists": "false"}`, access.Unknown, "not true, false or null"},
		"a number":                          {200, `{"exists": 0}`, access.Unknown, "not true, false or null"},
		"two answers":                       {200, `{"exists": false, "exists": true}`, access.Unknown, "2 times"},
		"something after it":                {200, `{"exists": false} {"exists": true}`, access.Unknown, "goes on"},
		"half an answer":                    {200, `{"exists": false`, access.Unknown, "is not valid JSON"},
		"more than anybody needs":           {200, long, access.Unknown, "longer than 4096 bytes"},
		"a refusal with an answer":          {404, `{"exists": false}`, access.Unknown, "answered 404 Not Found"},
		"a fault with an answer":            {500, `{"exists": false}`, access.Unknown, "answered 500"},
		"a redirect with an answer":         {302, `{"exists": false}`, access.Unknown, "answered 302"},
		"an informal answer of one's proxy": {203, `ok`, access.Unknown, "answered 203, but the answer is not a JSON object"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, factory, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}, func(t *testing.T, s *scene) {
				verifier, ok := s.connector.(Verifier)
				if !ok {
					return // it can not ask
				}
				got, err := verifier.Verify(t.Context(), question())
				if got != c.want || (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) {
					t.Errorf("Verify = %s, %v; want %s and a fault that says %q", got, err, c.want, c.fault)
				}
				for _, call := range s.seen() {
					checkQuestion(t, call)
				}
			})
		})
	}
}

// checkQuestion checks what the target got: a signature of each secret, as the library
// sees it, an id that no delivery has, and nothing in the body that is not asked.
func checkQuestion(t *testing.T, c call) {
	t.Helper()
	for _, secret := range []string{firstSecret, secondSecret} {
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := hook.VerifyIgnoringTimestamp(c.Body, c.Header); err != nil {
			t.Errorf("the signature: %v", err)
		}
	}
	var got access.Message
	if err := json.Unmarshal(c.Body, &got); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s_%d_verify_%d", got.Data.Binding.ID, got.Data.Binding.Generation, c.At.Unix()); c.Header.Get("webhook-id") != want && len(c.Body) > 0 {
		t.Errorf("webhook-id is %s, want %s", c.Header.Get("webhook-id"), want)
	}
	if got.Type != access.VerbVerify || got.Data.Callback != nil || got.Data.ExpiresAt != nil || len(got.Data.Grants) != 0 {
		t.Errorf("it was asked %s", c.Body)
	}
}
