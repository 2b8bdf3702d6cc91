package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
)

// Of a log whose tree is behind, because a node of an older release gave the numbers,
// so many leaves are added to the tree in one transaction.
const catchUp = 10_000

// A checkpoint is kept when it is so much ahead of the one kept before.
const (
	keepEvery = 64
	keepAfter = 10 * time.Second
)

// SealEvents gives at most limit committed events their places in the sequence and
// its tree, signs a checkpoint of them if there are keys, and reports how many came
// to the tree. A log that is not what was sealed before is not sealed onto, which is
// an *audit.BrokenError. It satisfies audit.Store.
//
// All that takes time is done before the transaction that writes: that is made only
// if the head is still what was read, so that whoever seals has sealed alone.
func (l *Ledger) SealEvents(ctx context.Context, limit int, keys *audit.Keys) (int, error) {
	last := l.sealed.Load() // before anything is read: it is never newer than that
	idle := false
	err := l.Look(ctx, func(tx *Tx) (err error) {
		idle, err = tx.nothingToSeal(keys)
		return err
	})
	if err != nil || idle {
		return 0, err
	}
	var s *seal
	if err := l.View(ctx, func(tx *Tx) (err error) {
		s, err = tx.prepareSeal(limit, keys, last)
		return err
	}); err != nil {
		return 0, err
	}
	if s.broken != "" {
		return 0, errors.Join(s.tell(ctx, l), &audit.BrokenError{Why: s.broken})
	}
	if s.after == s.before && s.told == "" { // what waits is not there
		return 0, nil
	}
	if err := l.Update(ctx, s.write); errors.Is(err, errOvertaken) {
		return 0, nil
	} else if err != nil {
		return 0, l.whyUnwritten(ctx, s, err)
	}
	l.sealed.Store(&s.after)
	return s.count, nil
}

// errOvertaken says that another node has sealed since the head was read.
var errOvertaken = errors.New("another node has sealed")

// nothingToSeal reports whether there is nothing to do, with one statement.
func (tx *Tx) nothingToSeal(keys *audit.Keys) (bool, error) {
	var waiting, behind, unsigned, broken int64
	err := tx.row(`SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM audit_pending LIMIT 1) AS first), seq - size, size - checkpoint_size,
		COALESCE(broken_at, 0) FROM audit_head WHERE id = 1`).Scan(&waiting, &behind, &unsigned, &broken)
	return waiting == 0 && behind == 0 && (keys == nil || unsigned == 0) && broken == 0, err
}

// mark is what a head says of the sequence and its tree.
type mark struct {
	seq, size  int64
	edge       string
	checkpoint string
}

func (h head) mark() mark { return mark{h.Seq, h.Size, h.edge, h.Checkpoint} }

// seal is what one transaction adds to the log.
type seal struct {
	before, after  mark
	checkpointSize int64
	count          int
	taken          []pending // that now have their places
	leaves         [][]any   // rows of audit_log
	nodes          [][]any   // rows of audit_nodes
	keep           bool      // the checkpoint
	keys           *audit.Keys
	at             time.Time
	broken         string // why nothing is sealed; "" is well
	told           string // why nothing was sealed the last time
}

