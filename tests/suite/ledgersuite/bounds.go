package ledgersuite

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// boundGrant stores a grant that is bound to a shift or to an incident.
func (f *fixture) boundGrant(x access.Entitled, while string, state access.GrantState) (g access.Grant) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error {
		r, err := addRequest(tx, x)
		if err != nil {
			return err
		}
		b, err := tx.TakeBinding(access.NewID(access.KindBinding, tx.Now()), x, "box", "box-1")
		if err != nil {
			return err
		}
		incident := "PX"
		g = access.Grant{
			ID: access.NewID(access.KindGrant, tx.Now()), RequestID: r.ID, BindingID: b.ID, Entitled: x, State: state, While: &while,
			StartsAt: tx.Now(), ExpiresAt: tx.Now().Add(time.Hour), DecisionID: r.DecisionID, CreatedAt: tx.Now(),
			Bound: &access.Bound{
				Until:   access.Until{OnCall: []access.ShiftRef{{Source: "s", Schedule: "a", Level: 1}}, Incident: &incident, GraceSeconds: 60},
				EndsBy:  tx.Now().Add(9 * time.Hour),
				FactsAt: tx.Now().Add(-time.Minute),
			},
		}
		if state == access.GrantScheduled {
			g.StartsAt = g.StartsAt.Add(time.Minute)
			g.Bound.NextShift = true
		}
		return errors.Join(tx.CloseRequest(r.ID, access.RequestApproved), tx.AddGrant(g))
	})
	return g
}

// moveBy is a move of the grant's end, by facts that were learned then.
func moveBy(g access.Grant, by time.Duration, factsAt time.Time) ledger.Move {
	m := ledger.Move{Was: g, Is: g}
	b := *g.Bound
	b.FactsAt = factsAt
	m.Is.Bound, m.Is.ExpiresAt = &b, g.ExpiresAt.Add(by)
	return m
}

// moved moves grants, in a transaction of its own, and returns how many it did.
func (f *fixture) moved(moves ...ledger.Move) (n int) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error {
		ids := make([]string, len(moves))
		for i, m := range moves {
			ids[i] = m.Was.BindingID
		}
		if err := tx.LockBindings(ids...); err != nil {
			return err
		}
		done, err := tx.MoveGrants(moves)
		n = len(done)
		return err
	})
	return n
}

func (f *fixture) grantNow(id string) (g access.Grant) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) (err error) {
		g, err = tx.Grant(id)
		return err
	})
	return g
}

func grantsMove(t *testing.T, f *fixture) {
	now := f.l.Now()
	for name, tc := range map[string]struct {
		change func(*fixture, access.Grant) // after it was read
		move   func(access.Grant) ledger.Move
		moves  bool
	}{
		"newer facts move it": {nil, nil, true},
		"facts of the same time do not": {
			nil, func(g access.Grant) ledger.Move { return moveBy(g, time.Hour, g.Bound.FactsAt) }, false,
		},
		"older facts do not": {
			nil, func(g access.Grant) ledger.Move { return moveBy(g, time.Hour, g.Bound.FactsAt.Add(-time.Second)) }, false,
		},
		"one that has another end by now does not": {
			func(f *fixture, g access.Grant) { f.moved(moveBy(g, time.Minute, now.Add(-time.Second))) }, nil, false,
		},
		"one that has ended does not": {
			func(f *fixture, g access.Grant) {
				f.update(func(tx *ledger.Tx) error {
					return errors.Join(tx.LockBindings(g.BindingID), endOne(tx, g, access.EndRevoked))
				})
			}, nil, false,
		},
		"one whose time is over does not": {
			func(f *fixture, g access.Grant) {
				f.must(f.raw(`UPDATE grants SET starts_at = 0, expires_at = 1 WHERE id = $1`, g.ID))
			},
			func(g access.Grant) ledger.Move {
				g.StartsAt, g.ExpiresAt = time.UnixMicro(0), time.UnixMicro(1)
				return moveBy(g, 1e9*time.Second, now)
			}, false,
		},
	} {
		g := f.boundGrant(entitled(len(name)), access.WhileOnCall, access.GrantActive)
		if tc.change != nil {
			tc.change(f, g)
		}
		move := tc.move
		if move == nil {
			move = func(g access.Grant) ledger.Move { return moveBy(g, 2*time.Hour, now.Add(time.Hour)) }
		}
		m := move(g)
		if got := f.moved(m) == 1; got != tc.moves {
			t.Errorf("%s: moved is %v", name, got)
		}
		if got := f.grantNow(g.ID); got.ExpiresAt.Equal(m.Is.ExpiresAt) != tc.moves {
			t.Errorf("%s: it ends at %s", name, got.ExpiresAt)
		}
	}
	moveIsWhole(t, f)
	boundGrantsPage(t, f)
}

// moveIsWhole: everything that a move can change is stored, and the rest is not.
func moveIsWhole(t *testing.T, f *fixture) {
	g := f.boundGrant(entitled(90), access.WhileOnCall, access.GrantScheduled)
	m := moveBy(g, time.Hour, g.Bound.FactsAt.Add(time.Second))
	m.Is.StartsAt, m.Is.Bound.EndsBy, m.Is.Bound.OverAs = g.StartsAt.Add(time.Minute), g.Bound.EndsBy.Add(time.Minute), access.EndOffCall
	if f.moved(m) != 1 {
		t.Fatal("it did not move")
	}
	got := f.grantNow(g.ID)
	if !sameBound(got, m.Is) {
		t.Errorf("it is %+v, want %+v", got.Bound, m.Is.Bound)
	}
	again := moveBy(got, time.Minute, got.Bound.FactsAt.Add(time.Second))
	again.Is.Bound.OverAs = ""
	if f.moved(again) != 1 || f.grantNow(g.ID).Bound.OverAs != "" {
		t.Error("why it ends was not forgotten")
	}
	f.startsAsRead(t, g)
}

