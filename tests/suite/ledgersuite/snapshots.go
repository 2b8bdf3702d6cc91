package ledgersuite

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// snapshotsKept: what a source said is there again as it was, on every node and
// after a restart, and its body is written only when it says something else.
func snapshotsKept(t *testing.T, f *fixture) {
	const name = "pagerduty"
	f.wantRecord(name, ledger.SourceRecord{})
	if _, found := f.snapshot(name); found {
		t.Error("there is a snapshot of a source that never answered")
	}

	f.update(func(tx *ledger.Tx) error { return tx.PokeSource(name, access.SourceOnCall) })
	poked := f.record(name).PokedAt
	if poked.IsZero() {
		t.Error("a poke is not kept")
	}

	first := f.said(name, "two accounts have one address")
	first.Shifts = []access.HeldShift{{Subject: alice, Shift: access.Shift{Schedule: &access.Ref{ID: "db", Name: "Database"}, Level: 1, End: &first.Until}}}
	f.keep(first)
	f.reopen()
	f.wantSnapshot(first)
	r := f.record(name)
	digest := r.Digest
	if !r.FetchedAt.Equal(first.FetchedAt) || !r.ChangedAt.Equal(first.FetchedAt) || !r.Until.Equal(first.Until) || !r.PokedAt.Equal(poked) ||
		digest == "" || !slices.Equal(r.Faults, first.Faults) {
		t.Errorf("it is kept as %+v", r)
	}

	since := first.FetchedAt.Add(time.Second)
	f.update(func(tx *ledger.Tx) error { return tx.PutSourceFailure(name, access.SourceOnCall, since, "it is down") })
	for _, want := range []bool{true, false} {
		f.update(func(tx *ledger.Tx) error {
			told, err := tx.TellStale(name)
			if told != want {
				t.Errorf("told to be too old: %v, want %v", told, want)
			}
			return err
		})
	}
	if r := f.record(name); r.FailedSince == nil || !r.FailedSince.Equal(since) || r.Error != "it is down" || !r.Told || r.Digest != digest {
		t.Errorf("a failure is kept as %+v", r)
	}
	f.wantSnapshot(first)

	second := first // the same at another time
	second.FetchedAt, second.Until = first.FetchedAt.Add(time.Minute), first.Until.Add(time.Minute)
	f.keep(second)
	f.wantSnapshot(second)
	if r := f.record(name); r.FailedSince != nil || r.Error != "" || r.Told || !r.ChangedAt.Equal(first.FetchedAt) || r.Digest != digest {
		t.Errorf("what did not change is kept as %+v", r)
	}

	third := second
	third.FetchedAt, third.Shifts, third.Faults = second.FetchedAt.Add(time.Minute), nil, nil
	f.keep(third)
	f.wantSnapshot(third)
	if r := f.record(name); !r.ChangedAt.Equal(third.FetchedAt) || r.Digest == digest || len(r.Faults) != 0 {
		t.Errorf("what changed is kept as %+v", r)
	}
}

func (f *fixture) said(source string, faults ...string) access.Snapshot {
	now := f.l.Now()
	return access.Snapshot{Source: source, Kind: access.SourceOnCall, FetchedAt: now, Until: now.Add(time.Hour), Faults: faults}
}

func (f *fixture) keep(s access.Snapshot) {
	f.t.Helper()
	packed, err := ledger.PackSnapshot(s)
	f.must(err)
	f.update(func(tx *ledger.Tx) error {
		before, err := tx.SourceRecord(s.Source)
		return errors.Join(err, tx.PutSnapshot(before, packed))
	})
}

func (f *fixture) record(source string) (r ledger.SourceRecord) {
	f.t.Helper()
	f.must(f.l.Look(f.t.Context(), func(tx *ledger.Tx) (err error) {
		r, err = tx.SourceRecord(source)
		return err
	}))
	return r
}

func (f *fixture) wantRecord(source string, want ledger.SourceRecord) {
	f.t.Helper()
	if got := f.record(source); !reflect.DeepEqual(got, want) {
		f.t.Errorf("the record of %s is %+v, want %+v", source, got, want)
	}
}

func (f *fixture) snapshot(source string) (s access.Snapshot, found bool) {
	f.t.Helper()
	var packed ledger.PackedSnapshot
	f.must(f.l.Look(f.t.Context(), func(tx *ledger.Tx) (err error) {
		packed, found, err = tx.Snapshot(source)
		return err
	}))
	if found {
		var err error
		s, err = packed.Unpack()
		f.must(err)
	}
	return s, found
}

func (f *fixture) wantSnapshot(want access.Snapshot) {
	f.t.Helper()
	if got, found := f.snapshot(want.Source); !found || !reflect.DeepEqual(got, want) {
		f.t.Errorf("what %s said is %+v, %v; want %+v", want.Source, got, found, want)
	}
}

// dutiesOneByOne: an owner hands back one duty, and keeps the others.
func dutiesOneByOne(t *testing.T, f *fixture) {
	take := func(name, owner string) (mine bool) {
		f.update(func(tx *ledger.Tx) (err error) {
			mine, err = tx.TakeDuty(name, owner, tx.Now().Add(time.Hour))
			return err
		})
		return mine
	}
	take("source.a", "me")
	take("source.b", "me")
	f.update(func(tx *ledger.Tx) error {
		return errors.Join(tx.LeaveDuty("source.a", "me"), tx.LeaveDuty("source.b", "you"))
	})
	if !take("source.a", "you") || take("source.b", "you") {
		t.Error("another duty was handed back, or none")
	}
}

// incidentsWanted: those that grants which have not ended are bound to.
func incidentsWanted(t *testing.T, f *fixture) {
	bind := func(subject access.Subject, while string, ended bool) {
		x := what
		x.Subject = subject
		g := f.grant(x, time.Hour)
		state := string(access.GrantActive)
		if ended {
			state = string(access.GrantEnded)
			f.update(func(tx *ledger.Tx) error {
				return errors.Join(tx.LockBindings(g.BindingID), endOne(tx, g, access.EndRevoked))
			})
		}
		f.must(f.raw(`UPDATE grants SET while_bound = $2, bound = '{}', ends_by = 1 WHERE id = $1 AND state = $3`, g.ID, while, state))
	}
	bind(alice, "incident:P2", false)
	bind(bob, "incident:7", false)
	bind(carol, "incident:P2", false)
	bind(access.Subject{Type: "user", ID: "dan@example.com"}, "oncall", false)
	bind(access.Subject{Type: "user", ID: "eve@example.com"}, "incident:P9", true)
	f.grant(access.Entitled{Subject: alice, Action: what.Action, Resource: access.ResourceRef{Type: "customer", ID: "b"}}, time.Hour)
	var got []string
	f.must(f.l.Look(t.Context(), func(tx *ledger.Tx) (err error) {
		got, err = tx.WantedIncidents()
		return err
	}))
	if !slices.Equal(got, []string{"7", "P2"}) {
		t.Errorf("wanted are %v", got)
	}
}
