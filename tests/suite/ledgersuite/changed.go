package ledgersuite

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// changedLogs: a process that comes to a log which is not what was sealed, or whose
// log is changed while it runs, seals nothing and says why; what is committed waits,
// and is sealed when the log is what it was.
func changedLogs(t *testing.T, f *fixture) {
	signing, stranger := signingKey(t), signingKey(t)
	keys := keysOf(t, signing)
	f.events(290)
	f.seal(f.l, keys)
	early := f.headRow()
	f.events(10)
	f.seal(f.l, keys)
	good := f.headRow()
	head := f.head()
	foreign, err := keysOf(t, stranger).Sign(audit.Checkpoint{Size: 300, Root: head.Edge.Root()})
	f.must(err)
	other := head.Edge.Clone()
	other.Peaks[len(other.Peaks)-1][0] ^= 1
	f.edit(nil, swapped)
	redone := f.edgeOfLeaves()
	f.edit(nil, swapped)
	changes := map[string]logChange{
		"its head is of another size": {head: good.but(func(r *headRow) { r.size-- }), want: "holds another tree"},
		"an old head was put back":    {head: &early, want: "its last event is number 300, and its head says 290"},
		"the edge is of another tree": {head: good.but(func(r *headRow) { r.edge = other.Text() }), want: "not that of its leaves"},
		"its checkpoint is gone":      {head: good.but(func(r *headRow) { r.checkpoint, r.checkpointSize = "", 0 }), want: "checkpoint is gone"},
		"its checkpoint was edited": {
			head: good.but(func(r *headRow) { r.checkpoint = strings.Replace(r.checkpoint, "\n300\n", "\n299\n", 1) }),
			want: "not what was signed",
		},
		"its checkpoint is another's":  {head: good.but(func(r *headRow) { r.checkpoint = foreign }), want: "signed by none of the keys that are configured"},
		"its checkpoint is an old one": {head: good.but(func(r *headRow) { r.checkpoint = early.checkpoint }), want: "is of 290 events, and its head says 300"},
		"its key was changed":          {keys: keysOf(t, stranger), want: "audit.previous_keys"},
		"its edge is another, as it runs": {
			head: good.but(func(r *headRow) { r.edge = other.Text() }), running: true, want: "300 events were sealed, and now its head says 300",
		},
		"it is signed anew over another tree": {
			head: good.but(func(r *headRow) { r.checkpoint, r.checkpointSize = early.checkpoint, 290 }),
			edit: swapped, restore: swapped, want: "not that of its leaves",
		},
		"the tree was made anew over other leaves": {
			head: good.but(func(r *headRow) { r.edge = redone }), edit: swapped, restore: swapped,
			want: "its tree of 300 events is not the one that was signed",
		},
		"the tree was made anew, and has grown since": {
			head: good.but(func(r *headRow) { r.edge, r.checkpoint, r.checkpointSize = redone, early.checkpoint, 290 }), edit: swapped, restore: swapped,
			want: "its tree of 290 events is not the one that was signed",
		},
		"a leaf was changed": {edit: swapped, restore: swapped, want: "not that of its leaves"},
		"a leaf is none": {
			edit: `UPDATE audit_log SET leaf = 'x' || leaf WHERE seq = 299`, restore: `UPDATE audit_log SET leaf = SUBSTR(leaf, 2) WHERE seq = 299`,
			want: "is not a hash",
		},
		"a number is missing": {
			edit: `UPDATE audit_log SET seq = -299 WHERE seq = 299`, restore: `UPDATE audit_log SET seq = 299 WHERE seq = -299`,
			want: "is missing",
		},
		"the last is missing, as it runs": {
			edit: `UPDATE audit_log SET seq = -300 WHERE seq = 300`, restore: `UPDATE audit_log SET seq = 300 WHERE seq = -300`, running: true,
			want: "its last event is number 299, and its head says 300",
		},
		"an event waits again that has its place": {
			edit:    `INSERT INTO audit_pending (event_id, at, n) SELECT event_id, 1, 1 FROM audit_log WHERE seq = 7`,
			restore: `DELETE FROM audit_pending WHERE at = 1`, want: "waits in audit_pending for a place in the sequence, and has one",
		},
		"a tile is missing, as it runs": {
			edit: `UPDATE audit_nodes SET level = 99`, restore: `UPDATE audit_nodes SET level = 8`, running: true,
			want: "its tree has 0 whole tiles, and its head says 1",
		},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			if c.keys == nil {
				c.keys = keys
			}
			f.edit(c.head, c.edit)
			f.wantBroken(t, c)
			f.edit(&good, c.restore)
		})
	}
	f.seal(f.l, keys)
	if h := f.head(); h.BrokenAt != nil || h.BrokenWhy != "" || h.Size != 300+int64(len(changes)) {
		t.Errorf("when the log is what it was, the head is %+v", h)
	}
}

