package engine

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// heldAccess is a grant that gave access, with what happened around it.
type heldAccess struct {
	access.Grant
	history bindingHistory // from its start on
	after   afterwards
}

// endsAt is when the grant stopped giving access; nil: it has not. One whose time is
// over has, whether that is in its row yet or not.
func endsAt(g access.Grant, now time.Time) *time.Time {
	end := g.ExpiresAt
	if g.EndedAt != nil && g.EndedAt.Before(end) {
		end = *g.EndedAt
	}
	if end.After(now) {
		return nil
	}
	return &end
}

// toldLogged reads events with their places in the log.
func toldLogged(read []ledger.LoggedEvent) ([]toldEvent, error) {
	events := make([]toldEvent, len(read))
	for i, e := range read {
		if err := json.Unmarshal(e.Body, &events[i].Event); err != nil {
			return nil, fmt.Errorf("an event of the audit log: %w", err)
		}
		events[i].order, events[i].seq = e.Order, e.Seq
		copy(events[i].leaf[:], audit.Leaf(e.Body))
		events[i].intact = e.Seq == 0 || hex.EncodeToString(events[i].leaf[:]) == e.Leaf
	}
	return events, nil
}

// around reads what happened to the grants' bindings from when each began until to
// says.
func around(tx *ledger.Tx, grants []access.Grant, to func(int) time.Time) ([]heldAccess, error) {
	held, windows, ids := make([]heldAccess, len(grants)), make([]ledger.Window, len(grants)), make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.BindingID
		windows[i] = ledger.Window{BindingID: g.BindingID, From: g.StartsAt, To: to(i)}
	}
	bindings, err := tx.Claimed(ids...)
	if err != nil {
		return nil, err
	}
	verified, err := tx.Verifications(ids...)
	if err != nil {
		return nil, err
	}
	read, err := tx.EventsDuring(windows, removalTypes...)
	if err != nil {
		return nil, err
	}
	for i, g := range grants {
		b := bindings[g.BindingID].Binding
		held[i] = heldAccess{Grant: g, history: bindingHistory{
			BindingItem: BindingItem{BindingView: bindingView(b, tx.Now()), ForcedAt: b.ForcedAt}, whole: !windows[i].To.Before(tx.Now()),
		}}
		if v, found := verified[b.ID]; found {
			held[i].history.Verification = &v.Verification
		}
		if held[i].history.events, err = toldLogged(read[i]); err != nil {
			return nil, err
		}
	}
	return held, settleAfter(tx, held)
}

// afterwards is what became of access after its grant.
type afterwards struct {
	state   RemovalState
	until   *time.Time // that it could be used; nil: it may be usable now
	removal *Removal   // nil: none of its own
	turn    toldEvent  // that the removal began with
	below   int64      // the generation at which the binding was to be open again
	again   *time.Time // when it was; nil: not since
}

// settleAfter finds what became of each access after its grant.
func settleAfter(tx *ledger.Tx, held []heldAccess) error {
	var own []int // those with a removal of their own
	var ids []string
	var spans []ledger.AttemptSpan
	for i := range held {
		h := &held[i]
		if !h.removalBegins(tx.Now()) {
			continue
		}
		var during period
		h.after.removal, during = h.history.removal(h.after.turn, h.after.below, tx.Now())
		own, ids, spans = append(own, i), append(ids, h.BindingID), append(spans, h.after.removal.tried(during, tx.Now()))
	}
	tried, err := tx.CountManyAttempts(ids, spans)
	for n, i := range own {
		if err == nil {
			held[i].after.removal.Attempts, held[i].after.removal.FirstAttemptAt = tried[n].Times, tried[n].First
			held[i].removalEnds(tx.Now())
		}
	}
	return err
}

// removalBegins finds the turn of the binding that takes the grant's access away, and
// reports whether there is one.
func (h *heldAccess) removalBegins(now time.Time) bool {
	ends := endsAt(h.Grant, now)
	if h.State != access.GrantEnded {
		h.after.state = RemovalNotDue
		if ends != nil {
			h.after.state = RemovalOpen // and is about to begin
		}
		return false
	}
	turns, last := h.history.of(audit.BindingDesired), -1
	for i, turn := range turns {
		if !turn.Time.After(*h.EndedAt) {
			last = i
		}
	}
	h.after.until = ends
	told := slices.ContainsFunc(h.history.of(audit.GrantEnded), func(e toldEvent) bool { return string(e.GrantID) == h.ID })
	switch {
	case !told: // nor is the turn that came with it
		h.after.state = RemovalUnknown
		return false
	case last < 0, turns[last].text("desired") != string(access.Absent):
		h.after.state = RemovalContinued
		return false
	}
	h.after.turn, h.after.below = turns[last], math.MaxInt64
	if last+1 < len(turns) {
		h.after.below, h.after.again = turns[last+1].number("generation"), &turns[last+1].Time
	}
	return true
}

// removalEnds says how the removal ended, by what is known of it.
func (h *heldAccess) removalEnds(now time.Time) {
	a, r := &h.after, h.after.removal
	idle := a.again != nil || h.history.NextAt == nil
	switch {
	case r.ConfirmedAt != nil && *r.ConfirmedBy == ByForce:
		a.state, a.until = RemovalForced, r.ConfirmedAt
	case r.ConfirmedAt != nil:
		a.state, a.until = RemovalConfirmed, r.ConfirmedAt
	case r.Attempts == 0 && idle && a.turn.text("observed") == string(access.Absent):
		a.state, a.removal = RemovalNeedless, nil
	case a.again != nil:
		a.state, a.until = RemovalReopened, a.again
	default:
		a.state, a.until = RemovalOpen, nil
	}
	if ends := endsAt(h.Grant, now); a.until != nil && a.until.Before(*ends) {
		a.until = ends
	}
}

// provisioned is the event by which the target confirmed that the access is there,
// if it did while the binding was to be open since the grant began or shortly before:
// found is false when it had been open since before then.
func (h *heldAccess) provisioned(begun time.Time) (event *toldEvent, found bool) {
	during := period{0, math.MaxInt64}
	for _, turn := range h.history.of(audit.BindingDesired) {
		switch {
		case !turn.Time.After(begun):
			during.from, found = turn.number("generation"), true
		case during.below == math.MaxInt64:
			during.below = turn.number("generation")
		}
	}
	for _, e := range h.history.of(audit.BindingProvisioned) {
		if during.holds(e) {
			return &e, found
		}
	}
	return nil, found
}
