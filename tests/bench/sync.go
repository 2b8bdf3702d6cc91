package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// syncFigure is a source that brings its catalogue to the program, while grants end
// at a steady rate.
type syncFigure struct {
	Ledger    string `json:"ledger"`
	Resources int    `json:"resources"`
	What      string `json:"what"`
	Took      spread `json:"took_s"`
	Peak      spread `json:"peak_bytes"` // of the program's memory, since the snapshot before it
	Late      tail   `json:"late"`       // how late the target was told of what ended meanwhile
	// OfRows is Took, each round over the time of an INSERT of the rows that the first
	// load left in the catalogue; OfEvents over that of these and of its events.
	OfRows   *spread `json:"of_rows,omitempty"`
	OfEvents *spread `json:"of_events,omitempty"`
}

// The snapshots, in their order, and what is before the first.
const (
	syncNone  = "nothing"
	syncFirst = "first load"
	syncSame  = "unchanged"
	syncFew   = "1 % changed"
	syncRows  = "rows alone"
	syncBoth  = "rows and events alone"
)

const (
	syncStep  = 20 * time.Millisecond // from one end of a grant to the next
	syncQuiet = 2 * time.Second       // before the first snapshot
)

// syncRound is what one round measured of a snapshot, or of bare rows.
type syncRound struct {
	what       string
	began, end time.Time
	peak       int64
}

func (r syncRound) took() float64 { return r.end.Sub(r.began).Seconds() }

// syncCell sums the rounds of one snapshot up.
type syncCell struct {
	took, peak []float64
	late       []time.Duration
}

// measureSync takes turns between the program and bare rows.
func measureSync(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		cells := map[string]*syncCell{}
		for _, what := range []string{syncNone, syncFirst, syncSame, syncFew, syncRows, syncBoth} {
			cells[what] = &syncCell{}
		}
		for round := range s.opts.Rounds {
			if err := s.syncRound(ctx, kind, cells); err != nil {
				return fmt.Errorf("sync on %s: %w", kind, err)
			}
			s.say("sync on %s: round %d of %d", kind, round+1, s.opts.Rounds)
		}
		r.Syncs = append(r.Syncs, syncFigures(kind, s.opts.Resources, cells)...)
	}
	return nil
}

func syncFigures(kind string, resources int, cells map[string]*syncCell) (figures []syncFigure) {
	for _, what := range []string{syncNone, syncFirst, syncSame, syncFew, syncRows, syncBoth} {
		c := cells[what]
		f := syncFigure{Ledger: kind, Resources: resources, What: what, Took: spreadOf(c.took), Peak: spreadOf(c.peak), Late: tailOf(c.late, 0, 0)}
		if what == syncFirst {
			f.OfRows, f.OfEvents = new(per(f.Took, spreadOf(cells[syncRows].took))), new(per(f.Took, spreadOf(cells[syncBoth].took)))
		}
		figures = append(figures, f)
	}
	return figures
}

// syncRound is one round: a fresh ledger with grants that end one after the other, a
// program on it, three snapshots, and then the rows by themselves.
func (s *stage) syncRound(ctx context.Context, kind string, cells map[string]*syncCell) (err error) {
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	where, err := s.ledger(ctx, kind, 1)
	if err != nil {
		return err
	}
	closing.add(func() error { return s.drop(where) })
	s.target.forget()
	ending := batch{First: 1000, Count: 2 * int(s.opts.Wait/syncStep), Base: time.Now().Add(s.opts.Pace.Lead), Step: syncStep}
	if err := sow(ctx, where, s.contract, ending); err != nil {
		return err
	}
	rounds, err := s.snapshots(ctx, where, ending)
	if err != nil {
		return err
	}
	bare, err := s.bareRows(ctx, kind, where)
	if err != nil {
		return err
	}
	for _, r := range append(rounds, bare...) {
		c := cells[r.what]
		c.took = append(c.took, r.took())
		c.peak = append(c.peak, float64(r.peak))
		c.late = append(c.late, s.target.lateOf(ending, r.began, r.end)...)
	}
	return nil
}

