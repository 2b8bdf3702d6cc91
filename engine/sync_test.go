package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// items is a snapshot that a test wrote down.
type items struct {
	list []engine.SyncItem
	err  error          // instead of its end
	at   map[int]func() // runs before the item
	next int
}

func (i *items) Next() (engine.SyncItem, error) {
	if run := i.at[i.next]; run != nil {
		run()
	}
	if i.next == len(i.list) {
		if i.err != nil {
			return engine.SyncItem{}, i.err
		}
		return engine.SyncItem{}, io.EOF
	}
	i.next++
	item := i.list[i.next-1]
	item.Line, item.Index = i.next, i.next-1
	return item, nil
}

// customer is one with a tier, that can be debugged.
func customer(id, tier string) access.Resource {
	return access.Resource{
		Type: "customer", ID: id, Name: strings.ToUpper(id), Properties: map[string]any{"tier": tier},
		Entitlements: []access.Entitlement{{Action: "debug", Durations: []access.Duration{access.Duration(time.Hour)}, Target: "box"}},
	}
}

func itemsOf(resources ...access.Resource) *items {
	i := &items{}
	for _, r := range resources {
		i.list = append(i.list, engine.SyncItem{Resource: r})
	}
	return i
}

// many are so many customers of a tier.
func many(n int, tier string) *items {
	i := &items{}
	for k := range n {
		i.list = append(i.list, engine.SyncItem{Resource: customer(fmt.Sprintf("c%04d", k), tier)})
	}
	return i
}

var syncer = access.Subject{Type: "service", ID: "sync"}

func (w *world) sync(o engine.SyncOrder) (engine.SyncReport, error) {
	w.pass(time.Millisecond) // runs of one millisecond have no order
	if o.Source == "" {
		o.Source = "aws"
	}
	return w.engine.Sync(w.t.Context(), as(syncer), o)
}

func (w *world) mustSync(o engine.SyncOrder) engine.SyncReport {
	w.t.Helper()
	r, err := w.sync(o)
	must(w.t, err)
	return r
}

// customers lists what is alive, as id=tier.
func (w *world) customers() (list []string) {
	w.t.Helper()
	must(w.t, w.ledger.View(w.t.Context(), func(tx *ledger.Tx) error {
		found, err := tx.FindResources(ledger.ResourceFilter{Limit: 10_000})
		for _, r := range found {
			if r.Ref() != acme {
				list = append(list, fmt.Sprintf("%s=%v", r.ID, r.Properties["tier"]))
			}
		}
		return err
	}))
	return list
}

func (w *world) wantCustomers(want ...string) {
	w.t.Helper()
	if got := w.customers(); !slices.Equal(got, want) {
		w.t.Errorf("the catalogue has %v, want %v", got, want)
	}
}

func (w *world) wantCounts(got engine.SyncReport, want engine.SyncCounts) {
	w.t.Helper()
	if got.SyncCounts != want {
		w.t.Errorf("the counts are %+v, want %+v", got.SyncCounts, want)
	}
}

func (w *world) runs(source string) []engine.SyncRun {
	w.t.Helper()
	page, err := w.engine.SyncRuns(w.t.Context(), as(syncer), source, engine.Paging{Limit: 500})
	must(w.t, err)
	return page.Items
}

