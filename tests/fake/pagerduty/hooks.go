package pagerduty

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	hookTimeout = 5 * time.Second
	// maxRefusals is how many events may be refused in a row before a subscription is
	// disabled.
	maxRefusals = 3
)

// subscription is where webhooks go.
type subscription struct {
	ID, URL  string
	Secrets  []string
	Events   []string // none: all
	queue    []event
	busy     bool
	refusals int // in a row
	disabled bool
}

type event struct {
	id, kind string
	body     []byte
}

// Delivery is one try at a webhook.
type Delivery struct {
	Subscription, ID string
	Event            string // its type
	Try              int    // 1 is the first
	Status           int    // 0: no answer
}

// Subscribe sends webhooks of the events, or of all, to the URL, and returns the
// subscription's id and the secret that signs them.
func (f *Fake) Subscribe(url string, events ...string) (id, secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &subscription{ID: f.id(), URL: url, Secrets: []string{rand.Text()}, Events: events}
	f.subs = append(f.subs, s)
	return s.ID, s.Secrets[0]
}

// SignWith has a subscription sign with each of the secrets, as while one is
// changed for another.
func (f *Fake) SignWith(id string, secrets ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sub(id).Secrets = secrets
}

// Disabled reports whether a subscription was disabled, after three refusals.
func (f *Fake) Disabled(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sub(id).disabled
}

// Enable takes a disabled subscription into use again. What was queued is lost.
func (f *Fake) Enable(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sub(id)
	s.disabled, s.refusals = false, 0
}

// Send sends an event with the data to every subscription, whatever it says.
func (f *Fake) Send(kind string, data any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue(kind, "incident", data)
}

// Again sends the event of the id once more, as the network may.
func (f *Fake) Again(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.past {
		if e.id == id {
			f.spread(e)
			return
		}
	}
	panic("there was no event " + id)
}

func (f *Fake) sub(id string) *subscription {
	for _, s := range f.subs {
		if s.ID == id {
			return s
		}
	}
	panic("there is no subscription " + id)
}

// tell queues a webhook about an incident. The caller holds f.mu.
func (f *Fake) tell(kind string, i *Incident) {
	assignees := []any{}
	for _, user := range i.Assignees {
		assignees = append(assignees, f.named(user))
	}
	f.queue(kind, "incident", map[string]any{
		"id": i.ID, "type": "incident", "self": "https://api.pagerduty.com/incidents/" + i.ID, "html_url": "https://acme.pagerduty.com/incidents/" + i.ID,
		"number": i.Number, "status": i.Status, "incident_key": "key-" + i.ID, "created_at": i.Created.UTC().Format(time.RFC3339),
		"title": i.Title, "service": reference("service", "PSERVICE", i.Service), "assignees": assignees,
		"escalation_policy": f.policyRef(i.Policy), "teams": []any{}, "priority": nil, "urgency": i.Urgency,
		"conference_bridge": nil, "resolve_reason": nil,
	})
	f.notify()
}

// queue makes an event. The caller holds f.mu.
func (f *Fake) queue(kind, resource string, data any) {
	e := event{id: rand.Text(), kind: kind}
	e.body = encode(map[string]any{"event": map[string]any{
		"id": e.id, "event_type": kind, "resource_type": resource, "occurred_at": f.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"agent": nil, "client": nil, "data": data,
	}})
	f.past = append(f.past, e)
	f.spread(e)
}

// spread hands an event to who subscribed to it. The caller holds f.mu.
func (f *Fake) spread(e event) {
	for _, s := range f.subs {
		if s.disabled || len(s.Events) > 0 && e.kind != pingEvent && !slices.Contains(s.Events, e.kind) {
			continue
		}
		s.queue = append(s.queue, e)
		if !s.busy {
			s.busy = true
			f.sending.Go(func() { f.drain(s) })
		}
	}
}

// drain sends what is queued, one event after the other.
func (f *Fake) drain(s *subscription) {
	for {
		f.mu.Lock()
		if len(s.queue) == 0 || s.disabled {
			s.busy, s.queue = false, nil
			f.mu.Unlock()
			return
		}
		e, down := s.queue[0], f.server.IsDown()
		s.queue = s.queue[1:]
		f.mu.Unlock()
		f.deliver(s, e, down)
	}
}

// deliver sends one event until it is taken or refused, or the fake goes down. No
// answer, 429 and 5xx are tried again; any other refusal drops the event, and three
// in a row disable the subscription.
func (f *Fake) deliver(s *subscription, e event, down <-chan struct{}) {
	for try := 1; ; try++ {
		status := f.post(s, e)
		f.mu.Lock()
		f.sent = append(f.sent, Delivery{s.ID, e.id, e.kind, try, status})
		again := status == 0 || status == http.StatusTooManyRequests || status >= 500
		switch {
		case status/100 == 2:
			s.refusals = 0
		case !again:
			s.refusals++
			s.disabled = s.refusals == maxRefusals
		}
		f.notify()
		f.mu.Unlock()
		if !again {
			return
		}
		select {
		case <-time.After(f.cfg.RetryPause):
		case <-down:
			return
		}
	}
}

// post makes one try and returns the status; 0 is no answer.
func (f *Fake) post(s *subscription, e event) int {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL, bytes.NewReader(e.body))
	if err != nil {
		return 0
	}
	f.mu.Lock()
	signature := Sign(e.body, s.Secrets...)
	f.mu.Unlock()
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "PagerDuty-Webhook/V3.0", "X-Pagerduty-Signature": signature,
		"X-Webhook-Id": e.id, "X-Webhook-Subscription": s.ID,
	} {
		request.Header.Set(name, value)
	}
	response, err := f.hooks.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// Sign is the value of X-PagerDuty-Signature for a body: one signature for each
// secret.
func Sign(body []byte, secrets ...string) string {
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		signatures = append(signatures, "v1="+hex.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, ",")
}

const pingEvent = "pagey.ping"

// serveSubscribe creates a subscription; its secret is never shown again.
func (f *Fake) serveSubscribe(r *http.Request) answer {
	var asked struct {
		Sub struct {
			Delivery struct {
				URL string `json:"url"`
			} `json:"delivery_method"`
			Events []string       `json:"events"`
			Filter map[string]any `json:"filter"`
		} `json:"webhook_subscription"`
	}
	if err := decode(r, &asked); err != nil || asked.Sub.Delivery.URL == "" || len(asked.Sub.Events) == 0 {
		return failure(http.StatusBadRequest, 2001, "Invalid Input Provided", "delivery_method.url and events are required")
	}
	id, secret := f.Subscribe(asked.Sub.Delivery.URL, asked.Sub.Events...)
	return answer{http.StatusOK, map[string]any{"webhook_subscription": map[string]any{
		"id": id, "type": "webhook_subscription", "active": true, "events": asked.Sub.Events, "filter": asked.Sub.Filter,
		"delivery_method": map[string]any{
			"id": "PMETHOD", "type": "http_delivery_method", "url": asked.Sub.Delivery.URL, "secret": secret,
			"temporarily_disabled": false, "custom_headers": []any{},
		},
	}}}
}

// servePing has every subscription greeted.
func (f *Fake) servePing(r *http.Request) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.subs, func(s *subscription) bool { return s.ID == r.PathValue("id") }) {
		return failure(http.StatusNotFound, 2100, "Not Found")
	}
	f.queue(pingEvent, "pagey", map[string]any{"message": "Hello from your friend Pagey!", "type": "ping"})
	return answer{status: http.StatusAccepted}
}
