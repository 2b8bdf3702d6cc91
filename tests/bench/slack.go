package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// What people do in Slack.
const (
	slackFirst   = "open the form, the first time"
	slackForm    = "open the form"
	slackAsk     = "ask directly"
	slackApprove = "approve by a click"
)

// slackAnswers is how long the fake Slack takes for each call.
const slackAnswers = 50 * time.Millisecond

// slackFigure is how long people wait until what they did is acknowledged, when
// all do it at the same moment.
type slackFigure struct {
	Ledger string `json:"ledger"`
	What   string `json:"what"`
	People int    `json:"people"` // at once
	Ack    tail   `json:"ack"`
}

// measureSlack has a crowd type and click, on each ledger, and then again while
// the ledger takes long.
func measureSlack(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		if err := s.slack(ctx, kind, r); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func (s *stage) slack(ctx context.Context, kind string, r *report) (err error) {
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	where, err := s.ledger(ctx, kind, s.opts.Live[0])
	if err != nil {
		return err
	}
	closing.add(func() error { return s.drop(where) })
	v := newSlackVendor(slackAnswers)
	closing.add(func() error { v.server.Close(); return nil })
	config, err := s.configureSlack(where, v)
	if err != nil {
		return err
	}
	p, err := s.serve(ctx, config)
	if err != nil {
		return err
	}
	closing.add(p.stop)
	if _, err := p.startUp(ctx, s.opts.Live[0]); err != nil {
		return err
	}
	p.mu.Lock()
	desk := &slackDesk{stage: s, crowd: newCrowd(p.url, v, s.opts.Crowd), where: where, kind: kind}
	p.mu.Unlock()
	closing.add(func() error { desk.client.CloseIdleConnections(); return nil })
	for _, measure := range []func(context.Context, *report) error{desk.quick, desk.stalls} {
		if err := measure(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// configureSlack writes a configuration for a gateway in a workspace. The crowd,
// which is the pool "d", is on call for one team and may answer reviews; the pool
// "r" is in that team's group and must be reviewed.
func (s *stage) configureSlack(ledger string, v *slackVendor) (string, error) {
	people := []any{}
	onCall := rota.Schedule{ID: "payments-primary", Name: "Payments, primary"}
	for n := range s.opts.Crowd {
		people = append(people, personOf(subject("d", n), "security"), personOf(subject("r", n), "payments"))
		onCall.Shifts = append(onCall.Shifts, rota.Shift{Subject: subject("d", n).String()})
	}
	var catalogue access.Catalogue
	for n := range resources {
		catalogue.Resources = append(catalogue.Resources, access.Resource{
			Type: "customer", ID: customer(n), Name: "Customer " + fmt.Sprint(n), Properties: map[string]any{"owner": "payments", "tier": "gold"},
			Entitlements: []access.Entitlement{{Action: "debug", Target: "target", Durations: []access.Duration{access.Duration(2 * time.Hour)}}},
		})
	}
	policies, path := filepath.Join(s.dir, "slack-policies"), filepath.Join(s.dir, "slack.yaml")
	more := fmt.Sprintf("people: slack-people.yaml\nresources: slack-resources.yaml\noncall: {rota: slack-rota.yaml}\n"+
		"slack: {bot_token: file:slack-bot, signing_secret: file:slack-signing, url: %q}\n", v.server.URL+"/api/")
	return path, errors.Join(os.MkdirAll(policies, 0o700), s.writeConfig(path, ledger, "memory", policies, more),
		os.WriteFile(filepath.Join(s.dir, "slack-bot"), []byte(slackBotToken), 0o600),
		os.WriteFile(filepath.Join(s.dir, "slack-signing"), []byte(slackSigning), 0o600),
		writeJSON(filepath.Join(policies, "data.json"), map[string]any{"teams": map[string]any{"payments": map[string]any{
			"group": "payments", "schedules": []string{onCall.ID}, "review_channels": []string{"#reviews"},
		}}}),
		writeJSON(filepath.Join(s.dir, "slack-people.yaml"), map[string]any{"people": people}),
		writeJSON(filepath.Join(s.dir, "slack-rota.yaml"), rota.File{Schedules: []rota.Schedule{onCall}}),
		writeJSON(filepath.Join(s.dir, "slack-resources.yaml"), catalogue))
}

func personOf(who access.Subject, group string) any {
	return map[string]any{"subject": who.String(), "groups": []string{group}}
}

// slackDesk is a gateway in a workspace, as the crowd sees it.
type slackDesk struct {
	*crowd
	stage *stage
	where string // its ledger
	kind  string
}

// quick measures while nothing is slow: the first commands, for which the gateway
// must learn who everybody is, and then rounds of each kind in turn.
func (d *slackDesk) quick(ctx context.Context, r *report) error {
	first, err := d.burst(ctx, slackFirst)
	if err != nil {
		return err
	}
	r.Slack = append(r.Slack, slackFigure{d.kind, slackFirst, d.size, tailOf(first, 0, 0)})
	took := map[string][]time.Duration{}
	for range d.stage.opts.Rounds {
		for _, what := range []string{slackForm, slackAsk, slackApprove} {
			for end := time.Now().Add(d.stage.opts.Window); ; {
				each, err := d.burst(ctx, what)
				if err != nil {
					return err
				}
				if took[what] = append(took[what], each...); time.Now().After(end) {
					break
				}
			}
		}
	}
	for _, what := range []string{slackForm, slackAsk, slackApprove} {
		f := slackFigure{d.kind, what, d.size, tailOf(took[what], 0, 0)}
		d.stage.say("%s, %s: p99 %.0f ms of %d", d.kind, what, f.Ack.P99, f.Ack.N)
		r.Slack = append(r.Slack, f)
	}
	return nil
}

// burst has everybody do one thing, and holds what they were answered against what
// came of it.
func (d *slackDesk) burst(ctx context.Context, what string) (took []time.Duration, err error) {
	deeds, err := d.deeds(ctx, what)
	if err != nil {
		return nil, err
	}
	forms := d.vendor.views.Load()
	if err := d.together(ctx, deeds); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	for _, one := range deeds {
		took = append(took, one.took)
	}
	if opened := d.vendor.views.Load() - forms; (what == slackForm || what == slackFirst) && opened != int64(d.size) {
		return nil, fmt.Errorf("%d commands opened %d forms: %s", d.size, opened, deeds[0].said)
	}
	if what != slackAsk && what != slackApprove {
		return took, nil
	}
	return took, d.settled(ctx, what, deeds, func(f *slackStall) error {
		if f.Stored != d.size || f.Waiting != 0 || f.Unstored != 0 {
			return fmt.Errorf("%s: of %d, %d are in the ledger, %d were told to wait, and %d were told of what is not there: %s",
				what, d.size, f.Stored, f.Waiting, f.Unstored, deeds[0].said)
		}
		return nil
	})
}

// deeds is what everybody is about to do.
func (d *slackDesk) deeds(ctx context.Context, what string) (deeds []*deed, err error) {
	var waiting []string
	if what == slackApprove {
		if waiting, err = d.waiting(ctx); err != nil {
			return nil, err
		}
	}
	for n := range d.size {
		switch what {
		case slackAsk:
			deeds = append(deeds, d.asks(n))
		case slackApprove:
			deeds = append(deeds, d.approves(n, waiting[n]))
		default:
			deeds = append(deeds, d.opens(n))
		}
	}
	return deeds, nil
}
