package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// sourceDutyFor is for how long a node is the one that asks a source, unless it
// says again that it is.
const sourceDutyFor = 30 * time.Second

func sourceDuty(source string) string { return "source." + source }

// lockSource is what transactions about one source take turns at.
const lockSource = "facts"

// SourceDuty takes or keeps the duty of asking a source, for half a minute, and
// reports whether this node has it.
func (e *Engine) SourceDuty(ctx context.Context, source string) (mine bool, err error) {
	if e.ledger.Alone() {
		return true, nil // whoever had it is gone
	}
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		mine, err = tx.TakeDuty(sourceDuty(source), e.node, tx.Now().Add(sourceDutyFor))
		return err
	})
	return mine && err == nil, err
}

// LeaveSourceDuty hands the duty back.
func (e *Engine) LeaveSourceDuty(ctx context.Context, source string) error {
	if e.ledger.Alone() {
		return nil
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.LeaveDuty(sourceDuty(source), e.node) })
}

// SourceNews returns what all nodes know of a source, without what it said.
func (e *Engine) SourceNews(ctx context.Context, source string) (news access.SourceNews, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		r, err := tx.SourceRecord(source)
		news = r.SourceNews
		return err
	})
	return news, err
}

// LastSnapshot returns what a source said last, and whether it ever did.
func (e *Engine) LastSnapshot(ctx context.Context, source string) (s access.Snapshot, found bool, err error) {
	var packed ledger.PackedSnapshot
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		packed, found, err = tx.Snapshot(source)
		return err
	})
	if err != nil || !found {
		return s, false, err
	}
	if s, err = packed.Unpack(); err != nil { // the source is asked again anyway
		e.complain("what a source said last can not be read from the ledger", err)
		return access.Snapshot{}, false, nil
	}
	return s, true, nil
}

// PokeSource asks whichever node asks the source to do so soon.
func (e *Engine) PokeSource(ctx context.Context, source string, kind access.SourceKind) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.PokeSource(source, kind) })
}

// TakeSnapshot keeps what a source says for all nodes, unless something newer is
// kept already. That a source answers again, and that other things of it can not
// be used than before, are audit events.
func (e *Engine) TakeSnapshot(ctx context.Context, s access.Snapshot) error {
	packed, err := ledger.PackSnapshot(s)
	if err != nil {
		return err
	}
	var kept string
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		r, err := tx.SourceRecord(s.Source)
		kept = r.Digest
		return err
	})
	if err != nil {
		return err
	}
	if kept != packed.Digest {
		if err := packed.Compress(); err != nil { // not while others wait for the transaction
			return err
		}
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.LockSource(lockSource, s.Source); err != nil {
			return err
		}
		before, err := tx.SourceRecord(s.Source)
		if err != nil || !s.FetchedAt.After(before.FetchedAt) {
			return err
		}
		if err := tx.PutSnapshot(before, packed); err != nil {
			return err
		}
		return tellSource(tx, before, s)
	})
}

// maxFaults bounds how many sentences about a source one event holds.
const maxFaults = 50

// tellSource writes the events that a snapshot leads to.
func tellSource(tx *ledger.Tx, before ledger.SourceRecord, s access.Snapshot) error {
	if since := before.FailedSince; since != nil {
		event := sourceEvent(audit.SourceRecovered, s.Source, s.Kind, before.FetchedAt)
		event.Data["since"], event.Data["until"] = *since, tx.Now()
		if err := tx.Append(event); err != nil {
			return err
		}
	}
	if sameFaults(before.Faults, s.Faults) {
		return nil
	}
	event := sourceEvent(audit.SourceFaultsChanged, s.Source, s.Kind, s.FetchedAt)
	event.Data["count"], event.Data["faults"] = len(s.Faults), append([]string{}, s.Faults[:min(len(s.Faults), maxFaults)]...)
	return tx.Append(event)
}

// sourceEvent starts an event about a source. fetchedAt is when what is known of
// it was learned.
func sourceEvent(typ, source string, kind access.SourceKind, fetchedAt time.Time) audit.Event {
	data := map[string]any{"source": source, "kind": string(kind), "fetched_at": nil}
	if !fetchedAt.IsZero() {
		data["fetched_at"] = fetchedAt
	}
	return audit.Event{Type: typ, Data: data}
}

// WantedIncidents lists the incidents that grants which have not ended are bound
// to: by their ids or their numbers, as they were asked for.
func (e *Engine) WantedIncidents(ctx context.Context) (ids []string, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		ids, err = tx.WantedIncidents()
		return err
	})
	return ids, err
}
