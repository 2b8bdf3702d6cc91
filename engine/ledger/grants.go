package ledger

import (
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const grantColumns = `SELECT g.id, g.request_id, g.binding_id, g.subject, g.action, g.resource, g.while_bound, g.starts_at,
	g.expires_at, g.decision_id, g.created_at, g.ended_at, g.end_reason, g.bound, g.ends_by, g.next_shift, g.facts_at, g.over_as,
	g.state FROM grants g`

// live is the condition under which a grant gives access at the bound time. An
// active grant has started. That is not asked of its starts_at: a transaction
// that waited for a lock has an older time than the one that it waited for.
const live = `g.state = 'active' AND g.expires_at > $2`

// AddGrant stores a new grant, scheduled or active. Its binding must be locked.
func (tx *Tx) AddGrant(g access.Grant) error {
	var prior any
	if g.State == access.GrantActive {
		prior = string(access.GrantScheduled)
	}
	b, err := boundColumns(g.Bound)
	if err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO grants (id, request_id, binding_id, subject, action, resource, while_bound, starts_at, expires_at,
		                    decision_id, created_at, prior_state, state, bound, ends_by, next_shift, facts_at, over_as)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		append([]any{
			g.ID, g.RequestID, g.BindingID, g.Subject.String(), g.Action.Name, g.Resource.String(), ptrOrNull(g.While),
			micros(g.StartsAt), micros(g.ExpiresAt), g.DecisionID, micros(g.CreatedAt), prior, string(g.State),
		}, b...)...)
}

// StartGrant moves a scheduled grant to active on the word of a new decision, if
// it is still to begin and end when it was read to. Its binding must be locked.
func (tx *Tx) StartGrant(was, is access.Grant) error {
	b, err := boundColumns(is.Bound)
	if err != nil {
		return err
	}
	return tx.changed(access.Conflict("grant_not_scheduled", "grant %s is not scheduled any more, or has moved", was.ID), `
		UPDATE grants SET prior_state = state, state = 'active', decision_id = $4, expires_at = $5, while_bound = $6,
		       bound = $7, ends_by = $8, next_shift = $9, facts_at = $10, over_as = $11
		 WHERE id = $1 AND state = 'scheduled' AND starts_at = $2 AND expires_at = $3`,
		append([]any{
			was.ID, micros(was.StartsAt), micros(was.ExpiresAt), is.DecisionID, micros(is.ExpiresAt), ptrOrNull(is.While),
		}, b...)...)
}

// Ending is a grant that is to end, as it was read, and why.
type Ending struct {
	access.Grant
	Why      access.EndReason
	Recheck  *access.Recheck // what policy said, if that is why
	Revision string          // of the policies that the grant's decision is by, if that is known
}

// EndGrants ends the grants that are still as they were read, in state and end,
// and returns the ids of those. Their bindings must be locked.
func (tx *Tx) EndGrants(endings []Ending) (map[string]bool, error) {
	ended := map[string]bool{}
	for run := range byPowers(endings) {
		args := []any{micros(tx.now)}
		for _, g := range run {
			args = append(args, g.ID, string(g.State), micros(g.ExpiresAt), string(g.Why))
		}
		ids, err := all(tx, scanText, `
			UPDATE grants SET prior_state = state, state = 'ended', end_reason = v.column4, ended_at = $1
			  FROM (VALUES `+placeholdersFrom(2, len(run), []string{"TEXT", "TEXT", "BIGINT", "TEXT"})+`) AS v
			 WHERE grants.id = v.column1 AND grants.state = v.column2 AND grants.state <> 'ended'
			   AND grants.expires_at + 0 = v.column3 -- not by the index of ends, which may hold thousands of one moment
			RETURNING grants.id`, args...)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			ended[id] = true
		}
	}
	return ended, nil
}

// GrantEnded is the error of a grant that EndGrants did not end.
func GrantEnded(id string) error {
	return access.Conflict("grant_ended", "grant %s has already ended, or has changed", id)
}

