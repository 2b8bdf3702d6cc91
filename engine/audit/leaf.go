package audit

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// LeafAt is the leaf of event number seq, as the tree has it: also of one that is not
// kept any more.
func LeafAt(r Reader, seq int64) (Hash, error) {
	if seq < 1 {
		return Hash{}, fmt.Errorf("there is no event %d", seq)
	}
	leaves, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, seq-1)})
	if err != nil {
		return Hash{}, err
	}
	return leaves[0], nil
}

// CheckTile checks that the leaves are those of a whole tile of the tree.
func CheckTile(r Reader, n int64, leaves []Hash) error {
	var tile Edge
	for _, leaf := range leaves {
		tile.Add(leaf, nil)
	}
	if tile.Size != TileWidth {
		return fmt.Errorf("tile %d has %d leaves, not %d", n, len(leaves), TileWidth)
	}
	stored, err := r.ReadHashes([]int64{tlog.StoredHashIndex(TileHeight, n)})
	if err != nil {
		return err
	}
	if tile.Root() != stored[0] {
		return fmt.Errorf("the leaves of the events %d to %d are not those of the tree: %w", n*TileWidth+1, (n+1)*TileWidth, ErrProof)
	}
	return nil
}

// TileText is the leaves of a tile as a ledger stores them.
func TileText(leaves []Hash) string {
	raw := make([]byte, 0, len(leaves)*tlog.HashSize)
	for _, leaf := range leaves {
		raw = append(raw, leaf[:]...)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