// wantNothingStaged lets runs be tidied up, and looks for what they left.
func (w *world) wantNothingStaged() {
	w.t.Helper()
	w.settle()
	for _, table := range []string{"sync_staged", "sync_changes", "sync_events"} {
		var n int
		must(w.t, w.db.View(w.t.Context(), func(q ledger.Querier) error {
			return q.QueryRowContext(w.t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n)
		}))
		if n > 0 {
			w.t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

func TestSnapshotIsTheCatalogueOfItsSource(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"), customer("b", "gold"), customer("c", "gold"))})
		w.wantCounts(r, engine.SyncCounts{Received: 3, Created: 3})
		grant := w.grantOn("b")
		r = w.mustSync(engine.SyncOrder{Items: itemsOf(customer("c", "gold"), customer("a", "silver"), customer("d", "gold"))})
		w.wantCounts(r, engine.SyncCounts{Received: 3, Created: 1, Updated: 1, Unchanged: 1, Archived: 1, GrantsEnded: 1})
		w.wantCustomers("a=silver", "c=gold", "d=gold")
		if g := w.grant(grant); g.State != access.GrantEnded || *g.EndReason != access.EndResourceGone {
			t.Errorf("the grant on what left the catalogue is %s", g.State)
		}
		r = w.mustSync(engine.SyncOrder{Items: itemsOf(customer("c", "gold"), customer("a", "silver"), customer("d", "gold"))})
		w.wantCounts(r, engine.SyncCounts{Received: 3, Unchanged: 3})
		if got := w.events(ledger.EventFilter{Resource: "customer:a"}); !slices.Equal(got, []string{audit.ResourceCreated, audit.ResourceUpdated}) {
			t.Errorf("the events of a are %v", got)
		}
		if got := w.events(ledger.EventFilter{Type: audit.CatalogueSynced, Actor: syncer.String()}); len(got) != 3 {
			t.Errorf("%d snapshots are told of, want 3", len(got))
		}
		w.wantNothingStaged()
	})
}

// grantOn is the id of a live grant of alice's on a customer.
func (w *world) grantOn(id string) string {
	w.t.Helper()
	hour := access.Duration(time.Hour)
	r, err := w.engine.Submit(w.t.Context(), as(alice), engine.Ask{
		Action: debug, Resource: access.ResourceRef{Type: "customer", ID: id}, For: &hour, Reason: "PD-1",
	})
	must(w.t, err)
	return r.Grant.ID
}

func TestEventOfASnapshotIsTheBytesThatAreHashed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.ledger.Now()
		r := customer("a", "gold")
		r.Properties["time"] = "0001-01-01T00:00:00Z"
		w.mustSync(engine.SyncOrder{Items: itemsOf(r)})
		w.pass(2 * time.Second)
		must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) error {
			sealed, err := tx.Events(ledger.EventFilter{Resource: "customer:a", Limit: 10})
			must(t, err)
			var e audit.Event
			must(t, json.Unmarshal(sealed[0].Body, &e))
			var again map[string]any
			must(t, json.Unmarshal(sealed[0].Body, &again))
			canonical, err := e.Canonical()
			if err != nil || string(canonical) != string(sealed[0].Body) {
				t.Errorf("the body is\n%s\nwant\n%s", sealed[0].Body, canonical)
			}
			if e.Time.Before(before) || e.Type != audit.ResourceCreated || *e.Actor != syncer || e.Data["source"] != "aws" || e.Data["entitlements"] == nil {
				t.Errorf("the event is %+v", e)
			}
			return nil
		}))
	})
}

func TestSnapshotThatArchivesMoreThanHalfIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		four := []access.Resource{customer("a", "gold"), customer("b", "gold"), customer("c", "gold"), customer("d", "gold")}
		w.mustSync(engine.SyncOrder{Items: itemsOf(four...)})
		w.mustSync(engine.SyncOrder{Items: itemsOf(four[:2]...)}) // just half
		w.mustSync(engine.SyncOrder{Items: itemsOf(four...)})
		grant := w.grantOn("b")
		for name, left := range map[string]*items{"one of four": itemsOf(four[0]), "nothing": itemsOf()} {
			_, err := w.sync(engine.SyncOrder{Items: left})
			if access.CodeOf(err) != "shrink_refused" || !errors.Is(err, access.ErrConflict) || !strings.Contains(err.Error(), "of the 4 resources") {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.wantCustomers("a=gold", "b=gold", "c=gold", "d=gold")
		if g := w.grant(grant); g.State != access.GrantActive {
			t.Errorf("the grant is %s", g.State)
		}
		last := w.runs("aws")[0]
		if last.Outcome != engine.SyncRefused || last.Code != "shrink_refused" || last.Actor != syncer.String() {
			t.Errorf("the history has %+v", last)
		}
		r := w.mustSync(engine.SyncOrder{Items: itemsOf(four[0]), DryRun: true})
		if r.Refusal == nil || r.Refusal.Code != "shrink_refused" || r.Archived != 3 || r.GrantsEnded != 1 {
			t.Errorf("a dry run says %+v", r)
		}
		w.mustSync(engine.SyncOrder{Items: itemsOf(), AllowShrink: true})
		w.wantCustomers()
		w.wantNothingStaged()
	})
}

