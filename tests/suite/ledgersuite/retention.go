package ledgersuite

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
)

// anybody may do anything.
type anybody struct{ engine.Policy }

func (anybody) Allow(context.Context, access.APIInput) (access.Permission, error) {
	return access.Permission{Allowed: true}, nil
}

// keeper is an engine on the ledger that keeps events for so long.
func (f *fixture) keeper(keys *audit.Keys, keep time.Duration) *engine.Engine {
	return engine.New(engine.Config{
		Ledger: f.l, Policy: anybody{}, Lease: lease.NewMemory(f.l.Now, true), Log: slog.New(slog.DiscardHandler),
		AuditKeys: keys, AuditKeep: keep,
	})
}

// wantRemoved runs retention, and wants everything up to the number to be gone after
// it, and nothing else; and what keeps the rest to be named.
func (f *fixture) wantRemoved(e *engine.Engine, through int64, heldBy ...string) {
	f.t.Helper()
	f.must(e.RemoveOldEvents(f.t.Context()))
	if got := f.head().Removed; got != through {
		f.t.Fatalf("the events to %d are removed, want to %d", got, through)
	}
	f.view(func(tx *ledger.Tx) error {
		for _, seq := range []int64{through, through + 1} {
			_, err := tx.SealedAt(seq)
			if gone := access.CodeOf(err) == "event_removed"; seq > 0 && gone != (seq <= through) {
				f.t.Errorf("event %d: %v", seq, err)
			}
		}
		return nil
	})
	c, err := e.AuditCheckpoint(f.t.Context(), engine.Call{Caller: alice})
	f.must(err)
	var held []string
	for _, h := range c.Retention.HeldBy {
		held = append(held, strings.TrimSuffix(h.By+" "+h.Name, " "))
	}
	if got, want := strings.Join(held, ", "), strings.Join(heldBy, ", "); got != want {
		f.t.Errorf("the rest is held by %q, want %q", got, want)
	}
}

// removals lists what events say that events were removed.
func (f *fixture) removals() (spans []string) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Type: audit.EventsRemoved, Limit: 100})
		for _, e := range events {
			var event struct {
				Data struct {
					From, Through int64
					Root          string
				}
			}
			f.must(json.Unmarshal(e.Body, &event))
			root, err := audit.RootAt(tx.HashReader(), event.Data.Through)
			if err != nil || root.String() != event.Data.Root {
				f.t.Errorf("the event names the root %s of %d, and that is %s, %v", event.Data.Root, event.Data.Through, root, err)
			}
			spans = append(spans, strconv.FormatInt(event.Data.From, 10)+"-"+strconv.FormatInt(event.Data.Through, 10))
		}
		return err
	})
	return spans
}

// plant changes what stands between events and their removal.
func (f *fixture) plant(query string, args ...any) {
	f.t.Helper()
	f.must(f.raw(query, args...))
}

// eventsAreHeld: what is not sealed, signed, exported, read, or taken by every sink
// stays, and so does what is in no whole tile.
func eventsAreHeld(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(600)
	f.seal(f.l, nil)
	e := f.keeper(keys, time.Nanosecond)
	f.plant(`UPDATE audit_head SET confirmed = 600`)
	f.must(e.RemoveOldEvents(t.Context()))
	if got := f.head().Removed; got != 0 {
		t.Fatalf("without a signed checkpoint events to %d are removed", got)
	}
	f.plant(`UPDATE audit_head SET confirmed = 0`)
	f.seal(f.l, keys)
	f.events(300) // these are not sealed
	f.wantRemoved(e, 0, "export")
	f.plant(`UPDATE audit_head SET confirmed = 255`)
	f.wantRemoved(e, 0, "export")
	f.plant(`INSERT INTO followers (name, seq) VALUES ('notices', 10)`)
	f.wantRemoved(e, 0, "follower notices", "export")
	f.plant(`UPDATE audit_head SET confirmed = 300`)
	f.wantRemoved(e, 0, "follower notices")
	f.plant(`UPDATE followers SET seq = 100000`)
	f.wantRemoved(e, 256, "export")

	f.plant(`INSERT INTO sinks (name, seq) VALUES ('splunk', 600), ('file', 500)`)
	f.wantRemoved(e, 256, "sink file")
	f.plant(`UPDATE sinks SET seq = 599 WHERE name = 'file'`)
	f.plant(`INSERT INTO sink_set_aside (sink, seq, event_id, reason, at) VALUES ('splunk', 512, 'evt_1', 'too large', 1)`)
	f.wantRemoved(e, 256, "set_aside splunk")
	f.plant(`UPDATE audit_head SET broken_at = 1, broken_why = 'edited'`)
	f.plant(`DELETE FROM sink_set_aside`)
	f.wantRemoved(e, 256, "broken")
	f.plant(`UPDATE audit_head SET broken_at = NULL, broken_why = ''`)
	f.wantRemoved(e, 512)
	if got := strings.Join(f.removals(), " "); got != "" {
		t.Errorf("before they are sealed there are removals %s", got)
	}
	f.seal(f.l, keys)
	if got := strings.Join(f.removals(), " "); got != "1-256 257-512" {
		t.Errorf("events tell of the removals %s", got)
	}
}

// youngEventsStay: an event that is younger than it is kept stays, and so does all
// behind it.
func youngEventsStay(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(300)
	f.seal(f.l, keys)
	f.plant(`UPDATE audit_head SET confirmed = 300`)
	f.wantRemoved(f.keeper(keys, time.Hour), 0)
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.Sealed(0, 300, 300)
		f.must(err)
		at := events[150].At
		first, err := tx.FirstSince(at, 0, 300)
		f.must(err)
		if events[first-1].At.Before(at) || first > 1 && !events[first-2].At.Before(at) {
			t.Errorf("the first event since that of 151 is %d", first)
		}
		none, err := tx.FirstSince(tx.Now().Add(time.Hour), 0, 300)
		if none != 0 {
			t.Errorf("of the future there is event %d", none)
		}
		return err
	})
}

