package ledger

import (
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// Followers lists who follows the sealed sequence, with how far each has come.
func (tx *Tx) Followers() ([]access.SinkPosition, error) {
	return all(tx, func(row scanner) (p access.SinkPosition, err error) {
		return p, row.Scan(&p.Name, &p.Seq)
	}, `SELECT name, seq FROM followers ORDER BY name`)
}

// FirstSince is the number of the first event behind after, to through, that happened
// at the time or later; 0: there is none. Numbers nearly follow times, and do not
// quite.
func (tx *Tx) FirstSince(at time.Time, after, through int64) (int64, error) {
	found, err := all(tx, func(row scanner) (seq int64, err error) { return seq, row.Scan(&seq) }, `
		SELECT l.seq FROM audit_log l JOIN audit_events e ON e.id = l.event_id
		 WHERE l.seq > $1 AND l.seq <= $2 AND e.at >= $3 ORDER BY l.seq LIMIT 1`, after, through, micros(at))
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// HoldAuditHead keeps others from changing the head of the audit log until this
// transaction ends: what it reads of the head from here on stays so.
func (tx *Tx) HoldAuditHead() error {
	_, err := tx.affect(`UPDATE audit_head SET removed = removed WHERE id = 1`)
	return err
}

// RemoveTile drops the events of a whole tile of the tree, which are those behind what
// was removed before, and keeps their leaves. That the events are what was sealed is
// the caller's to know.
func (tx *Tx) RemoveTile(n int64, events []Sealed, leaves []audit.Hash) error {
	from, through := n*audit.TileWidth, (n+1)*audit.TileWidth
	if len(events) != audit.TileWidth || len(leaves) != audit.TileWidth {
		return fmt.Errorf("tile %d has %d events and %d leaves, not %d", n, len(events), len(leaves), audit.TileWidth)
	}
	moved := access.Conflict("events_removed_elsewhere", "the events behind %d are removed by another node", from)
	if err := tx.changed(moved, `UPDATE audit_head SET removed = $2 WHERE id = 1 AND removed = $1`, from, through); err != nil {
		return err
	}
	if err := tx.exec(`INSERT INTO audit_tiles (n, leaves) VALUES ($1, $2)`, n, audit.TileText(leaves)); err != nil {
		return err
	}
	return tx.Removing(func() error {
		if err := tx.exec(`DELETE FROM audit_log WHERE seq > $1 AND seq <= $2`, from, through); err != nil {
			return err
		}
		ids := make([]string, len(events))
		for i, e := range events {
			ids[i] = e.ID
		}
		return tx.deleteAll("audit_events", "id", ids)
	})
}

// BeginPublishing notes that a checkpoint becomes an event now, unless another node was
// first since it was read when that last was.
func (tx *Tx) BeginPublishing(before *time.Time) (mine bool, err error) {
	var last int64
	if before != nil {
		last = micros(*before)
	}
	n, err := tx.affect(`UPDATE audit_head SET published_at = $2 WHERE id = 1 AND published_at = $1`, last, micros(tx.now))
	return n > 0, err
}
