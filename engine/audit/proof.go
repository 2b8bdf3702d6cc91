package audit

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Reader reads hashes of whole subtrees, numbered as tlog.StoredHashIndex numbers
// them. A ledger's transaction has one.
type Reader = tlog.HashReader

// LeafIndex is where a Reader has the leaf of event number seq.
func LeafIndex(seq int64) int64 { return tlog.StoredHashIndex(0, seq-1) }

// ErrProof says that a proof does not hold: what it is of is not in the log, or the
// log is not the one that it was.
var ErrProof = errors.New("the proof does not hold")

// ProveInclusion proves that event number seq, of 1 and up, is in the tree of size.
func ProveInclusion(r Reader, size, seq int64) ([]Hash, error) {
	if seq < 1 || seq > size {
		return nil, fmt.Errorf("event %d is not in a tree of %d", seq, size)
	}
	return tlog.ProveRecord(size, seq-1, r)
}

// CheckInclusion checks what ProveInclusion proved, of the event whose leaf it is.
func CheckInclusion(proof []Hash, size int64, root Hash, seq int64, leaf Hash) error {
	if seq < 1 || seq > size {
		return fmt.Errorf("event %d is not in a tree of %d: %w", seq, size, ErrProof)
	}
	if err := tlog.CheckRecord(proof, size, root, seq-1, leaf); err != nil {
		return fmt.Errorf("event %d in the tree of %d: %w", seq, size, ErrProof)
	}
	return nil
}

// ProveConsistency proves that the tree of size to begins with the tree of size from.
// Every tree begins with that of nothing: this takes no hash.
func ProveConsistency(r Reader, from, to int64) ([]Hash, error) {
	if from < 0 || from > to {
		return nil, fmt.Errorf("a tree of %d does not begin with one of %d", to, from)
	}
	if from == 0 {
		return []Hash{}, nil
	}
	return tlog.ProveTree(to, from, r)
}

// CheckConsistency checks what ProveConsistency proved.
func CheckConsistency(proof []Hash, from int64, fromRoot Hash, to int64, toRoot Hash) error {
	failed := fmt.Errorf("the tree of %d as the beginning of that of %d: %w", from, to, ErrProof)
	if from == 0 {
		if len(proof) > 0 || fromRoot != (Edge{}).Root() || to < 0 || to == 0 && toRoot != fromRoot {
			return failed
		}
		return nil
	}
	if from < 0 || from > to || tlog.CheckTree(proof, to, toRoot, from, fromRoot) != nil {
		return failed
	}
	return nil
}

// EdgeAt is the right edge that the tree had at a size.
func EdgeAt(r Reader, size int64) (Edge, error) {
	if size < 0 {
		return Edge{}, fmt.Errorf("%d is not the size of a tree", size)
	}
	var indexes []int64
	for level, done := 62, int64(0); level >= 0; level-- {
		if size&(1<<level) == 0 {
			continue
		}
		indexes = append(indexes, tlog.StoredHashIndex(level, done>>level))
		done += 1 << level
	}
	if len(indexes) == 0 {
		return Edge{}, nil
	}
	peaks, err := r.ReadHashes(indexes)
	if err != nil {
		return Edge{}, err
	}
	return Edge{Size: size, Peaks: peaks}, nil
}

// RootAt is the root that the tree had at a size.
func RootAt(r Reader, size int64) (Hash, error) {
	edge, err := EdgeAt(r, size)
	if err != nil {
		return Hash{}, err
	}
	return edge.Root(), nil
}
