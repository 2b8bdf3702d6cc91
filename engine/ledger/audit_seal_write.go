package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/curfew-access/curfew/engine/audit"
)

// write makes the seal, if the head is still what it was prepared from.
func (s *seal) write(tx *Tx) error {
	err := tx.changed(errOvertaken, `
		UPDATE audit_head SET seq = $1, size = $2, edge = $3, checkpoint = $4, checkpoint_size = $5, broken_at = NULL, broken_why = ''
		 WHERE id = 1 AND seq = $6 AND size = $7 AND edge = $8 AND checkpoint = $9`,
		s.after.seq, s.after.size, s.after.edge, s.after.checkpoint, s.checkpointSize,
		s.before.seq, s.before.size, s.before.edge, s.before.checkpoint)
	if err != nil {
		return err
	}
	if err := tx.insertAll(`INSERT INTO audit_log (seq, event_id, leaf) VALUES`, s.leaves); err != nil {
		return err
	}
	if err := tx.insertAll(`INSERT INTO audit_nodes (level, n, hash) VALUES`, s.nodes); err != nil {
		return err
	}
	if err := tx.take(s.taken); err != nil {
		return err
	}
	return tx.keepCheckpoint(s)
}

// tell says in the head why nothing is sealed, unless it says so already.
func (s *seal) tell(ctx context.Context, l *Ledger) error {
	if s.told == s.broken {
		return nil
	}
	return l.Update(ctx, func(tx *Tx) error {
		return tx.exec(`UPDATE audit_head SET broken_at = COALESCE(broken_at, $1), broken_why = $2 WHERE id = 1`, micros(tx.now), s.broken)
	})
}

// whyUnwritten looks whether what waits has its place already: then nothing can ever be
// sealed before somebody mends that.
func (l *Ledger) whyUnwritten(ctx context.Context, s *seal, err error) error {
	var twice []string
	look := l.Look(ctx, func(tx *Tx) (err error) {
		twice, err = all(tx, scanText, `SELECT p.event_id FROM audit_pending p JOIN audit_log l ON l.event_id = p.event_id LIMIT 1`)
		return err
	})
	if look != nil || len(twice) == 0 {
		return err
	}
	s.broken = fmt.Sprintf("%s waits in audit_pending for a place in the sequence, and has one", twice[0])
	return errors.Join(s.tell(ctx, l), &audit.BrokenError{Why: s.broken})
}

// take removes the events from those that wait.
func (tx *Tx) take(events []pending) error {
	for run := range byPowers(events) {
		var args []any
		for _, e := range run {
			args = append(args, e.at, e.n, e.id)
		}
		err := tx.exec(`DELETE FROM audit_pending WHERE (at, n, event_id) IN (VALUES `+
			placeholdersFrom(1, len(run), []string{"BIGINT", "BIGINT", "TEXT"})+`)`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// keepCheckpoint keeps the checkpoint, and who signed it, if it is one to be kept.
func (tx *Tx) keepCheckpoint(s *seal) error {
	if !s.keep {
		return nil
	}
	at := micros(s.at)
	if err := tx.exec(`INSERT INTO audit_checkpoints (size, at, note) VALUES ($1, $2, $3)`, s.checkpointSize, at, s.after.checkpoint); err != nil {
		return err
	}
	for _, verifier := range s.keys.Verifiers() {
		err := tx.exec(`
			INSERT INTO audit_keys (verifier, first_size, first_at, last_size, last_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (verifier) DO UPDATE SET last_size = excluded.last_size, last_at = excluded.last_at`,
			verifier, s.checkpointSize, at, s.checkpointSize, at)
		if err != nil {
			return err
		}
	}
	return nil
}
