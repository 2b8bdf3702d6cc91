package ledger

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// PutDecisionChunks stores chunks of the decision log. One that is there already
// is left as it is: an answer that did not come is asked for again. It satisfies
// decisions.Store.
func (l *Ledger) PutDecisionChunks(ctx context.Context, chunks ...access.DecisionChunk) error {
	return l.Update(ctx, func(tx *Tx) error {
		for _, c := range chunks {
			err := tx.exec(`
				INSERT INTO decision_chunks (id, first_id, last_id, first_at, last_at, node, count, body)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
				c.ID, c.FirstID, c.LastID, micros(c.FirstAt), micros(c.LastAt), c.Node, c.Count, c.Body)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// The duty of dropping old chunks, and for how long a node has it.
const (
	forgetDuty = "decision_log.forget"
	forgetFor  = time.Hour
)

// ForgetDecisionChunks drops at most limit chunks whose decisions are all from
// before the time, unless another node has the duty. It satisfies
// decisions.Store.
func (l *Ledger) ForgetDecisionChunks(ctx context.Context, node string, before time.Time, limit int) (n int, err error) {
	err = l.Update(ctx, func(tx *Tx) error {
		mine, err := tx.TakeDuty(forgetDuty, node, tx.now.Add(forgetFor))
		if err != nil || !mine {
			return err
		}
		gone, err := tx.affect(`
			DELETE FROM decision_chunks WHERE id IN (
			  SELECT id FROM decision_chunks WHERE last_at < $1 ORDER BY last_at LIMIT $2)`, micros(before), limit)
		n = int(gone)
		return err
	})
	return n, err
}

// TellDecisionsDropped writes that decisions are not in the decision log. It
// satisfies decisions.Store.
func (l *Ledger) TellDecisionsDropped(ctx context.Context, node string, dropped int64, since time.Time) error {
	return l.Update(ctx, func(tx *Tx) error {
		return tx.Append(audit.Event{Type: audit.DecisionLogOverflowed, Data: map[string]any{
			"node": node, "dropped": dropped, "since": since,
		}})
	})
}

// DecisionSpan is where the decisions of a chunk lie.
type DecisionSpan struct{ ID, FirstID, LastID string }

// DecisionSpans lists the chunks that may hold decisions with ids from the one up
// to, and without, the other, by their first.
func (tx *Tx) DecisionSpans(from, to string, limit int) ([]DecisionSpan, error) {
	// A chunk spans a bounded time, so that the index need not be read from its
	// beginning. Twice that: an id is made a moment before its decision.
	begin := access.FirstID(access.KindDecision, access.IDTime(from).Add(-2*access.DecisionChunkSpan))
	return all(tx, func(row scanner) (s DecisionSpan, err error) {
		return s, row.Scan(&s.ID, &s.FirstID, &s.LastID)
	}, `SELECT id, first_id, last_id FROM decision_chunks WHERE first_id >= $1 AND first_id < $2 AND last_id >= $3
	     ORDER BY first_id, id LIMIT $4`, begin, to, from, limit)
}

// DecisionChunk returns the body of a chunk.
func (tx *Tx) DecisionChunk(id string) ([]byte, error) {
	return one(tx, func(row scanner) (body []byte, err error) { return body, row.Scan(&body) },
		"chunk of the decision log", id, `SELECT body FROM decision_chunks WHERE id = $1`, id)
}
