package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/curfew-access/curfew/engine/audit"
)

// inspectPage is how many events are read in one transaction: others use the database
// meanwhile.
const inspectPage = 4 * audit.TileWidth

// maxUnsealed is how many events without a place are listed.
const maxUnsealed = 100

// Inspect checks the whole audit log of a ledger, and changes nothing. Trust's keys are
// those that sign it; keys before them the log itself tells of. tell is told how many
// events of how many were read.
func Inspect(ctx context.Context, db DB, trust audit.Trust, tell func(done, all int64)) (audit.Report, error) {
	have, err := SchemaOf(ctx, db)
	if err == nil && have != Schema() {
		err = fmt.Errorf("the ledger is at version %d and not, as this release keeps it, at %d: run curfew migrate", have, Schema())
	}
	if err != nil {
		return audit.Report{}, err
	}
	x := &inspector{ledger: &Ledger{db: db}, trust: trust, tell: tell}
	for _, since := range trust.Since {
		c, err := audit.OpenCheckpoint(since, trust.Keys...)
		if err != nil {
			return audit.Report{}, fmt.Errorf("the checkpoint that was kept: %w", err)
		}
		x.kept = append(x.kept, c)
	}
	slices.SortFunc(x.kept, func(a, b audit.Checkpoint) int { return int(a.Size - b.Size) })
	return x.run(ctx)
}

// inspector reads a ledger for an inspection.
type inspector struct {
	ledger *Ledger
	trust  audit.Trust
	tell   func(done, all int64)
	head   audit.LedgerHead
	into   *audit.Inspection
	kept   []audit.Checkpoint // outside, that were not come to yet
	notes  []audit.LedgerNote // of the ledger's, likewise, as far as they were read
}

func (x *inspector) run(ctx context.Context) (audit.Report, error) {
	if err := x.ledger.View(ctx, x.begin); err != nil {
		return audit.Report{}, err
	}
	for after := int64(0); after < x.head.Seq; after += inspectPage {
		through := min(after+inspectPage, x.head.Seq)
		if err := x.ledger.View(ctx, func(tx *Tx) error { return x.page(tx, after, through) }); err != nil {
			return audit.Report{}, err
		}
		x.tell(through, x.head.Seq)
	}
	err := x.ledger.View(ctx, func(tx *Tx) error { return x.rest(tx) })
	for _, c := range x.kept { // of more events than there are
		x.into.Kept(c)
	}
	return x.into.Done(), err
}

// begin reads all that is small.
func (x *inspector) begin(tx *Tx) error {
	h, err := tx.head()
	if err != nil {
		return err
	}
	x.head = audit.LedgerHead{
		Seq: h.Seq, Size: h.Size, Removed: h.Removed, Checkpoint: h.Checkpoint, CheckpointSize: h.CheckpointSize,
	}
	if x.head.Told, err = tx.toldRemoved(); err != nil {
		return err
	}
	x.head.Edge, _ = audit.ParseEdge(h.Size, h.edge) // another is not that of the events, which is found
	x.into = audit.NewInspection(x.head, x.trust)
	if err := x.unkept(tx); err != nil {
		return err
	}
	return each(tx, scanNode, func(n storedNode) bool {
		x.into.Node(n.level, n.n, n.hash)
		return true
	}, `SELECT level, n, hash FROM audit_nodes ORDER BY level, n`)
}

// toldRemoved is up to which event events tell that events were removed.
func (tx *Tx) toldRemoved() (through int64, err error) {
	err = each(tx, scanText, func(body string) bool {
		var event struct{ Data struct{ Through int64 } }
		if json.Unmarshal([]byte(body), &event) == nil {
			through = max(through, event.Data.Through)
		}
		return true
	}, `SELECT body FROM audit_events WHERE type = $1`, audit.EventsRemoved)
	return through, err
}

// storedNode is a row of audit_nodes.
type storedNode struct {
	level int
	n     int64
	hash  string
}

func scanNode(row scanner) (n storedNode, err error) { return n, row.Scan(&n.level, &n.n, &n.hash) }

// readNotes reads on: the checkpoints that are kept of sizes above after, to through; with
// the newest, which may not be kept.
func (x *inspector) readNotes(tx *Tx, after, through int64) error {
	if after == 0 {
		after = -1 // of nothing, too
	}
	kept, err := tx.Checkpoints(after, int(through-after))
	if err != nil {
		return err
	}
	for _, c := range kept {
		if c.Size <= through {
			x.notes = append(x.notes, audit.LedgerNote(c))
		}
	}
	if size := x.head.CheckpointSize; x.head.Checkpoint != "" && size > after && size <= through {
		x.notes = append(x.notes, audit.LedgerNote{Size: size, Note: x.head.Checkpoint})
	}
	slices.SortStableFunc(x.notes, func(a, b audit.LedgerNote) int { return int(a.Size - b.Size) })
	return nil
}

