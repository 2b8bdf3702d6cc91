package engine

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// verifiedWithin is how long after a removal was confirmed is looked for the target's
// word that it is gone still.
const verifiedWithin = 24 * time.Hour

// accessRows is what the ledger has of a page of accesses: a few queries, however many
// there are.
type accessRows struct {
	held      []heldAccess
	requests  map[string]access.Request
	reviews   map[string][]access.ReviewRecord
	decisions map[string]ledger.DecisionBrief
	stories   map[string][]toldEvent // by the request's id
	earlier   map[int]toldEvent      // by which the access was there before its grant began
	removed   bool                   // old events are not kept any more
}

// accessItems is the accesses at the places, without those that could not be used at
// the time.
func (e *Engine) accessItems(tx *ledger.Tx, f AccessFilter, lf ledger.AccessFilter, places []ledger.AccessPlace) ([]AccessItem, error) {
	if len(places) == 0 {
		return nil, nil
	}
	rows, err := readAccess(tx, places)
	if err != nil {
		return nil, err
	}
	at := tx.Now()
	if !f.At.IsZero() {
		at = f.At
	}
	var items []AccessItem
	for i := range rows.held {
		item, err := rows.item(i, tx.Now())
		if err != nil {
			return nil, err
		}
		if !item.usable(lf.From, lf.To) {
			continue
		}
		item.State = AccessGranted
		if item.EndsAt != nil && !item.EndsAt.After(lf.From) {
			item.State = AccessUnremoved
		}
		item.Live = !at.Before(item.StartsAt) && at.Before(item.ExpiresAt) && (item.EndsAt == nil || at.Before(*item.EndsAt))
		if item.State == AccessGranted || !f.Granted {
			items = append(items, item)
		}
	}
	return items, nil
}

// usable reports whether the access could be used at a moment of the period.
func (a AccessItem) usable(from, to time.Time) bool {
	return a.StartsAt.Before(to) && (a.UsableUntil == nil || a.UsableUntil.After(from))
}

// readAccess reads all that a page of accesses shows.
func readAccess(tx *ledger.Tx, places []ledger.AccessPlace) (rows accessRows, err error) {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	byID, err := tx.GrantsByID(ids...)
	if err != nil {
		return rows, err
	}
	grants, requestIDs := make([]access.Grant, len(places)), make([]string, len(places))
	for i, id := range ids {
		grants[i], requestIDs[i] = byID[id], byID[id].RequestID
	}
	rows.held, err = around(tx, grants, func(i int) time.Time {
		if until := places[i].Until; until != nil {
			return until.Add(verifiedWithin)
		}
		return tx.Now()
	})
	if err != nil {
		return rows, err
	}
	for i := range rows.held {
		if a := &rows.held[i].after; a.state == RemovalUnknown && places[i].Until != nil {
			a.until = places[i].Until // from when its events were there still
		}
	}
	if rows.requests, rows.reviews, err = tx.RequestsAndReviews(requestIDs); err != nil {
		return rows, err
	}
	if rows.decisions, err = tx.DecisionBriefs(rows.decisionIDs()); err != nil {
		return rows, err
	}
	if err := rows.readStories(tx, requestIDs); err != nil {
		return rows, err
	}
	return rows, rows.readEarlier(tx)
}

// decisionIDs are those of the decisions that gave access, and that let people answer.
func (r *accessRows) decisionIDs() (ids []string) {
	for _, h := range r.held {
		ids = append(ids, h.DecisionID)
		for _, v := range r.reviews[h.RequestID] {
			ids = append(ids, v.DecisionID)
		}
	}
	return ids
}

// readStories reads what the log tells of the requests and their grants.
func (r *accessRows) readStories(tx *ledger.Tx, requestIDs []string) error {
	head, err := tx.AuditHead()
	if err != nil {
		return err
	}
	read, err := tx.EventsOfRequests(requestIDs, storyTypes...)
	if err != nil {
		return err
	}
	told, err := toldLogged(read)
	r.removed, r.stories = head.Removed > 0, map[string][]toldEvent{}
	for _, e := range told {
		r.stories[string(e.RequestID)] = append(r.stories[string(e.RequestID)], e)
	}
	return err
}