func TestFaultsRefuseAllOrAreSkipped(t *testing.T) {
	bad := customer("b", "silver")
	bad.Entitlements[0].Target = "nowhere"
	nameless := engine.SyncItem{Fault: access.Invalid("wrong_type", "", "it is a number")}
	for name, c := range map[string]struct {
		change  func(*items)
		skipped engine.SyncCounts
		code    string
		line    int
		left    []string
	}{
		"a resource with a fault stays as it is": {
			func(i *items) { i.list[1].Resource = bad },
			engine.SyncCounts{Received: 3, Updated: 1, Created: 1, Archived: 1, Skipped: 1}, "unknown_target", 2,
			[]string{"a=silver", "b=gold", "d=silver"},
		},
		"behind an item without a name nothing is archived": {
			func(i *items) { i.list[1] = nameless },
			engine.SyncCounts{Received: 3, Updated: 1, Created: 1, Skipped: 1}, "wrong_type", 2,
			[]string{"a=silver", "b=gold", "c=gold", "d=silver"},
		},
		"of a resource that is there twice neither is taken": {
			func(i *items) { i.list[1].Resource = customer("a", "bronze") },
			engine.SyncCounts{Received: 3, Created: 1, Archived: 2, Skipped: 2}, "duplicate_resource", 2,
			[]string{"a=gold", "d=silver"},
		},
		"what another source has is its own": {
			func(i *items) { i.list[1].Resource = access.Resource{Type: acme.Type, ID: acme.ID} },
			engine.SyncCounts{Received: 3, Updated: 1, Created: 1, Archived: 2, Skipped: 1}, "resource_owned", 2,
			[]string{"a=silver", "d=silver"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"), customer("b", "gold"), customer("c", "gold"))})
				fresh := func() *items {
					i := itemsOf(customer("a", "silver"), customer("b", "gold"), customer("d", "silver"))
					c.change(i)
					return i
				}
				_, err := w.sync(engine.SyncOrder{Items: fresh(), AllowShrink: true})
				var faults *engine.SyncFaultsError
				if !errors.As(err, &faults) || faults.Count != 1 || faults.Errors[0].Code != c.code || faults.Errors[0].Line != c.line || faults.Errors[0].Index != c.line-1 {
					t.Fatalf("the refusal is %+v", err)
				}
				w.wantCustomers("a=gold", "b=gold", "c=gold")
				r := w.mustSync(engine.SyncOrder{Items: fresh(), SkipInvalid: true, AllowShrink: true})
				w.wantCounts(r, c.skipped)
				if r.ErrorCount != 1 || r.Errors[0].Code != c.code {
					t.Errorf("the faults are %+v", r.Errors)
				}
				w.wantCustomers(c.left...)
			})
		})
	}
}

