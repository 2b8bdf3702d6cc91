package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// movedFigure is many bound grants after one edit of the schedule that they are
// bound to.
type movedFigure struct {
	Ledger string `json:"ledger"`
	Lease  string `json:"lease"`
	Grants int    `json:"grants"`
	Edit   string `json:"edit"`
	// Seconds from when the poll has seen the edit: until the last transaction was
	// committed; until ledger and lease have every new end; until the poll was over.
	Committed spread `json:"committed_s"`
	Right     spread `json:"right_s"`
	CPU       spread `json:"cpu_s"` // of the gateway, until the poll was over
	// Database is the processor time of PostgreSQL, until all was seen to be right.
	Database *spread `json:"database_cpu_s,omitempty"`
	// Late is how many grants the lease, or the ledger, did not have right when the
	// poll was over, in the worst round.
	Late int `json:"late"`
	// Told and Confirmed, of those that ended: until the target was told to close the
	// last, and until the ledger had its confirmation.
	Told      *spread `json:"told_s,omitempty"`
	Confirmed *spread `json:"confirmed_s,omitempty"`
}

// The edits of a round, in turn.
const (
	editNothing = "nothing new"
	editLater   = "an hour later"
	editEarlier = "two hours earlier"
	editOffCall = "nobody is on call"
)

func edits() []string { return []string{editNothing, editLater, editEarlier, editOffCall} }

// measureMoved goes through the set-ups, one at a time.
func measureMoved(ctx context.Context, s *stage, r *report) error {
	for _, one := range s.movedSeries() {
		figures, err := s.moved(ctx, one)
		if err != nil {
			return fmt.Errorf("%+v: %w", one, err)
		}
		r.Moved = append(r.Moved, figures...)
	}
	return nil
}

func (s *stage) movedSeries() (all []series) {
	for _, kind := range s.opts.Ledgers {
		if kind == onSQLite {
			all = append(all, series{kind, noRedis, 1000})
		}
		all = append(all, series{kind, withRedis, 1000})
	}
	return all
}

// edited is what an edit led to in one round, in seconds.
type edited struct {
	followedEdit
	database, told, confirmed float64
}

func (s *stage) moved(ctx context.Context, one series) (figures []movedFigure, err error) {
	sc, err := s.scene(ctx, one, func(cfg *childConfig) { cfg.OnCall = onBoard })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sc.end()) }()
	rounds := map[string][]edited{}
	first := one.live
	for round := range s.opts.Rounds + 1 { // the first is to warm up
		bound, err := s.bind(ctx, sc, first)
		if err != nil {
			return nil, err
		}
		first += bound.Count
		for _, name := range edits() {
			stop := s.profile(ctx, sc.gateway, fmt.Sprintf("moved-%s-%s-%d", one.ledger, one.lease, slices.Index(edits(), name)), round == s.opts.Rounds)
			e, err := s.edit(ctx, sc, bound, name)
			if err = errors.Join(err, stop()); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			s.say("%+v: %s: committed %.2f s, right %.2f s, %.2f s of CPU, %d late, told %.2f s, confirmed %.2f s", one, name, e.Committed, e.Right, e.CPU, e.Late, e.told, e.confirmed)
			if round > 0 {
				rounds[name] = append(rounds[name], e)
			}
		}
	}
	for _, name := range edits() {
		figures = append(figures, movedOf(one, s.opts.Burst, name, rounds[name]))
	}
	return figures, nil
}

func movedOf(one series, grants int, name string, all []edited) movedFigure {
	of := func(value func(edited) float64) spread { return spreadOf(mapped(all, value)) }
	f := movedFigure{
		Ledger: one.ledger, Lease: one.lease, Grants: grants, Edit: name,
		Committed: of(func(e edited) float64 { return e.Committed }), Right: of(func(e edited) float64 { return e.Right }),
		CPU: of(func(e edited) float64 { return e.CPU }),
	}
	for _, e := range all {
		f.Late = max(f.Late, e.Late)
	}
	if one.ledger == onPostgres {
		f.Database = new(of(func(e edited) float64 { return e.database }))
	}
	if name == editOffCall {
		f.Told, f.Confirmed = new(of(func(e edited) float64 { return e.told })), new(of(func(e edited) float64 { return e.confirmed }))
	}
	return f
}

// bind writes bound grants into the ledger, and has the gateway take them in. Their
// holders come to be on call before that: so nothing about them is new any more.
func (s *stage) bind(ctx context.Context, sc *scene, first int) (batch, error) {
	b := batch{First: first, Count: s.opts.Burst, Base: time.Now().Add(8 * time.Hour).Truncate(time.Second), Bound: true}
	if err := sc.gateway.tell(ctx, "/more/board", edit{Batch: b, End: &b.Base}); err != nil {
		return b, err
	}
	if err := sow(ctx, sc.ledger, s.contract, b); err != nil {
		return b, err
	}
	if err := sc.gateway.tell(ctx, "/more/adopt", b); err != nil {
		return b, err
	}
	s.target.forget()
	_, err := sc.gateway.seen(ctx) // what was seen so far is not asked for
	return b, err
}

// edit is a change of the board, which puts all holders of a batch on call, and
// what is to come of it.
type edit struct {
	Batch batch
	End   *time.Time // of everybody's shift, and so of their grants; nil: nobody is on call
}

