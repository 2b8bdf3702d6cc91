package main

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"net/http"

	"github.com/curfew-access/curfew/engine/access"
)

// The names of what is beside a check.
const (
	nameNoopCheck = "gin, no-op"
	nameBindCheck = "gin, no-op that binds"
)

const evaluationPath = "/access/v1/evaluation"

// measureCheck takes turns between the check, on each set-up, and a handler that
// decodes the same body and answers a constant.
func measureCheck(ctx context.Context, s *stage, r *report) error {
	noop, err := startChild(ctx, childConfig{Kind: "noop"})
	if err != nil {
		return err
	}
	defer noop.stop()
	for _, live := range s.opts.Live {
		for _, kind := range s.opts.Ledgers {
			one := series{kind, noRedis, live}
			if kind == onPostgres {
				one.lease = withRedis
			}
			if err := s.checks(ctx, r, noop, one); err != nil {
				return fmt.Errorf("check on %+v: %w", one, err)
			}
		}
	}
	return nil
}

func (s *stage) checks(ctx context.Context, r *report, noop *child, one series) (err error) {
	sc, err := s.scene(ctx, one)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sc.end()) }()
	body := checkOf(live(one.live))
	routes := []*route{
		{name: nameNoopCheck, server: noop, path: "/noop-check", status: http.StatusOK, body: body},
		{name: nameBindCheck, server: noop, path: "/noop-bind", status: http.StatusOK, body: body},
		{name: "check", server: sc.gateway, path: evaluationPath, status: http.StatusOK, answer: `"decision":true`, body: body},
	}
	for _, route := range routes {
		if err := route.check(ctx, 0); err != nil {
			return err
		}
	}
	figures, err := s.turns(ctx, func(callers int, opts options) (cells []*cell) {
		for _, route := range routes {
			cells = append(cells, routeCell(route, callers, opts))
		}
		return cells
	}, func(f *routeFigure, rates map[string]spread) {
		if f.Name != nameNoopCheck {
			f.OfNoop = new(per(rates[f.Name], rates[nameNoopCheck]))
		}
	})
	if err == nil && s.opts.Profiles != "" {
		b := &bench{opts: s.opts, gateway: sc.gateway, routes: routes, suffix: fmt.Sprintf("-%s-%d", one.ledger, one.live)}
		err = b.profile(ctx, s.progress)
	}
	for _, f := range figures {
		if f.Name == "check" {
			f.Name = fmt.Sprintf("check, %d grants, %s, lease %s", one.live, one.ledger, one.lease)
		}
		r.Checks = append(r.Checks, f)
	}
	return err
}

// checkOf asks about the batch's grants in no order, so that no cache between
// here and there holds what is asked for.
func checkOf(b batch) func(int64) []byte {
	return func(n int64) []byte {
		x := b.entitled(int(bits.Reverse64(uint64(n)*0x9E3779B97F4A7C15) % uint64(b.Count)))
		return checkBody(x)
	}
}

// checkBody asks whether there is such access.
func checkBody(x access.Entitled) []byte {
	return fmt.Appendf(nil, `{"subject":{"type":%q,"id":%q},"action":{"name":%q},"resource":{"type":%q,"id":%q}}`,
		x.Subject.Type, x.Subject.ID, x.Action.Name, x.Resource.Type, x.Resource.ID)
}
