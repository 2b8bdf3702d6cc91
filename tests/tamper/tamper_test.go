package tamper

import (
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// found is what must be among what is found.
type found struct {
	kind          string
	from, through int64 // the event, or the events of which one is it
}

// one is a finding about one event.
func one(kind string, seq int64) []found { return []found{{kind, seq, seq}} }

// tampering is something that is done to a log in SQL.
type tampering struct {
	do     func(h *byHand)
	want   []found
	unseen bool // to whoever has nothing that was kept outside
}

// The event 130 is behind the checkpoint of 120 and before that of 200, and in the
// first whole tile, 1 to 256.
var tamperings = map[string]tampering{
	"nothing is changed":               {func(*byHand) {}, nil, true},
	"an event is edited":               {func(h *byHand) { h.edit(130) }, one(audit.FoundEdited, 130), false},
	"an event and its hash are edited": {func(h *byHand) { h.hash(130, h.edit(130)) }, []found{{audit.FoundUnsigned, 121, 200}}, false},
	"an event, its hash and the tree are edited": {func(h *byHand) {
		h.hash(130, h.edit(130))
		h.regrow(events)
	}, []found{{audit.FoundUnsigned, 121, 200}}, false},
	"the hash of an event is edited": {func(h *byHand) { h.hash(130, "another") }, one(audit.FoundTree, 130), false},
	"events of two places are edited": {func(h *byHand) {
		h.edit(130)
		h.edit(577)
	}, []found{{audit.FoundEdited, 130, 130}, {audit.FoundEdited, 577, 577}}, false},
	"an event is deleted, and its place is left": {func(h *byHand) {
		h.do(`DELETE FROM audit_events WHERE id = $1`, h.id(130))
	}, one(audit.FoundRemoved, 130), false},
	"an event loses its place": {func(h *byHand) {
		h.do(`DELETE FROM audit_log WHERE seq = 130`)
	}, []found{{audit.FoundRemoved, 130, 130}, {audit.FoundUnsealed, 0, 0}}, false},
	"an event is deleted with its place": {func(h *byHand) {
		h.do(`DELETE FROM audit_events WHERE id = $1`, h.id(130))
		h.do(`DELETE FROM audit_log WHERE seq = 130`)
	}, one(audit.FoundRemoved, 130), false},
	"an event is deleted, and those behind it move up": {func(h *byHand) {
		h.do(`DELETE FROM audit_events WHERE id = $1`, h.id(130))
		h.do(`DELETE FROM audit_log WHERE seq = 130`)
		for seq := 131; seq <= events; seq++ {
			h.do(`UPDATE audit_log SET seq = $1 WHERE seq = $2`, seq-1, seq)
		}
		h.regrow(events - 1)
	}, []found{{audit.FoundUnsigned, 121, 200}}, false},
	"the newest are deleted, and the head is that of before": {func(h *byHand) {
		h.cut(520)
	}, one(audit.FoundMissing, 600), false},
	"the newest lose their places": {func(h *byHand) {
		h.do(`DELETE FROM audit_log WHERE seq > 520`)
	}, []found{{audit.FoundRemoved, 521, 600}, {audit.FoundUnsealed, 0, 0}}, false},
	"the newest are deleted, and all that tells of them": {func(h *byHand) {
		h.cut(520)
		h.do(`UPDATE audit_keys SET last_size = 520`)
	}, nil, true},
	"an event is put in between, and those behind it move on": {func(h *byHand) {
		for seq := events; seq >= 130; seq-- {
			h.do(`UPDATE audit_log SET seq = $1 WHERE seq = $2`, seq+1, seq)
		}
		body := strings.Replace(h.one(`SELECT body FROM audit_events WHERE id = $1`, h.id(140)), h.id(140), "evt_put", 1)
		h.do(`INSERT INTO audit_events (id, type, at, subject, resource, actor, request_id, grant_id, binding_id, body)
			SELECT 'evt_put', type, at, subject, resource, actor, request_id, grant_id, binding_id, $1 FROM audit_events WHERE id = $2`, body, h.id(140))
		h.do(`INSERT INTO audit_log (seq, event_id, leaf) VALUES (130, 'evt_put', '')`)
		h.hash(130, body)
		h.regrow(events + 1)
	}, []found{{audit.FoundUnsigned, 121, 200}}, false},
	"an event is put behind the last": {func(h *byHand) {
		h.do(`INSERT INTO audit_events (id, type, at, body) VALUES ('evt_put', 'grant.ended', 1, '{}')`)
		h.do(`INSERT INTO audit_log (seq, event_id, leaf) VALUES (601, 'evt_put', '')`)
	}, one(audit.FoundInserted, 601), false},
	"an event is there that was never to be sealed": {func(h *byHand) {
		h.do(`INSERT INTO audit_events (id, type, at, body) VALUES ('evt_put', 'grant.ended', 1, '{}')`)
	}, []found{{audit.FoundUnsealed, 0, 0}}, false},
	"something waits to be sealed that is not there": {func(h *byHand) {
		h.do(`INSERT INTO audit_pending (event_id, at, n) VALUES ('evt_put', 1, 1)`)
	}, []found{{audit.FoundUnsealed, 0, 0}}, false},
	"something waits to be sealed again": {func(h *byHand) {
		h.do(`INSERT INTO audit_pending (event_id, at, n) VALUES ($1, 1, 1)`, h.id(130))
	}, []found{{audit.FoundUnsealed, 0, 0}}, false},
	"two events change places": {func(h *byHand) {
		a, b := h.id(130), h.id(340)
		h.do(`UPDATE audit_log SET event_id = 'x' WHERE seq = 130`)
		h.do(`UPDATE audit_log SET event_id = $1 WHERE seq = 340`, a)
		h.do(`UPDATE audit_log SET event_id = $1 WHERE seq = 130`, b)
	}, []found{{audit.FoundReordered, 130, 130}, {audit.FoundReordered, 340, 340}}, false},
	"two events change places with their hashes": {func(h *byHand) {
		h.do(`UPDATE audit_log SET seq = 1000 WHERE seq = 130`)
		h.do(`UPDATE audit_log SET seq = 130 WHERE seq = 140`)
		h.do(`UPDATE audit_log SET seq = 140 WHERE seq = 1000`)
	}, []found{{audit.FoundUnsigned, 121, 200}}, false},
	"two events change their ids": {func(h *byHand) {
		a, b := h.id(130), h.id(140)
		h.do(`UPDATE audit_events SET id = 'x' WHERE id = $1`, a)
		h.do(`UPDATE audit_events SET id = $1 WHERE id = $2`, a, b)
		h.do(`UPDATE audit_events SET id = $1 WHERE id = 'x'`, b)
	}, []found{{audit.FoundReordered, 130, 130}, {audit.FoundReordered, 140, 140}, {audit.FoundColumn, 130, 130}}, false},
	"an event is found by another type":     {column(`type = 'grant.started'`), one(audit.FoundColumn, 130), false},
	"an event is found by another time":     {column(`at = at + 1`), one(audit.FoundColumn, 130), false},
	"an event is found by another subject":  {column(`subject = NULL`), one(audit.FoundColumn, 130), false},
	"an event is found by another resource": {column(`resource = 'customer:c1'`), one(audit.FoundColumn, 130), false},
	"an event is found by another actor":    {column(`actor = 'user:eve@example.com'`), one(audit.FoundColumn, 130), false},
	"an event is found by another request":  {column(`request_id = 'req_x'`), one(audit.FoundColumn, 130), false},
	"an event is found by another grant":    {column(`grant_id = 'grt_x'`), one(audit.FoundColumn, 130), false},
	"an event is found by another binding":  {column(`binding_id = 'bnd_x'`), one(audit.FoundColumn, 130), false},
	"a hash of the tree is edited": {func(h *byHand) {
		h.do(`UPDATE audit_nodes SET hash = $1 WHERE n = 1`, strings.Repeat("0", 64))
	}, []found{{audit.FoundTree, 257, 512}}, false},
	"a hash of the tree is deleted": {func(h *byHand) {
		h.do(`DELETE FROM audit_nodes WHERE n = 1`)
	}, []found{{audit.FoundTree, 257, 512}}, false},
	"a hash of the tree is put there that is of no events": {func(h *byHand) {
		h.do(`INSERT INTO audit_nodes (level, n, hash) VALUES (8, 2, $1)`, strings.Repeat("0", 64))
	}, []found{{audit.FoundTree, 513, 768}}, false},
	"the edge of the tree is that of other events": {func(h *byHand) {
		edge := h.tree(events, nil)
		edge.Peaks[1][7] ^= 1
		h.do(`UPDATE audit_head SET edge = $1`, edge.Text())
	}, one(audit.FoundTree, 600), false},
	"the edge of the tree is none": {func(h *byHand) {
		h.do(`UPDATE audit_head SET edge = '%'`)
	}, one(audit.FoundTree, 600), false},
	"the newest checkpoint is by a key of one's own": {func(h *byHand) {
		h.do(`UPDATE audit_head SET checkpoint = $1`, h.note(strangerKeys(h.t), events))
	}, one(audit.FoundUnknown, 600), false},
	"a checkpoint that is kept is by a key of one's own": {func(h *byHand) {
		h.do(`UPDATE audit_checkpoints SET note = $1 WHERE size = 200`, h.note(strangerKeys(h.t), 200))
	}, one(audit.FoundUnknown, 200), false},
	"a checkpoint that is kept is of other events": {func(h *byHand) {
		note := h.one(`SELECT note FROM audit_checkpoints WHERE size = 200`)
		h.do(`UPDATE audit_checkpoints SET note = $1 WHERE size = 200`, strings.Replace(note, "\n200\n", "\n201\n", 1))
	}, one(audit.FoundForged, 200), false},
	"a checkpoint stands for one of another size": {func(h *byHand) {
		note := h.one(`SELECT note FROM audit_checkpoints WHERE size = 200`)
		h.do(`UPDATE audit_checkpoints SET note = $1 WHERE size = 280`, note)
	}, one(audit.FoundForged, 280), false},
	"all checkpoints that are kept are deleted": {func(h *byHand) {
		h.do(`DELETE FROM audit_checkpoints`)
	}, []found{{audit.FoundMissing, 40, 40}, {audit.FoundMissing, 600, 600}}, false},
	"all that is kept of checkpoints and keys is deleted": {func(h *byHand) {
		h.do(`DELETE FROM audit_checkpoints`)
		h.do(`DELETE FROM audit_keys`)
	}, one(audit.FoundMissing, 600), false},
	"all that is signed is deleted": {func(h *byHand) {
		h.do(`DELETE FROM audit_checkpoints`)
		h.do(`DELETE FROM audit_keys`)
		h.do(`UPDATE audit_head SET checkpoint = '', checkpoint_size = 0`)
	}, []found{{audit.FoundUnsigned, 1, 600}}, false},
	"an event is edited, and what is signed behind it is deleted": {func(h *byHand) {
		h.forget(120)
		h.do(`UPDATE audit_head SET checkpoint = $1, checkpoint_size = 120`, h.one(`SELECT note FROM audit_checkpoints WHERE size = 120`))
		h.hash(130, h.edit(130))
		h.regrow(events)
	}, []found{{audit.FoundUnsigned, 121, 600}}, false},
	"the log is made anew behind a checkpoint, and says itself by whose key": {func(h *byHand) {
		own := strangerKeys(h.t)
		h.forget(120)
		h.replace(121, `{"data":{"from":[],"to":["`+own.Verifiers()[0]+`"]},"id":"`+h.id(121)+`","time":"2026-11-23T09:00:00Z","type":"audit.key_changed"}`)
		h.hash(130, h.edit(130))
		h.regrow(events)
		h.do(`UPDATE audit_keys SET verifier = $1, first_size = 600, last_size = 600`, own.Verifiers()[0])
		h.do(`UPDATE audit_head SET checkpoint = $1`, h.note(own, events))
	}, []found{{audit.FoundUnknown, 600, 600}, {audit.FoundUnsigned, 121, 600}}, false},
	"an event is edited, and everything is made anew with a key of one's own": {func(h *byHand) {
		h.hash(130, h.edit(130))
		h.regrow(events)
		h.sign(strangerKeys(h.t))
	}, one(audit.FoundUnknown, 200), false},
	"an event is edited, and everything is made anew with the key": {func(h *byHand) {
		h.hash(130, h.edit(130))
		h.regrow(events)
		h.sign(h.keys)
	}, nil, true},
}

// forget deletes the checkpoints behind a size, and what tells of them.
func (h *byHand) forget(size int) {
	h.do(`DELETE FROM audit_checkpoints WHERE size > $1`, size)
	h.do(`UPDATE audit_keys SET last_size = $1`, size)
}

// replace has an event be another one, with its hash.
func (h *byHand) replace(seq int, body string) {
	columns, err := audit.ColumnsOf([]byte(body))
	must(h.t, err)
	h.do(`UPDATE audit_events SET body = $1, type = $2, at = $3, subject = NULL, resource = NULL, actor = NULL, grant_id = NULL WHERE id = $4`,
		body, columns.Type, columns.At.UnixMicro(), columns.ID)
	h.hash(seq, body)
}

// cut takes away all behind an event, as if it had never been.
func (h *byHand) cut(size int) {
	note := h.one(`SELECT note FROM audit_checkpoints WHERE size = $1`, size)
	h.do(`DELETE FROM audit_events WHERE id IN (SELECT event_id FROM audit_log WHERE seq > $1)`, size)
	h.do(`DELETE FROM audit_log WHERE seq > $1`, size)
	h.do(`DELETE FROM audit_checkpoints WHERE size > $1`, size)
	h.regrow(size)
	h.do(`UPDATE audit_head SET checkpoint = $1, checkpoint_size = $2`, note, size)
}

// column changes what the event 130 is found by.
func column(set string) func(*byHand) {
	return func(h *byHand) { h.do(`UPDATE audit_events SET `+set+` WHERE id = $1`, h.id(130)) }
}

func TestWhateverIsDoneToTheLogIsFound(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, full func(*testing.T) database) {
		for name, tc := range tamperings {
			t.Run(name, func(t *testing.T) {
				d := full(t)
				hand := d.byHand(t)
				hand.unguard()
				tc.do(hand)
				must(t, hand.Close())
				isFound(t, d.inspect(t), tc)
			})
		}
	})
}