// edit makes the named edit, and waits until all of it is done.
func (s *stage) edit(ctx context.Context, sc *scene, bound batch, name string) (e edited, err error) {
	by := map[string]time.Duration{editLater: time.Hour, editEarlier: -time.Hour}
	change := edit{Batch: bound}
	if name != editOffCall {
		change.End = new(bound.Base.Add(by[name]))
	}
	before, err := s.databaseTime(sc)
	if err != nil {
		return e, err
	}
	raw, err := sc.gateway.give(ctx, "/more/edit", change)
	if err == nil {
		err = json.Unmarshal(raw, &e.followedEdit)
	}
	after, errAfter := s.databaseTime(sc)
	e.database = (after - before).Seconds()
	if err = errors.Join(err, errAfter); err != nil || name != editOffCall {
		return e, err
	}
	seen := time.UnixMicro(e.Seen)
	if err := s.target.await(ctx, bound.Count, time.Now().Add(s.opts.Wait)); err != nil {
		return e, err
	}
	at, _ := s.target.late(batch{First: bound.First, Count: bound.Count, Base: seen}, 0)
	e.told = slices.Max(at).Seconds()
	confirmed, err := sc.gateway.settled(ctx, bound.Count)
	e.confirmed = time.UnixMicro(confirmed.Last).Sub(seen).Seconds()
	return e, err
}

// databaseTime is how much processor time PostgreSQL has used; none if the ledger
// is not there.
func (s *stage) databaseTime(sc *scene) (time.Duration, error) {
	if !isURL(sc.ledger) {
		return 0, nil
	}
	raw, err := os.ReadFile(filepath.Join(s.postgres.Dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0, err
	}
	return usedUnder(pid)
}

// followedEdit is how the gateway followed an edit. Times are seconds from when
// its poll had the new snapshot.
type followedEdit struct {
	Seen             int64 // that time, in microseconds since 1970
	Committed, Right float64
	CPU              float64 // until the poll was over
	Late             int     // not right when it was over
}

const boardSchedule = "all-hands"

// board is a source that says what it was told to say.
type board struct {
	mu     sync.Mutex
	shifts []access.HeldShift
}

// Fetch is of watch.Source.
func (b *board) Fetch(_ context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return access.Snapshot{
		Source: onBoard, Kind: access.SourceOnCall, FetchedAt: ask.Now, Until: ask.Now.Add(7 * 24 * time.Hour), Shifts: b.shifts,
	}, nil
}

func (b *board) say(e edit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shifts = nil
	if e.End == nil {
		return
	}
	start := e.Batch.Base.Add(-16 * time.Hour)
	for n := range e.Batch.Count {
		b.shifts = append(b.shifts, access.HeldShift{Subject: e.Batch.entitled(n).Subject, Shift: access.Shift{
			Schedule: &access.Ref{ID: boardSchedule}, Level: 1, Start: &start, End: e.End,
		}})
	}
}

// put puts an edit on the board, and has it polled.
func (s *source) put(ctx context.Context, e edit) error {
	if s.board == nil {
		return errors.New("there is no board")
	}
	s.board.say(e)
	return s.once(ctx)
}

// edit puts an edit on the board, has it polled, and waits until ledger and lease
// are as they are to be.
func (s *source) edit(ctx context.Context, e edit, f *foster) (came followedEdit, err error) {
	cpu := ownCPU()
	if err := s.put(ctx, e); err != nil {
		return came, err
	}
	came.CPU = (ownCPU() - cpu).Seconds()
	_, seen, _ := s.asked.last()
	since := func(micros int64) float64 { return max(time.UnixMicro(micros).Sub(seen).Seconds(), 0) }
	came.Seen, came.Committed, came.Right = seen.UnixMicro(), since(s.follows.committed.Load()), since(s.follows.at.Load())
	for end := time.Now().Add(10 * patience); ; {
		began := time.Now()
		wrong, err := f.wrong(ctx, e)
		if err != nil {
			return came, err
		}
		if wrong == 0 {
			return came, nil
		}
		came.Late, came.Right = max(came.Late, wrong), since(began.UnixMicro())
		if time.Now().After(end) {
			return came, fmt.Errorf("%d grants are not as they are to be", wrong)
		}
	}
}

// wrong counts the grants that are not yet in the ledger and in the lease as the
// edit would have them.
func (f *foster) wrong(ctx context.Context, e edit) (wrong int, err error) {
	var count atomic.Int64
	numbers := make([]int, e.Batch.Count)
	for i := range numbers {
		numbers[i] = i
	}
	var group errgroup.Group
	group.SetLimit(8) // answers of a Redis come one by one
	for page := range slices.Chunk(numbers, 500) {
		group.Go(func() error {
			n, err := f.wrongOf(ctx, e, page)
			count.Add(int64(n))
			return err
		})
	}
	err = group.Wait()
	return int(count.Load()), err
}

func (f *foster) wrongOf(ctx context.Context, e edit, page []int) (wrong int, err error) {
	ids := make([]string, len(page))
	for i, n := range page {
		ids[i] = e.Batch.id(access.KindGrant, n)
	}
	var grants map[string]access.Grant
	err = f.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		grants, err = tx.GrantsByID(ids...)
		return err
	})
	for i, n := range page {
		held, known := f.lease.Standing(ctx, e.Batch.entitled(n))
		if !known || !e.inLedger(grants[ids[i]]) || !e.inLease(held) {
			wrong++
		}
	}
	return wrong, err
}

func (e edit) inLedger(g access.Grant) bool {
	if e.End == nil {
		return g.State == access.GrantEnded && g.EndReason != nil && *g.EndReason == access.EndOffCall
	}
	return g.State == access.GrantActive && g.ExpiresAt.Equal(*e.End)
}

func (e edit) inLease(s access.Standing) bool {
	if e.End == nil {
		return s.Until.IsZero()
	}
	return s.Until.Equal(*e.End)
}
