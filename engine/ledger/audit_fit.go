package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
)

// sealFacts is what the log's tables say of where it has got to, beside its head.
type sealFacts struct {
	lastSeq  sql.NullInt64 // the highest number in audit_log
	lastTile sql.NullInt64 // the last whole tile in audit_nodes
	keptSize int64         // of the newest checkpoint that is kept
	keptAt   time.Time
	signed   bool     // whether any is kept
	signers  []string // the verifiers of the keys that signed
}

func (tx *Tx) sealFacts() (f sealFacts, err error) {
	var size, at sql.NullInt64
	err = tx.row(`SELECT (SELECT MAX(seq) FROM audit_log), (SELECT MAX(n) FROM audit_nodes WHERE level = $1),
		(SELECT MAX(size) FROM audit_checkpoints), (SELECT at FROM audit_checkpoints ORDER BY size DESC LIMIT 1)`, audit.TileHeight).
		Scan(&f.lastSeq, &f.lastTile, &size, &at)
	if err != nil {
		return f, err
	}
	f.signed, f.keptSize, f.keptAt = size.Valid, size.Int64, fromMicros(at.Int64)
	f.signers, err = all(tx, scanText, `SELECT verifier FROM audit_keys`)
	return f, err
}

// knows reports whether all of the keys have signed before.
func (f sealFacts) knows(keys *audit.Keys) bool {
	for _, verifier := range keys.Verifiers() {
		if !slices.Contains(f.signers, verifier) {
			return false
		}
	}
	return true
}

// fits returns the tree's edge if the log can be what was sealed before, and an
// *audit.BrokenError that says why it can not.
//
// What proves is the signature, by a key that the configuration names: the keys that
// the ledger itself lists were written by whoever wrote the rest. Without keys there
// is only what this process remembers, and whether the tables agree. That events
// themselves are unchanged is for those to find who verify: only the tree is looked
// at here, and as little of it as says whether it goes on where it stopped.
func (tx *Tx) fits(h head, f sealFacts, keys *audit.Keys, last *mark) (audit.Edge, error) {
	edge, err := audit.ParseEdge(h.Size, h.edge)
	if err != nil || h.Size > h.Seq {
		return edge, broken("its head says that %d events are in the tree of %d, and holds another tree", h.Size, h.Seq)
	}
	if have := max(f.lastSeq.Int64, h.Removed); have != h.Seq {
		return edge, broken("its last event is number %d, and its head says %d", have, h.Seq)
	}
	if have := f.tiles(); have != h.Size/audit.TileWidth {
		return edge, broken("its tree has %d whole tiles, and its head says %d", have, h.Size/audit.TileWidth)
	}
	if last != nil && *last == h.mark() {
		return edge, nil
	}
	if last != nil && (h.Size < last.size || h.Size == last.size && h.edge != last.edge) {
		return edge, broken("%d events were sealed, and now its head says %d. If a backup was restored on purpose, restart the gateway",
			last.size, h.Size)
	}
	return edge, tx.goesOn(h, f, edge, keys, last)
}

func (f sealFacts) tiles() int64 {
	if !f.lastTile.Valid {
		return 0
	}
	return f.lastTile.Int64 + 1
}

// goesOn checks a head that this process has not written.
func (tx *Tx) goesOn(h head, f sealFacts, edge audit.Edge, keys *audit.Keys, last *mark) error {
	signed, err := newest(h, f, keys)
	if err != nil {
		return err
	}
	if signed != nil && signed.Size == h.Size && last != nil {
		return sameRoot(edge.Root(), *signed)
	}
	stored, err := audit.EdgeAt(tx.HashReader(), h.Size)
	if err == nil && stored.Text() != h.edge {
		err = broken("the tree of its head is not that of its leaves")
	}
	if err == nil && signed != nil {
		err = tx.beganWith(*signed)
	}
	if err == nil && last != nil {
		err = tx.wentOnFrom(*last)
	}
	if errors.Is(err, audit.ErrTree) {
		err = broken("%s", err)
	}
	return err
}

// beganWith checks that the tree, when it had that size, was what was signed.
func (tx *Tx) beganWith(signed audit.Checkpoint) error {
	root, err := audit.RootAt(tx.HashReader(), signed.Size)
	if err != nil {
		return err
	}
	return sameRoot(root, signed)
}

// wentOnFrom checks that the tree, when it had that size, was what this process saw.
// What is signed may be of less.
func (tx *Tx) wentOnFrom(last mark) error {
	edge, err := audit.EdgeAt(tx.HashReader(), last.size)
	if err == nil && edge.Text() != last.edge {
		err = broken("its tree of %d events is not the one that was sealed", last.size)
	}
	return err
}

func sameRoot(root audit.Hash, signed audit.Checkpoint) error {
	if root != signed.Root {
		return broken("its tree of %d events is not the one that was signed", signed.Size)
	}
	return nil
}

// newest opens the newest checkpoint; nil is that there is none, or no key to open it
// with.
func newest(h head, f sealFacts, keys *audit.Keys) (*audit.Checkpoint, error) {
	if keys == nil {
		return nil, nil //nolint:nilnil // there is nothing to be seen, and that is no failure
	}
	if h.Checkpoint == "" {
		if f.signed || len(f.signers) > 0 || h.CheckpointSize != 0 {
			return nil, broken("its newest checkpoint is gone")
		}
		return nil, nil //nolint:nilnil // the first key has not signed yet
	}
	c, err := keys.Open(h.Checkpoint)
	switch {
	case errors.Is(err, audit.ErrUnknownKey):
		return nil, broken("its newest checkpoint is signed by none of the keys that are configured. " +
			"Put the key that was in use before under audit.previous_keys; if it is lost, its verifier key will do")
	case err != nil:
		return nil, broken("%s", err)
	case c.Origin != keys.Origin():
		return nil, broken("its newest checkpoint is of the log %s, and the keys are of %s", c.Origin, keys.Origin())
	case c.Size != h.CheckpointSize || c.Size > h.Size:
		return nil, broken("its newest checkpoint is of %d events, and its head says %d", c.Size, h.Size)
	case c.Size < f.keptSize:
		return nil, broken("its newest checkpoint is of %d events, and one of %d is kept", c.Size, f.keptSize)
	}
	return &c, nil
}

func broken(format string, args ...any) error {
	return &audit.BrokenError{Why: fmt.Sprintf(format, args...)}
}