func TestDuplicateOfALongSnapshotNamesBothLines(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		long := many(1200, "gold")
		long.list = append(long.list, engine.SyncItem{Resource: customer("c0007", "silver")})
		_, err := w.sync(engine.SyncOrder{Items: long})
		var faults *engine.SyncFaultsError
		if !errors.As(err, &faults) || faults.Count != 1 || faults.Errors[0].Line != 1201 || !strings.Contains(faults.Errors[0].Detail, "on line 8 already") {
			t.Fatalf("the refusal is %+v", err)
		}
		long.next = 0
		r := w.mustSync(engine.SyncOrder{Items: long, SkipInvalid: true})
		w.wantCounts(r, engine.SyncCounts{Received: 1201, Created: 1199, Skipped: 2})
		w.wantNothingStaged()
	})
}

func TestFaultsBeyondTheFirstAreCounted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		long := many(150, "gold")
		for i := range long.list {
			long.list[i].Fault = access.Invalid("wrong_type", "/id", "it is a number")
		}
		_, err := w.sync(engine.SyncOrder{Items: long})
		var faults *engine.SyncFaultsError
		if !errors.As(err, &faults) || faults.Count != 150 || len(faults.Errors) != engine.MaxSyncErrors {
			t.Fatalf("the refusal is %v", err)
		}
		if last := w.runs("aws")[0]; last.ErrorCount != 150 || len(last.Errors) != 20 || last.Code != "invalid_resources" {
			t.Errorf("the history has %d of %d faults, %s", len(last.Errors), last.ErrorCount, last.Code)
		}
	})
}

func TestBrokenSnapshotIsRefusedAlsoWhereFaultsAreSkipped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		broken := itemsOf(customer("a", "gold"))
		broken.list = append(broken.list, engine.SyncItem{Fault: access.Invalid("malformed_json", "", "it is not JSON"), Broken: true})
		if _, err := w.sync(engine.SyncOrder{Items: broken, SkipInvalid: true}); access.CodeOf(err) != "invalid_resources" {
			t.Fatalf("the refusal is %v", err)
		}
		w.wantCustomers()
	})
}

func TestDryRunChangesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"), customer("b", "gold"), customer("c", "gold"))})
		renamed := customer("a", "silver")
		renamed.Name = "Another"
		r := w.mustSync(engine.SyncOrder{Items: itemsOf(renamed, customer("c", "gold"), customer("d", "gold")), DryRun: true})
		w.wantCounts(r, engine.SyncCounts{Received: 3, Created: 1, Updated: 1, Unchanged: 1, Archived: 1})
		want := `[{"change":"updated","type":"customer","id":"a","fields":["name","properties"]},` +
			`{"change":"archived","type":"customer","id":"b"},{"change":"created","type":"customer","id":"d"}]`
		if got, _ := json.Marshal(r.Changes); string(got) != want || !r.DryRun {
			t.Errorf("the changes are %s", got)
		}
		w.wantCustomers("a=gold", "b=gold", "c=gold")
		if last := w.runs("aws")[0]; last.Outcome != engine.SyncDryRun || last.Created != 1 {
			t.Errorf("the history has %+v", last)
		}
		r = w.mustSync(engine.SyncOrder{Items: many(1500, "gold"), DryRun: true, AllowShrink: true})
		if len(r.Changes) != engine.MaxSyncChanges || r.ChangesOmitted != 503 {
			t.Errorf("%d changes are listed and %d are not", len(r.Changes), r.ChangesOmitted)
		}
		w.wantNothingStaged()
	})
}

func TestOwnerOfAResourceIsWhoHasItAlive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"), customer("b", "gold"))})
		_, err := w.sync(engine.SyncOrder{Source: "gcp", Items: itemsOf(customer("a", "silver"))})
		if access.CodeOf(err) != "resource_owned" || !errors.Is(err, access.ErrConflict) {
			t.Fatalf("the refusal is %v", err)
		}
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("b", "gold"))})
		r := w.mustSync(engine.SyncOrder{Source: "gcp", Items: itemsOf(customer("a", "silver"))})
		w.wantCounts(r, engine.SyncCounts{Received: 1, Updated: 1})
		w.wantCustomers("a=silver", "b=gold")
		if r := w.mustSync(engine.SyncOrder{Items: itemsOf(customer("b", "gold"))}); r.Archived != 0 {
			t.Error("what another source took over was archived")
		}
	})
}

