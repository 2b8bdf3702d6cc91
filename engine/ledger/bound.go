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
	var overAs any
	if b.OverAs != "" {
		overAs = string(b.OverAs)
	}
	return []any{until, micros(b.EndsBy), flag(b.NextShift), micros(b.FactsAt), overAs}, err
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