func isFound(t *testing.T, report audit.Report, tc tampering) {
	t.Helper()
	if report.Verified != (len(tc.want) == 0) {
		t.Fatalf("got %+v", report)
	}
	for _, want := range tc.want {
		is := false
		for _, f := range report.Findings {
			is = is || f.Kind == want.kind && f.Seq == want.from && max(f.Seq, f.Through) == want.through && f.Text != ""
		}
		if !is {
			t.Errorf("%s of %d to %d is not among %+v", want.kind, want.from, want.through, report.Findings)
		}
	}
}

// Whoever owns the ledger and the key can make everything anew. What was kept outside
// tells all the same: a checkpoint, such as each export and each sink holds.
func TestWhatWasKeptOutsideTellsWhatTheKeyCanNot(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, full func(*testing.T) database) {
		for name, tc := range tamperings {
			if !tc.unseen {
				continue
			}
			t.Run(name, func(t *testing.T) {
				d := full(t)
				hand := d.byHand(t)
				hand.unguard()
				early, late := hand.one(`SELECT note FROM audit_checkpoints WHERE size = 120`), hand.one(`SELECT note FROM audit_checkpoints WHERE size = 600`)
				tc.do(hand)
				must(t, hand.Close())
				if report := d.inspect(t, early); !report.Verified || len(report.Since) != 1 {
					t.Errorf("from before what was changed: %+v", report)
				}
				report := d.inspect(t, early, late)
				if changed := name != "nothing is changed"; report.Verified == changed || changed && report.Findings[0].Kind != audit.FoundRewritten {
					t.Errorf("got %+v", report)
				}
			})
		}
	})
}

func TestGuardsStandInTheWay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, full func(*testing.T) database) {
		d := full(t)
		hand := d.byHand(t)
		for table, column := range map[string]string{"audit_events": "type", "audit_log": "leaf", "audit_nodes": "hash", "audit_checkpoints": "note"} {
			for _, query := range []string{`UPDATE ` + table + ` SET ` + column + ` = 'x'`, `DELETE FROM ` + table} {
				_, err := hand.ExecContext(t.Context(), query)
				if err == nil || !strings.Contains(err.Error(), ledger.NoChange) {
					t.Errorf("%s: %v", query, err)
				}
			}
		}
		must(t, hand.Close())
		if report := d.inspect(t); !report.Verified {
			t.Errorf("got %+v", report)
		}
	})
}
