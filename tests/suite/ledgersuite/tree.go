package ledgersuite

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// signingKey makes keys of the log that these tests are about.
func signingKey(t *testing.T) string {
	t.Helper()
	signing, _, err := audit.NewKey(rand.Reader, "curfew.example.com/audit")
	if err != nil {
		t.Fatal(err)
	}
	return signing
}

func keysOf(t *testing.T, signing ...string) *audit.Keys {
	t.Helper()
	keys, err := audit.NewKeys(signing...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// events commits so many.
func (f *fixture) events(n int) {
	f.t.Helper()
	for n > 0 {
		f.update(func(tx *ledger.Tx) (err error) {
			for range min(n, 100) {
				err = errors.Join(err, tx.Append(audit.Event{Type: "planted"}))
				n--
			}
			return err
		})
	}
}

func (f *fixture) seal(l *ledger.Ledger, keys *audit.Keys) {
	f.t.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = l.SealEvents(f.t.Context(), 300, keys)
		f.must(err)
	}
}

func (f *fixture) head() (h ledger.AuditHead) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) (err error) {
		h, err = tx.AuditHead()
		return err
	})
	return h
}

// logged is the tree of what is sealed, of which audit's own tests say that it is the
// one of the transparency log: its leaves, and its root at every size.
type logged struct {
	leaves, roots []audit.Hash
	edge          audit.Edge
}

func (l *logged) add(leaf audit.Hash) {
	if len(l.roots) == 0 {
		l.roots = append(l.roots, l.edge.Root())
	}
	l.edge.Add(leaf, nil)
	l.leaves, l.roots = append(l.leaves, leaf), append(l.roots, l.edge.Root())
}

// tree computes the tree of what is sealed from the bodies of the events.
func (f *fixture) tree() (tree logged) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.Sealed(0, 1<<40, 100_000)
		for i, e := range events {
			leaf := audit.Leaf(e.Body)
			if e.Seq != int64(i)+1 || e.Leaf != hex.EncodeToString(leaf) {
				f.t.Fatalf("event %d is number %d, with the leaf %s", i+1, e.Seq, e.Leaf)
			}
			tree.add(audit.Hash(leaf))
		}
		return err
	})
	return tree
}

func treeIsThatOfLeaves(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	for _, n := range []int{1, 1, 5, 243, 6, 1, 255, 90} {
		f.events(n)
		f.seal(f.l, keys)
	}
	tree, size := f.tree(), f.head().Size
	f.view(func(tx *ledger.Tx) error {
		r, roots := tx.HashReader(), tree.roots
		for n, want := range roots {
			if root, err := audit.RootAt(r, int64(n)); err != nil || root != want {
				t.Fatalf("the root at %d is %s, want %s (%v)", n, root, want, err)
			}
		}
		for _, n := range []int64{1, 2, 255, 256, 257, 258, 512, 600, size} {
			f.must(provesInclusion(r, tree, n))
			for _, from := range []int64{0, 1, 255, 256, 300, n} {
				if from > n {
					continue
				}
				proof, err := audit.ProveConsistency(r, from, n)
				if err := errors.Join(err, audit.CheckConsistency(proof, from, roots[from], n, roots[n])); err != nil {
					t.Error(err)
				}
				if from < n && audit.CheckConsistency(proof, from, roots[from+1], n, roots[n]) == nil {
					t.Errorf("the tree of %d begins with another than that of %d", n, from)
				}
			}
		}
		_, err := audit.RootAt(r, size+1)
		if err == nil {
			t.Error("there is a root of more than is sealed")
		}
		return nil
	})
	if h := f.head(); h.Seq != size || h.Edge.Size != size || h.CheckpointSize != size {
		t.Errorf("the head is %+v, want all of it at %d", h, size)
	}
}

