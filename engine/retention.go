package engine

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// LeastAuditKeep is the shortest time that events are kept: what a person, or a
// system outside, was too slow to fetch is gone afterwards.
const LeastAuditKeep = 30 * 24 * time.Hour

const (
	retentionDuty = "audit.retention"
	// retentionFor is for how long a node is the one that removes events.
	retentionFor  = 50 * time.Minute
	retentionRest = time.Hour // from run to run
	// tilePause is what is left to others between two tiles, and how often it is
	// looked whether ends still wait.
	tilePause = 10 * time.Millisecond
)

// What keeps events that are older than they are kept.
const (
	heldByBreak      = "broken"     // the log is not what was signed: nothing of it is taken away
	heldByCheckpoint = "checkpoint" // no signed checkpoint holds them
	heldByExport     = "export"     // nobody said that an export of them is kept, and there is no sink
	heldBySink       = "sink"       // it has not got them yet
	heldBySetAside   = "set_aside"  // a sink did not take one, and may be wanted to
	heldByFollower   = "follower"   // it has not read them yet
)

// AuditHold is what keeps events that would be removed.
type AuditHold struct {
	By      string `json:"by"`             // export, sink, set_aside, follower, checkpoint or broken
	Name    string `json:"name,omitempty"` // of the sink or the follower
	Through int64  `json:"through"`        // events up to this number it does not keep
}

// String says it to people.
func (h AuditHold) String() string {
	switch h.By {
	case heldByBreak:
		return "the log is not what was signed"
	case heldByCheckpoint:
		return fmt.Sprintf("no signed checkpoint holds events behind %d", h.Through)
	case heldByExport:
		return fmt.Sprintf("no export behind event %d is confirmed to be kept, and there is no sink", h.Through)
	case heldBySink:
		return fmt.Sprintf("the sink %s has not taken events behind %d", h.Name, h.Through)
	case heldBySetAside:
		return fmt.Sprintf("of the sink %s event %d is set aside", h.Name, h.Through+1)
	}
	return fmt.Sprintf("the follower %s has not read events behind %d", h.Name, h.Through)
}

// AuditRetention is which events are kept, and why.
type AuditRetention struct {
	KeepSeconds *int64      `json:"keep_seconds"` // nil: for ever
	Removed     int64       `json:"removed"`      // events up to this number are not kept any more
	Confirmed   int64       `json:"confirmed"`    // an export up to this number is kept outside, somebody said
	HeldBy      []AuditHold `json:"held_by"`      // what keeps events that are old enough to go
}

// retentionOf is what there is to say of it.
func (e *Engine) retentionOf(tx *ledger.Tx, head ledger.AuditHead) (AuditRetention, error) {
	r := AuditRetention{Removed: head.Removed, Confirmed: head.Confirmed, HeldBy: []AuditHold{}}
	if e.auditKeep == 0 {
		return r, nil
	}
	seconds := int64(e.auditKeep / time.Second)
	r.KeepSeconds = &seconds
	held, err := e.heldBack(tx, head)
	r.HeldBy = append(r.HeldBy, held...)
	return r, err
}

// heldBack is what keeps the next tile, if that is old enough to go.
func (e *Engine) heldBack(tx *ledger.Tx, head ledger.AuditHead) ([]AuditHold, error) {
	end := head.Removed + audit.TileWidth
	last, err := tx.Sealed(end-1, end, 1)
	if err != nil || len(last) == 0 || !last[0].At.Before(tx.Now().Add(-e.auditKeep)) {
		return nil, err
	}
	holds, err := auditHolds(tx, head)
	var held []AuditHold
	for _, h := range holds {
		if h.Through < end {
			held = append(held, h)
		}
	}
	return held, err
}

// auditHolds is everything that events must have reached before they may go.
func auditHolds(tx *ledger.Tx, head ledger.AuditHead) ([]AuditHold, error) {
	sinks, err := tx.SinkPositions()
	if err != nil {
		return nil, err
	}
	followers, err := tx.Followers()
	if err != nil {
		return nil, err
	}
	holds := []AuditHold{{By: heldByCheckpoint, Through: min(head.CheckpointSize, head.Size)}}
	if head.BrokenAt != nil {
		holds = append(holds, AuditHold{By: heldByBreak, Through: head.Removed})
	}
	for _, f := range followers {
		holds = append(holds, AuditHold{By: heldByFollower, Name: f.Name, Through: f.Seq})
	}
	for _, s := range sinks {
		holds = append(holds, AuditHold{By: heldBySink, Name: s.Name, Through: s.Seq})
		if s.SetAside > 0 {
			holds = append(holds, AuditHold{By: heldBySetAside, Name: s.Name, Through: s.SetAside - 1})
		}
	}
	if len(sinks) == 0 {
		holds = append(holds, AuditHold{By: heldByExport, Through: head.Confirmed})
	}
	return holds, nil
}

