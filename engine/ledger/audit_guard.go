package ledger

import (
	"context"
	"fmt"
)

// appendOnly are the tables whose rows are never changed, and removed by retention
// only. What is done to them by hand, or by mistake, is refused: it would show in the
// tree, but only later. Whoever may change the schema can take the guards away; it is
// the tree, not they, that proves.
var appendOnly = []string{"audit_events", "audit_log", "audit_nodes", "audit_tiles", "audit_checkpoints"}

// NoChange is the sentence that a change to such a table is refused with.
const NoChange = "the audit log is only added to; curfew removes old events by the rule audit.keep of its configuration"

// guarder is a database that can refuse changes to tables by triggers.
type guarder interface {
	// Guard refuses UPDATE and DELETE on the tables, with the sentence, unless
	// audit_guard says that the transaction removes. It may be called again.
	Guard(ctx context.Context, sentence string, tables []string) error
}

func guard(ctx context.Context, db DB) error {
	g, ok := db.(guarder)
	if !ok {
		return nil
	}
	if err := g.Guard(ctx, NoChange, appendOnly); err != nil {
		return fmt.Errorf("the guards of the audit log: %w", err)
	}
	return nil
}

// Removing runs fn, which may remove events by the rules of retention, in this
// transaction. Others still may not.
func (tx *Tx) Removing(fn func() error) error {
	if err := tx.exec(`UPDATE audit_guard SET removing = 1 WHERE id = 1`); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return tx.failed(err) // the guard must not stay open: nothing of this is kept
	}
	return tx.exec(`UPDATE audit_guard SET removing = 0 WHERE id = 1`)
}