// provesInclusion proves events at the seams of a tree of size.
func provesInclusion(r audit.Reader, tree logged, size int64) error {
	for _, seq := range []int64{1, 2, 128, 256, 257, size} {
		if seq > size {
			continue
		}
		leaf, root := tree.leaves[seq-1], tree.roots[size]
		proof, err := audit.ProveInclusion(r, size, seq)
		if err := errors.Join(err, audit.CheckInclusion(proof, size, root, seq, leaf)); err != nil {
			return err
		}
		leaf[0] ^= 1
		if err := audit.CheckInclusion(proof, size, root, seq, leaf); !errors.Is(err, audit.ErrProof) {
			return fmt.Errorf("another event as number %d: %w", seq, err)
		}
	}
	return nil
}

// checkpointsOfSeals looks at what is signed, what of it is kept, and who signed.
func checkpointsOfSeals(t *testing.T, f *fixture) {
	f.events(3)
	f.seal(f.l, nil)
	if h := f.head(); h.Size != 3 || h.Checkpoint != "" {
		t.Fatalf("without keys the head is %+v", h)
	}
	first, second := signingKey(t), signingKey(t)
	old, both, fresh := keysOf(t, first), keysOf(t, second, first), keysOf(t, second)
	for _, step := range []struct {
		keys   *audit.Keys
		events int
		opens  []*audit.Keys
		kept   []int64
	}{
		{keys: old, events: 0, opens: []*audit.Keys{old}, kept: []int64{3}},
		{keys: old, events: 2, opens: []*audit.Keys{old}, kept: []int64{3}},
		{keys: old, events: 63, opens: []*audit.Keys{old}, kept: []int64{3, 68}},
		{keys: both, events: 1, opens: []*audit.Keys{old, fresh}, kept: []int64{3, 68, 69}},
		{keys: both, events: 1, opens: []*audit.Keys{old, fresh}, kept: []int64{3, 68, 69}},
		{keys: fresh, events: 100, opens: []*audit.Keys{fresh}, kept: []int64{3, 68, 69, 170}},
	} {
		f.events(step.events)
		f.seal(f.l, step.keys)
		h := f.head()
		for _, keys := range step.opens {
			c, err := keys.Open(h.Checkpoint)
			if err != nil || c.Size != h.Size || c.Root != h.Edge.Root() || c.Origin != "curfew.example.com/audit" || c.Time.After(f.l.Now()) {
				t.Fatalf("of the head %+v the checkpoint is %+v (%v)", h, c, err)
			}
		}
		f.wantKept(step.kept...)
	}
	f.view(func(tx *ledger.Tx) error {
		newest, err := tx.CheckpointAt(170)
		if err != nil || newest.Size != 170 || newest.Note == "" {
			t.Errorf("the newest is %+v (%v)", newest, err)
		}
		if _, err := tx.CheckpointAt(4); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("of one that is not kept: %v", err)
		}
		return nil
	})
	f.wantSigners(
		ledger.AuditKey{Verifier: fresh.Verifiers()[0], FirstSize: 69, LastSize: 170},
		ledger.AuditKey{Verifier: old.Verifiers()[0], FirstSize: 3, LastSize: 69})
}

func (f *fixture) wantKept(want ...int64) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		kept, err := tx.Checkpoints(0, 100)
		var sizes []int64
		for _, c := range kept {
			sizes = append(sizes, c.Size)
			if at, err := tx.CheckpointAt(c.Size); err != nil || at != c {
				f.t.Errorf("the checkpoint at %d is %+v (%v), want %+v", c.Size, at, err, c)
			}
		}
		if !slices.Equal(sizes, want) {
			f.t.Fatalf("checkpoints are kept of the sizes %v, want %v", sizes, want)
		}
		return err
	})
}

func (f *fixture) wantSigners(want ...ledger.AuditKey) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		signers, err := tx.AuditKeys()
		for i := range signers {
			if signers[i].FirstAt.After(signers[i].LastAt) {
				f.t.Errorf("%+v signed last before it signed first", signers[i])
			}
			signers[i].FirstAt, signers[i].LastAt = time.Time{}, time.Time{}
		}
		if !slices.Equal(signers, want) {
			f.t.Errorf("the keys that signed are %+v, want %+v", signers, want)
		}
		return err
	})
}

