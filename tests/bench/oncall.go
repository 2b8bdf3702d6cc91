package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The figures of who is on call; onCallFigures is what all of them together are
// asked for by.
const (
	onCallFigures = "oncall"
	figurePoll    = "poll"
	figureBusy    = "busy"
	figureMoved   = "moved"
)

// expanded replaces the name of all figures of who is on call by theirs.
func expanded(names []string) (all []string) {
	for _, name := range names {
		if name == onCallFigures {
			all = append(all, figurePoll, figureBusy, figureMoved)
			continue
		}
		all = append(all, name)
	}
	return all
}

// The kinds of turns that people take on a schedule.
const (
	turnsOfADay  = 24 * time.Hour
	turnsOfAWeek = 7 * turnsOfADay
)

// vendor starts a fake PagerDuty in a process of its own, and asks it once for
// everything: from then on it does nothing but send what it has sent before.
func (s *stage) vendor(ctx context.Context, turn time.Duration) (v *vendor, err error) {
	v = &vendor{}
	v.child, err = startChild(ctx, childConfig{Kind: "vendor", People: s.opts.People, Schedules: s.opts.Schedules, Turn: turn})
	if err != nil {
		return nil, err
	}
	if err = v.object(ctx, "/more/schedules", &v.schedules); err == nil {
		v.asked, err = v.rehearse(ctx)
	}
	if err != nil {
		_ = v.stop()
		return nil, err
	}
	s.say("a PagerDuty with %d people on %d schedules, in turns of %s: %d requests", s.opts.People, s.opts.Schedules, turn, len(v.asked))
	return v, nil
}

// asking starts a gateway that asks the vendor, and has not done so yet.
func (s *stage) asking(ctx context.Context, v *vendor, name string) (*child, error) {
	policies, err := s.policiesFor(v, name)
	if err != nil {
		return nil, err
	}
	return startChild(ctx, childConfig{
		Kind: "gateway", Ledger: filepath.Join(s.dir, name+".db"), Policies: policies, Target: s.target.server.URL, Subjects: s.opts.People,
		Decisions: true, Verbose: s.opts.Verbose, OnCall: "http://" + v.Address,
	})
}

// dutyTeams is how many schedules are those of the owner of the resources.
const dutyTeams = 64

// policiesFor writes what policy is told of the vendor's schedules.
func (s *stage) policiesFor(v *vendor, name string) (dir string, err error) {
	dir = filepath.Join(s.dir, name+"-policies")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, writeJSON(filepath.Join(dir, "data.json"), map[string]any{"teams": map[string]any{
		"payments": map[string]any{"group": "payments", "schedules": v.schedules[:min(dutyTeams, len(v.schedules))]},
	}})
}

// pollFigure is what one poll takes of a gateway, and what reading the same
// bodies takes without it.
type pollFigure struct {
	Turn     time.Duration `json:"turn_ns"` // of each person on a schedule
	People   int           `json:"people"`
	Rows     int           `json:"shifts"` // that came of it
	Requests int           `json:"requests"`
	Bytes    int64         `json:"bytes"` // of the bodies
	// First is the first poll of a process: nothing was known before it. Its Kept is
	// what the gateway holds of it from then on.
	First polled `json:"first"`
	Wall  spread `json:"wall_s"`  // from a poke until the ledger has it
	Fetch spread `json:"fetch_s"` // of it: until the connector has the snapshot
	CPU   spread `json:"cpu_s"`
	Peak  spread `json:"peak_bytes"` // resident, above what was before
	Alloc spread `json:"allocs"`
	Made  spread `json:"alloc_bytes"`
	// Bare is a client that gets the same bodies one after another and decodes them
	// by encoding/json; Decoding is only that. The ratios are of each round.
	Bare         spread `json:"bare_wall_s"`
	BareCPU      spread `json:"bare_cpu_s"`
	BareAlloc    spread `json:"bare_allocs"`
	Decoding     spread `json:"bare_decoding_s"`
	OfBare       spread `json:"of_bare"`        // Wall
	CPUOfBare    spread `json:"cpu_of_bare"`    // CPU
	AllocsOfBare spread `json:"allocs_of_bare"` // Alloc
}

// measurePoll takes turns between a gateway that polls and a bare reader, for
// each kind of turns.
func measurePoll(ctx context.Context, s *stage, r *report) error {
	for _, turn := range []time.Duration{turnsOfAWeek, turnsOfADay} {
		f, err := s.polls(ctx, turn)
		if err != nil {
			return err
		}
		r.Polls = append(r.Polls, f)
	}
	return nil
}

func (s *stage) polls(ctx context.Context, turn time.Duration) (f pollFigure, err error) {
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	v, err := s.vendor(ctx, turn)
	if err != nil {
		return f, err
	}
	closing.add(v.stop)
	gateway, err := s.asking(ctx, v, "poll-"+turn.String())
	if err != nil {
		return f, err
	}
	closing.add(gateway.stop)
	reader, err := startChild(ctx, childConfig{Kind: "reader"})
	if err != nil {
		return f, err
	}
	closing.add(reader.stop)
	f = pollFigure{Turn: turn, People: s.opts.People}
	if f.First, err = gateway.poll(ctx); err != nil {
		return f, err
	}
	var all []polled
	var bare []read
	for round := range s.opts.Rounds + 1 { // the first is to warm up
		stop := s.profile(ctx, gateway, "poll-"+turn.String(), round == s.opts.Rounds)
		p, err := gateway.poll(ctx)
		if err != nil {
			return f, err
		}
		b, err := reader.read(ctx, v)
		if err = errors.Join(err, stop()); err != nil {
			return f, err
		}
		s.say("poll of %d shifts: %.2f s, %.2f s of CPU; bare %.2f s, %.2f s", p.Shifts, p.Wall, p.CPU, b.Wall, b.CPU)
		if round > 0 {
			all, bare = append(all, p), append(bare, b)
		}
	}
	f.sum(all, bare)
	return f, nil
}

