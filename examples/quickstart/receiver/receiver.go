package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxSeen bounds the memory for ids. A repeat of what was forgotten is taken for
// new, which does no harm to a target that opens and closes by state.
const maxSeen = 10_000

type receiver struct {
	hook *standardwebhooks.Webhook
	out  io.Writer

	mu   sync.Mutex
	seen map[string]bool
}

// message is what this target reads of Curfew's messages.
type message struct {
	Type string `json:"type"`
	Data struct {
		Binding struct {
			Generation int64 `json:"generation"`
		} `json:"binding"`
		Subject, Resource struct{ Type, ID string }
		Action            struct{ Name string }
		ExpiresAt         *time.Time `json:"expires_at"`
		EndReason         string     `json:"end_reason"`
		Grants            []struct{ Reason string }
	} `json:"data"`
}

// newReceiver checks the secret's length, which the library does not: with an
// empty key everybody can sign.
func newReceiver(secret string, out io.Writer) (*receiver, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 {
		return nil, errors.New("the secret is not whsec_ and the base64 of 24 bytes or more")
	}
	hook, err := standardwebhooks.NewWebhookRaw(key)
	return &receiver{hook: hook, out: out, seen: map[string]bool{}}, err
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	now := time.Now().UTC().Format("15:04:05.000")
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 1<<20))
	if err == nil {
		err = r.hook.Verify(body, request.Header)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		fmt.Fprintf(r.out, "%s REFUSED: %v\n", now, err)
		http.Error(w, "the signature does not verify", http.StatusUnauthorized)
		return
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		fmt.Fprintf(r.out, "%s REFUSED: signed, but no message: %v\n", now, err)
		http.Error(w, "the body is not a message", http.StatusBadRequest)
		return
	}
	repeat := ""
	if id := request.Header.Get("webhook-id"); r.seen[id] {
		repeat = " (seen before)"
	} else {
		if len(r.seen) >= maxSeen {
			clear(r.seen)
		}
		r.seen[id] = true
		// Here a real target opens or closes the access, and remembers the id only
		// when that is done.
	}
	fmt.Fprintf(r.out, "%s %s, signature ok%s\n", now, m, repeat)
	w.WriteHeader(http.StatusNoContent)
}

// String renders the message in a line. Reasons are a person's words: quoted, they
// can not forge another line.
func (m message) String() string {
	d, more := m.Data, ""
	if d.ExpiresAt != nil {
		more = ", expires_at " + d.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if d.EndReason != "" {
		more = ", end_reason " + d.EndReason
	}
	reasons := make([]string, 0, len(d.Grants))
	for _, grant := range d.Grants {
		reasons = append(reasons, grant.Reason)
	}
	if len(reasons) > 0 {
		more += fmt.Sprintf(", reasons %q", reasons)
	}
	return fmt.Sprintf("%s %s:%s %s %s:%s generation %d%s", m.Type,
		d.Subject.Type, d.Subject.ID, d.Action.Name, d.Resource.Type, d.Resource.ID, d.Binding.Generation, more)
}