// page reads events, and what is left of those that were removed.
func (x *inspector) page(tx *Tx, after, through int64) error {
	h, err := tx.head()
	if err != nil {
		return err
	}
	if err := x.readNotes(tx, after, through); err != nil {
		return err
	}
	if after == 0 {
		x.reach(0)
	}
	away, err := tx.leavesAway(after, min(h.Removed, through))
	if err != nil {
		return err
	}
	for i, leaf := range away.leaves { // what is missing, or can not be read, is found by its numbers
		x.into.Put(after+int64(i)+1, leaf)
		x.reach(after + int64(i) + 1)
	}
	return each(tx, scanLedgerRow, func(r audit.LedgerRow) bool {
		if r.Seq <= h.Removed {
			x.into.StillThere(r)
		}
		if r.Seq >= away.next {
			x.into.Row(r)
			x.reach(r.Seq)
		}
		return true
	}, `SELECT l.seq, l.event_id, l.leaf, e.type, e.at, e.subject, e.resource, e.actor, e.request_id, e.grant_id, e.binding_id, e.body
		FROM audit_log l LEFT JOIN audit_events e ON e.id = l.event_id WHERE l.seq > $1 AND l.seq <= $2 ORDER BY l.seq`, after, through)
}

func scanLedgerRow(row scanner) (r audit.LedgerRow, err error) {
	var typ, subject, resource, actor, request, grant, binding, body sql.NullString
	var at sql.NullInt64
	err = row.Scan(&r.Seq, &r.EventID, &r.Leaf, &typ, &at, &subject, &resource, &actor, &request, &grant, &binding, &body)
	if body.Valid {
		r.Event = &audit.LedgerEvent{Body: []byte(body.String), Columns: audit.EventColumns{
			ID: r.EventID, Type: typ.String, At: fromMicros(at.Int64), Subject: subject.String, Resource: resource.String, Actor: actor.String,
			RequestID: request.String, GrantID: grant.String, BindingID: binding.String,
		}}
	}
	return r, err
}

// reach hands over the checkpoints up to a size, when its event was taken.
func (x *inspector) reach(size int64) {
	for ; len(x.notes) > 0 && x.notes[0].Size <= size; x.notes = x.notes[1:] {
		x.into.Note(x.notes[0])
	}
	for ; len(x.kept) > 0 && x.kept[0].Size <= size; x.kept = x.kept[1:] {
		x.into.Kept(x.kept[0])
	}
}

// rest checks what is beside the sequence.
func (x *inspector) rest(tx *Tx) error {
	if err := x.behind(tx); err != nil {
		return err
	}
	return x.unsealed(tx)
}

// behind reads rows behind the last number, of which there are none: another seal may
// have come since, and then the head has moved.
func (x *inspector) behind(tx *Tx) error {
	h, err := tx.head()
	if err != nil {
		return err
	}
	beyond, err := tx.Checkpoints(h.Size, maxUnsealed)
	if err != nil {
		return err
	}
	if x.head.Checkpoint != "" && x.head.CheckpointSize > h.Size {
		beyond = append(beyond, SignedCheckpoint{Size: x.head.CheckpointSize})
	}
	for _, c := range beyond {
		x.into.MissingNote(c.Size, "its events are not in the log, which has "+decimal(h.Size))
	}
	return each(tx, scanLedgerRow, func(r audit.LedgerRow) bool {
		x.into.Row(r)
		return true
	}, `SELECT l.seq, l.event_id, l.leaf, e.type, e.at, e.subject, e.resource, e.actor, e.request_id, e.grant_id, e.binding_id, e.body
		FROM audit_log l LEFT JOIN audit_events e ON e.id = l.event_id WHERE l.seq > $1 ORDER BY l.seq LIMIT $2`, h.Seq, maxUnsealed)
}

// unkept looks for checkpoints that must be kept: the first and the last of each key
// that signed.
func (x *inspector) unkept(tx *Tx) error {
	keys, err := tx.AuditKeys()
	if err != nil {
		return err
	}
	if len(keys) == 0 && x.head.Checkpoint != "" {
		x.into.MissingNote(x.head.CheckpointSize, "the newest is signed, and none of the keys that signed is kept")
	}
	told := map[int64]bool{}
	for _, k := range keys {
		for _, size := range []int64{k.FirstSize, k.LastSize} {
			if told[size] {
				continue
			}
			told[size] = true
			kept, err := tx.Checkpoints(size-1, 1)
			if err != nil {
				return err
			}
			if len(kept) == 0 || kept[0].Size != size {
				x.into.MissingNote(size, "a key that is kept signed it")
			}
		}
	}
	return nil
}

// unsealed compares the events with those that have a place, or wait for one.
func (x *inspector) unsealed(tx *Tx) error {
	for _, q := range []struct{ why, query string }{
		{"has no place in the sequence, and waits for none", `SELECT e.id FROM audit_events e
			WHERE NOT EXISTS (SELECT 1 FROM audit_log l WHERE l.event_id = e.id)
			  AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.at = e.at AND p.event_id = e.id) ORDER BY e.id LIMIT $1`},
		{"waits for a place in the sequence, and is not there", `SELECT p.event_id FROM audit_pending p
			WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.id = p.event_id) ORDER BY p.event_id LIMIT $1`},
		{"waits for a place in the sequence, and has one", `SELECT p.event_id FROM audit_pending p
			WHERE EXISTS (SELECT 1 FROM audit_log l WHERE l.event_id = p.event_id) ORDER BY p.event_id LIMIT $1`},
	} {
		ids, err := all(tx, scanText, q.query, maxUnsealed)
		if err != nil {
			return err
		}
		for _, id := range ids {
			x.into.Unsealed(id, q.why)
		}
	}
	return nil
}