// retentionLoop removes events that are kept no longer, on one node of all, once an
// hour.
func (e *Engine) retentionLoop(ctx context.Context) {
	hourly := time.NewTicker(retentionRest)
	defer hourly.Stop()
	for {
		if err := e.RemoveOldEvents(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("old audit events were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		}
	}
}

// removal is a run of it: the events behind from, to through, whole tiles all of them.
type removal struct{ from, through int64 }

// RemoveOldEvents removes what may go: sealed, signed, old, read by whoever reads it, and
// kept outside. What keeps something that is old is said.
func (e *Engine) RemoveOldEvents(ctx context.Context) error {
	var run removal
	err := e.ledger.View(ctx, func(tx *ledger.Tx) error {
		head, err := tx.AuditHead()
		if err != nil {
			return err
		}
		held, err := e.heldBack(tx, head)
		if err != nil {
			return err
		}
		for _, h := range held {
			e.log.Warn("old audit events are not removed yet: "+h.String(), "keep", e.auditKeep, "removed", head.Removed)
		}
		run, err = e.removable(tx, head)
		return err
	})
	if err != nil {
		return err
	}
	for next := run.from; next < run.through; next += audit.TileWidth {
		mine, err := e.removeTile(ctx, run, next/audit.TileWidth)
		if err != nil || !mine {
			return err
		}
		if err := e.yieldToEnds(ctx); err != nil {
			return err
		}
	}
	if run.through > run.from {
		e.log.Info("old audit events were removed; their leaves are kept", "from", run.from+1, "through", run.through)
	}
	return nil
}

// removable is which events may go now.
func (e *Engine) removable(tx *ledger.Tx, head ledger.AuditHead) (removal, error) {
	run := removal{from: head.Removed, through: head.Removed}
	holds, err := auditHolds(tx, head)
	if err != nil {
		return run, err
	}
	bound := head.Size
	for _, h := range holds {
		bound = min(bound, h.Through)
	}
	young, err := tx.FirstSince(tx.Now().Add(-e.auditKeep), head.Removed, bound)
	if err != nil {
		return run, err
	}
	if young > 0 {
		bound = young - 1
	}
	run.through = max(run.from, bound/audit.TileWidth*audit.TileWidth)
	return run, nil
}

// removeTile removes the events of one tile, if it is this node that does so. That
// they go is an event of the transaction in which the first of them do: a run that
// breaks off has said more than it did, and the next says the rest again.
func (e *Engine) removeTile(ctx context.Context, run removal, n int64) (mine bool, err error) {
	first := n * audit.TileWidth
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if mine, err = e.removes(tx, first); err != nil || !mine {
			return err
		}
		events, err := tx.Sealed(first, first+audit.TileWidth, audit.TileWidth)
		if err != nil {
			return err
		}
		leaves, err := sealedLeaves(tx, n, events)
		if err != nil {
			return err
		}
		if first == run.from {
			if err := tellRemoved(tx, run); err != nil {
				return err
			}
		}
		return tx.RemoveTile(n, events, leaves)
	})
	return mine, err
}

// removes reports whether it is this node that removes the events behind the number,
// and nothing keeps them. A sink may have been configured since the run began, and one
// that is about to be waits: it begins behind what is gone.
func (e *Engine) removes(tx *ledger.Tx, first int64) (bool, error) {
	if !e.ledger.Alone() {
		if mine, err := tx.TakeDuty(retentionDuty, e.node, tx.Now().Add(retentionFor)); err != nil || !mine {
			return false, err
		}
	}
	if err := tx.HoldAuditHead(); err != nil {
		return false, err
	}
	head, err := tx.AuditHead()
	if err != nil || head.Removed != first {
		return false, err
	}
	holds, err := auditHolds(tx, head)
	return !slices.ContainsFunc(holds, func(h AuditHold) bool { return h.Through < first+audit.TileWidth }), err
}

// sealedLeaves are the leaves of a tile, if its events are what was sealed. What was
// changed stays, for whoever looks into it.
func sealedLeaves(tx *ledger.Tx, n int64, events []ledger.Sealed) ([]audit.Hash, error) {
	leaves := make([]audit.Hash, len(events))
	for i, event := range events {
		leaf := audit.Leaf(event.Body)
		if hex.EncodeToString(leaf) != event.Leaf {
			return nil, fmt.Errorf("event %d, %s, is not what was sealed; nothing from it on is removed", event.Seq, event.ID)
		}
		leaves[i] = audit.Hash(leaf)
	}
	return leaves, audit.CheckTile(tx.HashReader(), n, leaves)
}

func tellRemoved(tx *ledger.Tx, run removal) error {
	root, err := audit.RootAt(tx.HashReader(), run.through)
	if err != nil {
		return err
	}
	return tx.Append(audit.Event{Type: audit.EventsRemoved, Data: map[string]any{
		"from": run.from + 1, "through": run.through, "root": root.String(),
	}})
}

// yieldToEnds leaves the ledger to others for a moment, and to ends for as long as
// they wait.
func (e *Engine) yieldToEnds(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tilePause):
		}
		if !e.Busy() {
			return nil
		}
	}
}