// removedEventsAreProved: the tree is the same when events are gone, grows, and proves
// by number what is not there any more.
func removedEventsAreProved(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(1500)
	f.seal(f.l, keys)
	e, call := f.keeper(keys, time.Nanosecond), engine.Call{Caller: alice}
	before, err := e.AuditCheckpoint(t.Context(), call)
	f.must(err)
	of7, err := e.AuditProof(t.Context(), call, "7", 0)
	f.must(err)
	f.plant(`UPDATE audit_head SET confirmed = 1400`)
	f.wantRemoved(e, 1280)
	f.events(10)
	f.seal(f.l, keys)
	f.reopen() // a process that has sealed nothing yet looks at all of it
	f.events(10)
	f.seal(f.l, keys)
	e = f.keeper(keys, time.Nanosecond)
	after, err := e.AuditCheckpoint(t.Context(), call)
	f.must(err)
	if f.head().BrokenAt != nil || after.Size < before.Size+20 {
		t.Fatalf("after the removal the log is %+v", f.head())
	}
	for _, seq := range []int64{1, 7, 256, 1280, 1281, 1500, after.Size} {
		p, err := e.AuditProof(t.Context(), call, strconv.FormatInt(seq, 10), 0)
		f.must(err)
		if (p.Event == nil) != (seq <= 1280) || seq == 7 && p.Leaf != of7.Leaf {
			t.Errorf("event %d is proved as %+v", seq, p)
		}
		f.must(audit.CheckInclusion(p.Proof, after.Size, after.Root, seq, p.Leaf))
	}
	for _, from := range []int64{1, 100, 256, before.Size} {
		c, err := e.AuditConsistency(t.Context(), call, from, 0)
		f.must(err)
		if from == before.Size {
			f.must(audit.CheckConsistency(c.Proof, from, before.Root, after.Size, after.Root))
		}
	}
}

// editedEventsAreNotRemoved: what is not what was sealed stays, for whoever looks into
// it.
func editedEventsAreNotRemoved(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(600)
	f.seal(f.l, keys)
	f.plant(`UPDATE audit_head SET confirmed = 600`)
	f.plant(`UPDATE audit_guard SET removing = 1`)
	f.plant(`UPDATE audit_events SET body = '{}' WHERE id = (SELECT event_id FROM audit_log WHERE seq = 300)`)
	f.plant(`UPDATE audit_guard SET removing = 0`)
	err := f.keeper(keys, time.Nanosecond).RemoveOldEvents(t.Context())
	if err == nil || !strings.Contains(err.Error(), "event 300") {
		t.Errorf("retention says %v", err)
	}
	if got := f.head().Removed; got != 256 {
		t.Errorf("events to %d are removed, want to 256", got)
	}
}

// sinksComeInTime: a sink that is configured while events are removed keeps what is
// there by then.
func sinksComeInTime(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(800)
	f.seal(f.l, keys)
	f.plant(`UPDATE audit_head SET confirmed = 800`)
	f.plant(`INSERT INTO sinks (name, seq, retired_at) VALUES ('splunk', 100, 1)`)
	db := &between{DB: f.db}
	l, err := ledger.Open(t.Context(), db)
	f.must(err)
	db.then = func() { f.update(func(tx *ledger.Tx) error { return tx.BeginSinks([]string{"splunk"}) }) }
	e := engine.New(engine.Config{
		Ledger: l, Policy: anybody{}, Lease: lease.NewMemory(l.Now, true), Log: slog.New(slog.DiscardHandler), AuditKeys: keys, AuditKeep: time.Nanosecond,
	})
	f.wantRemoved(e, 0, "sink splunk")
	f.plant(`UPDATE sinks SET seq = 600`)
	f.wantRemoved(e, 512, "sink splunk")
}

// removalsAtOnce: nodes that remove at once do it once.
func removalsAtOnce(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(1100)
	f.seal(f.l, keys)
	f.plant(`UPDATE audit_head SET confirmed = 1100`)
	var nodes sync.WaitGroup
	faults := make(chan error, 4)
	for range 4 {
		e := f.keeper(keys, time.Nanosecond)
		nodes.Go(func() { faults <- e.RemoveOldEvents(t.Context()) })
	}
	nodes.Wait()
	close(faults)
	for err := range faults {
		f.must(err)
	}
	f.seal(f.l, keys)
	if got := f.head().Removed; got != 1024 {
		t.Errorf("events to %d are removed", got)
	}
	if got := f.removals(); len(got) == 0 || len(got) > 4 || !strings.HasPrefix(got[0], "1-") {
		t.Errorf("events tell of the removals %v", got)
	}
}

// publishedOnce: of nodes that would make a checkpoint an event at once, one does.
func publishedOnce(t *testing.T, f *fixture) {
	var nodes sync.WaitGroup
	first := make(chan bool, 8)
	for range 8 {
		nodes.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				mine, err := tx.BeginPublishing(nil)
				first <- mine
				return err
			})
			if err != nil && !errors.Is(err, access.ErrConflict) {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	close(first)
	n := 0
	for mine := range first {
		if mine {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d nodes publish", n)
	}
	f.update(func(tx *ledger.Tx) error {
		head, err := tx.AuditHead()
		f.must(err)
		mine, err := tx.BeginPublishing(head.PublishedAt)
		if !mine {
			t.Error("nobody publishes a second time")
		}
		return err
	})
}
