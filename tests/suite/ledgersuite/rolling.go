package ledgersuite

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// olderSealerBeside: during an upgrade a node of the release before, which knows of no
// tree, seals at the same time. The tree catches up with what it sealed, and that is
// never taken for a change by somebody.
func olderSealerBeside(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	var writers, sealers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range 60 {
				f.events(2)
			}
		})
	}
	done := make(chan struct{})
	until := func(seal func() error) {
		for {
			if err := seal(); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}
	older := 0
	sealers.Go(func() {
		until(func() error {
			n, err := f.sealAsBefore(7)
			older += n
			return err
		})
	})
	sealers.Go(func() {
		until(func() error {
			_, err := f.l.SealEvents(t.Context(), 11, keys)
			return err
		})
	})
	writers.Wait()
	close(done)
	sealers.Wait()
	f.events(3)
	n, err := f.sealAsBefore(100)
	f.must(err)
	if older += n; older == 0 {
		t.Fatal("the older node sealed nothing")
	}
	f.seal(f.l, keys)
	if h := f.head(); h.Seq != 243 || h.Size != h.Seq || h.BrokenAt != nil {
		t.Fatalf("the head is %+v; want all of 243 events in the tree", h)
	}
	f.wantRoot(f.tree(), 243, keys)
}

// sealAsBefore seals at most limit events, as schema version 14 did.
func (f *fixture) sealAsBefore(limit int) (sealed int, err error) {
	ctx := f.t.Context()
	err = f.db.Update(ctx, func(q ledger.Querier) error {
		last := 0
		if err := q.QueryRowContext(ctx, `UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq`).Scan(&last); err != nil {
			return err
		}
		rows, err := q.QueryContext(ctx, `SELECT e.id, e.body FROM audit_pending p JOIN audit_events e ON e.id = p.event_id
			ORDER BY p.at, p.n, p.event_id LIMIT $1`, limit)
		if err != nil {
			return err
		}
		var leaves, ids []string
		if leaves, ids, err = numberedRows(rows, last); err != nil || len(ids) == 0 {
			return err
		}
		for _, text := range []string{
			`INSERT INTO audit_log (seq, event_id, leaf) VALUES ` + strings.Join(leaves, ", "),
			`DELETE FROM audit_pending WHERE event_id IN (` + strings.Join(ids, ", ") + `)`,
			fmt.Sprintf(`UPDATE audit_head SET seq = %d WHERE id = 1`, last+len(ids)),
		} {
			if _, err := q.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		sealed = len(ids)
		return nil
	})
	return sealed, err
}

// numberedRows gives numbers behind last to events.
func numberedRows(rows *sql.Rows, last int) (leaves, ids []string, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, body string
		if err := rows.Scan(&id, &body); err != nil {
			return nil, nil, err
		}
		last++
		leaves = append(leaves, fmt.Sprintf("(%d, '%s', '%s')", last, id, hex.EncodeToString(audit.Leaf([]byte(body)))))
		ids = append(ids, "'"+id+"'")
	}
	return leaves, ids, rows.Err()
}
