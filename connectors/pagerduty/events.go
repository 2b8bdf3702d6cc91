package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// Where events go when an EventsConfig does not say.
const (
	DefaultEventsURL   = "https://events.pagerduty.com"
	DefaultEventsURLEU = "https://events.eu.pagerduty.com"
)

const (
	eventsPath = "/v2/enqueue"
	// eventsTimeout bounds telling of one alarm, with its retries. What is not taken
	// in that time is told again by whoever asked.
	eventsTimeout = 15 * time.Second
)

// EventsConfig is what alarms are told with. RoutingKey and ExternalURL are
// required.
type EventsConfig struct {
	RoutingKey string `json:"-"` // of an integration of the kind "Events API V2"
	URL        string // "": DefaultEventsURL
	// Severity is what every incident has, in PagerDuty's words; "": as grave as its
	// alarm.
	Severity string
	// ExternalURL is where people reach the gateway: incidents lead there, and those
	// of different gateways are told apart by it.
	ExternalURL string
	Reach       connectors.Reach
	Transport   http.RoundTripper `json:"-"` // nil: one of connectors
}

// Format keeps the routing key out of everything that fmt prints, whatever the verb.
func (EventsConfig) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "PagerDuty events(<secret>)")
}

// EventSeverities are PagerDuty's.
var EventSeverities = []string{"critical", "error", "warning", "info"}

// routingKey is what an integration's key looks like: PagerDuty refuses another
// length.
var routingKey = regexp.MustCompile(`^[0-9A-Za-z]{32}$`)

// Events tells PagerDuty of alarms, by its Events API v2: one incident for each
// key, which is resolved by itself. It needs no account and no right to read
// anything. Its methods may be called at the same time.
type Events struct {
	cfg     EventsConfig
	client  *connectors.Client
	address *url.URL
	gateway string // the host, for people
	redact  *connectors.Redactor
}

// NewEvents returns what tells PagerDuty, or every fault of the configuration. No
// fault holds the key.
func NewEvents(cfg EventsConfig) (*Events, error) {
	if cfg.URL == "" {
		cfg.URL = DefaultEventsURL
	}
	cfg.ExternalURL = strings.TrimRight(cfg.ExternalURL, "/")
	e := &Events{cfg: cfg, redact: &connectors.Redactor{}}
	var faults []error
	if !routingKey.MatchString(cfg.RoutingKey) {
		faults = append(faults, errors.New("the routing key is not 32 letters and digits: it is the integration key of an integration "+
			"of the kind Events API V2, and not an API key"))
	}
	if cfg.Severity != "" && !slices.Contains(EventSeverities, cfg.Severity) {
		faults = append(faults, fmt.Errorf("the severity is %q; want one of %s", cfg.Severity, strings.Join(EventSeverities, ", ")))
	}
	base, err := parseBase(cfg.URL)
	if err != nil {
		faults = append(faults, fmt.Errorf("the address of the Events API: %w", err))
	}
	external, err := connectors.ParseURL(cfg.ExternalURL)
	if err != nil {
		faults = append(faults, fmt.Errorf("the gateway's own address: %w", err))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	e.address, e.gateway = base.JoinPath(eventsPath), external.Host
	e.redact.Hide(cfg.RoutingKey)
	e.client = connectors.NewClient(connectors.Options{Timeout: eventsTimeout, Reach: cfg.Reach, Transport: cfg.Transport})
	return e, nil
}

// Format keeps the routing key out of everything that fmt prints, whatever the verb.
func (*Events) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "pagerduty.Events") }

// Page opens an incident for the alarm's key, or changes the one that is open; for
// an alarm that is over it resolves it. An error that is marked access.Permanent
// says that PagerDuty does not want it as it is: most often the routing key is wrong.
func (e *Events) Page(ctx context.Context, a access.Alarm) error {
	body, err := json.Marshal(e.event(a))
	if err != nil {
		return fmt.Errorf("an event of %s: %w", a.Key(), err)
	}
	answer, err := e.client.Do(ctx, connectors.Request{
		Method: http.MethodPost, URL: e.address, Body: body, Redact: e.redact,
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"curfew"}},
	})
	const name = "POST " + eventsPath
	if err != nil {
		return fmt.Errorf("%s: %w: %w", name, ErrUnreachable, err)
	}
	kind := ErrRefused
	switch status := answer.Status; {
	case status/100 == 2:
		return nil
	case status == http.StatusTooManyRequests:
		kind = ErrRateLimited
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		kind = ErrUnreachable
	}
	err = fmt.Errorf("%s: %w (status %d%s)", name, kind, answer.Status, e.reason(answer.Body))
	if errors.Is(kind, ErrRefused) && answer.Status >= http.StatusBadRequest {
		return access.Permanent(err)
	}
	return err
}

// reason is what an answer says is wrong, if it has the form of the Events API's;
// "" otherwise.
func (e *Events) reason(body []byte) string {
	var form struct {
		Message string   `json:"message"`
		Errors  []string `json:"errors"`
	}
	if json.Unmarshal(body, &form) != nil || form.Message == "" {
		return ""
	}
	return ": " + e.redact.Clean(strings.Join(append([]string{form.Message}, form.Errors...), "; "))
}