// readEarlier reads by what accesses were there whose bindings were open already when
// their grants began.
func (r *accessRows) readEarlier(tx *ledger.Tx) error {
	var windows []ledger.Window
	var of []int
	for i := range r.held {
		h := &r.held[i]
		if _, found := h.provisioned(r.begun(i)); !found {
			windows, of = append(windows, ledger.Window{BindingID: h.BindingID, From: h.StartsAt}), append(of, i)
		}
	}
	if len(windows) == 0 {
		return nil
	}
	turned, err := tx.LastBefore(windows, audit.BindingDesired)
	if err != nil {
		return err
	}
	opened, err := tx.LastBefore(windows, audit.BindingProvisioned)
	r.earlier = map[int]toldEvent{}
	for n, i := range of {
		pair, fault := toldLogged([]ledger.LoggedEvent{turned[n], opened[n]})
		if turned[n].Body == nil || opened[n].Body == nil || fault != nil {
			continue // its target has not confirmed it by then
		}
		if pair[1].number("generation") >= pair[0].number("generation") {
			r.earlier[i] = pair[1]
		}
	}
	return err
}

// begun is from when the grant gave access: a scheduled one may be started late.
func (r *accessRows) begun(i int) time.Time {
	h := r.held[i]
	if started := last(r.stories[h.RequestID], audit.GrantStarted); started != nil && started.Time.After(h.StartsAt) {
		return started.Time
	}
	return h.StartsAt
}

// item is the access at the index.
func (r *accessRows) item(i int, now time.Time) (item AccessItem, err error) {
	h := &r.held[i]
	q := r.requests[h.RequestID]
	item = AccessItem{
		GrantID: h.ID, Entitled: h.Entitled, StartsAt: r.begun(i), ExpiresAt: h.ExpiresAt, EndsAt: endsAt(h.Grant, now), EndReason: h.EndReason,
		Request: AccessRequested{
			ID: q.ID, Requester: q.Requester, Reason: q.Reason, For: q.For, While: q.While, Emergency: q.Emergency, Channel: q.Channel, AskedAt: q.CreatedAt,
		},
		Reviews:      []AccessReview{},
		Binding:      AccessBinding{ID: h.BindingID, Target: h.history.Target},
		RemovalState: h.after.state, Removal: h.after.removal, UsableUntil: h.after.until,
	}
	if item.RemovalState == RemovalConfirmed || item.RemovalState == RemovalForced {
		item.RemovedAt = h.after.removal.ConfirmedAt
	}
	if item.Decision, err = r.decision(h.DecisionID); err != nil {
		return item, err
	}
	for _, v := range r.reviews[h.RequestID] {
		item.Reviews = append(item.Reviews, AccessReview{
			Reviewer: v.Reviewer, Verdict: v.Verdict, Comment: v.Comment, At: v.CreatedAt, DecisionID: v.DecisionID,
			Revision: r.decisions[v.DecisionID].Revision,
		})
	}
	others := r.delivered(i)
	for _, e := range others {
		if e.Type == audit.BindingProvisioned {
			item.ProvisionedAt = &e.Time
		}
	}
	item.Proof = proofOf(h.Grant, item, r.stories[h.RequestID], others, r.removed)
	return item, nil
}

func (r *accessRows) decision(id string) (AccessDecision, error) {
	d := r.decisions[id]
	answered := AccessDecision{ID: d.ID, Revision: d.Revision, DecidedAt: d.DecidedAt, Reasons: []access.Reason{}}
	var output access.Decision
	if err := json.Unmarshal(d.Output, &output); err != nil {
		return answered, fmt.Errorf("decision %s: %w", id, err)
	}
	answered.Effect = output.Effect
	if output.Reasons != nil {
		answered.Reasons = output.Reasons
	}
	return answered, nil
}

// delivered is the events by which the access was opened and closed at its target.
func (r *accessRows) delivered(i int) (events []toldEvent) {
	h := &r.held[i]
	opened, found := h.provisioned(r.begun(i))
	if earlier, was := r.earlier[i]; !found && was {
		opened = &earlier
	}
	if opened != nil {
		events = append(events, *opened)
	}
	removal := h.after.removal
	if removal == nil {
		return events
	}
	events = append(events, h.after.turn)
	for _, e := range h.history.of(audit.BindingDeprovisioned, audit.BindingForced, audit.BindingVerified) {
		at := e.Time
		if removal.ConfirmedAt != nil && at.Equal(*removal.ConfirmedAt) || removal.VerifiedAt != nil && at.Equal(*removal.VerifiedAt) {
			events = append(events, e)
		}
	}
	return events
}
