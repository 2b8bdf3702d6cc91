package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const (
	nameUnsealed = "nothing seals"
	nameSealed   = "events are sealed"
)

// floorEvents is how many events the floor writes in each of its transactions.
const floorEvents = 4

// sealFigure is what sealing takes from those who write at the same time.
type sealFigure struct {
	Ledger   string `json:"ledger"`
	Writers  int    `json:"writers"`
	Unsealed spread `json:"unsealed_commits_per_second"`
	Sealed   spread `json:"sealed_commits_per_second"`
	Ratio    spread `json:"ratio"`
	// P99 is in microseconds; Behind, how long the last event of a commit had no
	// number at the most, in milliseconds.
	UnsealedP99 spread `json:"unsealed_p99_us"`
	SealedP99   spread `json:"sealed_p99_us"`
	Behind      spread `json:"behind_ms"`
}

// measureSeal takes turns, on each database, between two ledgers into which the
// floor's rows are written: of one the events are sealed meanwhile, and signed.
func measureSeal(ctx context.Context, s *stage, r *report) error {
	for _, kind := range s.opts.Ledgers {
		figures, err := s.seal(ctx, kind)
		if err != nil {
			return fmt.Errorf("on %s: %w", kind, err)
		}
		r.Seals = append(r.Seals, figures...)
	}
	return nil
}

func (s *stage) seal(ctx context.Context, kind string) (figures []sealFigure, err error) {
	var closing closers
	defer func() { err = errors.Join(err, closing.close()) }()
	if kind == onPostgres {
		if err := s.startPostgres(); err != nil {
			return nil, err
		}
	}
	var floors [2]*floor
	for i := range floors {
		where, err := s.empty(kind)
		if err != nil {
			return nil, err
		}
		if floors[i], err = newFloor(ctx, where, s.opts.Policies); err != nil {
			return nil, err
		}
		closing.add(floors[i].ledger.Close)
	}
	sealed, err := newSealed(floors[1])
	if err != nil {
		return nil, err
	}
	cells := func(callers int, _ options) []*cell {
		return []*cell{{callers: callers, name: nameUnsealed, run: floors[0].load}, {callers: callers, name: nameSealed, run: sealed.load}}
	}
	pairs, err := s.turns(ctx, cells, func(*routeFigure, map[string]spread) {})
	if err != nil {
		return nil, err
	}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		off, on := pairs[0], pairs[1]
		figures = append(figures, sealFigure{
			Ledger: kind, Writers: off.Callers, Unsealed: off.PerSecond, Sealed: on.PerSecond, Ratio: per(on.PerSecond, off.PerSecond),
			UnsealedP99: off.P99Micros, SealedP99: on.P99Micros, Behind: spreadOf(sealed.behind[off.Callers][1:]), // the first turn is not counted
		})
	}
	return figures, nil
}

// sealed is a floor whose events are sealed while they are written.
type sealed struct {
	*floor
	keys   *audit.Keys
	behind map[int][]float64 // by the number of writers, in milliseconds
}

func newSealed(f *floor) (*sealed, error) {
	signing, _, err := audit.NewKey(rand.Reader, "bench/audit")
	if err != nil {
		return nil, err
	}
	keys, err := audit.NewKeys(signing)
	return &sealed{f, keys, map[int][]float64{}}, err
}

// load is that of the floor, with a sealer beside it. It returns when everything is
// sealed.
func (s *sealed) load(ctx context.Context, callers int, window time.Duration) (callFigure, error) {
	h, err := s.head(ctx)
	if err != nil {
		return callFigure{}, err
	}
	w := onlooker{head: s.head, written: make(chan struct{}), done: make(chan struct{})}
	w.committed.Store(h.Seq)
	sealer := &audit.Sealer{Store: s.ledger, Log: slog.New(slog.DiscardHandler), Keys: s.keys} // what it can not seal stays behind
	stop := loops(ctx, sealer.Run)
	go w.run(ctx)
	figure, err := repeat(callers, window, func() error {
		n := int(s.calls.Add(1))
		err := s.ledger.Update(ctx, func(tx *ledger.Tx) error { return s.write(tx, subject("f", n)) })
		w.committed.Add(floorEvents)
		return err
	})
	close(w.written)
	<-w.done
	s.behind[callers] = append(s.behind[callers], float64(w.behind.Milliseconds()))
	return figure, errors.Join(err, w.err, stop())
}

func (s *sealed) head(ctx context.Context) (h ledger.AuditHead, err error) {
	err = s.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		h, err = tx.AuditHead()
		return err
	})
	return h, err
}

// onlooker looks how far the tree is behind what is committed.
type onlooker struct {
	head      func(context.Context) (ledger.AuditHead, error)
	committed atomic.Int64 // events, of all time
	written   chan struct{}
	done      chan struct{}
	behind    time.Duration // at the most
	err       error
}

func (w *onlooker) run(ctx context.Context) {
	defer close(w.done)
	type count struct {
		at     time.Time
		events int64
	}
	var open []count // that the tree did not hold yet
	written := w.written
	for written != nil || len(open) > 0 {
		select {
		case <-written:
			written = nil // once more, and then until the last is in the tree
		case <-time.After(20 * time.Millisecond):
		}
		open = append(open, count{time.Now(), w.committed.Load()})
		h, err := w.head(ctx)
		if err != nil || time.Since(open[0].at) > patience {
			w.err = errors.Join(err, errors.New("events were not sealed"))
			return
		}
		for len(open) > 0 && h.Size >= open[0].events {
			w.behind = max(w.behind, time.Since(open[0].at))
			open = open[1:]
		}
	}
}

func sealTable(figures []sealFigure) table {
	t := table{
		title: "Commits while events are sealed, beside commits alone",
		head:  []string{"", "writers", nameUnsealed + ", per s", nameSealed + ", per s", "ratio", "", "p99 us", "p99 us, sealed", "behind ms"},
	}
	for _, f := range figures {
		t.row(f.Ledger, fmt.Sprint(f.Writers), fmt.Sprintf("%.0f", f.Unsealed.Median), fmt.Sprintf("%.0f", f.Sealed.Median),
			fmt.Sprintf("%.2f", f.Ratio.Median), fmt.Sprintf("[%.2f to %.2f]", f.Ratio.P10, f.Ratio.P90),
			fmt.Sprintf("%.0f", f.UnsealedP99.Median), fmt.Sprintf("%.0f", f.SealedP99.Median), fmt.Sprintf("%.0f", f.Behind.Median))
	}
	return t
}
