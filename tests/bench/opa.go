package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The names of what is set beside each other: the same policy, input and callers.
const (
	nameOPA         = "opa, quiet"
	nameOPALogs     = "opa, decisions logged"
	nameData        = "POST /v1/data"
	nameOPADecision = "opa, quiet: access/decision"
	nameDecide      = "POST /v1/decisions, log on"
	nameSingle      = "POST /access/v1/evaluation"
	nameBatch       = "POST /access/v1/evaluations, 20 items"
)

// batchItems is how many items an evaluations request has.
const batchItems = 20

// measureOPA takes turns between the gateway, its decision log on, and the server
// of OPA with the same policies. Every server has one processor, and the callers
// another.
func measureOPA(ctx context.Context, s *stage, r *report) (err error) {
	o, err := s.startOPAs(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.closing.close()) }()
	for _, route := range o.routes() {
		if err := route.check(ctx, s.opts.Subjects); err != nil {
			return err
		}
	}
	if r.Bare, err = measureBare(ctx, s.opts, s.progress); err != nil { // in the same run, before callers are pinned
		return err
	}
	unpin, err := pinSelf()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unpin()) }()
	r.Decisions, err = s.turns(ctx, o.cells, opaRatios)
	besideOPA(r.Decisions)
	if err == nil && s.opts.Profiles != "" {
		b := &bench{opts: s.opts, gateway: o.gateway, routes: o.own, suffix: "-opa"}
		err = b.profile(ctx, s.progress)
	}
	return err
}

// opas is the servers under test, and how each is called.
type opas struct {
	gateway *child
	others  []*route // of OPA
	own     []*route
	closing closers
}

func (o *opas) routes() []*route { return append(slices.Clone(o.others), o.own...) }

func (o *opas) cells(callers int, opts options) (cells []*cell) {
	for _, r := range o.routes() {
		cells = append(cells, routeCell(r, callers, opts))
	}
	return cells
}

// opaRatios sets a figure beside the server of OPA that was asked the same, and
// the items of a batch beside single ones.
func opaRatios(f *routeFigure, rates map[string]spread) {
	switch f.Name {
	case nameData:
		f.OfOPA = new(per(rates[f.Name], rates[nameOPA]))
		f.OfLogged = new(per(rates[f.Name], rates[nameOPALogs]))
	case nameDecide:
		f.OfOPA = new(per(rates[f.Name], rates[nameOPADecision]))
	case nameBatch:
		f.OfSingle = new(times(per(rates[f.Name], rates[nameSingle]), batchItems))
	}
}

// besideOPA sets what the gateway took beside what OPA did for the same.
func besideOPA(figures []routeFigure) {
	of := map[string]string{nameData: nameOPA, nameDecide: nameOPADecision}
	for i := range figures {
		f := &figures[i]
		for _, other := range figures {
			if other.Name == of[f.Name] && other.Callers == f.Callers {
				f.CPUOfOPA = new(per(*f.CPUMicros, *other.CPUMicros))
				f.P99OfOPA = new(per(f.P99Micros, other.P99Micros))
				f.MemoryOfOPA = float64(f.Resident) / float64(other.Resident)
			}
		}
	}
}

// opaTable is what the gateway took, as ratios.
func opaTable(figures []routeFigure) table {
	t := table{title: "Of what OPA's server took for the same", head: []string{"callers", "", "per s", "p99", "CPU", "memory"}}
	for _, f := range figures {
		if f.CPUOfOPA != nil {
			t.row(fmt.Sprint(f.Callers), f.Name, median("%.2f", f.OfOPA), median("%.2f", f.P99OfOPA), median("%.2f", f.CPUOfOPA), fmt.Sprintf("%.1f", f.MemoryOfOPA))
		}
	}
	return t
}

