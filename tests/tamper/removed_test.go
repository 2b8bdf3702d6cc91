package tamper

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// removed takes the first 256 events away, as retention does.
func removed(t *testing.T, d database) {
	t.Helper()
	l, err := ledger.Open(t.Context(), d.open(t))
	must(t, err)
	must(t, l.Update(t.Context(), func(tx *ledger.Tx) error {
		events, err := tx.Sealed(0, audit.TileWidth, audit.TileWidth)
		must(t, err)
		leaves, err := tx.Leaves(0, audit.TileWidth)
		must(t, err)
		return errors.Join(tx.Append(audit.Event{Type: audit.EventsRemoved, Data: map[string]any{"from": 1, "through": 256}}),
			tx.RemoveTile(0, events, leaves))
	}))
	must(t, l.View(t.Context(), func(tx *ledger.Tx) error {
		leaves, err := tx.Leaves(100, 300) // over the end of what is removed
		if err == nil && len(leaves) != 200 {
			t.Errorf("there are %d leaves", len(leaves))
		}
		return err
	}))
	must(t, l.Close())
}

func TestLogIsVerifiedWhoseOldEventsWereRemoved(t *testing.T) {
	t.Parallel()
	cases := map[string]tampering{
		"nothing else is changed": {func(*byHand) {}, nil, true},
		"a leaf that was put away is edited": {func(h *byHand) {
			raw, err := base64.StdEncoding.DecodeString(h.one(`SELECT leaves FROM audit_tiles WHERE n = 0`))
			must(h.t, err)
			raw[129*len(audit.Hash{})] ^= 1
			h.do(`UPDATE audit_tiles SET leaves = $1`, base64.StdEncoding.EncodeToString(raw))
		}, []found{{audit.FoundUnsigned, 121, 200}}, false},
		"the leaves that were put away are deleted": {func(h *byHand) {
			h.do(`DELETE FROM audit_tiles`)
		}, []found{{audit.FoundRemoved, 1, 256}}, false},
		"events are removed as retention does, and nobody says so": {func(h *byHand) {
			h.do(`DELETE FROM audit_pending`)
			h.do(`DELETE FROM audit_events WHERE type = 'audit.events_removed'`)
		}, []found{{audit.FoundRemoved, 1, 256}}, false},
		"an event is edited that is still there": {func(h *byHand) { h.edit(577) }, one(audit.FoundEdited, 577), false},
		"more is said to be removed than is": {func(h *byHand) {
			h.do(`UPDATE audit_head SET removed = 512`)
		}, one(audit.FoundInserted, 257), false},
		"an event is there again that was removed": {func(h *byHand) {
			h.do(`INSERT INTO audit_events (id, type, at, body) VALUES ('evt_put', 'grant.ended', 1, '{}')`)
			h.do(`INSERT INTO audit_log (seq, event_id, leaf) VALUES (130, 'evt_put', '')`)
		}, one(audit.FoundInserted, 130), false},
	}
	onBoth(t, func(t *testing.T, full func(*testing.T) database) {
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				d := full(t)
				removed(t, d)
				hand := d.byHand(t)
				hand.unguard()
				tc.do(hand)
				must(t, hand.Close())
				isFound(t, d.inspect(t), tc)
			})
		}
	})
}
