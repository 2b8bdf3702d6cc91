package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/watch"
)

// source is a source of facts, as it is configured.
type source struct {
	name  string
	kind  access.SourceKind
	fetch watch.Source
	poll  time.Duration
	file  string // that it reads; "": it is not at hand
}

// rotaPoll is how often the rota is read when its file does not change: its turns
// do all the same.
const rotaPoll = time.Minute

// fileGap is the least rest between two readings of a file.
const fileGap = time.Second

// openSources makes the sources, and the book in which what they say is kept.
func (g *gateway) openSources(context.Context, options) error {
	made := []func() ([]source, error){g.pagerDutySources, g.rotaSources, g.calendarSources}
	book := facts.BookConfig{StaleAfter: g.cfg.OnCall.StaleAfter}
	for _, make := range made {
		sources, err := make()
		if err != nil {
			return err
		}
		for _, s := range sources {
			book.Sources = append(book.Sources, facts.BookSource{Name: s.name, Kind: s.kind})
		}
		g.sources = append(g.sources, sources...)
	}
	g.book = facts.NewBook(book)
	return nil
}

// gatherer asks the book, for what there are sources of.
func (g *gateway) gatherer() *facts.Gatherer {
	gatherer := &facts.Gatherer{People: g.ledger, Log: g.log}
	for _, s := range g.sources {
		switch s.kind {
		case access.SourceOnCall:
			gatherer.OnCall = g.book
		case access.SourceIncidents:
			gatherer.Incidents = g.book
		}
	}
	return gatherer
}

// pagerDutySources are who is on call and which incidents are open. Without its
// credential PagerDuty is not asked, and what it would say is not known.
func (g *gateway) pagerDutySources() ([]source, error) {
	p := g.cfg.OnCall.PagerDuty
	if p == nil {
		return nil, nil
	}
	onCall := source{name: pagerduty.SourceOnCall, kind: access.SourceOnCall, fetch: withoutSecret{}, poll: p.Poll}
	incidents := source{name: pagerduty.SourceIncidents, kind: access.SourceIncidents, fetch: withoutSecret{}, poll: p.Poll}
	if !p.Missing {
		cfg := p.Config
		cfg.Log, cfg.Now, cfg.Canonical = g.log, g.ledger.Now, canonical(g.cfg.People)
		client, err := pagerduty.New(cfg)
		if err != nil {
			return nil, err
		}
		onCall.fetch, incidents.fetch = client.OnCall(), client.Incidents()
	}
	if !p.Incidents {
		return []source{onCall}, nil
	}
	return []source{onCall, incidents}, nil
}

// withoutSecret is a source whose secret is not there.
type withoutSecret struct{}

// Fetch says so.
func (withoutSecret) Fetch(context.Context, access.SourceAsk) (access.Snapshot, error) {
	return access.Snapshot{}, access.Permanent(errors.New("a secret of its configuration is not there"))
}

// canonical gives the person of an address that the list of people has.
func canonical(people []access.Person) func(access.Subject) access.Subject {
	known := map[access.Subject]access.Subject{}
	for _, p := range people {
		for _, email := range p.Emails {
			if s, err := (access.Subject{Type: access.TypeUser, ID: email}).Canonical(); err == nil {
				known[s] = p.Subject
			}
		}
	}
	return func(s access.Subject) access.Subject {
		if person, ok := known[s]; ok {
			return person
		}
		return s
	}
}

func (g *gateway) rotaSources() ([]source, error) {
	if g.cfg.RotaPath == "" {
		return nil, nil
	}
	file := rota.Open(rota.Config{Read: (&steadyRota{path: g.cfg.RotaPath}).read, Told: g.toldOfRota})
	return []source{{name: rota.Name, kind: access.SourceOnCall, fetch: file, poll: rotaPoll, file: g.cfg.RotaPath}}, nil
}

