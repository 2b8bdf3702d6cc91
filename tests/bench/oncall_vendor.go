package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	vendorclient "github.com/curfew-access/curfew/connectors/pagerduty"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// vendor is a fake PagerDuty, seen from the measuring process.
type vendor struct {
	*child
	schedules []string // ids; whoever is on call on the nth is the nth subject of the pool "d"
	asked     []string // what one poll asks for, in order
}

// rehearse asks for everything twice, so that each answer is there, and notes what
// is asked for when it is not the first time.
func (v *vendor) rehearse(ctx context.Context) (asked []string, err error) {
	client, err := newVendorClient("http://"+v.Address, nil)
	if err != nil {
		return nil, err
	}
	source := client.OnCall()
	for range 2 {
		if err := v.tell(ctx, "/more/forget", nil); err != nil {
			return nil, err
		}
		if _, err := source.Fetch(ctx, access.SourceAsk{Now: time.Now().UTC()}); err != nil {
			return nil, err
		}
	}
	return asked, v.object(ctx, "/more/asked", &asked)
}

func newVendorClient(url string, transport http.RoundTripper) (*vendorclient.Client, error) {
	return vendorclient.New(vendorclient.Config{Token: benchToken, URL: url, Reach: connectors.ReachPrivate, Transport: transport})
}

// newVendor is a fake PagerDuty with people who take turns on schedules. The nth
// person is on the schedule n modulo their number; the turn of the first of each
// is half over.
func newVendor(cfg childConfig) (served, error) {
	fake := pagerduty.Unstarted(pagerduty.Config{Key: benchToken})
	people := make([]string, cfg.People)
	for n := range people {
		people[n] = fake.AddUser(subject("d", n).ID)
	}
	began := time.Now().Add(-cfg.Turn / 2).UTC().Truncate(time.Second)
	schedules := make([]string, cfg.Schedules)
	for n := range schedules {
		id := fake.AddSchedule(fmt.Sprintf("Team %04d, primary", n))
		fake.AddPolicy(fmt.Sprintf("Team %04d", n), []pagerduty.Target{pagerduty.OfSchedule(id)})
		start, who := began, n
		for start.Before(began.Add(vendorclient.DefaultLookAhead + 2*cfg.Turn)) {
			fake.Shift(id, people[who], start, start.Add(cfg.Turn))
			start = start.Add(cfg.Turn)
			if who += cfg.Schedules; who >= cfg.People {
				who = n
			}
		}
		schedules[n] = id
	}
	t := &tape{fake: fake, held: map[string]recording{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /schedules", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(schedules) })
	mux.HandleFunc("GET /asked", t.tell)
	mux.HandleFunc("POST /forget", func(http.ResponseWriter, *http.Request) { t.forget() })
	return served{handler: t, control: mux, delivered: func() int64 { return 0 }, close: func() error { fake.Close(); return nil }}, nil
}

// tape lets the fake answer each question once, and plays that answer from then
// on: what the fake takes to make one is no part of what is measured. Nothing
// changes meanwhile, so that it does not matter from when on is asked.
type tape struct {
	fake http.Handler

	mu    sync.Mutex
	held  map[string]recording
	asked []string
}

type recording struct {
	status int
	body   []byte
}

// ServeHTTP answers as the fake did.
func (t *tape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	query.Del("since")
	query.Del("until")
	key := r.URL.Path + "?" + query.Encode()
	t.mu.Lock()
	t.asked = append(t.asked, r.URL.RequestURI())
	held, known := t.held[key]
	if !known {
		recorder := httptest.NewRecorder()
		t.fake.ServeHTTP(recorder, r)
		held = recording{recorder.Code, bytes.Clone(recorder.Body.Bytes())}
		t.held[key] = held
	}
	t.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(held.status)
	_, _ = w.Write(held.body) // the caller knows if it is cut off
}

func (t *tape) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = nil
}

func (t *tape) tell(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = json.NewEncoder(w).Encode(t.asked)
}

func writeJSON(path string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}