// meanwhile runs, once, what is to happen between the comparison of a snapshot and
// its being applied.
func (w *world) meanwhile(step string) {
	if run := w.compared; step == "sync.compared" && run != nil {
		w.compared = nil
		run()
	}
}

// Two snapshots of one source: each is in force whole, and the one that is applied
// last stays.
func TestOfTwoSnapshotsTheLaterIsInForce(t *testing.T) {
	for name, begin := range map[string]func(w *world, earlier func()) *items{
		"the other is applied while one is read": func(_ *world, earlier func()) *items {
			i := itemsOf(customer("a", "late"), customer("b", "late"))
			i.at = map[int]func(){1: earlier}
			return i
		},
		"the other is applied when one was compared": func(w *world, earlier func()) *items {
			w.compared = earlier
			return itemsOf(customer("a", "late"), customer("b", "late"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOf(t, func(w *world) { w.step = w.meanwhile }, func(_ *testing.T, w *world) {
				w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"), customer("b", "gold"))})
				last := begin(w, func() {
					w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "early"), customer("c", "early")), AllowShrink: true})
					w.wantCustomers("a=early", "c=early")
				})
				r := w.mustSync(engine.SyncOrder{Items: last, AllowShrink: true})
				w.wantCounts(r, engine.SyncCounts{Received: 2, Updated: 2, Archived: 1})
				w.wantCustomers("a=late", "b=late")
				w.wantNothingStaged()
			})
		})
	}
}

func TestFaultsAreCountedOnceHoweverOftenItIsCompared(t *testing.T) {
	inWorldOf(t, func(w *world) { w.step = w.meanwhile }, func(t *testing.T, w *world) {
		w.compared = func() { w.mustSync(engine.SyncOrder{Source: "gcp", Items: itemsOf(customer("z", "gold"))}) }
		foreign := access.Resource{Type: acme.Type, ID: acme.ID}
		r := w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"), foreign), SkipInvalid: true})
		w.wantCounts(r, engine.SyncCounts{Received: 2, Created: 1, Skipped: 1})
		if r.ErrorCount != 1 || len(r.Errors) != 1 {
			t.Errorf("%d faults: %+v", r.ErrorCount, r.Errors)
		}
	})
}

func TestSnapshotThatBreaksOffChangesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		broken := many(700, "silver")
		broken.err = access.Invalid("body_broke_off", "", "it ended early")
		if _, err := w.sync(engine.SyncOrder{Items: broken, AllowShrink: true, SkipInvalid: true}); access.CodeOf(err) != "body_broke_off" {
			t.Fatalf("the refusal is %v", err)
		}
		w.wantCustomers("a=gold")
		last := w.runs("aws")[0]
		if last.Outcome != engine.SyncRefused || last.Code != "body_broke_off" || last.Received != 700 {
			t.Errorf("the history has %+v", last)
		}
		if got := w.events(ledger.EventFilter{Type: audit.CatalogueRefused}); len(got) != 1 {
			t.Errorf("%d refusals are told of, want 1", len(got))
		}
		w.wantNothingStaged()
	})
}

func TestSnapshotWhoseSenderLeavesAfterItsEndIsApplied(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx, leave := context.WithCancel(t.Context())
		i := &leaving{items: itemsOf(customer("a", "gold")), leave: leave}
		_, err := w.engine.Sync(ctx, as(syncer), engine.SyncOrder{Source: "aws", Items: i})
		if err == nil {
			w.wantCustomers("a=gold")
			return
		}
		w.wantCustomers() // it left before its last chunk was taken in
		if last := w.runs("aws")[0]; last.Outcome != engine.SyncRefused {
			t.Errorf("the history has %+v", last)
		}
	})
}

