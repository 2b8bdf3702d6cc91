package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What the past that is asked about is made of.
const (
	pastDays      = 90
	pastSlots     = 6 // grants on one binding, one after the other
	pastResources = 5000
	pastPeople    = 2000
	eventsOfGrant = 8 // that ended
)

// pastLengths is how long access lasts, and how often of a hundred.
var pastLengths = []struct { //nolint:gochecknoglobals // a constant
	share  int
	length time.Duration
}{{40, 30 * time.Minute}, {35, 2 * time.Hour}, {15, 8 * time.Hour}, {8, 3 * 24 * time.Hour}, {2, 10 * 24 * time.Hour}}

// past is accesses of the last days, with all that tells of them.
type past struct {
	now    time.Time
	from   time.Time
	grants []pastGrant // by their start
}

type pastGrant struct {
	access.Grant
	decision, end string // ids, and the reason
	gone          time.Time
	slot          int64
}

// makePast makes so many grants, of which the last ones may be live.
func makePast(grants int) past {
	chance := rand.New(rand.NewPCG(1, 2))
	p := past{now: time.Now().UTC().Truncate(time.Microsecond)}
	p.from = p.now.Add(-pastDays * 24 * time.Hour)
	bindings := max(1, grants/pastSlots)
	ids := make([]string, bindings)
	for i := range ids {
		ids[i] = access.NewID(access.KindBinding, p.from)
	}
	each := pastDays * 24 * time.Hour / pastSlots
	for n := range bindings * pastSlots {
		b, slot := n%bindings, n/bindings
		length := pastLength(chance)
		starts := p.from.Add(time.Duration(slot)*each + time.Duration(chance.Int64N(int64(each-length)))).Truncate(time.Microsecond)
		p.grants = append(p.grants, pastOf(ids[b], b, int64(slot), starts, length, p.now))
	}
	slices.SortFunc(p.grants, func(a, b pastGrant) int { return a.StartsAt.Compare(b.StartsAt) })
	return p
}

func pastLength(chance *rand.Rand) time.Duration {
	at := chance.IntN(100)
	for _, l := range pastLengths {
		if at -= l.share; at < 0 {
			return l.length
		}
	}
	return pastLengths[0].length
}

