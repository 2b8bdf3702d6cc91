package engine

import (
	"context"
	"iter"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const (
	// maxSince is how many sizes a proof leads from or to, beside its own.
	maxSince = 16
	// maxMarks is about how many signed checkpoints a proof has between its ends.
	maxMarks = 2048
	// leafPage is how many leaves are read at once: whole tiles of the tree.
	leafPage = 16 * audit.TileWidth
)

// beginProof makes the first line of a proof.
func (x *Export) beginProof(tx *ledger.Tx, head ledger.AuditHead) error {
	if len(x.filter.Since) > maxSince {
		return access.Invalid("invalid_since", "", "since is at most %d sizes, not %d", maxSince, len(x.filter.Since))
	}
	end, err := x.engine.treeAt(tx, head, "through", max(x.Through, 1)) // nothing is proved by any tree
	if err != nil {
		return err
	}
	if end.note == nil {
		if end, err = x.engine.treeAt(tx, head, "through", head.CheckpointSize); err != nil {
			return err
		}
	}
	r := tx.HashReader()
	edge, err := audit.EdgeAt(r, x.After)
	if err != nil {
		return err
	}
	h := audit.ProofHeader{
		Origin: x.engine.auditKeys.Origin(), After: x.After, Through: x.Through, Edge: edge.Peaks, Checkpoint: *end.note,
	}
	if h.Consistency, err = x.leads(r, head, end.size); err != nil {
		return err
	}
	if h.Checkpoints, err = x.marks(tx); err != nil {
		return err
	}
	x.header, err = h.Line()
	return err
}

// leads is what leads from the ends of the export to trees beyond them: to that of the
// checkpoint, and to those that whoever asks has kept checkpoints of.
func (x *Export) leads(r audit.Reader, head ledger.AuditHead, signed int64) (all []audit.Consistency, err error) {
	sizes := slices.Clone(x.filter.Since)
	if signed != x.Through {
		sizes = append(sizes, signed)
	}
	for _, size := range sizes {
		if size < 0 || size > head.Size {
			return nil, access.Invalid("invalid_since", "", "since is the size of a tree, 0 to %d, not %d", head.Size, size)
		}
		from, to := size, x.After
		switch {
		case size > x.Through:
			from, to = x.Through, size
		case size >= x.After:
			continue // the leaves themselves lead there
		}
		c := audit.Consistency{From: from, To: to, Proof: []audit.Hash{}}
		if c.Proof, err = audit.ProveConsistency(r, from, to); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// marks are signed checkpoints that are kept, of sizes within the export: of very many
// some, all over it.
func (x *Export) marks(tx *ledger.Tx) (notes []string, err error) {
	step := max((x.Through-x.After)/maxMarks, 1)
	next := x.After
	for last := x.After - 1; ; { // a checkpoint of its very beginning is a mark, too
		some, err := tx.Checkpoints(max(last, next-1), int(max(exportPage/step, 1))) // those in between are not wanted
		if err != nil || len(some) == 0 {
			return notes, err
		}
		for _, c := range some {
			if c.Size >= x.Through {
				return notes, nil
			}
			if last = c.Size; c.Size >= next {
				notes, next = append(notes, c.Note), c.Size+step
			}
		}
	}
}

// proofPages are the first line, and then the leaves, in lines.
func (x *Export) proofPages(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := append([]byte(nil), x.header...)
		for after := x.After; after < x.Through; {
			through := min(x.Through, (after/leafPage+1)*leafPage)
			leaves, err := x.leaves(ctx, after, through)
			if err != nil {
				yield(nil, err)
				return
			}
			for line := range slices.Chunk(leaves, audit.TileWidth) {
				buf = audit.AppendLeaves(buf, line)
			}
			if after = through; !yield(buf, nil) {
				return
			}
			buf = buf[:0]
		}
		if len(buf) > 0 {
			yield(buf, nil)
		}
	}
}

// leaves reads those of events, also of events that are not kept any more.
func (x *Export) leaves(ctx context.Context, after, through int64) (leaves []audit.Hash, err error) {
	err = x.engine.ledger.View(ctx, func(tx *ledger.Tx) error {
		leaves, err = tx.Leaves(after, through)
		return err
	})
	return leaves, err
}
