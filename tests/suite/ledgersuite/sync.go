package ledgersuite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// staged is a resource with a tier, as a run stages it.
func (f *fixture) staged(id, tier string, line int) ledger.Staged {
	f.t.Helper()
	s, err := ledger.Stage(access.Resource{Type: "db", ID: id, Name: "The " + id, Properties: map[string]any{"tier": tier}}, line, line-1)
	f.must(err)
	return s
}

// put makes resources all that a source has.
func (f *fixture) put(source string, resources ...access.Resource) {
	f.t.Helper()
	staged := make([]ledger.Staged, len(resources))
	for i, r := range resources {
		var err error
		staged[i], err = ledger.Stage(r, i+1, i)
		f.must(err)
	}
	f.bring(access.NewID("run", f.l.Now()), source, staged...)
}

// bring is a run of a source: it stages, compares and applies, and returns what
// changed.
func (f *fixture) bring(run, source string, staged ...ledger.Staged) (changed []string) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error {
		if err := tx.BeginSync(run, source, "service:sync"); err != nil {
			return err
		}
		again, err := tx.PutStaged(run, staged)
		if len(again) > 0 {
			f.t.Errorf("%d resources are said to be there already", len(again))
		}
		return err
	})
	changes := f.compare(run, source)
	for _, c := range changes {
		changed = append(changed, c.Change+" "+c.Resource)
	}
	changes = slices.DeleteFunc(changes, func(c ledger.SyncChange) bool { return c.Change == ledger.SyncOwned })
	events := make([]audit.Event, len(changes))
	for i, c := range changes {
		typ, id, _ := strings.Cut(c.Resource, ":")
		ref := access.ResourceRef{Type: typ, ID: id}
		events[i] = audit.Event{Type: "resource." + c.Change, Resource: &ref, Data: map[string]any{"source": source}}
	}
	var none ledger.SyncEvents
	rendered, err := none.Behind(run, f.l.Now(), events)
	f.must(err)
	f.update(func(tx *ledger.Tx) error {
		if err := tx.PutSyncChanges(run, changes); err != nil {
			return err
		}
		return tx.PutSyncEvents(rendered)
	})
	f.update(func(tx *ledger.Tx) error {
		if _, err := tx.LockCatalogue(); err != nil {
			return err
		}
		if err := tx.ApplySync(run, source); err != nil {
			return err
		}
		if err := tx.SourceSynced(source); err != nil {
			return err
		}
		return tx.FinishSync(ledger.SyncRun{ID: run, Outcome: "applied", Errors: []byte(`[]`)})
	})
	return changed
}

func (f *fixture) compare(run, source string) (changes []ledger.SyncChange) {
	f.t.Helper()
	for after, more := "", true; more; {
		f.view(func(tx *ledger.Tx) error {
			in, found, err := tx.NextStaged(run, after, 2)
			if more = found; err != nil || !found {
				return err
			}
			after = in.Upto
			page, err := tx.CompareStaged(run, source, in)
			changes = append(changes, page...)
			return err
		})
	}
	for after, more := "", true; more; {
		f.view(func(tx *ledger.Tx) error {
			in, found, err := tx.NextAlive(source, after, 2)
			if more = found; err != nil || !found {
				return err
			}
			after = in.Upto
			page, err := tx.Leaving(run, source, in)
			changes = append(changes, page...)
			return err
		})
	}
	return changes
}

// snapshotApplied brings snapshots of two sources, and looks at what is in force.
func snapshotApplied(t *testing.T, f *fixture) {
	want := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("changes are %v, want %v", got, want)
		}
	}
	faulty := func(id string) ledger.Staged {
		return ledger.Staged{Ref: access.ResourceRef{Type: "db", ID: id}, Line: 9, Faulty: true}
	}
	want(f.bring("run_1", "aws", f.staged("a", "x", 1), f.staged("b", "x", 2), f.staged("c", "x", 3), f.staged("d", "x", 4)),
		"created db:a", "created db:b", "created db:c", "created db:d")
	want(f.bring("run_2", "aws", f.staged("a", "x", 1), f.staged("b", "y", 2), faulty("c"), f.staged("e", "x", 4)),
		"updated db:b", "created db:e", "archived db:d")
	want(f.bring("run_3", "gcp", f.staged("a", "z", 1), f.staged("d", "z", 2)), "owned db:a", "updated db:d")
	want(f.bring("run_4", "aws", f.staged("a", "x", 1), f.staged("b", "y", 2), f.staged("c", "x", 3), f.staged("e", "x", 4)))
	for name, tier := range map[string]string{"a": "x", "b": "y", "c": "x", "d": "z", "e": "x"} {
		f.view(func(tx *ledger.Tx) error {
			r, err := tx.Resource(access.ResourceRef{Type: "db", ID: name})
			if err == nil && r.Properties["tier"] != tier {
				t.Errorf("%s has the tier %v, want %s", name, r.Properties["tier"], tier)
			}
			return err
		})
	}
	f.eventsOfSnapshots()
	for source, n := range map[string]int{"aws": 4, "gcp": 1, "none": 0} {
		f.view(func(tx *ledger.Tx) error {
			got, err := tx.CountResources(source)
			if got != n {
				t.Errorf("%s has %d resources, want %d", source, got, n)
			}
			return err
		})
	}
}