// Grant returns a grant.
func (tx *Tx) Grant(id string) (access.Grant, error) {
	return one(tx, scanGrant, "grant", id, grantColumns+` WHERE g.id = $1`, id)
}

// GrantOfRequest returns the grant that a request led to, if it did.
func (tx *Tx) GrantOfRequest(requestID string) (*access.Grant, error) {
	grants, err := all(tx, scanGrant, grantColumns+` WHERE g.request_id = $1`, requestID)
	if err != nil || len(grants) == 0 {
		return nil, err
	}
	return &grants[0], nil
}

// Grants lists grants, newest first.
func (tx *Tx) Grants(f Filter) ([]access.Grant, error) {
	w := where{}
	w.add(f.Before != "", `g.id < `, f.Before)
	w.add(f.State != "", `g.state = `, f.State)
	w.add(f.Subject != "", `g.subject = `, f.Subject)
	w.add(f.Resource != "", `g.resource = `, f.Resource)
	if f.Involving != "" {
		me := w.bind(f.Involving)
		w.and(`g.id IN (SELECT id FROM grants WHERE subject = ` + me + `
			UNION SELECT h.id FROM requests r JOIN grants h ON h.request_id = r.id WHERE r.requester = ` + me + `)`)
	}
	return all(tx, scanGrant, grantColumns+w.String()+` ORDER BY g.id DESC LIMIT `+w.bind(f.Limit), w.args...)
}

// LiveGrantsOf lists the grants that give the subject access now.
func (tx *Tx) LiveGrantsOf(s access.Subject) ([]access.Grant, error) {
	return all(tx, scanGrant, grantColumns+` WHERE g.subject = $1 AND `+live+` ORDER BY g.id`, s.String(), micros(tx.now))
}