// prepareSeal reads what waits and computes what it makes of the tree.
func (tx *Tx) prepareSeal(limit int, keys *audit.Keys, last *mark) (*seal, error) {
	h, err := tx.head()
	if err != nil {
		return nil, err
	}
	f, err := tx.sealFacts()
	if err != nil {
		return nil, err
	}
	s := &seal{
		before: h.mark(), after: h.mark(), checkpointSize: h.CheckpointSize, keys: keys, at: tx.now, told: h.BrokenWhy}
	edge, err := tx.fits(h, f, keys, last)
	var broken *audit.BrokenError
	if errors.As(err, &broken) {
		s.broken = broken.Why
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := tx.grow(s, &edge, limit); err != nil {
		return nil, err
	}
	if s.broken != "" {
		return s, nil
	}
	return s, s.sign(edge, f)
}

// grow adds to the tree what has a number already, and then what waits for one.
func (tx *Tx) grow(s *seal, edge *audit.Edge, limit int) error {
	whole := func(n audit.Node) {
		s.nodes = append(s.nodes, []any{n.Level, n.N, hex.EncodeToString(n.Hash[:])})
	}
	behind := min(s.before.seq-s.before.size, catchUp)
	if behind > 0 {
		missing, err := tx.addNumbered(edge, behind, whole)
		if err != nil || missing != "" {
			s.broken = missing
			return err
		}
	}
	if edge.Size == s.before.seq {
		events, err := all(tx, scanPending, `
			SELECT p.at, p.n, p.event_id, p.leaf,
			       CASE WHEN p.leaf IS NULL THEN (SELECT e.body FROM audit_events e WHERE e.id = p.event_id) END
			  FROM audit_pending p WHERE EXISTS (SELECT 1 FROM audit_events e WHERE e.id = p.event_id)
			 ORDER BY p.at, p.n, p.event_id LIMIT $1`, limit)
		if err != nil {
			return err
		}
		for _, e := range events {
			leaf, err := e.hash()
			if err != nil {
				s.broken = err.Error()
				return nil //nolint:nilerr // it is told, and no failure of the transaction
			}
			edge.Add(leaf, whole)
			s.leaves = append(s.leaves, []any{edge.Size, e.id, hex.EncodeToString(leaf[:])})
		}
		s.taken, s.after.seq = events, edge.Size
	}
	s.count = int(edge.Size - s.before.size)
	s.after.size, s.after.edge = edge.Size, edge.Text()
	return nil
}

// addNumbered adds the leaves of so many events that have a number and are not in the
// tree. Those of a node of an older release are such.
func (tx *Tx) addNumbered(edge *audit.Edge, count int64, whole func(audit.Node)) (missing string, err error) {
	first := edge.Size
	err = each(tx, scanStored, func(s stored) bool {
		leaf, err := s.hash()
		if err != nil || s.n != edge.Size {
			return false
		}
		edge.Add(leaf, whole)
		return true
	}, `SELECT 0, seq - 1, leaf FROM audit_log WHERE seq > $1 AND seq <= $2 ORDER BY seq`, first, first+count)
	if err == nil && edge.Size != first+count {
		return "of event " + decimal(edge.Size+1) + ", which was given its number, the leaf is not there", nil
	}
	return "", err
}

// sign signs a checkpoint of what the tree is now, if there are keys.
func (s *seal) sign(edge audit.Edge, f sealFacts) (err error) {
	if s.keys == nil || s.checkpointSize == edge.Size {
		return nil
	}
	s.after.checkpoint, err = s.keys.Sign(audit.Checkpoint{Size: edge.Size, Root: edge.Root(), Time: s.at})
	s.checkpointSize = edge.Size
	fresh := !f.signed || edge.Size-f.keptSize >= keepEvery || s.at.Sub(f.keptAt) >= keepAfter
	s.keep = edge.Size > f.keptSize && (fresh || !f.knows(s.keys))
	return err
}

// pending is an event that waits for its place in the sequence.
type pending struct {
	at, n      int64
	id         string
	leaf, body sql.NullString // the body only where there is no leaf
}

func scanPending(row scanner) (p pending, err error) {
	return p, row.Scan(&p.at, &p.n, &p.id, &p.leaf, &p.body)
}

// hash is the leaf of the event, as it committed.
func (p pending) hash() (audit.Hash, error) {
	if !p.leaf.Valid {
		return audit.Hash(audit.Leaf([]byte(p.body.String))), nil
	}
	raw, err := hex.DecodeString(p.leaf.String)
	if err != nil || len(raw) != len(audit.Hash{}) {
		return audit.Hash{}, fmt.Errorf("of event %s, which waits to be sealed, the leaf is none", p.id)
	}
	return audit.Hash(raw), nil
}
