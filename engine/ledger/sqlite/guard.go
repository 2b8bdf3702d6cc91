package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/curfew-access/curfew/engine/ledger"
)

// Guard makes the triggers that refuse changes, where they are missing.
func (db *DB) Guard(ctx context.Context, sentence string, tables []string) error {
	have := 0
	err := db.View(ctx, func(q ledger.Querier) error {
		return q.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%\_append\_only\_%' ESCAPE '\'`).Scan(&have)
	})
	if err != nil || have == 2*len(tables) {
		return err
	}
	return db.Update(ctx, func(q ledger.Querier) error {
		_, err := q.ExecContext(ctx, guardText(sentence, tables))
		return err
	})
}

func guardText(sentence string, tables []string) string {
	var b strings.Builder
	for _, table := range tables {
		for _, change := range []string{"UPDATE", "DELETE"} {
			fmt.Fprintf(&b, `
				CREATE TRIGGER IF NOT EXISTS %[1]s_append_only_%[2]s BEFORE %[3]s ON %[1]s
				WHEN (SELECT removing FROM audit_guard WHERE id = 1) = 0
				BEGIN SELECT RAISE(ABORT, '%[3]s of %[1]s: %[4]s'); END;`,
				table, strings.ToLower(change), change, strings.ReplaceAll(sentence, "'", "''"))
		}
	}
	return b.String()
}