// LiveGrantsOn lists the grants that hold each of the bindings now, soonest end
// first.
func (tx *Tx) LiveGrantsOn(bindingIDs ...string) (map[string][]access.Grant, error) {
	held := map[string][]access.Grant{}
	for ids := range inLists(bindingIDs) {
		w := where{conditions: []string{`g.state = 'active'`}}
		w.add(true, `g.expires_at > `, micros(tx.now))
		w.and(`g.binding_id IN (` + w.bindAll(ids) + `)`)
		grants, err := all(tx, scanGrant, grantColumns+w.String()+` ORDER BY g.expires_at, g.id`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, g := range grants {
			held[g.BindingID] = append(held[g.BindingID], g)
		}
	}
	return held, nil
}

// GrantsToEnd lists grants whose time is over, soonest first.
func (tx *Tx) GrantsToEnd(limit int) ([]access.Grant, error) {
	return all(tx, scanGrant, grantColumns+`
		WHERE g.state <> 'ended' AND g.expires_at <= $1 ORDER BY g.expires_at LIMIT $2`, micros(tx.now), limit)
}

// HoldGrantsToEnd is GrantsToEnd with their bindings held. A binding that another
// transaction holds is passed over, with its grants: it may be another node that
// ends them. The versions are not bumped yet: see TurnBindings.
func (tx *Tx) HoldGrantsToEnd(limit int) ([]access.Grant, error) {
	ids, err := all(tx, scanText, `
		SELECT b.id FROM grants g JOIN bindings b ON b.id = g.binding_id
		 WHERE g.state <> 'ended' AND g.expires_at <= $1 ORDER BY g.expires_at LIMIT $2`+
		strings.Replace(tx.skipLocked, "UPDATE", "UPDATE OF b", 1), micros(tx.now), limit)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	var due []access.Grant
	for list := range inLists(slices.Compact(ids)) {
		w := where{conditions: []string{`g.state <> 'ended'`}}
		w.add(true, `g.expires_at <= `, micros(tx.now))
		w.and(`g.binding_id IN (` + w.bindAll(list) + `)`)
		some, err := all(tx, scanGrant, grantColumns+w.String()+` ORDER BY g.expires_at, g.id`, w.args...)
		if err != nil {
			return nil, err
		}
		due = append(due, some...)
	}
	return due, nil
}

// ActiveAmong returns which of the grants are active and not over before the
// time.
func (tx *Tx) ActiveAmong(grantIDs []string, after time.Time) (map[string]access.Grant, error) {
	found := map[string]access.Grant{}
	for list := range inLists(grantIDs) {
		w := where{conditions: []string{`g.state = 'active'`}}
		w.add(true, `g.expires_at > `, micros(after))
		w.and(`g.id IN (` + w.bindAll(list) + `)`)
		some, err := all(tx, scanGrant, grantColumns+w.String(), w.args...)
		if err != nil {
			return nil, err
		}
		for _, g := range some {
			found[g.ID] = g
		}
	}
	return found, nil
}

// GrantsToStart lists scheduled grants whose start has come and whose end has not,
// soonest first.
func (tx *Tx) GrantsToStart(limit int) ([]access.Grant, error) {
	return all(tx, scanGrant, grantColumns+`
		WHERE g.state = 'scheduled' AND g.starts_at <= $1 AND g.expires_at > $1 ORDER BY g.starts_at LIMIT $2`, micros(tx.now), limit)
}

// ActiveGrants lists the grants that have started and not ended, by id, from
// after the one named: what a lease is rebuilt from.
func (tx *Tx) ActiveGrants(after string, limit int) ([]access.Grant, error) {
	return all(tx, scanGrant, grantColumns+` WHERE g.state = 'active' AND g.id > $1 ORDER BY g.id LIMIT $2`, after, limit)
}

// NextEnd returns the soonest time at which a grant ends; the zero time when there
// is none.
func (tx *Tx) NextEnd() (time.Time, error) {
	return tx.soonest(`SELECT MIN(expires_at) FROM grants WHERE state <> 'ended'`)
}

// NextLapse returns the soonest time at which a pending request lapses; the zero
// time when there is none.
func (tx *Tx) NextLapse() (time.Time, error) {
	return tx.soonest(`SELECT MIN(lapses_at) FROM requests WHERE state = 'pending'`)
}

// NextStart returns the soonest time, after the one given, at which a scheduled
// grant that is not over starts; the zero time when there is none.
func (tx *Tx) NextStart(after time.Time) (time.Time, error) {
	return tx.soonest(`SELECT MIN(starts_at) FROM grants WHERE state = 'scheduled' AND starts_at > $2 AND expires_at > $1`,
		micros(tx.now), micros(after))
}

// soonest reads one time that may be absent, which is the zero time.
func (tx *Tx) soonest(query string, args ...any) (time.Time, error) {
	var at sql.NullInt64
	if err := tx.row(query, args...).Scan(&at); err != nil || !at.Valid {
		return time.Time{}, err
	}
	return fromMicros(at.Int64), nil
}

func scanGrant(row scanner) (g access.Grant, err error) {
	var subject, resource string
	var while, reason sql.NullString
	var startsAt, expiresAt, createdAt int64
	var endedAt sql.NullInt64
	var b boundRow
	err = row.Scan(&g.ID, &g.RequestID, &g.BindingID, &subject, &g.Action.Name, &resource, &while, &startsAt, &expiresAt,
		&g.DecisionID, &createdAt, &endedAt, &reason, &b.until, &b.endsBy, &b.nextShift, &b.factsAt, &b.overAs, &g.State)
	if err == nil {
		g.Bound, err = b.bound()
	}
	if err != nil {
		return g, err
	}
	g.Subject, g.Resource, g.While = subjectOf(subject), resourceOf(resource), stringPtr(while)
	g.StartsAt, g.ExpiresAt, g.CreatedAt, g.EndedAt = fromMicros(startsAt), fromMicros(expiresAt), fromMicros(createdAt), timePtr(endedAt)
	g.EndReason = (*access.EndReason)(stringPtr(reason))
	return g, nil
}