// logsMadeAnew: whoever makes the end of the log anew has nothing signed of it, and so
// puts an older checkpoint into its head, which holds. Those that are kept tell, and a
// process that runs knows.
func logsMadeAnew(t *testing.T, f *fixture) {
	keys := keysOf(t, signingKey(t))
	f.events(100)
	f.seal(f.l, keys)
	early := f.headRow()
	f.events(100)
	f.seal(f.l, keys)
	late := f.headRow()
	f.events(10)
	f.seal(f.l, keys)
	good := f.headRow()
	const change = `UPDATE audit_log SET leaf = REPLACE(REPLACE(REPLACE(leaf, 'a', 'x'), 'b', 'a'), 'x', 'b') WHERE seq > 205`
	f.edit(nil, change)
	anew := good
	anew.edge = f.edgeOfLeaves()
	anew.checkpoint, anew.checkpointSize = early.checkpoint, early.size
	f.edit(&anew, "")
	f.wantBroken(t, logChange{keys: keys, want: "its newest checkpoint is of 100 events, and one of 200 is kept"})

	f.must(f.raw(`INSERT INTO audit_events (id, type, at, body) VALUES ('evt_put', 'grant.ended', 1, '{}')`))
	f.must(f.raw(`INSERT INTO audit_log (seq, event_id, leaf) VALUES (211, 'evt_put', $1)`, hex.EncodeToString(audit.Leaf([]byte("{}")))))
	anew.seq, anew.size, anew.edge = 211, 211, f.edgeOfLeaves()
	anew.checkpoint, anew.checkpointSize = late.checkpoint, late.size
	f.edit(&anew, "")
	f.wantBroken(t, logChange{keys: keys, running: true, want: "its tree of 210 events is not the one that was sealed"})
	f.edit(&good, `DELETE FROM audit_log WHERE seq = 211`)
	f.edit(nil, `DELETE FROM audit_events WHERE id = 'evt_put'`)
	f.edit(nil, change)
	f.seal(f.l, keys)
	if h := f.head(); h.BrokenAt != nil || h.Size != 212 {
		t.Errorf("when the log is what it was, the head is %+v", h)
	}
}

// swapped edits the leaves of the last tile; done twice, they are what they were.
const swapped = `UPDATE audit_log SET leaf = REPLACE(REPLACE(REPLACE(leaf, 'a', 'x'), 'b', 'a'), 'x', 'b') WHERE seq > 256`

// edgeOfLeaves is the edge of the tree that the leaves make now.
func (f *fixture) edgeOfLeaves() string {
	f.t.Helper()
	var edge audit.Edge
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.Sealed(0, 1<<40, 1000)
		for _, e := range events {
			leaf, err := hex.DecodeString(e.Leaf)
			f.must(err)
			edge.Add(audit.Hash(leaf), nil)
		}
		return err
	})
	return edge.Text()
}

// logChange is a change to the log by somebody who is not curfew.
type logChange struct {
	head          *headRow
	edit, restore string
	keys          *audit.Keys
	running       bool // seen by the process that sealed; otherwise by one that starts
	want          string
}

// wantBroken commits an event and wants it not to be sealed.
func (f *fixture) wantBroken(t *testing.T, c logChange) {
	t.Helper()
	l := f.l
	if !c.running {
		var err error
		l, err = ledger.Open(t.Context(), f.db)
		f.must(err)
	}
	f.events(1)
	var since *time.Time
	for range 2 {
		n, err := l.SealEvents(t.Context(), 10, c.keys)
		var changed *audit.BrokenError
		if n != 0 || !errors.As(err, &changed) || !strings.Contains(changed.Why, c.want) {
			t.Fatalf("%d events are sealed (%v), want none because %s", n, err, c.want)
		}
		why, at := f.brokenSince()
		if why != changed.Why || since != nil && !at.Equal(*since) {
			t.Errorf("the head says that it is broken since %s: %s", at, why)
		}
		since = &at
	}
}

func (f *fixture) brokenSince() (why string, at time.Time) {
	f.t.Helper()
	var since int64
	f.must(f.scan(`SELECT broken_why, broken_at FROM audit_head WHERE id = 1`, &why, &since))
	return why, time.UnixMicro(since)
}

// headRow is what a head says of the log.
type headRow struct {
	seq, size, checkpointSize int64
	edge, checkpoint          string
}

func (r headRow) but(how func(*headRow)) *headRow {
	how(&r)
	return &r
}

func (f *fixture) headRow() (r headRow) {
	f.t.Helper()
	f.must(f.scan(`SELECT seq, size, edge, checkpoint, checkpoint_size FROM audit_head WHERE id = 1`,
		&r.seq, &r.size, &r.edge, &r.checkpoint, &r.checkpointSize))
	return r
}

// edit puts a head back, and runs a statement that only who opens the guard may run.
func (f *fixture) edit(r *headRow, query string) {
	f.t.Helper()
	if r != nil {
		f.must(f.raw(`UPDATE audit_head SET seq = $1, size = $2, edge = $3, checkpoint = $4, checkpoint_size = $5 WHERE id = 1`,
			r.seq, r.size, r.edge, r.checkpoint, r.checkpointSize))
	}
	if query != "" {
		f.must(f.raw(`UPDATE audit_guard SET removing = 1 WHERE id = 1`))
		f.must(f.raw(query))
		f.must(f.raw(`UPDATE audit_guard SET removing = 0 WHERE id = 1`))
	}
}
