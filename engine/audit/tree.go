package audit

import (
	"encoding/base64"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a hash of the tree: RFC 6962, SHA-256. Its JSON is standard base64.
type Hash = tlog.Hash

// TileHeight is how many levels of the tree lie between those that are stored: the
// leaves, and of each whole tile of 2^TileHeight neighbours their common hash. What
// is between them is computed from the one tile that is read.
const TileHeight = 8

// TileWidth is how many hashes a whole tile has.
const TileWidth = 1 << TileHeight

// Node is the hash of a whole subtree: of the events n<<level to (n+1)<<level, the
// first event being number 0 of the tree.
type Node struct {
	Level int
	N     int64
	Hash  Hash
}

// Edge is the right edge of a tree: all that is needed of it to grow, and to know
// its root. The zero value is the tree without events. It is RFC 6962's tree, as
// golang.org/x/mod/sumdb/tlog computes it.
type Edge struct {
	Size int64
	// Peaks are the hashes of the whole subtrees that the tree consists of, the
	// largest, leftmost, first: one for each bit of Size that is set.
	Peaks []Hash
}

// Add appends a leaf. Nodes that are stored, because a tile became whole with it,
// are given to whole, which may be nil.
func (e *Edge) Add(leaf Hash, whole func(Node)) {
	h, level := leaf, 0
	for n := e.Size; n&1 == 1; n >>= 1 {
		last := len(e.Peaks) - 1
		h = tlog.NodeHash(e.Peaks[last], h)
		e.Peaks = e.Peaks[:last]
		level++
		if level%TileHeight == 0 && whole != nil {
			whole(Node{Level: level, N: n >> 1, Hash: h})
		}
	}
	e.Peaks = append(e.Peaks, h)
	e.Size++
}

// Root is the hash of the whole tree. That of a tree without events is tlog's for
// it, the hash of nothing at all.
func (e Edge) Root() Hash {
	if len(e.Peaks) == 0 {
		root, _ := tlog.TreeHash(0, nil) // it reads nothing
		return root
	}
	root := e.Peaks[len(e.Peaks)-1]
	for i := len(e.Peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(e.Peaks[i], root)
	}
	return root
}

// Clone returns an edge that grows by itself.
func (e Edge) Clone() Edge {
	e.Peaks = append([]Hash(nil), e.Peaks...)
	return e
}

// Text is the edge as a ledger stores it, without its size.
func (e Edge) Text() string {
	raw := make([]byte, 0, len(e.Peaks)*tlog.HashSize)
	for _, h := range e.Peaks {
		raw = append(raw, h[:]...)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// ParseEdge reads what Text wrote of an edge of that size.
func ParseEdge(size int64, text string) (Edge, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || size < 0 || len(raw) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return Edge{}, fmt.Errorf("this is not the edge of a tree of %d", size)
	}
	e := Edge{Size: size}
	for ; len(raw) > 0; raw = raw[tlog.HashSize:] {
		e.Peaks = append(e.Peaks, Hash(raw[:tlog.HashSize]))
	}
	return e, nil
}