type leaving struct {
	*items
	leave func()
}

func (l *leaving) Next() (engine.SyncItem, error) {
	item, err := l.items.Next()
	if err != nil {
		l.leave()
	}
	return item, err
}

func TestRunOfAProcessThatDiedIsGivenUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		w.settle()
		w.stop()
		w.start()
		must(t, w.raw(`INSERT INTO sync_runs (id, source, actor, started_at) VALUES ('run_dead', 'aws', 'service:sync', 0)`))
		must(t, w.raw(`INSERT INTO sync_staged (run_id, resource, line, item) VALUES ('run_dead', 'customer:z', 1, 0)`))
		w.pass(time.Minute)
		w.wantNothingStaged()
		runs := w.runs("aws")
		i := slices.IndexFunc(runs, func(r engine.SyncRun) bool { return r.ID == "run_dead" })
		if i < 0 || runs[i].Outcome != engine.SyncRefused || runs[i].Code != "interrupted" {
			t.Errorf("the history has %+v", runs)
		}
		w.wantCustomers("a=gold")
	})
}

func TestRunThatIsUnderWayIsNotGivenUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		slow := many(1200, "gold")
		slow.at = map[int]func(){1100: func() { w.pass(5 * time.Minute) }}
		if r := w.mustSync(engine.SyncOrder{Items: slow}); r.Created != 1200 {
			t.Errorf("%+v", r)
		}
	})
}

func TestSeedThatChangesNothingLeavesNoTrace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.seed()
		if runs := w.runs("seed"); len(runs) != 1 || runs[0].Outcome != engine.SyncApplied || runs[0].Actor != "" || runs[0].Created != 1 {
			t.Errorf("the history has %+v", runs)
		}
		w.wantNothingStaged()
	})
}

func TestHistoryKeepsTheNewestRuns(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 130 {
			must(t, w.raw(fmt.Sprintf(`INSERT INTO sync_runs (id, source, outcome, actor, started_at, staged) VALUES ('run_%03d', 'aws', 'applied', '', 0, 0)`, i)))
		}
		must(t, w.raw(`INSERT INTO sync_runs (id, source, outcome, actor, started_at, staged) VALUES ('run_000_other', 'gcp', 'applied', '', 0, 0)`))
		must(t, w.raw(`INSERT INTO sync_sources (source, declared_at) VALUES ('gcp', 0)`))
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		w.settle()
		runs := w.runs("aws")
		if len(runs) != 100 || len(w.runs("gcp")) != 1 {
			t.Errorf("%d runs are kept, want 100", len(runs))
		}
		page, err := w.engine.SyncRuns(t.Context(), as(syncer), "aws", engine.Paging{Limit: 30})
		must(t, err)
		again, err := w.engine.SyncRuns(t.Context(), as(syncer), "aws", engine.Paging{Limit: 30, Cursor: *page.NextCursor})
		must(t, err)
		if page.Items[0].ID != runs[0].ID || again.Items[0].ID != runs[30].ID {
			t.Error("the pages are not in order")
		}
		if _, err := w.engine.SyncRuns(t.Context(), as(syncer), "nowhere", engine.Paging{}); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("the history of no source: %v", err)
		}
	})
}