// treeCatchesUp: a ledger of an older release has numbers and leaves, and no tree.
// What follows goes on beside a node of that release.
func treeCatchesUp(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	var tree logged
	const old = 66_000 // more than one transaction takes, and a whole tile of tiles
	f.numbered(&tree, old)
	f.seal(f.l, keys)
	f.wantRoot(tree, old, keys)
	f.numbered(&tree, 3)
	f.events(2)
	f.seal(f.l, keys)
	h := f.head()
	if h.Seq != old+5 || h.Size != old+5 {
		t.Fatalf("beside an older node the head is at %d, and its tree at %d, want both at %d", h.Seq, h.Size, old+5)
	}
	f.view(func(tx *ledger.Tx) error {
		last, err := tx.Sealed(old+3, old+5, 2)
		for _, e := range last {
			tree.add(audit.Hash(audit.Leaf(e.Body)))
		}
		for _, size := range []int64{65_535, 65_536, 65_537, old} {
			f.must(provesInclusion(tx.HashReader(), tree, size))
		}
		return err
	})
	f.wantRoot(tree, old+5, keys)
	f.reopen() // another process finds it whole
	f.events(1)
	f.seal(f.l, keys)
}

func (f *fixture) wantRoot(tree logged, size int64, keys *audit.Keys) {
	f.t.Helper()
	h, want := f.head(), tree.roots[size]
	c, err := keys.Open(h.Checkpoint)
	if err != nil || c.Size != size || c.Root != want || h.Edge.Root() != want {
		f.t.Fatalf("the root of %d is %s, and signed as that of %d %s, want %s (%v)", size, h.Edge.Root(), c.Size, c.Root, want, err)
	}
}

// numbered gives numbers to n more events as a release did that grew no tree.
func (f *fixture) numbered(tree *logged, n int) {
	f.t.Helper()
	first := f.head().Seq
	const batch = 500
	for done := 0; done < n; done += batch {
		var events, leaves []string
		for i := range min(batch, n-done) {
			seq := first + int64(done+i) + 1
			leaf := audit.Hash(audit.Leaf(fmt.Append(nil, seq)))
			tree.add(leaf)
			events = append(events, fmt.Sprintf("('evt_old%d', 'old', 1, '%d')", seq, seq))
			leaves = append(leaves, fmt.Sprintf("(%d, 'evt_old%d', '%s')", seq, seq, hex.EncodeToString(leaf[:])))
		}
		f.must(f.raw(`INSERT INTO audit_events (id, type, at, body) VALUES ` + strings.Join(events, ", ")))
		f.must(f.raw(`INSERT INTO audit_log (seq, event_id, leaf) VALUES ` + strings.Join(leaves, ", ")))
	}
	f.must(f.raw(`UPDATE audit_head SET seq = $1 WHERE id = 1`, first+int64(n)))
}

