package audit_test

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/audit"
)

// tiles are a tree as a ledger stores it: leaves, and the nodes of whole tiles.
type tiles map[audit.Tile][]audit.Hash

func (s tiles) reader() audit.Reader {
	return audit.TileReader(func(of map[audit.Tile][]audit.Hash) error {
		for t := range of {
			of[t] = s[t]
		}
		return nil
	})
}

// grown is a tree of so many leaves, as tlog keeps it and in tiles.
func grown(t *testing.T, size int64) (whole stored, tiled tiles) {
	t.Helper()
	tiled = tiles{}
	put := func(n audit.Node) {
		at := audit.TileOf(n.Level, n.N)
		tiled[at] = append(tiled[at], n.Hash)
	}
	var edge audit.Edge
	for n := range size {
		leaf := audit.Hash(audit.Leaf(fmt.Append(nil, n)))
		put(audit.Node{Level: 0, N: n, Hash: leaf})
		edge.Add(leaf, put)
		whole.add(t, n, leaf)
	}
	return whole, tiled
}

func TestProofsFromTilesAreThoseOfTheTransparencyLog(t *testing.T) {
	const size = 65_800
	whole, tiled := grown(t, size)
	r := tiled.reader()
	sizes := []int64{65_535, 65_536, 65_537, size}
	for n := int64(1); n <= 600; n++ {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		root, err := audit.RootAt(r, n)
		want, wantErr := tlog.TreeHash(n, whole)
		if err != nil || wantErr != nil || root != want {
			t.Fatalf("the root at %d is %s, want %s (%v, %v)", n, root, want, err, wantErr)
		}
		for _, seq := range []int64{1, n/2 + 1, n} {
			proof, err := audit.ProveInclusion(r, n, seq)
			if err != nil || tlog.CheckRecord(proof, n, want, seq-1, whole[audit.LeafIndex(seq)]) != nil {
				t.Fatalf("the proof of event %d of %d is %v (%v)", seq, n, proof, err)
			}
		}
		for _, from := range []int64{1, n/2 + 1, n} {
			before, _ := tlog.TreeHash(from, whole)
			proof, err := audit.ProveConsistency(r, from, n)
			if err != nil || tlog.CheckTree(proof, n, want, from, before) != nil {
				t.Fatalf("the proof that the tree of %d begins that of %d is %v (%v)", from, n, proof, err)
			}
		}
	}
}

func TestProofsOfWhatIsNotThereAreRefused(t *testing.T) {
	whole, tiled := grown(t, 300)
	r := tiled.reader()
	root := func(n int64) audit.Hash {
		h, err := tlog.TreeHash(n, whole)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for name, err := range map[string]error{
		"an event before the first":   second(audit.ProveInclusion(r, 300, 0)),
		"an event after the last":     second(audit.ProveInclusion(r, 300, 301)),
		"a tree larger than there is": second(audit.ProveInclusion(r, 301, 1)),
		"a root of more than all":     second(audit.RootAt(r, 301)),
		"a root of less than nothing": second(audit.RootAt(r, -1)),
		"a tree that shrinks":         second(audit.ProveConsistency(r, 300, 299)),
		"a tree of less than nothing": second(audit.ProveConsistency(r, -1, 299)),
		"no tree of no size":          audit.CheckInclusion(nil, 0, root(0), 0, audit.Hash{}),
		"another event":               audit.CheckInclusion(first(audit.ProveInclusion(r, 300, 7)), 300, root(300), 8, whole[audit.LeafIndex(8)]),
		"another tree at the end":     audit.CheckConsistency(first(audit.ProveConsistency(r, 7, 300)), 7, root(7), 300, root(299)),
		"another tree before":         audit.CheckConsistency(first(audit.ProveConsistency(r, 7, 300)), 7, root(8), 300, root(300)),
		"a beginning with something":  audit.CheckConsistency(nil, 0, root(1), 300, root(300)),
		"a proof that begins nothing": audit.CheckConsistency([]audit.Hash{{}}, 0, root(0), 300, root(300)),
		"an end before the beginning": audit.CheckConsistency(nil, 300, root(300), 299, root(299)),
	} {
		if err == nil {
			t.Errorf("%s is proved", name)
		}
	}
	if err := audit.CheckConsistency(nil, 0, root(0), 300, root(300)); err != nil {
		t.Errorf("every tree begins with that of nothing: %v", err)
	}
	if err := audit.CheckInclusion(nil, 300, root(300), 7, whole[0]); !errors.Is(err, audit.ErrProof) {
		t.Errorf("what does not hold is %v", err)
	}
}

func first[A, B any](a A, _ B) A { return a }

func second[A, B any](_ A, b B) B { return b }
