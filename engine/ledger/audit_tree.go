package ledger

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/curfew-access/curfew/engine/audit"
)

// HashReader reads the tree as this transaction sees it: of each tile that is asked
// for the whole of it, in two or three queries.
func (tx *Tx) HashReader() audit.Reader { return audit.TileReader(tx.readTiles) }

// readTiles reads what there is of each tile.
func (tx *Tx) readTiles(tiles map[audit.Tile][]audit.Hash) error {
	var leaves, nodes []audit.Tile
	for t := range tiles {
		if t.Level == 0 {
			leaves = append(leaves, t)
		} else {
			nodes = append(nodes, t)
		}
	}
	if err := tx.readLeaves(leaves, tiles); err != nil {
		return err
	}
	return tx.readNodes(nodes, tiles)
}

// stored is a hash as it is stored, with its place. That it is none is not for the
// query to find, whose failure would be that of the transaction.
type stored struct {
	level int
	n     int64
	text  string
}

func scanStored(row scanner) (s stored, err error) { return s, row.Scan(&s.level, &s.n, &s.text) }

func (s stored) hash() (h audit.Hash, err error) {
	raw, err := hex.DecodeString(s.text)
	if err != nil || len(raw) != len(h) {
		return h, fmt.Errorf("%w: %q, number %d of level %d, is not a hash", audit.ErrTree, s.text, s.n, s.level)
	}
	return audit.Hash(raw), nil
}

// readLeaves reads tiles of leaves: from the log, or, when their events are not kept
// any more, as they were put away.
func (tx *Tx) readLeaves(of []audit.Tile, into map[audit.Tile][]audit.Hash) error {
	if len(of) == 0 {
		return nil
	}
	var w, away where
	var runs, numbers []string
	for _, t := range of {
		first := t.N * audit.TileWidth
		runs = append(runs, `seq BETWEEN `+w.bind(first+1)+` AND `+w.bind(first+audit.TileWidth))
		numbers = append(numbers, away.bind(t.N))
	}
	err := gather(tx, into, `SELECT 0, seq - 1, leaf FROM audit_log WHERE `+strings.Join(runs, ` OR `)+` ORDER BY seq`, w.args...)
	if err != nil {
		return err
	}
	var fault error
	err = each(tx, scanTile, func(t putAway) bool {
		into[audit.Tile{Level: 0, N: t.n}], fault = t.hashes()
		return fault == nil
	}, `SELECT n, leaves FROM audit_tiles WHERE n IN (`+strings.Join(numbers, `, `)+`)`, away.args...)
	return errors.Join(fault, err)
}

// readNodes reads tiles of the levels above.
func (tx *Tx) readNodes(of []audit.Tile, into map[audit.Tile][]audit.Hash) error {
	if len(of) == 0 {
		return nil
	}
	var w where
	var runs []string
	for _, t := range of {
		first := t.N * audit.TileWidth
		runs = append(runs, `level = `+w.bind(t.Level)+` AND n BETWEEN `+w.bind(first)+` AND `+w.bind(first+audit.TileWidth-1))
	}
	return gather(tx, into, `SELECT level, n, hash FROM audit_nodes WHERE `+strings.Join(runs, ` OR `)+` ORDER BY level, n`, w.args...)
}

// gather puts the hashes of a query, which come in order, into their tiles.
func gather(tx *Tx, into map[audit.Tile][]audit.Hash, query string, args ...any) error {
	var fault error
	err := each(tx, scanStored, func(s stored) bool {
		t := audit.TileOf(s.level, s.n)
		if want := t.N*audit.TileWidth + int64(len(into[t])); s.n != want {
			fault = fmt.Errorf("%w: hash number %d of level %d is missing", audit.ErrTree, want, s.level)
			return false
		}
		h, err := s.hash()
		into[t], fault = append(into[t], h), err
		return err == nil
	}, query, args...)
	return errors.Join(fault, err)
}

// putAway is a tile of leaves whose events are not kept any more.
type putAway struct {
	n      int64
	leaves string
}

func scanTile(row scanner) (t putAway, err error) { return t, row.Scan(&t.n, &t.leaves) }

func (t putAway) hashes() (out []audit.Hash, err error) {
	raw, err := base64.StdEncoding.DecodeString(t.leaves)
	if err != nil || len(raw) != audit.TileWidth*audit.HashSize {
		return nil, fmt.Errorf("%w: tile %d is not of %d leaves", audit.ErrTree, t.n, audit.TileWidth)
	}
	for ; len(raw) > 0; raw = raw[audit.HashSize:] {
		out = append(out, audit.Hash(raw[:audit.HashSize]))
	}
	return out, nil
}