func (g *gateway) calendarSources() (sources []source, err error) {
	for _, c := range g.cfg.OnCall.Calendars {
		s := source{name: c.ID, kind: access.SourceOnCall, fetch: withoutSecret{}, poll: c.Poll, file: c.File}
		if !c.Missing {
			cfg := c.CalendarConfig
			cfg.Canonical = canonical(g.cfg.People)
			if s.fetch, err = rota.NewCalendar(cfg); err != nil {
				return nil, err
			}
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// toldOfRota writes down that the rota file is another, or why it is not taken.
func (g *gateway) toldOfRota(ctx context.Context, schedules int, refused error) {
	event := audit.Event{Type: audit.RotaLoaded, Data: map[string]any{"schedules": schedules}}
	if refused != nil {
		g.log.Error("the rota is not taken; what it said before stays", "file", g.cfg.RotaPath, "error", refused)
		event = audit.Event{Type: audit.RotaRefused, Data: map[string]any{"error": refused.Error()}}
	} else {
		g.log.Info("rota loaded", "file", g.cfg.RotaPath, "schedules", schedules)
	}
	err := g.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.Append(event) })
	if err != nil {
		g.log.Error("what became of the rota is not in the audit log", "error", err)
	}
}

// watchSources makes the watch of each source, and asks those at hand before
// anything is served. The others are asked in the background, since a vendor that
// is down does not keep the gateway from starting: of them is known what they said
// last.
func (g *gateway) watchSources(ctx context.Context, _ options) error {
	for _, s := range g.sources {
		w := watch.Watcher{
			Name: s.name, Kind: s.kind, Source: s.fetch, Store: g.engine, Book: g.book, Follower: g.engine,
			Now: g.ledger.Now, Log: g.log, Observer: g.metrics, Every: s.poll, StaleAfter: g.cfg.OnCall.StaleAfter,
		}
		if s.file != "" {
			w.MinGap = fileGap
		}
		watcher := watch.NewWatcher(w)
		g.watchers = append(g.watchers, watcher)
		if s.file == "" {
			watcher.Recall(ctx)
			continue
		}
		g.files = append(g.files, watched(s.file, watcher.Poke))
		watcher.Prime(ctx)
	}
	return ctx.Err()
}

// sourceLoops are what runs for the sources.
func (g *gateway) sourceLoops() []func(context.Context) error {
	loops := []func(context.Context) error{g.watchFiles}
	for _, w := range g.watchers {
		loops = append(loops, w.Run)
	}
	return loops
}

// pokeSources has all sources asked soon.
func (g *gateway) pokeSources() {
	for _, w := range g.watchers {
		w.Poke()
	}
}

// states is how the sources are.
func (g *gateway) states() []access.SourceState { return g.book.States(g.ledger.Now()) }

// pagerDutyHandler is the handler of PagerDuty's webhooks; nil: they are not taken.
func (g *gateway) pagerDutyHandler() (http.Handler, error) {
	p := g.cfg.OnCall.PagerDuty
	if p == nil || len(p.WebhookSecrets) == 0 {
		return nil, nil
	}
	cfg := pagerduty.HookConfig{Receiver: g.engine, Log: g.log, Now: g.ledger.Now, Poke: g.pokeIncidents}
	for _, s := range p.WebhookSecrets {
		cfg.Secrets = append(cfg.Secrets, s.Reveal())
	}
	hook, err := pagerduty.NewHook(cfg)
	if err != nil {
		return nil, fmt.Errorf("oncall.pagerduty.webhook_secrets: %w", err)
	}
	g.hook.Store(hook)
	return hook, nil
}

// pagerDutyHook is where PagerDuty sends its webhooks.
const pagerDutyHook = "/hooks/pagerduty"

// pokeIncidents has the sources of incidents asked soon.
func (g *gateway) pokeIncidents() {
	for i, s := range g.sources {
		if s.kind == access.SourceIncidents {
			g.watchers[i].Poke()
		}
	}
}

// sourceCheck is how the sources are, for the probe.
func (g *gateway) sourceCheck() api.Check {
	c := sourcesCheck(g.states())
	if n := len(g.cfg.Unasked); n > 0 {
		c.Status = api.StatusDegraded
		c.Detail = strings.TrimPrefix(c.Detail+"; ", "; ") + counted(n, "source has", "sources have") + " no secret, and the log has the names"
	}
	return c
}
