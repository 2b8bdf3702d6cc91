package ledger

import (
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/engine/audit"
)

// Leaves are those of the events behind after to through, also of events that are not
// kept any more. Unlike the tree's reader, it takes long runs in one piece.
func (tx *Tx) Leaves(after, through int64) ([]audit.Hash, error) {
	r, err := tx.leavesAway(after, through)
	if err == nil && r.fault == nil {
		err = each(tx, scanStored, r.stored, `SELECT 0, seq - 1, leaf FROM audit_log WHERE seq > $1 AND seq <= $2 ORDER BY seq`, r.next-1, through)
	}
	if err = errors.Join(err, r.fault); err != nil {
		return nil, err
	}
	if r.next <= through {
		return nil, fmt.Errorf("%w: the leaf of event %d is missing", audit.ErrTree, r.next)
	}
	return r.leaves, nil
}

// leavesAway are the leaves of the events behind after, to through at the most, that are
// not kept any more.
func (tx *Tx) leavesAway(after, through int64) (*leafRun, error) {
	r := &leafRun{next: after + 1, through: through}
	return r, each(tx, scanTile, r.tile,
		`SELECT n, leaves FROM audit_tiles WHERE n >= $1 AND n <= $2 ORDER BY n`, after/audit.TileWidth, (through-1)/audit.TileWidth)
}

// leafRun gathers leaves in their order.
type leafRun struct {
	next, through int64
	leaves        []audit.Hash
	fault         error
}

// tile takes the leaves of a tile of events that are not kept any more.
func (r *leafRun) tile(t putAway) bool {
	all, err := t.hashes()
	r.fault = err
	for i, leaf := range all {
		if seq := t.n*audit.TileWidth + int64(i) + 1; seq == r.next && seq <= r.through {
			r.leaves, r.next = append(r.leaves, leaf), seq+1
		}
	}
	return err == nil
}

// stored takes the leaf of an event.
func (r *leafRun) stored(s stored) bool {
	if s.n+1 != r.next {
		return false
	}
	leaf, err := s.hash()
	r.leaves, r.fault, r.next = append(r.leaves, leaf), err, r.next+1
	return err == nil
}