// startOPAs starts a gateway, and OPA three times: quiet, logging its decisions,
// and with the policies that Curfew carries within itself.
func (s *stage) startOPAs(ctx context.Context) (o *opas, err error) {
	o = &opas{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.closing.close())
		}
	}()
	dir := filepath.Join(s.dir, "opa")
	team, library, err := writePolicies(dir, 10)
	if err != nil {
		return o, err
	}
	o.gateway, err = startChild(ctx, childConfig{
		Kind: "gateway", Ledger: filepath.Join(dir, "gateway.db"), Policies: team, Target: s.target.server.URL, Subjects: s.opts.Subjects,
		Decisions: true, Pinned: true, Verbose: s.opts.Verbose,
	})
	if err != nil {
		return o, err
	}
	o.closing.add(o.gateway.stop)
	start := func(args ...string) (*child, error) {
		c, err := s.opa(ctx, dir, args...)
		if err == nil {
			o.closing.add(c.stop)
		}
		return c, err
	}
	quiet, err := start("--log-level", "error", team)
	if err != nil {
		return o, err
	}
	logging, err := start("--log-level", "error", "--set", "decision_logs.console=true", team)
	if err != nil {
		return o, err
	}
	whole, err := start("--log-level", "error", filepath.Join(team, "data.json"), library)
	if err != nil {
		return o, err
	}
	data := route{path: "/v1/data/" + vouchedPath, status: http.StatusOK, answer: `"allow":true`, body: vouchedBody}
	o.others = []*route{data.at(nameOPA, quiet), data.at(nameOPALogs, logging), decided(s.opts.Subjects).at(nameOPADecision, whole)}
	o.own = []*route{
		data.at(nameData, o.gateway),
		{name: nameDecide, server: o.gateway, path: "/v1/decisions", status: http.StatusOK, answer: `"effect":"allow"`, pool: "d"},
		{name: nameSingle, server: o.gateway, path: evaluationPath, status: http.StatusOK, answer: `"decision":`, body: singleCheck(s.opts.Subjects)},
		{name: nameBatch, server: o.gateway, path: evaluationPath + "s", status: http.StatusOK, answer: `"evaluations":`, body: batchCheck(s.opts.Subjects)},
	}
	return o, nil
}

// at is the route at another server.
func (r *route) at(name string, server *child) *route {
	return &route{name: name, server: server, path: r.path, status: r.status, answer: r.answer, body: r.body}
}

// decided asks OPA for the decision that POST /v1/decisions asks the gateway for,
// with the input that the gateway gathers by itself.
func decided(subjects int) *route {
	return &route{path: "/v1/data/access/decision", status: http.StatusOK, answer: `"effect":"allow"`, body: func(n int64) []byte {
		in := ask(time.Now().UTC().Truncate(time.Microsecond))
		in.Subject.ID = subject("d", int(n)%subjects).ID
		in.Requester.ID = in.Subject.ID
		in.Resource.ID, in.Context.Grants = customer(int(n)/subjects%resources), nil
		in.Context.OnCall.Shifts[0].Start, in.Context.OnCall.Shifts[0].End = nil, nil
		raw, err := json.Marshal(map[string]any{"input": in})
		if err != nil {
			panic(err) // texts, numbers and times: never
		}
		return raw
	}}
}

// singleCheck asks about one subject, who has no access.
func singleCheck(subjects int) func(int64) []byte {
	return func(n int64) []byte {
		who := subject("d", int(n)%subjects)
		return fmt.Appendf(nil, `{"subject":{"type":"user","id":%q},"action":{"name":"look"},"resource":{"type":"customer","id":%q}}`,
			who.ID, customer(int(n)%resources))
	}
}

// batchCheck asks the same about many resources at once.
func batchCheck(subjects int) func(int64) []byte {
	return func(n int64) []byte {
		var items []string
		for i := range batchItems {
			items = append(items, fmt.Sprintf(`{"resource":{"type":"customer","id":%q}}`, customer((int(n)+i)%resources)))
		}
		return fmt.Appendf(nil, `{"subject":{"type":"user","id":%q},"action":{"name":"look"},"evaluations":[%s]}`,
			subject("d", int(n)%subjects).ID, strings.Join(items, ","))
	}
}

// opaBinary builds OPA's own program, if that is not done yet.
func (s *stage) opaBinary(ctx context.Context) (string, error) {
	binary := filepath.Join(s.dir, "opa-program")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	return binary, goBuild(ctx, s.opts.Tools, binary, "github.com/open-policy-agent/opa")
}