// sealersAtOnce: of several nodes one seals, and the other goes on where it stopped.
func sealersAtOnce(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	other, err := ledger.Open(t.Context(), f.db)
	f.must(err)
	var writers, sealers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 50 {
				f.events(3)
			}
		})
	}
	done := make(chan struct{})
	for _, l := range []*ledger.Ledger{f.l, other} {
		sealers.Go(func() {
			for {
				_, err := l.SealEvents(t.Context(), 40, keys)
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writers.Wait()
	close(done)
	sealers.Wait()
	f.seal(other, keys)
	f.events(1)
	f.seal(f.l, keys) // and this one goes on from what the other left
	if got := f.head().Seq; got != 601 {
		t.Fatalf("%d events are sealed, want 601", got)
	}
	f.wantRoot(f.tree(), 601, keys)
}

// between is a database on which something happens right before an update.
type between struct {
	ledger.DB
	then func()
}

func (b *between) Update(ctx context.Context, fn func(ledger.Querier) error) error {
	if then := b.then; then != nil {
		b.then = nil
		then()
	}
	return b.DB.Update(ctx, fn)
}

// sealsAlone: who reads the head, and is overtaken before it writes, has sealed nothing.
func sealsAlone(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	db := &between{DB: f.db}
	slow, err := ledger.Open(t.Context(), db)
	f.must(err)
	var tree logged
	for name, overtake := range map[string]func(){
		"a node of this release":  func() { f.seal(f.l, keys) },
		"a node of an older one":  func() { f.numbered(&tree, 1) },
		"a node without the keys": func() { f.seal(f.l, nil) },
	} {
		f.events(1)
		db.then = overtake
		if n, err := slow.SealEvents(t.Context(), 10, keys); n != 0 || err != nil {
			t.Errorf("overtaken by %s, %d are sealed (%v)", name, n, err)
		}
		f.seal(slow, keys)
	}
	if h := f.head(); h.Seq != 4 || h.Size != 4 {
		t.Errorf("4 events are in the log, and the head is %+v", h)
	}
}

// removedTile: of events that are not kept any more the leaves are still in the tree.
func removedTile(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(600)
	f.seal(f.l, keys)
	tree := f.tree()
	f.removeTile(tree)
	f.reopen()
	f.events(1)
	f.seal(f.l, keys)
	f.view(func(tx *ledger.Tx) error {
		f.must(provesInclusion(tx.HashReader(), tree, 600))
		if _, err := tx.SealedAt(256); access.CodeOf(err) != "event_removed" || !errors.Is(err, access.ErrNotFound) {
			t.Errorf("of an event that is removed: %v", err)
		}
		e, err := tx.SealedAt(257)
		if err != nil || e.Seq != 257 || hex.EncodeToString(audit.Leaf(e.Body)) != e.Leaf {
			t.Errorf("the first that is kept is %+v (%v)", e, err)
		}
		again, err := tx.SealedBy(e.ID)
		if err != nil || again.Seq != 257 || string(again.Body) != string(e.Body) {
			t.Errorf("by its id the first that is kept is %+v (%v)", again, err)
		}
		if _, err := tx.SealedAt(1000); access.CodeOf(err) != "not_found" {
			t.Errorf("of an event that is none: %v", err)
		}
		return nil
	})
}

// removeTile removes the first whole tile of events, as retention does.
func (f *fixture) removeTile(tree logged) {
	f.t.Helper()
	var leaves []byte
	for seq := int64(1); seq <= audit.TileWidth; seq++ {
		leaf := tree.leaves[seq-1]
		leaves = append(leaves, leaf[:]...)
	}
	f.must(f.db.Update(f.t.Context(), func(tx ledger.Querier) (err error) {
		for _, step := range []struct {
			query string
			args  []any
		}{
			{query: `UPDATE audit_guard SET removing = 1 WHERE id = 1`},
			{`INSERT INTO audit_tiles (n, leaves) VALUES (0, $1)`, []any{base64.StdEncoding.EncodeToString(leaves)}},
			{query: `DELETE FROM audit_log WHERE seq <= 256`},
			{query: `DELETE FROM audit_events WHERE NOT EXISTS (SELECT 1 FROM audit_log WHERE event_id = id)`},
			{query: `UPDATE audit_head SET removed = 256 WHERE id = 1`},
			{query: `UPDATE audit_guard SET removing = 0 WHERE id = 1`},
		} {
			_, stepErr := tx.ExecContext(f.t.Context(), step.query, step.args...)
			err = errors.Join(err, stepErr)
		}
		return err
	}))
}

// eventsWait: one that has no number yet says so, and is no event of the log.
func eventsWait(t *testing.T, f *fixture) {
	f.events(1)
	f.view(func(tx *ledger.Tx) error {
		var id string
		if err := f.scan(`SELECT event_id FROM audit_pending`, &id); err != nil {
			return err
		}
		if _, err := tx.SealedBy(id); access.CodeOf(err) != "not_sealed_yet" || !errors.Is(err, access.ErrConflict) {
			t.Errorf("of an event that waits: %v", err)
		}
		if _, err := tx.SealedBy("evt_none"); access.CodeOf(err) != "not_found" {
			t.Errorf("of an event that is none: %v", err)
		}
		return nil
	})
}

// editedWhileItWaits: the leaf is of the event as it committed, so that what somebody
// makes of it before it is sealed is found like what is made of it later. An event
// whose leaf nobody noted is sealed as it is.
func editedWhileItWaits(t *testing.T, f *fixture) {
	f.events(2)
	var committed, edited string
	f.must(f.scan(`SELECT body FROM audit_events WHERE id = (SELECT MIN(event_id) FROM audit_pending)`, &committed))
	for _, query := range []string{
		`UPDATE audit_guard SET removing = 1 WHERE id = 1`,
		`UPDATE audit_events SET body = '{}' WHERE id IN (SELECT event_id FROM audit_pending)`,
		`UPDATE audit_pending SET leaf = NULL WHERE event_id = (SELECT MAX(event_id) FROM audit_pending)`,
	} {
		f.must(f.raw(query))
	}
	f.seal(f.l, nil)
	f.must(f.scan(`SELECT leaf FROM audit_log WHERE seq = 1`, &edited))
	if want := hex.EncodeToString(audit.Leaf([]byte(committed))); edited != want {
		t.Errorf("the leaf is %s, want that of the event as it committed, %s", edited, want)
	}
	f.must(f.scan(`SELECT leaf FROM audit_log WHERE seq = 2`, &edited))
	if want := hex.EncodeToString(audit.Leaf([]byte(`{}`))); edited != want {
		t.Errorf("without a leaf that was noted it is %s, want that of the event, %s", edited, want)
	}
}

func (f *fixture) scan(query string, dest ...any) error {
	return f.db.View(f.t.Context(), func(tx ledger.Querier) error {
		return tx.QueryRowContext(f.t.Context(), query).Scan(dest...)
	})
}

// onlyAddedTo: what is in the log is changed and removed by nothing but retention.
func onlyAddedTo(t *testing.T, f *fixture) {
	f.events(300)
	f.seal(f.l, keysOf(t, signingKey(t)))
	f.must(f.raw(`INSERT INTO audit_tiles (n, leaves) VALUES (9, '')`))
	for table, set := range map[string]string{
		"audit_events": "body = '{}'", "audit_log": "leaf = ''", "audit_nodes": "hash = ''", "audit_tiles": "leaves = ''", "audit_checkpoints": "note = ''",
	} {
		for _, query := range []string{`UPDATE ` + table + ` SET ` + set, `DELETE FROM ` + table} {
			if err := f.raw(query); err == nil || !strings.Contains(err.Error(), ledger.NoChange) {
				t.Errorf("%s: %v, want that it is refused with a sentence", query, err)
			}
		}
	}
	f.reopen() // the guards are there once, and still
	if err := f.raw(`DELETE FROM audit_nodes`); err == nil {
		t.Error("after a restart the log may be changed")
	}
	planted := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		return errors.Join(tx.Removing(func() error { return errPlanted }), errPlanted)
	})
	if !errors.Is(planted, errPlanted) {
		t.Fatal(planted)
	}
	f.update(func(tx *ledger.Tx) error { return tx.Removing(func() error { return nil }) })
	if err := f.raw(`DELETE FROM audit_nodes`); err == nil {
		t.Error("after a removal anybody may remove")
	}
	f.must(f.raw(`UPDATE audit_guard SET removing = 1 WHERE id = 1`))
	f.must(f.raw(`DELETE FROM audit_tiles WHERE n = 9`))
}
