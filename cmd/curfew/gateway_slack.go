package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/connectors/slack"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/notice"
	"github.com/curfew-access/curfew/engine/trouble"
)

// slackHooks is where Slack sends commands, and what people do in messages and
// forms.
const slackHooks = "/hooks/slack/"

// slackSide is the gateway in Slack.
type slackSide struct {
	app     *slack.App
	notices *notice.Notices
	fails   atomic.Bool // Slack was asked last, and did not take the tokens or did not answer
}

// openSlack makes the gateway in Slack, and what tells people there what happened.
// Nothing is asked of Slack here: the gateway starts without it.
func (g *gateway) openSlack(ctx context.Context, _ options) error {
	s := g.cfg.Slack
	if s == nil || s.Missing {
		return nil
	}
	cfg := s.connector()
	cfg.Desk = &desk{engine: g.engine, cases: g.engine, book: g.book, now: g.ledger.Now, log: g.log}
	cfg.People = people{ledger: g.ledger, canonical: canonical(g.cfg.People)}
	cfg.Refusals, cfg.Log, cfg.Now = g.engine, g.log, g.ledger.Now
	app, err := slack.New(cfg)
	if err != nil {
		return fmt.Errorf("slack: %w", err)
	}
	side := &slackSide{app: app, notices: notice.New(notice.Config{
		Store: g.engine, Messenger: app, Log: g.log, Now: g.ledger.Now, Node: g.node, Operators: s.Operators, Observer: g.metrics,
	})}
	g.slack.Store(side)
	return g.engine.BeginNotices(ctx) // whatever is asked from the first call on is told
}

// connector is what the connector must know of the configuration.
func (s Slack) connector() slack.Config {
	return slack.Config{
		BotToken: s.BotToken.Reveal(), SigningSecret: s.SigningSecret.Reveal(), AppToken: s.AppToken.Reveal(), URL: s.URL,
	}
}

// slackHook is the handler of what Slack sends; nil: nothing is taken by HTTP.
func (g *gateway) slackHook() http.Handler {
	side := g.slack.Load()
	if side == nil || g.cfg.Slack.SigningSecret == (Secret{}) {
		return nil
	}
	return side.app.Handler()
}

// slackLoops are what listens to Slack, and slackNotices what tells people there.
// Those listen no more before these end.
func (g *gateway) slackLoops() (loops []func(context.Context) error) {
	if side := g.slack.Load(); side != nil {
		loops = append(loops, side.listen, g.watchSlack)
	}
	return loops
}

func (g *gateway) slackNotices() (loops []func(context.Context) error) {
	if side := g.slack.Load(); side != nil {
		loops = append(loops, side.notices.Run)
	}
	return loops
}

// listen takes what comes by the socket until ctx ends. Then what is at work is
// finished, what came by HTTP too.
func (s *slackSide) listen(ctx context.Context) error {
	defer s.app.Close()
	return s.app.Run(ctx)
}

// How often Slack is asked whether it takes the tokens still, and how long it may
// take to say.
const (
	slackEvery  = 10 * time.Minute
	slackAgain  = time.Minute
	slackWithin = 15 * time.Second
)

// watchSlack asks Slack now and then whether it takes the tokens, so that it is
// known before somebody needs it.
func (g *gateway) watchSlack(ctx context.Context) error {
	side := g.slack.Load()
	var line trouble.Line
	for {
		wait := slackEvery
		if err := checkSlack(ctx, side.app); err == nil {
			if side.fails.Swap(false) {
				g.log.Info("Slack can be used again")
			}
		} else if wait = slackAgain; ctx.Err() == nil {
			side.fails.Store(true)
			line.Failed(g.log, "Slack does not answer, or does not take the tokens; notices wait until it does", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func checkSlack(ctx context.Context, app *slack.App) error {
	ctx, cancel := context.WithTimeout(ctx, slackWithin)
	defer cancel()
	return app.Check(ctx)
}

// slackChecks is how Slack is, for the probe; none: there is no Slack.
func (g *gateway) slackChecks() []api.Check {
	if g.cfg.Slack == nil {
		return nil
	}
	c := api.Check{Name: "slack", Status: api.StatusOK}
	side := g.slack.Load()
	switch {
	case side == nil:
		c.Status, c.Detail = api.StatusDegraded, "it has no secret and is left out, and the log has the names"
	case side.fails.Load():
		c.Status, c.Detail = api.StatusDegraded, "it does not answer, or does not take the tokens; notices wait, and the log says why"
	case len(g.cfg.Unheard) > 0:
		c.Status, c.Detail = api.StatusDegraded, "a way to it has no secret, and the log has the name"
	}
	return []api.Check{c}
}

// ask asks Slack whether it takes the tokens, and gives the scopes that are
// needed. Without Slack, or without the secrets, which is told already, nobody is
// asked.
func (s *Slack) ask(ctx context.Context) error {
	if s == nil || s.Missing {
		return nil
	}
	var nobody struct { // comes in while it is only asked
		slack.Desk
		slack.People
	}
	cfg := s.connector()
	cfg.Desk, cfg.People, cfg.Log, cfg.Now = nobody, nobody, slog.New(slog.DiscardHandler), time.Now
	app, err := slack.New(cfg)
	if err != nil {
		return err
	}
	return checkSlack(ctx, app)
}