// eventsOfSnapshots: they are sealed in their order, with the bytes that any event
// of theirs has.
func (f *fixture) eventsOfSnapshots() {
	f.t.Helper()
	_, err := f.l.SealEvents(f.t.Context(), 100, nil)
	f.must(err)
	var told []string
	f.view(func(tx *ledger.Tx) error {
		sealed, err := tx.Events(ledger.EventFilter{Limit: 100})
		for _, s := range sealed {
			var e audit.Event
			f.must(json.Unmarshal(s.Body, &e))
			canonical, err := e.Canonical()
			f.must(err)
			if string(canonical) != string(s.Body) || access.CheckID(access.KindEvent, e.ID) != nil || e.Time.IsZero() {
				f.t.Errorf("the event is %s", s.Body)
			}
			told = append(told, e.Type+" "+e.Resource.ID)
		}
		return err
	})
	want := []string{
		"resource.created a", "resource.created b", "resource.created c", "resource.created d",
		"resource.updated b", "resource.created e", "resource.archived d", "resource.updated d",
	}
	if !slices.Equal(told, want) {
		f.t.Errorf("the events are %v, want %v", told, want)
	}
}

// snapshotStaged: what is staged twice is found, spoilt and deleted.
func snapshotStaged(t *testing.T, f *fixture) {
	f.update(func(tx *ledger.Tx) error {
		if err := tx.BeginSync("run_1", "aws", ""); err != nil {
			return err
		}
		_, err := tx.PutStaged("run_1", []ledger.Staged{f.staged("a", "x", 1), f.staged("b", "x", 2)})
		return err
	})
	for name, run := range map[string]string{"another run's": "run_2", "its own": "run_1"} {
		f.update(func(tx *ledger.Tx) error {
			again, err := tx.PutStaged(run, []ledger.Staged{f.staged("c", "x", 3), f.staged("b", "y", 4)})
			if want := run == "run_1"; len(again) > 0 != want || want && (again[0].Ref.ID != "b" || again[0].Line != 4) {
				t.Errorf("%s: there already are %+v", name, again)
			}
			return err
		})
	}
	for _, first := range []bool{true, false} {
		f.update(func(tx *ledger.Tx) error {
			line, was, err := tx.SpoilStaged("run_1", "db:b")
			if was != first || line != 2 {
				t.Errorf("it is spoilt for the first time: %v, on line %d; want %v, 2", was, line, first)
			}
			return err
		})
	}
	if changes := f.compare("run_1", "aws"); len(changes) != 2 || changes[1].Resource != "db:c" || changes[1].Line != 3 || changes[1].Index != 2 {
		t.Errorf("the changes are %+v", changes)
	}
	var left []int
	for n := 2; n == 2; {
		f.update(func(tx *ledger.Tx) (err error) {
			n, err = tx.Unstage("run_1", 2)
			return err
		})
		left = append(left, n)
	}
	if !slices.Equal(left, []int{2, 1}) {
		t.Errorf("what is staged is deleted by %v", left)
	}
}

// runEndsOnce: a run that was given up is not applied any more.
func runEndsOnce(t *testing.T, f *fixture) {
	run := ledger.SyncRun{ID: "run_1", Outcome: "refused", Code: "interrupted", Errors: []byte(`[{"line":1}]`), ErrorCount: 3}
	run.Received, run.Skipped = 7, 2
	f.update(func(tx *ledger.Tx) error { return tx.BeginSync("run_1", "aws", "user:a") })
	f.update(func(tx *ledger.Tx) error { return tx.FinishSync(run) })
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.FinishSync(run) })
	if access.CodeOf(err) != "sync_given_up" {
		t.Errorf("it ended twice: %v", err)
	}
	f.view(func(tx *ledger.Tx) error {
		runs, err := tx.SyncRuns("aws", "", 5)
		if len(runs) != 1 || runs[0].Received != 7 || runs[0].Skipped != 2 || runs[0].Actor != "user:a" || runs[0].FinishedAt == nil || string(runs[0].Errors) != `[{"line":1}]` {
			t.Errorf("the history has %+v", runs)
		}
		return err
	})
}

// manyLeaving: who takes more out of the catalogue than is locked one by one is
// alone with all who give access.
func manyLeaving(t *testing.T, f *fixture) {
	names := make([]string, ledger.MaxResourceLocks+1)
	for i := range names {
		names[i] = fmt.Sprintf("db:%04d", i)
	}
	var alone, sharing atomic.Int64
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				mine, others := &alone, &sharing
				var err error
				if i%2 == 0 {
					err = tx.LockResources(names)
				} else {
					mine, others = &sharing, &alone
					err = tx.LockEntitled(access.Entitled{Subject: access.Subject{Type: "user", ID: fmt.Sprint(i)}, Resource: acme})
				}
				if err != nil {
					return err
				}
				mine.Add(1)
				defer mine.Add(-1)
				if n := others.Load(); n > 0 {
					return fmt.Errorf("transaction %d is not alone: %d others", i, n)
				}
				_, err = tx.Contracts() // some time passes
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}