func sameBound(a, b access.Grant) bool {
	return a.StartsAt.Equal(b.StartsAt) && a.ExpiresAt.Equal(b.ExpiresAt) && a.Bound.EndsBy.Equal(b.Bound.EndsBy) &&
		a.Bound.FactsAt.Equal(b.Bound.FactsAt) && a.Bound.OverAs == b.Bound.OverAs && a.Bound.NextShift == b.Bound.NextShift &&
		slices.Equal(a.Bound.OnCall, b.Bound.OnCall) && *a.Bound.Incident == *b.Bound.Incident && a.Bound.GraceSeconds == b.Bound.GraceSeconds
}

// startsAsRead: a grant that moved since it was read does not start.
func (f *fixture) startsAsRead(t *testing.T, stale access.Grant) {
	start := func(was access.Grant) error {
		return f.l.Update(t.Context(), func(tx *ledger.Tx) error {
			is := was
			is.ExpiresAt = is.ExpiresAt.Add(time.Hour)
			return errors.Join(tx.LockBindings(was.BindingID), tx.StartGrant(was, is))
		})
	}
	if err := start(stale); !errors.Is(err, access.ErrConflict) {
		t.Errorf("a grant that moved started: %v", err)
	}
	now := f.grantNow(stale.ID)
	f.must(start(now))
	if got := f.grantNow(stale.ID); got.State != access.GrantActive || !got.ExpiresAt.Equal(now.ExpiresAt.Add(time.Hour)) {
		t.Errorf("it is %s until %s", got.State, got.ExpiresAt)
	}
}

// boundGrantsPage: each kind of source finds what is bound to what it tells of,
// once, in pages.
func boundGrantsPage(t *testing.T, f *fixture) {
	f.must(f.raw(`UPDATE grants SET bound = NULL`))
	want := map[access.SourceKind][]string{}
	for i := range 7 {
		g := f.boundGrant(entitled(100+i), access.WhileOnCall, access.GrantActive)
		want[access.SourceOnCall] = append(want[access.SourceOnCall], g.ID)
		g = f.boundGrant(entitled(200+i), fmt.Sprintf("incident:P%d", i%3), access.GrantScheduled)
		want[access.SourceIncidents] = append(want[access.SourceIncidents], g.ID)
	}
	f.grant(entitled(300), time.Hour)
	over := f.boundGrant(entitled(301), access.WhileOnCall, access.GrantActive)
	f.update(func(tx *ledger.Tx) error {
		return errors.Join(tx.LockBindings(over.BindingID), endOne(tx, over, access.EndRevoked))
	})
	for kind, ids := range want {
		var got []string
		var last access.Grant
		for {
			var page []access.Grant
			f.view(func(tx *ledger.Tx) (err error) {
				page, err = tx.BoundGrants(kind, last, 2)
				return err
			})
			for _, g := range page {
				got = append(got, g.ID)
			}
			if len(page) < 2 {
				break
			}
			last = page[len(page)-1]
		}
		slices.Sort(got)
		slices.Sort(ids)
		if !slices.Equal(got, ids) {
			t.Errorf("bound to what sources of %s tell of are %v, want %v", kind, got, ids)
		}
	}
}

// moveRace: an end and a move at once, or two moves. Exactly one of the first
// counts, and of the others the newer facts do in the end.
func moveRace(t *testing.T, f *fixture) {
	for i := range 20 {
		g := f.boundGrant(entitled(i), access.WhileOnCall, access.GrantActive)
		now := f.l.Now()
		var both sync.WaitGroup
		done := make([]bool, 2)
		both.Go(func() { done[0] = f.tryMove(t, moveBy(g, time.Hour, now)) })
		both.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				return errors.Join(tx.LockBindings(g.BindingID), endOne(tx, g, access.EndExpired))
			})
			done[1] = err == nil
			if err != nil && !errors.Is(err, access.ErrConflict) {
				t.Error(err)
			}
		})
		both.Wait()
		ended := f.grantNow(g.ID).State == access.GrantEnded
		if done[0] == done[1] || ended != done[1] {
			t.Fatalf("round %d: it moved: %v, it ended: %v, and it is over: %v", i, done[0], done[1], ended)
		}
	}
	for i := range 20 {
		g := f.boundGrant(entitled(100+i), access.WhileOnCall, access.GrantActive)
		now := f.l.Now()
		var both sync.WaitGroup
		for node, at := range []time.Time{now.Add(time.Second), now.Add(2 * time.Second)} {
			both.Go(func() {
				for !f.tryMove(t, moveBy(f.grantNow(g.ID), time.Duration(node+1)*time.Hour, at)) {
					if !f.grantNow(g.ID).Bound.FactsAt.Before(at) {
						return // newer facts have spoken
					}
				}
			})
		}
		both.Wait()
		if got := f.grantNow(g.ID); !got.Bound.FactsAt.Equal(now.Add(2 * time.Second)) {
			t.Fatalf("round %d: it ends at %s by the older facts", i, got.ExpiresAt)
		}
	}
}

func (f *fixture) tryMove(t *testing.T, m ledger.Move) (moved bool) {
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		if err := tx.LockBindings(m.Was.BindingID); err != nil {
			return err
		}
		done, err := tx.MoveGrants([]ledger.Move{m})
		moved = done[m.Was.ID]
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return moved
}
