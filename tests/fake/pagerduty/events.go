package pagerduty

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Alert is what the Events API v2 keeps for one dedup_key.
type Alert struct {
	Key      string // dedup_key
	Open     bool   // triggered, and not resolved since
	Opened   int    // incidents that there were
	Triggers int    // of all of them
	Resolves int    // that found it open
	Summary  string // as it was triggered last, like the rest
	Severity string
	Source   string
	Body     string // the whole event, without its routing_key
}

const enqueuePath = "/v2/enqueue"

// The bounds of an event. The key's length and the summary's are in PagerDuty's
// guide to the Events API, not in its OpenAPI description, which has the required
// members and the values only. The size is the guide's too.
const (
	routingKeyLength = 32
	maxSummary       = 1024
	maxDedupKey      = 255
	maxEvent         = 512 << 10
)

var severities = []string{"critical", "error", "warning", "info"}

// AddRoutingKey adds an integration for events, and returns its key. An event under
// a key that was not added is refused.
func (f *Fake) AddRoutingKey() string {
	key := strings.ToLower(rand.Text() + rand.Text())[:routingKeyLength]
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routing = append(f.routing, key)
	return key
}

// Alerts are what was triggered, in the order of the first time: a copy.
func (f *Fake) Alerts() []Alert { return f.State().Alerts }

// alertsNow copies. The caller holds f.mu.
func (f *Fake) alertsNow() []Alert {
	var all []Alert
	for _, a := range f.alerts {
		all = append(all, *a)
	}
	return all
}

// Paged fits a state in which so many alerts are open.
func Paged(open int) func(State) bool {
	return func(s State) bool {
		n := 0
		for _, a := range s.Alerts {
			if a.Open {
				n++
			}
		}
		return n == open
	}
}

// enqueued is an event as it is sent.
type enqueued struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Payload    *struct {
		Summary  string `json:"summary"`
		Source   string `json:"source"`
		Severity string `json:"severity"`
	} `json:"payload"`
	Links []struct {
		Href string `json:"href"`
	} `json:"links"`
}

// serveEvent takes an event, or refuses it as PagerDuty does.
func (f *Fake) serveEvent(r *http.Request) answer {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEvent+1))
	if err != nil || len(body) > maxEvent {
		return answer{http.StatusRequestEntityTooLarge, nil}
	}
	var e enqueued
	if json.Unmarshal(body, &e) != nil {
		return refusedEvent("Unrecognized object", "Event object format is unrecognized", "JSON parse error") //nolint:misspell // its words
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if faults := f.faultsOf(e); len(faults) > 0 {
		return refusedEvent("invalid event", "Event object is invalid", faults...)
	}
	if e.DedupKey == "" {
		e.DedupKey = rand.Text()
	}
	f.take(e, strings.ReplaceAll(string(body), e.RoutingKey, "***"))
	f.notify()
	return answer{http.StatusAccepted, map[string]any{"status": "success", "message": "Event processed", "dedup_key": e.DedupKey}}
}

func refusedEvent(status, message string, faults ...string) answer {
	return answer{http.StatusBadRequest, map[string]any{"status": status, "message": message, "errors": faults}}
}

// faultsOf is what is wrong with an event. The caller holds f.mu.
func (f *Fake) faultsOf(e enqueued) (faults []string) {
	say := func(wrong bool, what string) {
		if wrong {
			faults = append(faults, what)
		}
	}
	say(e.RoutingKey == "", "'routing_key' is missing or blank")
	say(e.RoutingKey != "" && len(e.RoutingKey) != routingKeyLength, "Length of 'routing_key' is incorrect (should be 32 characters)")
	say(len(e.RoutingKey) == routingKeyLength && !slices.Contains(f.routing, e.RoutingKey), "'routing_key' is not of an integration")
	say(!slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.Action), "'event_action' is missing or invalid")
	say(e.Action != "trigger" && e.DedupKey == "", "'dedup_key' is missing or blank")
	say(len(e.DedupKey) > maxDedupKey, "'dedup_key' is longer than 255 characters")
	if e.Action != "trigger" {
		return faults
	}
	if e.Payload == nil {
		return append(faults, "'payload' is missing or blank")
	}
	say(e.Payload.Summary == "", "'payload.summary' is missing or blank")
	say(utf8.RuneCountInString(e.Payload.Summary) > maxSummary, "'payload.summary' is longer than 1024 characters")
	say(e.Payload.Source == "", "'payload.source' is missing or blank")
	say(!slices.Contains(severities, e.Payload.Severity), "'payload.severity' is missing or invalid")
	for _, l := range e.Links {
		say(l.Href == "", "'links.href' is missing or blank")
	}
	return faults
}

// take keeps an event. One that resolves what is not open has no effect. The caller
// holds f.mu.
func (f *Fake) take(e enqueued, body string) {
	at := slices.IndexFunc(f.alerts, func(a *Alert) bool { return a.Key == e.DedupKey })
	switch {
	case e.Action == "trigger":
		if at < 0 {
			at = len(f.alerts)
			f.alerts = append(f.alerts, &Alert{Key: e.DedupKey})
		}
		a := f.alerts[at]
		if !a.Open {
			a.Opened++
		}
		a.Open, a.Triggers, a.Body = true, a.Triggers+1, body
		a.Summary, a.Severity, a.Source = e.Payload.Summary, e.Payload.Severity, e.Payload.Source
	case e.Action == "resolve" && at >= 0 && f.alerts[at].Open:
		f.alerts[at].Open, f.alerts[at].Resolves = false, f.alerts[at].Resolves+1
	}
}
