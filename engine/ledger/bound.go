package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
)

// boundColumns is how a grant's bound is stored: bound, ends_by, next_shift,
// facts_at and over_as.
func boundColumns(b *access.Bound) ([]any, error) {
	if b == nil {
		return []any{nil, nil, int64(0), int64(0), nil}, nil
	}
	until, err := toJSON(b.Until)
	return []any{until, micros(b.EndsBy), flag(b.NextShift), micros(b.FactsAt), textOrNull(string(b.OverAs))}, err
}

// boundRow is a grant's bound as it was stored.
type boundRow struct {
	until              sql.NullString
	endsBy             sql.NullInt64
	nextShift, factsAt int64
	overAs             sql.NullString
}

func (r boundRow) bound() (*access.Bound, error) {
	if !r.until.Valid {
		return nil, nil
	}
	b := &access.Bound{
		EndsBy: fromMicros(r.endsBy.Int64), NextShift: r.nextShift == 1, FactsAt: fromMicros(r.factsAt),
		OverAs: access.EndReason(r.overAs.String),
	}
	if err := json.Unmarshal([]byte(r.until.String), &b.Until); err != nil {
		return nil, fmt.Errorf("the bound of a grant: %w", err)
	}
	return b, nil
}

// BoundGrants lists the grants that have not ended and are bound to what a source
// of the kind tells of, a page at a time: after the one given, and from the first
// on after the zero grant.
func (tx *Tx) BoundGrants(kind access.SourceKind, after access.Grant, limit int) ([]access.Grant, error) {
	const bound = grantColumns + ` WHERE g.bound IS NOT NULL AND g.state <> 'ended'`
	if kind == access.SourceOnCall {
		return all(tx, scanGrant, bound+` AND g.while_bound = $1 AND g.id > $2 ORDER BY g.id LIMIT $3`,
			access.WhileOnCall, after.ID, limit)
	}
	while := ""
	if after.While != nil {
		while = *after.While
	}
	return all(tx, scanGrant, bound+` AND g.while_bound <> $1 AND (g.while_bound, g.id) > ($2, $3)
		ORDER BY g.while_bound, g.id LIMIT $4`, access.WhileOnCall, while, after.ID, limit)
}

// GrantsByID returns those of the grants that there are, as they are now.
func (tx *Tx) GrantsByID(ids ...string) (map[string]access.Grant, error) {
	found := map[string]access.Grant{}
	for list := range inLists(ids) {
		w := where{}
		some, err := all(tx, scanGrant, grantColumns+` WHERE g.id IN (`+w.bindAll(list)+`)`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, g := range some {
			found[g.ID] = g
		}
	}
	return found, nil
}

// Move is a bound grant as it was read, and as it is to be by newer facts.
type Move struct{ Was, Is access.Grant }

// moveTypes are the SQL types of what MoveGrants is given of each grant.
var moveTypes = []string{"TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT"} //nolint:gochecknoglobals // a constant

// MoveGrants gives bound grants their new start, end and cap, and returns the ids
// of those that it moved: they are as they were read, in state and end, their time
// is not over, and their facts are older than the new ones. Their bindings must be
// locked.
func (tx *Tx) MoveGrants(moves []Move) (map[string]bool, error) {
	moved := map[string]bool{}
	for run := range byPowers(moves) {
		args := []any{micros(tx.now)}
		for _, m := range run {
			b := m.Is.Bound
			args = append(args, m.Was.ID, string(m.Was.State), micros(m.Was.ExpiresAt), micros(m.Is.StartsAt), micros(m.Is.ExpiresAt),
				micros(b.EndsBy), micros(b.FactsAt), string(b.OverAs))
		}
		ids, err := all(tx, scanText, `
			UPDATE grants SET starts_at = v.column4, expires_at = v.column5, ends_by = v.column6, facts_at = v.column7,
			       over_as = NULLIF(v.column8, '')
			  FROM (VALUES `+placeholdersFrom(2, len(run), moveTypes)+`) AS v
			 WHERE grants.id = v.column1 AND grants.state = v.column2 AND grants.bound IS NOT NULL AND grants.facts_at < v.column7
			   AND v.column2 <> 'ended' -- not of grants: not by the index of those that are bound, which may hold them all
			   AND grants.expires_at + 0 = v.column3 AND grants.expires_at + 0 > $1 -- as in EndGrants
			RETURNING grants.id`, args...)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			moved[id] = true
		}
	}
	return moved, nil
}
