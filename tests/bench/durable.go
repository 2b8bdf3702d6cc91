package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// nameTx and namePlain are the two loops beside durable requests.
const (
	nameTx    = "rows by the ledger's code"
	namePlain = "rows by plain statements"
)

// measureRequests takes turns, on each database, between POST /v1/requests and
// two bare loops that leave the same rows in as many transactions: one through
// the code of the ledger, one by plain INSERTs.
func measureRequests(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		d, err := s.durable(ctx, kind)
		if err != nil {
			return fmt.Errorf("on %s: %w", kind, err)
		}
		figures, err := s.turns(ctx, d.cells, durableRatios)
		if err == nil && s.opts.Profiles != "" {
			b := &bench{opts: s.opts, gateway: d.gateway, routes: []*route{d.route}, suffix: "-" + kind}
			err = b.profile(ctx, s.progress)
		}
		if err := errors.Join(err, d.close()); err != nil {
			return fmt.Errorf("on %s: %w", kind, err)
		}
		for _, f := range figures {
			f.Name += " on " + kind
			r.Requests = append(r.Requests, f)
		}
	}
	return nil
}

// durable is the contenders on one database.
type durable struct {
	gateway *child
	route   *route
	floor   *floor
	plain   *plain
	closing closers
}

func (d *durable) close() error { return d.closing.close() }

func (s *stage) durable(ctx context.Context, kind string) (d *durable, err error) {
	d = &durable{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if kind == onPostgres {
		if err := s.startPostgres(); err != nil {
			return d, err
		}
	}
	where := make([]string, 3)
	for i := range where {
		if where[i], err = s.empty(kind); err != nil {
			return d, err
		}
	}
	cfg := childConfig{
		Kind: "gateway", Ledger: where[0], Policies: s.opts.Policies, Target: s.target.server.URL, Subjects: s.opts.Subjects, Verbose: s.opts.Verbose,
	}
	if d.gateway, err = startChild(ctx, cfg); err != nil {
		return d, err
	}
	d.closing.add(d.gateway.stop)
	d.route = &route{
		name: nameRequests, server: d.gateway, path: "/v1/requests", status: http.StatusCreated, answer: `"state":"approved"`, pool: "r", opens: true,
	}
	if err := d.route.check(ctx, s.opts.Subjects); err != nil {
		return d, err
	}
	if d.floor, err = newFloor(ctx, where[1], s.opts.Policies); err != nil {
		return d, err
	}
	d.closing.add(d.floor.ledger.Close)
	if d.plain, err = newPlain(ctx, where[0], where[2]); err != nil {
		return d, err
	}
	d.closing.add(d.plain.close)
	return d, nil
}

func (d *durable) cells(callers int, opts options) []*cell {
	return []*cell{
		routeCell(d.route, callers, opts),
		{callers: callers, name: nameTx, run: d.floor.load},
		{callers: callers, name: namePlain, run: d.plain.load},
	}
}

// durableRatios sets the requests beside the loops.
func durableRatios(f *routeFigure, rates map[string]spread) {
	if f.Name == nameRequests {
		f.OfFloor = new(per(rates[nameRequests], rates[namePlain]))
		f.OfLedger = new(per(rates[nameRequests], rates[nameTx]))
	}
}