// sum sums the rounds up.
func (f *pollFigure) sum(all []polled, bare []read) {
	of := func(value func(polled) float64) spread { return spreadOf(mapped(all, value)) }
	bareOf := func(value func(read) float64) spread { return spreadOf(mapped(bare, value)) }
	last := all[len(all)-1]
	f.Rows, f.Requests, f.Bytes = last.Shifts, last.Requests, last.BodyBytes
	f.Wall, f.Fetch, f.CPU = of(func(p polled) float64 { return p.Wall }), of(func(p polled) float64 { return p.Fetch }), of(func(p polled) float64 { return p.CPU })
	f.Peak = of(func(p polled) float64 { return float64(p.Peak) })
	f.Alloc, f.Made = of(func(p polled) float64 { return float64(p.Allocs) }), of(func(p polled) float64 { return float64(p.AllocBytes) })
	f.Bare, f.BareCPU = bareOf(func(b read) float64 { return b.Wall }), bareOf(func(b read) float64 { return b.CPU })
	f.Decoding, f.BareAlloc = bareOf(func(b read) float64 { return b.Decoding }), bareOf(func(b read) float64 { return float64(b.Allocs) })
	f.OfBare, f.CPUOfBare, f.AllocsOfBare = per(f.Wall, f.Bare), per(f.CPU, f.BareCPU), per(f.Alloc, f.BareAlloc)
}

func mapped[T any](all []T, value func(T) float64) (values []float64) {
	for _, one := range all {
		values = append(values, value(one))
	}
	return values
}

// The routes that decide while polls are applied.
const nameEvaluate = "POST " + evaluationPath

// busyFigure is a route while polls come back to back, beside the same while
// there are none.
type busyFigure struct {
	routeFigure
	Polls   int    `json:"polls"` // that were made while it was measured
	OfQuiet spread `json:"per_second_of_quiet"`
	P50     spread `json:"p50_of_quiet"`
	P99     spread `json:"p99_of_quiet"`
}

// measureBusy takes turns between the routes with polls and without.
func measureBusy(ctx context.Context, s *stage, r *report) (err error) {
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	v, err := s.vendor(ctx, turnsOfADay)
	if err != nil {
		return err
	}
	closing.add(v.stop)
	gateway, err := s.asking(ctx, v, figureBusy)
	if err != nil {
		return err
	}
	closing.add(gateway.stop)
	if _, err := gateway.poll(ctx); err != nil {
		return err
	}
	again, err := gateway.poll(ctx)
	if err != nil {
		return err
	}
	opts := s.opts
	opts.Subjects = min(dutyTeams, opts.Schedules)                                   // who is on call for the owner, and so is allowed
	opts.Window = max(opts.Window, time.Duration(2*again.Wall*float64(time.Second))) // a whole poll lies in it
	b := busy{gateway: gateway, polls: map[string]int{}, routes: []*route{
		{name: nameDecisions, server: gateway, path: "/v1/decisions", status: http.StatusOK, answer: `"effect":"allow"`, pool: "d"},
		{name: nameEvaluate, server: gateway, path: evaluationPath, status: http.StatusOK, answer: `"decision":`, body: singleCheck(s.opts.People)},
	}}
	for _, route := range b.routes {
		if err := route.check(ctx, opts.Subjects); err != nil {
			return err
		}
	}
	t := stage{opts: opts, progress: s.progress}
	figures, err := t.turns(ctx, b.cells, func(*routeFigure, map[string]spread) {})
	r.Busy = b.beside(figures)
	return err
}

// busy is the routes, and how many polls were made beside each.
type busy struct {
	gateway *child
	routes  []*route
	polls   map[string]int // by the name of the cell and the number of callers
}

const pollsBeside = ", polls back to back"

func (b *busy) cells(callers int, opts options) (cells []*cell) {
	for _, r := range b.routes {
		quiet, polled := routeCell(r, callers, opts), routeCell(r, callers, opts)
		polled.name += pollsBeside
		polled.run = func(ctx context.Context, callers int, window time.Duration) (f callFigure, err error) {
			if err := b.gateway.tell(ctx, "/more/polling", true); err != nil {
				return f, err
			}
			f, err = load(ctx, r, callers, opts.Subjects, window)
			n, errPolls := b.gateway.number(ctx, "/more/polling/stop")
			b.polls[pollsKey(polled.name, callers)] += int(n)
			return f, errors.Join(err, errPolls)
		}
		cells = append(cells, quiet, polled)
	}
	return cells
}

// beside sets each route with polls beside itself without.
func (b *busy) beside(figures []routeFigure) (all []busyFigure) {
	for _, f := range figures {
		one := busyFigure{routeFigure: f, Polls: b.polls[pollsKey(f.Name, f.Callers)]}
		at := slices.IndexFunc(figures, func(q routeFigure) bool { return q.Callers == f.Callers && q.Name+pollsBeside == f.Name })
		if at >= 0 {
			q := figures[at]
			one.OfQuiet, one.P50, one.P99 = per(f.PerSecond, q.PerSecond), per(f.P50Micros, q.P50Micros), per(f.P99Micros, q.P99Micros)
		}
		all = append(all, one)
	}
	return all
}

func pollsKey(name string, callers int) string { return fmt.Sprintf("%d %s", callers, name) }
