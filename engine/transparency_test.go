package engine_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// auditKeys makes a key that signs checkpoints.
func auditKeys(t *testing.T) *audit.Keys {
	t.Helper()
	signing, _, err := audit.NewKey(rand.Reader, "curfew.test/audit")
	must(t, err)
	keys, err := audit.NewKeys(signing)
	must(t, err)
	return keys
}

// happen commits so many events.
func (w *world) happen(n int) {
	w.t.Helper()
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		for range n {
			if err := tx.Append(audit.Event{Type: "planted"}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// published lists the sizes of the checkpoints that are events, each of which keys
// signed.
func (w *world) published(keys *audit.Keys) (sizes []int64) {
	w.t.Helper()
	page, err := w.engine.Events(w.t.Context(), as(bob), engine.EventFilter{Type: audit.Checkpointed})
	must(w.t, err)
	for _, e := range page.Items {
		var event struct {
			Data struct {
				Origin, Root, Checkpoint string
				Size                     int64
			}
		}
		must(w.t, json.Unmarshal(e.Body, &event))
		signed, err := keys.Open(event.Data.Checkpoint)
		must(w.t, err)
		if d := event.Data; signed.Size != d.Size || signed.Root.String() != d.Root || signed.Origin != d.Origin || signed.Size >= e.Seq {
			w.t.Errorf("event %d is of the checkpoint %+v, and says %+v", e.Seq, signed, d)
		}
		sizes = append(sizes, signed.Size)
	}
	return sizes
}

// TestCheckpointIsAnEventAsOftenAsThereIsNews: by one of two nodes, and not when
// nothing happened but that.
func TestCheckpointIsAnEventAsOftenAsThereIsNews(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		keys := auditKeys(t)
		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		defer loops.Wait()
		defer stop()
		for range 2 {
			node := w.other(func(cfg *engine.Config) { cfg.AuditKeys, cfg.AuditPublish = keys, 2*time.Minute })
			loops.Go(func() { _ = node.Run(ctx) })
		}
		sealer := audit.Sealer{Store: w.ledger, Every: time.Second, Log: slog.New(slog.DiscardHandler), Keys: keys}
		loops.Go(func() { _ = sealer.Run(ctx) })
		want := func(n int, after time.Duration, when string) {
			t.Helper()
			w.pass(after)
			if got := w.published(keys); len(got) != n {
				t.Errorf("%s the checkpoints of %v are events, want %d", when, got, n)
			}
		}
		want(0, 30*time.Second, "before it is looked")
		want(1, time.Minute, "at first")
		want(1, 5*time.Minute, "while nothing happens")
		w.happen(3)
		want(2, 2*time.Minute, "after news")
		w.happen(1)
		want(2, 20*time.Second, "before it is time")
		want(3, 2*time.Minute, "when it is time")
		want(3, 3*time.Minute, "while nothing happens again")
	})
}

// TestWhatEventsToldOfIsShownWithoutThem: what shows bindings, requests, grants and
// access does not fail when their events are kept no longer.
func TestWhatEventsToldOfIsShownWithoutThem(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		r := w.mustAsk(time.Hour)
		w.settle()
		w.revoke(r)
		w.pass(10 * time.Second)
		before := w.shown(r.Grant.BindingID)
		if before.Removal == nil || before.Removal.ConfirmedAt == nil {
			t.Fatalf("the removal is %+v", before.Removal)
		}
		keys := auditKeys(t)
		w.happen(300)
		_, err := w.ledger.SealEvents(t.Context(), 1000, keys)
		must(t, err)
		must(t, w.raw(`UPDATE audit_head SET confirmed = size`))
		w.pass(10 * time.Second)
		old := w.other(func(cfg *engine.Config) { cfg.AuditKeys, cfg.AuditKeep = keys, time.Second })
		must(t, old.RemoveOldEvents(t.Context()))
		c, err := old.AuditCheckpoint(t.Context(), as(bob))
		must(t, err)
		if c.Retention.Removed != 256 {
			t.Fatalf("the events to %d are removed", c.Retention.Removed)
		}
		after := w.shown(r.Grant.BindingID)
		if after.Observed != before.Observed || strings.Contains(fmt.Sprint(after.Timeline), audit.BindingDesired) {
			t.Errorf("the binding is shown as %+v", after)
		}
		for what, err := range map[string]error{
			"requests": errOf(w.engine.Requests(t.Context(), as(bob), engine.ListFilter{Scope: engine.ScopeAll})),
			"request":  errOf(w.engine.Request(t.Context(), as(bob), r.ID)),
			"grants":   errOf(w.engine.Grants(t.Context(), as(bob), engine.ListFilter{Scope: engine.ScopeAll})),
			"grant":    errOf(w.engine.Grant(t.Context(), as(bob), r.Grant.ID)),
			"events":   errOf(w.engine.Events(t.Context(), as(bob), engine.EventFilter{GrantID: r.Grant.ID})),
			"access":   errOf(w.engine.Access(t.Context(), as(bob), engine.AccessFilter{At: w.ledger.Now()})),
		} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.happen(1)
		w.pass(2 * time.Second) // the world's own sealer goes on
	})
}

func errOf[T any](_ T, err error) error { return err }

// TestGatewayWithoutAKeyProvesNothing, and says what to do.
func TestGatewayWithoutAKeyProvesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.happen(1)
		w.pass(2 * time.Second)
		_, err := w.engine.AuditCheckpoint(t.Context(), as(bob))
		w.wantCode(err, "no_audit_key")
		_, err = w.engine.AuditProof(t.Context(), as(bob), "1", 0)
		w.wantCode(err, "no_audit_key")
		_, err = w.engine.AuditConsistency(t.Context(), as(bob), 1, 0)
		w.wantCode(err, "no_audit_key")
		keys, err := w.engine.AuditKeys(t.Context(), as(bob))
		if err != nil || len(keys.Items) != 0 {
			t.Errorf("the keys are %+v, %v", keys, err)
		}
	})
}