// snapshots has a program take one after the other.
func (s *stage) snapshots(ctx context.Context, where string, ending batch) (rounds []syncRound, err error) {
	p, err := s.program(ctx, where, "memory")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if _, err := p.startUp(ctx, 0); err != nil {
		return nil, err
	}
	began := ending.Base
	if ready := time.Now().Add(time.Second); ready.After(began) { // what was due while it started is late, and no measure
		began = ready
	}
	if err := until(ctx, began); err != nil {
		return nil, err
	}
	quiet := syncRound{what: syncNone, began: began, end: began.Add(min(syncQuiet, s.opts.Pace.Settle))}
	if err := until(ctx, quiet.end); err != nil {
		return nil, err
	}
	quiet.peak = memoryOf(p.pid(), "VmRSS:")
	rounds = append(rounds, quiet)
	n := s.opts.Resources
	for _, snapshot := range []struct {
		what             string
		changed          int
		created, updated int
	}{{syncFirst, 0, n, 0}, {syncSame, 0, 0, 0}, {syncFew, n / 100, 0, n / 100}} {
		r, err := p.bring(ctx, snapshot.what, snapshotOf(n, snapshot.changed), snapshot.created, snapshot.updated)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", snapshot.what, err)
		}
		rounds = append(rounds, r)
	}
	return rounds, s.ends(ctx, ending, rounds[len(rounds)-1].end)
}

// ends waits until the target was told of all that was due by a time.
func (s *stage) ends(ctx context.Context, ending batch, by time.Time) error {
	due := min(ending.Count, int(by.Sub(ending.Base)/ending.Step))
	return s.target.await(ctx, due, time.Now().Add(s.opts.Wait))
}

// snapshotOf is a source's catalogue, in lines. Some of it is not as in the one
// without changes.
func snapshotOf(n, changed int) []byte {
	var b bytes.Buffer
	for i := range n {
		tier := "gold"
		if i < changed {
			tier = "silver"
		}
		fmt.Fprintf(&b, `{"type": "customer", "id": "synced-%06d", "name": "Customer %d of many", "properties": {"owner": "payments", "tier": %q, "region": "eu-%d", "account": "%012d"}, `+
			`"entitlements": [{"action": "debug", "durations": ["30m", "2h", "4h"], "while": ["oncall"], "target": "target"}, {"action": "read", "durations": ["8h"], "target": "target"}]}`+"\n",
			i, i, tier, i%7, i)
	}
	return b.Bytes()
}

// bring has the program take a snapshot, and holds what it says of it.
func (p *program) bring(ctx context.Context, what string, body []byte, created, updated int) (r syncRound, err error) {
	r.what = what
	if err := p.forgetPeak(); err != nil {
		return r, err
	}
	p.mu.Lock()
	url := p.url
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/v1/sources/bench/resources", bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	request.Header.Set("Authorization", "Bearer "+benchToken)
	request.Header.Set("Content-Type", "application/x-ndjson")
	r.began = time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return r, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	r.end = time.Now()
	r.peak = memoryOf(p.pid(), "VmHWM:")
	var report struct{ Created, Updated, Archived int }
	if err = errors.Join(err, json.Unmarshal(raw, &report)); err != nil || response.StatusCode != http.StatusOK {
		return r, fmt.Errorf("%s: %s: %w", response.Status, raw, err)
	}
	if report.Created != created || report.Updated != updated || report.Archived != 0 {
		return r, fmt.Errorf("the snapshot changed %+v; want %d created and %d updated", report, created, updated)
	}
	return r, nil
}

// forgetPeak has the system begin anew to watch the most memory that the program has.
func (p *program) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid()), []byte("5"), 0o200)
}

// lateOf is how late each was closed that was due in a time.
func (t *told) lateOf(b batch, from, to time.Time) (all []time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range b.Count {
		due := b.due(n)
		if at, closed := t.at[b.id("bnd", n)]; closed && !due.Before(from) && due.Before(to) {
			all = append(all, at.Sub(due))
		}
	}
	return all
}

// syncTable sets the snapshots beside the rows alone.
func syncTable(figures []syncFigure) table {
	t := table{
		title: "A source's catalogue: seconds until it is in force, and how late ends are meanwhile",
		head:  []string{"resources", "", "", "s", "", "of rows", "", "of rows and events", "", "peak MB", "ends", "late p50 ms", "p99", "max"},
	}
	for _, f := range figures {
		peak := ""
		if f.Peak.Median > 0 {
			peak = fmt.Sprintf("%.0f", f.Peak.Median/1e6)
		}
		late := []string{"", "", "", ""}
		if f.Late.N > 0 {
			late = []string{fmt.Sprint(f.Late.N), f.Late.ms(0.5), f.Late.ms(0.99), f.Late.ms(1)}
		}
		t.row(append([]string{
			fmt.Sprint(f.Resources), f.Ledger, f.What, sec(f.Took.Median), span("[%.2f to %.2f]", &f.Took), median("%.1f", f.OfRows), span("[%.1f to %.1f]", f.OfRows),
			median("%.1f", f.OfEvents), span("[%.1f to %.1f]", f.OfEvents), peak,
		}, late...)...)
	}
	return t
}
