package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"
)

// The names of what is measured under callers.
const (
	nameNoop      = "gin, no-op"
	nameDecisions = "POST /v1/decisions"
	nameRequests  = "POST /v1/requests"
	nameFloor     = "durable floor"
)

// routeFigure is one of them under so many callers.
type routeFigure struct {
	Callers   int    `json:"callers"`
	Name      string `json:"name"`
	PerSecond spread `json:"per_second"`
	P50Micros spread `json:"p50_us"`
	P99Micros spread `json:"p99_us"`
	// CPUMicros is the server's processor time for one call, deliveries and the
	// sealing of events included; absent for the floor.
	CPUMicros *spread `json:"cpu_us_per_call,omitempty"`
	// SettleMillis is how long after the last call the last delivery was
	// confirmed; absent where nothing is delivered.
	SettleMillis *spread `json:"settle_ms,omitempty"`
	// OfNoop is PerSecond, each round of the no-op's; OfFloor of the floor's.
	OfNoop  *spread `json:"of_noop,omitempty"`
	OfFloor *spread `json:"of_floor,omitempty"`
	// OfLedger is PerSecond, each round of that of the same rows by the ledger's
	// code.
	OfLedger *spread `json:"of_ledger,omitempty"`
	// OfOPA is PerSecond, each round of that of OPA's server with the same policy
	// and input; OfLogged of the same with its decision log.
	OfOPA    *spread `json:"of_opa,omitempty"`
	OfLogged *spread `json:"of_opa_logging,omitempty"`
	// CPUOfOPA, P99OfOPA and MemoryOfOPA are the same ratios of what the servers
	// took.
	CPUOfOPA    *spread `json:"cpu_of_opa,omitempty"`
	P99OfOPA    *spread `json:"p99_of_opa,omitempty"`
	MemoryOfOPA float64 `json:"memory_of_opa,omitempty"`
	// OfSingle is decisions per second of those that are asked for one by one.
	OfSingle *spread `json:"of_single,omitempty"`
	// Resident is the server's memory at the end, in bytes.
	Resident int64 `json:"resident_bytes,omitempty"`
}

// cell is what the rounds measure of one contender under so many callers.
type cell struct {
	callers, subjects                int
	name                             string
	run                              func(ctx context.Context, callers int, window time.Duration) (callFigure, error)
	route                            *route // nil for the floor
	perSecond, p50, p99, cpu, settle []float64
}

// bench is everything that is measured under callers.
type bench struct {
	opts          options
	noop, gateway *child
	floor         *floor
	routes        []*route
	suffix        string // of the names of profiles
	close         func() error
}

// measureRoutes takes turns between the contenders, for each number of callers.
// The first turn, a short one, is not counted.
func measureRoutes(ctx context.Context, opts options, progress io.Writer) (figures []routeFigure, err error) {
	b, err := newBench(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, r := range b.routes {
		if err := r.check(ctx, opts.Subjects); err != nil {
			return nil, err
		}
	}
	t := stage{opts: opts, progress: progress}
	figures, err = t.turns(ctx, b.cells, b.ratios)
	if err == nil && opts.Profiles != "" {
		err = b.profile(ctx, progress)
	}
	return figures, err
}

// newBench starts the servers, and a target that confirms everything.
func newBench(ctx context.Context, opts options) (b *bench, err error) {
	dir, err := os.MkdirTemp("", "curfew-bench-")
	if err != nil {
		return nil, err
	}
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b = &bench{opts: opts}
	b.close = func() (err error) {
		for _, c := range []*child{b.noop, b.gateway} {
			if c != nil {
				err = errors.Join(err, c.stop())
			}
		}
		if b.floor != nil {
			err = errors.Join(err, b.floor.ledger.Close())
		}
		target.Close()
		return errors.Join(err, os.RemoveAll(dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.noop, err = startChild(ctx, childConfig{Kind: "noop"}); err != nil {
		return b, err
	}
	b.gateway, err = startChild(ctx, childConfig{
		Kind: "gateway", Ledger: filepath.Join(dir, "gateway.db"), Policies: opts.Policies, Target: target.URL, Subjects: opts.Subjects,
	})
	if err != nil {
		return b, err
	}
	b.floor, err = newFloor(ctx, filepath.Join(dir, "floor.db"), opts.Policies)
	b.routes = []*route{
		{name: nameNoop, server: b.noop, path: "/noop", status: http.StatusOK, pool: "d"},
		{name: nameDecisions, server: b.gateway, path: "/v1/decisions", status: http.StatusOK, answer: `"effect":"allow"`, pool: "d"},
		{name: nameRequests, server: b.gateway, path: "/v1/requests", status: http.StatusCreated, answer: `"state":"approved"`, pool: "r", opens: true},
	}
	return b, err
}

func (b *bench) cells(callers int, opts options) []*cell {
	var cells []*cell
	for _, r := range b.routes {
		cells = append(cells, routeCell(r, callers, opts))
	}
	return append(cells, &cell{callers: callers, name: nameFloor, run: b.floor.load})
}

// ratios sets a figure beside the no-op and the floor of the same round.
func (b *bench) ratios(f *routeFigure, rates map[string]spread) {
	if f.Name == nameDecisions || f.Name == nameRequests {
		f.OfNoop = new(per(rates[f.Name], rates[nameNoop]))
	}
	if f.Name == nameRequests {
		f.OfFloor = new(per(rates[f.Name], rates[nameFloor]))
	}
}

// measure runs the contender for the window, and until what it set in motion is
// done.
func (c *cell) measure(ctx context.Context, window time.Duration, counts bool) error {
	var before, after time.Duration
	var err error
	if c.route != nil {
		if before, err = c.route.server.cpu(ctx); err != nil {
			return err
		}
	}
	f, err := c.run(ctx, c.callers, window)
	if err != nil {
		return err
	}
	began := time.Now()
	if c.route != nil {
		if err := c.route.settle(ctx, c.subjects); err != nil {
			return err
		}
		if after, err = c.route.server.cpu(ctx); err != nil {
			return err
		}
	}
	settled := time.Since(began)
	if !counts {
		return nil
	}
	c.perSecond = append(c.perSecond, float64(f.calls)/f.took.Seconds())
	c.p50 = append(c.p50, micros(quantile(f.latency, 0.5)))
	c.p99 = append(c.p99, micros(quantile(f.latency, 0.99)))
	c.cpu = append(c.cpu, micros(after-before)/float64(f.calls))
	c.settle = append(c.settle, float64(settled.Microseconds())/1000)
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// figure sums the rounds up.
func (c *cell) figure() routeFigure {
	f := routeFigure{Callers: c.callers, Name: c.name, PerSecond: spreadOf(c.perSecond), P50Micros: spreadOf(c.p50), P99Micros: spreadOf(c.p99)}
	if c.route != nil {
		f.CPUMicros = new(spreadOf(c.cpu))
		f.Resident = memoryOf(c.route.server.process.Process.Pid, "VmRSS:")
		if c.route.opens {
			f.SettleMillis = new(spreadOf(c.settle))
		}
	}
	return f
}