func TestSourceIsStaleWhenItsSnapshotIsLate(t *testing.T) {
	declare := func(w *world) {
		w.sources = []engine.CatalogueSource{{Name: "aws", Every: time.Hour}, {Name: "gcp", Every: 24 * time.Hour}}
	}
	inWorldOf(t, declare, func(t *testing.T, w *world) {
		stale := func() (names []string) {
			page, err := w.engine.Sources(t.Context(), as(syncer), engine.Paging{})
			must(t, err)
			for _, s := range page.Items {
				if s.Stale {
					names = append(names, s.Source)
				}
			}
			return names
		}
		want := func(names ...string) {
			t.Helper()
			if got := stale(); !slices.Equal(got, names) {
				t.Errorf("stale are %v, want %v", got, names)
			}
		}
		w.settle() // it is known since when they are declared
		w.pass(65 * time.Minute)
		want()
		w.pass(2 * time.Minute)
		want("aws")
		w.mustSync(engine.SyncOrder{Items: itemsOf(customer("a", "gold"))})
		want()
		w.pass(65 * time.Minute)
		_, err := w.sync(engine.SyncOrder{Items: itemsOf()}) // refused: that is no snapshot in force
		if err == nil {
			t.Error("an empty snapshot was taken")
		}
		w.mustSync(engine.SyncOrder{Items: itemsOf(), DryRun: true})
		w.pass(2 * time.Minute)
		want("aws")
		page, err := w.engine.Sources(t.Context(), as(syncer), engine.Paging{Limit: 2})
		must(t, err)
		first := page.Items[0]
		if first.Source != "aws" || first.Resources != 1 || *first.EverySeconds != 3600 || first.LastRun.Outcome != engine.SyncDryRun ||
			!first.DueAt.Equal(first.LastSyncedAt.Add(time.Hour)) || page.Items[1].LastSyncedAt != nil {
			t.Errorf("the sources are %+v", page.Items)
		}
		rest, err := w.engine.Sources(t.Context(), as(syncer), engine.Paging{Limit: 2, Cursor: *page.NextCursor})
		must(t, err)
		if len(rest.Items) != 1 || rest.Items[0].Source != "seed" || rest.NextCursor != nil {
			t.Errorf("the rest is %+v", rest.Items)
		}
	})
}

func TestNamesOfSources(t *testing.T) {
	for name, code := range map[string]string{
		"aws": "", "aws-prod.eu_1": "", "0": "", strings.Repeat("a", 64): "",
		"seed": "source_reserved", "": "invalid_source", "AWS": "invalid_source", "-a": "invalid_source", "a b": "invalid_source",
		"a/b": "invalid_source", strings.Repeat("a", 65): "invalid_source", "a\n": "invalid_source",
	} {
		if got := access.CodeOf(engine.CheckSource(name)); got != code {
			t.Errorf("%q: %q, want %q", name, got, code)
		}
	}
}

func TestSnapshotOfWhoMayNotBringItIsNotRead(t *testing.T) {
	inWorldOf(t, func(w *world) { w.decider = noSyncer{w.policy} }, func(t *testing.T, w *world) {
		i := itemsOf(customer("a", "gold"))
		_, err := w.sync(engine.SyncOrder{Items: i})
		if !errors.Is(err, access.ErrDenied) || i.next != 0 {
			t.Errorf("%v, with %d items read", err, i.next)
		}
		if runs := w.runs("seed"); len(runs) != 1 {
			t.Errorf("the history has %+v", runs)
		}
	})
}

// noSyncer lets nobody bring a catalogue.
type noSyncer struct{ *policy }

func (r noSyncer) Allow(ctx context.Context, in access.APIInput) (access.Permission, error) {
	if in.Operation == "resource.sync" && *in.Object.Source == "aws" {
		return access.Permission{Reason: "no syncer"}, nil
	}
	return r.policy.Allow(ctx, in)
}

func TestFiveSnapshotsAtOnceAreOneTooMany(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var nested func(n int) error
		nested = func(n int) (err error) {
			i := itemsOf(customer(fmt.Sprintf("c%d", n), "gold"))
			i.at = map[int]func(){0: func() { err = nested(n + 1) }}
			_, own := w.sync(engine.SyncOrder{Source: fmt.Sprintf("s%d", n), Items: i})
			if own != nil {
				return own
			}
			return err
		}
		if err := nested(1); !errors.Is(err, access.ErrBusy) {
			t.Errorf("the fifth is told %v", err)
		}
		w.wantCustomers("c1=gold", "c2=gold", "c3=gold", "c4=gold")
	})
}