// pastOf is a grant of the binding with the number. A removal takes a while now and
// then.
func pastOf(binding string, number int, slot int64, starts time.Time, length time.Duration, now time.Time) pastGrant {
	g := pastGrant{slot: slot, decision: access.NewID(access.KindDecision, starts)}
	g.Grant = access.Grant{
		ID: access.NewID(access.KindGrant, starts), RequestID: access.NewID(access.KindRequest, starts), BindingID: binding,
		StartsAt: starts, ExpiresAt: starts.Add(length), CreatedAt: starts, DecisionID: g.decision, State: access.GrantActive,
	}
	g.Subject = access.Subject{Type: access.TypeUser, ID: fmt.Sprintf("p%05d@example.com", number%pastPeople)}
	g.Action, g.Resource = access.Action{Name: "debug"}, access.ResourceRef{Type: "customer", ID: fmt.Sprintf("c%05d", (number/pastPeople*37+number)%pastResources)}
	if !g.ExpiresAt.Before(now.Add(-time.Hour)) {
		g.ExpiresAt = later(g.ExpiresAt, now.Add(2*time.Hour))
		return g
	}
	ended, reason := g.ExpiresAt.Add(5*time.Millisecond), access.EndExpired
	g.State, g.EndedAt, g.EndReason, g.end = access.GrantEnded, &ended, &reason, string(reason)
	g.gone = ended.Add(80 * time.Millisecond)
	if number%100 == 0 {
		g.gone = ended.Add(20 * time.Minute)
	}
	return g
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sow writes the past into an empty ledger, as gateways would have left it. Its
// removals are not settled.
func (p past) sow(ctx context.Context, kind, where, contract string) (events int, err error) {
	w := &plain{}
	if err := w.open(ctx, where); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	write := func(set rowSet) error {
		for rows := range slices.Chunk(set.rows, seedPage) {
			part := rowSet{set.table, set.columns, rows}
			err := w.update(ctx, func(q ledger.Querier) error { return part.insert(ctx, q, rowsAtOnce[kind]) })
			if err != nil {
				return fmt.Errorf("%s: %w", set.table, err)
			}
		}
		return nil
	}
	sets, err := p.rows(contract)
	for _, set := range sets {
		if err == nil {
			err = write(set)
		}
	}
	for page := range p.told() {
		if err == nil {
			err = logged(page, events, write)
			events += len(page)
		}
	}
	if err != nil {
		return 0, err
	}
	return events, w.update(ctx, func(q ledger.Querier) error {
		_, err := q.ExecContext(ctx, `UPDATE audit_head SET seq = $1 WHERE id = 1`, events)
		return err
	})
}

// rows are those of all tables but of the log.
func (p past) rows(contract string) ([]rowSet, error) {
	output, err := json.Marshal(access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "on_call", Title: "On call"}}})
	if err != nil {
		return nil, err
	}
	decisions := rowSet{table: "decisions", columns: []string{"id", "phase", "effect", "revision", "input", "output", "decided_at"}}
	requests := rowSet{table: "requests", columns: []string{
		"id", "subject", "requester", "action", "resource", "for_seconds", "reason", "emergency", "channel", "decision_id", "created_at", "closed_at", "prior_state", "state",
	}}
	bindings := rowSet{table: "bindings", columns: []string{
		"id", "subject", "action", "resource", "target", "contract", "desired", "observed", "version", "generation", "attempts", "last_error", "confirmed_at",
		"provision_open_until", "deprovision_open_until",
	}}
	grants := rowSet{table: "grants", columns: []string{
		"id", "request_id", "binding_id", "subject", "action", "resource", "starts_at", "expires_at", "decision_id", "created_at", "ended_at", "end_reason", "prior_state", "state",
	}}
	attempts := rowSet{table: "attempts", columns: []string{"binding_id", "generation", "attempt", "verb", "claim", "started_at", "finished_at", "class", "status", "detail"}}
	for _, g := range p.grants {
		at, who, what := g.StartsAt.UnixMicro(), g.Subject.String(), g.Resource.String()
		decisions.rows = append(decisions.rows, []any{g.decision, "request", "allow", "bench", `{}`, string(output), at})
		requests.rows = append(requests.rows, []any{g.RequestID, who, who, g.Action.Name, what, 7200, reason, 0, "api", g.decision, at, at, "pending", "approved"})
		var ended, why any
		prior := access.GrantScheduled
		attempts.rows = append(attempts.rows, []any{g.BindingID, 2*g.slot + 1, 1, "access.provision", "bench", at + 1000, at + 60_000, "confirmed", 200, ""})
		if g.EndedAt != nil {
			ended, why, prior = g.EndedAt.UnixMicro(), g.end, access.GrantActive
			attempts.rows = append(attempts.rows, []any{g.BindingID, 2*g.slot + 2, 1, "access.deprovision", "bench", g.EndedAt.UnixMicro() + 1000, g.gone.UnixMicro(), "confirmed", 200, ""})
		}
		grants.rows = append(grants.rows, []any{
			g.ID, g.RequestID, g.BindingID, who, g.Action.Name, what, at, g.ExpiresAt.UnixMicro(), g.decision, at, ended, why, string(prior), string(g.State),
		})
		if g.slot == pastSlots-1 {
			desired, generation, confirmed := "present", 2*g.slot+1, at
			if g.EndedAt != nil {
				desired, generation, confirmed = "absent", 2*g.slot+2, g.gone.UnixMicro()
			}
			bindings.rows = append(bindings.rows, []any{g.BindingID, who, g.Action.Name, what, "target", contract, desired, desired, 1, generation, 1, "", confirmed, 0, 0})
		}
	}
	return []rowSet{decisions, requests, bindings, grants, attempts}, nil
}

// toldAtOnce is of how many grants the events are gathered at once.
const toldAtOnce = 5000

