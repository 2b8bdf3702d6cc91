package chaos

import (
	"encoding/hex"
	"fmt"

	"github.com/curfew-access/curfew/engine/audit"
)

// checkTree: whatever was killed while it sealed, each checkpoint that is kept is
// signed, its root is that of the events up to its size, and the newest has them all
// (G4).
func checkTree(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	roots, err := rootsOf(x.Ledger.Log)
	if err != nil {
		v.add(nil, "%v", err)
		return v.found
	}
	newest := int64(-1)
	for _, signed := range x.Ledger.Checkpoints {
		c, err := audit.OpenCheckpoint(signed, x.Key)
		switch {
		case err != nil:
			v.add([]string{signed}, "a checkpoint does not open: %v", err)
			continue
		case c.Size >= int64(len(roots)):
			v.add([]string{signed}, "a checkpoint is of %d events, and there are %d", c.Size, len(roots)-1)
		case roots[c.Size] != c.Root:
			v.add([]string{signed}, "the root of the checkpoint of %d events is not that of the events", c.Size)
		}
		newest = c.Size
	}
	if newest != int64(len(roots)-1) {
		v.add(nil, "the newest checkpoint is of %d events, and there are %d", newest, len(roots)-1)
	}
	return v.found
}

// rootsOf is the root of the tree at each size.
func rootsOf(log []Entry) ([]audit.Hash, error) {
	var edge audit.Edge
	roots := []audit.Hash{edge.Root()}
	for _, entry := range log {
		leaf, err := hex.DecodeString(entry.Leaf)
		if err != nil || len(leaf) != len(audit.Hash{}) {
			return nil, fmt.Errorf("the leaf of event %d is %q", entry.Seq, entry.Leaf)
		}
		edge.Add(audit.Hash(leaf), nil)
		roots = append(roots, edge.Root())
	}
	return roots, nil
}

// checkSink: the sink has every event, and first got each after all that were sealed
// before it. It may get one again, as it was.
func checkSink(x *index) []Violation {
	v := verdict{guarantee: "G4"}
	place := map[string]int{}
	for i, entry := range x.Ledger.Log {
		place[entry.Body] = i
	}
	next := 0
	for _, body := range x.Sunk {
		at, sealed := place[body]
		switch {
		case !sealed:
			v.add([]string{body}, "the sink got an event that is not in the audit log")
		case at > next:
			v.add([]string{body}, "the sink got event %d when it had those up to %d", at+1, next)
		case at == next:
			next++
		}
	}
	if next != len(x.Ledger.Log) {
		v.add(nil, "the sink has the events up to %d, and there are %d", next, len(x.Ledger.Log))
	}
	return v.found
}
