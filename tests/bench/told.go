package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/curfew-access/curfew/connectors/webhook"
)

// told is a target that confirms everything at once, and remembers when it was
// first told to close each binding. Unless asked to it looks at no signature: the
// less it does, the more of what is measured is the gateway's.
type told struct {
	server *httptest.Server
	hook   *standardwebhooks.Webhook // nil: it looks at no signature

	mu sync.Mutex
	at map[string]time.Time // by binding
}

func newTold(verify bool) (t *told, err error) {
	t = &told{at: map[string]time.Time{}}
	if verify {
		t.hook, err = standardwebhooks.NewWebhook(benchSecret)
	}
	t.server = httptest.NewServer(http.HandlerFunc(t.take))
	return t, err
}

const deprovision = `{"type":"access.deprovision"`

func (t *told) take(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err == nil && t.hook != nil {
		err = t.hook.Verify(body, r.Header)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	id := r.Header.Get("Webhook-Id")
	id = id[:max(strings.LastIndexByte(id, '_'), 0)] // without the generation
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.at[id]; !known && bytes.HasPrefix(body, []byte(deprovision)) {
		t.at[id] = now
	}
}

// contract is what an agreement with this target is called.
func (t *told) contract() (string, error) {
	hook, err := webhook.New(webhook.Config{Name: "target", URL: t.server.URL, Secrets: []string{benchSecret}})
	if err != nil {
		return "", err
	}
	return hook.Contract(), nil
}

// forget begins anew.
func (t *told) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = map[string]time.Time{}
}

// count is how many bindings were closed.
func (t *told) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.at)
}

// await waits until so many bindings were closed, or the time is over.
func (t *told) await(ctx context.Context, n int, end time.Time) error {
	for t.count() < n {
		if time.Now().After(end) {
			return fmt.Errorf("the target was told to close %d bindings, not %d", t.count(), n)
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// late is how late each of a batch was closed, from the nth on; missing counts
// those that were not.
func (t *told) late(b batch, from int) (all []time.Duration, missing int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := from; n < b.Count; n++ {
		at, closed := t.at[b.id("bnd", n)]
		if !closed {
			missing++
			continue
		}
		all = append(all, at.Sub(b.due(n)))
	}
	return all, missing
}

// pause sleeps, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// until sleeps until a time.
func until(ctx context.Context, t time.Time) error { return pause(ctx, time.Until(t)) }