// told are the events of the past, in the order in which they happened, some at once.
func (p past) told() iter.Seq[[]audit.Event] {
	return func(yield func([]audit.Event) bool) {
		var waiting []audit.Event
		for n, g := range p.grants {
			waiting = append(waiting, g.events()...)
			if n+1 < len(p.grants) && (n+1)%toldAtOnce > 0 {
				continue
			}
			slices.SortStableFunc(waiting, func(a, b audit.Event) int { return a.Time.Compare(b.Time) })
			done := len(waiting)
			if n+1 < len(p.grants) { // what is later may have to let others go before it
				next := p.grants[n+1].StartsAt
				if later := slices.IndexFunc(waiting, func(e audit.Event) bool { return !e.Time.Before(next) }); later >= 0 {
					done = later
				}
			}
			if done > 0 && !yield(waiting[:done]) {
				return
			}
			waiting = slices.Clone(waiting[done:])
		}
	}
}

// logged writes events, sealed behind so many others.
func logged(page []audit.Event, behind int, write func(rowSet) error) error {
	events := rowSet{table: "audit_events", columns: []string{"id", "type", "at", "subject", "resource", "actor", "request_id", "grant_id", "binding_id", "body"}}
	log := rowSet{table: "audit_log", columns: []string{"seq", "event_id", "leaf"}}
	for i, e := range page {
		e.ID, e.Version = access.NewID(access.KindEvent, e.Time), audit.Version
		body, err := e.Canonical()
		if err != nil {
			return err
		}
		events.rows = append(events.rows, []any{
			e.ID, e.Type, e.Time.UnixMicro(), e.Subject.String(), e.Resource.String(), nil, orNil(e.RequestID), orNil(e.GrantID), orNil(e.BindingID), string(body),
		})
		log.rows = append(log.rows, []any{behind + i + 1, e.ID, hex.EncodeToString(audit.Leaf(body))})
	}
	return errors.Join(write(events), write(log))
}

func orNil(t audit.Text) any {
	if t == "" {
		return nil
	}
	return string(t)
}

// events are those of the grant. Those of one time are in their order.
func (g pastGrant) events() (events []audit.Event) {
	tell := func(typ string, at time.Time, ofRequest, ofGrant, ofBinding bool, data map[string]any) {
		e := audit.Event{Type: typ, Time: at, DecisionID: audit.Text(g.decision), Revision: "bench", Channel: "api", Data: data}.About(g.Entitled)
		if ofRequest {
			e.RequestID = audit.Text(g.RequestID)
		}
		if ofGrant {
			e.GrantID = audit.Text(g.ID)
		}
		if ofBinding {
			e.BindingID = audit.Text(g.BindingID)
		}
		events = append(events, e)
	}
	times := func(more map[string]any) map[string]any {
		more["starts_at"], more["expires_at"] = g.StartsAt, g.ExpiresAt
		return more
	}
	open := map[string]any{"desired": "present", "observed": "absent", "generation": 2*g.slot + 1}
	tell(audit.RequestSubmitted, g.StartsAt, true, false, false, map[string]any{"reason": reason, "requester": g.Subject.String(), "effect": "allow"})
	tell(audit.RequestApproved, g.StartsAt, true, false, false, map[string]any{"effect": "allow"})
	tell(audit.GrantStarted, g.StartsAt, true, true, true, times(map[string]any{}))
	tell(audit.BindingDesired, g.StartsAt, false, false, true, open)
	tell(audit.BindingProvisioned, g.StartsAt.Add(60*time.Millisecond), false, false, true, map[string]any{"generation": 2*g.slot + 1, "target": "target"})
	if g.EndedAt == nil {
		return events
	}
	tell(audit.GrantEnded, *g.EndedAt, true, true, true, times(map[string]any{"end_reason": g.end}))
	tell(audit.BindingDesired, *g.EndedAt, false, false, true, map[string]any{"desired": "absent", "observed": "present", "generation": 2*g.slot + 2})
	tell(audit.BindingDeprovisioned, g.gone, false, false, true, map[string]any{"generation": 2*g.slot + 2, "target": "target"})
	return events
}

// grantsFor is how many grants so many events are of.
func grantsFor(events int) int { return max(pastSlots, cmp.Or(events/eventsOfGrant, 1)) }
