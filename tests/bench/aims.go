package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
)

// aims is a server of many targets, each at a path of its own. It answers after a
// while, and remembers how many messages each target has confirmed. A target can hang.
type aims struct {
	server *httptest.Server
	after  time.Duration
	hangs  string // the path that hangs; "": none

	mu   sync.Mutex
	done map[string]*tally // by path
}

// tally is what one target confirmed.
type tally struct {
	ids  map[string]bool
	last time.Time
}

func newAims(after time.Duration, hangs string) *aims {
	a := &aims{after: after, hangs: hangs, done: map[string]*tally{}}
	a.server = httptest.NewServer(http.HandlerFunc(a.take))
	return a
}

func (a *aims) close() error {
	a.server.CloseClientConnections()
	a.server.Close()
	return nil
}

func (a *aims) take(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // what it says is known
	if r.URL.Path == a.hangs {
		<-r.Context().Done()
		return
	}
	time.Sleep(a.after) // the answer time that is measured
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.done[r.URL.Path]
	if t == nil {
		t = &tally{ids: map[string]bool{}}
		a.done[r.URL.Path] = t
	}
	if id := r.Header.Get("Webhook-Id"); !t.ids[id] {
		t.ids[id], t.last = true, time.Now()
	}
}

// all waits until each of the targets has confirmed so many messages, and returns when
// the last of them did.
func (a *aims) all(ctx context.Context, paths []string, each int, patience time.Duration) (last time.Time, err error) {
	for end := time.Now().Add(patience); ; {
		fewest := each
		a.mu.Lock()
		for _, path := range paths {
			t := a.done[path]
			if t == nil {
				fewest = 0
				continue
			}
			fewest = min(fewest, len(t.ids))
			if t.last.After(last) {
				last = t.last
			}
		}
		a.mu.Unlock()
		if fewest >= each {
			return last, nil
		}
		if time.Now().After(end) {
			return last, fmt.Errorf("one target has confirmed %d of %d messages", fewest, each)
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return last, err
		}
	}
}

// aim is one target as the program is told of it.
type aim struct{ name, url, terms string }

func (a aim) entry() string {
	return fmt.Sprintf("  - {name: %s, webhook: {url: %q, secret: file:secret%s}}\n", a.name, a.url, a.terms)
}

// fallsIn is when removals are due from when they are written: by then a program has
// looked, and knows of them.
const fallsIn = 3 * time.Second

// removals starts a program that is told of the targets, on a ledger with so many
// grants at each, and has the removals of all these due at one moment.
func (s *stage) removals(ctx context.Context, kind string, targets []aim, each int) (due time.Time, closing closers, err error) {
	where, err := s.ledger(ctx, kind, 1)
	if err != nil {
		return due, nil, err
	}
	closing.add(func() error { return s.drop(where) })
	var entries strings.Builder
	for i, t := range targets {
		hook, err := webhook.New(webhook.Config{Name: t.name, URL: t.url, Secrets: []string{benchSecret}})
		if err != nil {
			return due, closing, err
		}
		b := batch{First: 1000 + i*each, Count: each, Base: time.Now().Add(time.Hour)}
		if err := errors.Join(sow(ctx, where, hook.Contract(), b), named(ctx, where, hook.Contract(), t.name)); err != nil {
			return due, closing, err
		}
		entries.WriteString(t.entry())
	}
	policies, err := filepath.Abs(s.opts.Policies)
	if err != nil {
		return due, closing, err
	}
	path := filepath.Join(s.dir, "aims.yaml")
	if err := errors.Join(settleDown(ctx, where), s.writeConfig(path, where, "memory", policies, entries.String())); err != nil {
		return due, closing, err
	}
	p, err := s.serve(ctx, path)
	if err != nil {
		return due, closing, err
	}
	closing.add(p.stop)
	if _, err := p.startUp(ctx, len(targets)*each); err != nil {
		return due, closing, err
	}
	due = time.Now().Add(fallsIn)
	if err := fall(ctx, where, due); err != nil {
		return due, closing, err
	}
	if time.Now().After(due) {
		return due, closing, errors.New("it took too long to write what is due")
	}
	return due, closing, until(ctx, due)
}

// named puts the name of a target on what was sown for it.
func named(ctx context.Context, where, contract, name string) (err error) {
	db, err := openSQL(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `UPDATE bindings SET target = $1 WHERE contract = $2`, name, contract)
	return err
}

// fall ends all grants that were sown, and has their removals due at a time. It does
// so past the gateway, so that nothing is left to do but to tell the targets.
func fall(ctx context.Context, where string, due time.Time) (err error) {
	db, err := openSQL(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	first := live(1)
	if _, err = db.ExecContext(ctx, `
		UPDATE grants SET prior_state = 'active', state = 'ended', end_reason = 'expired', ended_at = $1 WHERE id <> $2`,
		time.Now().UnixMicro(), first.id("grt", 0)); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `
		UPDATE bindings SET desired = 'absent', version = 2, generation = 2, attempts = 0, next_at = $1, due_at = $1, end_reason = 'expired'
		 WHERE id <> $2`, due.UnixMicro(), first.id("bnd", 0))
	return err
}

// nowhere is a URL where nobody listens.
func nowhere() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "http://" + listener.Addr().String() + "/dead", listener.Close()
}
