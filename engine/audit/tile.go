package audit

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// HashSize is how many bytes a hash has.
const HashSize = tlog.HashSize

// ErrTree says that what is stored of a tree can not be what was sealed.
var ErrTree = errors.New("the tree of the audit log does not hold")

// Tile is the n-th run of TileWidth hashes of a level that is stored: the leaves,
// level 0, or of a level above them the hashes of whole tiles of the one beneath.
type Tile struct {
	Level int
	N     int64
}

// TileOf is the tile that holds a stored hash.
func TileOf(level int, n int64) Tile { return Tile{level, n / TileWidth} }

// tiled reads hashes from tiles.
type tiled func(map[Tile][]Hash) error

// TileReader is the Reader of a tree that is stored in tiles. read fills in what
// there is of each tile that is a key.
func TileReader(read func(map[Tile][]Hash) error) Reader { return tiled(read) }

// ReadHashes satisfies Reader. What is between the levels that are stored it computes.
func (read tiled) ReadHashes(indexes []int64) ([]Hash, error) {
	tiles := map[Tile][]Hash{}
	for _, index := range indexes {
		tiles[tileAt(index)] = nil
	}
	if err := read(tiles); err != nil {
		return nil, err
	}
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		h, err := within(tiles[tileAt(index)], index)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}

// tileAt is the tile that a hash is in, or is computed from.
func tileAt(index int64) Tile {
	level, n := tlog.SplitStoredHashIndex(index)
	above := level % TileHeight
	return Tile{level - above, n >> (TileHeight - above)}
}

// within computes a hash of a subtree from the hashes of its tile that are there.
func within(hashes []Hash, index int64) (Hash, error) {
	level, n := tlog.SplitStoredHashIndex(index)
	above := level % TileHeight
	width := int64(1) << above
	first := n << above % TileWidth
	if first+width > int64(len(hashes)) {
		return Hash{}, fmt.Errorf("%w: there are not all hashes of the events %d to %d", ErrTree, n<<level+1, (n+1)<<level)
	}
	var edge Edge
	for _, h := range hashes[first : first+width] {
		edge.Add(h, nil)
	}
	return edge.Root(), nil
}
