package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/curfew-access/curfew/engine/ledger"
)

// guardName names the function and, on each table, the trigger that guards it.
const guardName = "curfew_append_only"

// Guard makes the triggers that refuse changes, where they are missing. One fires
// once for a statement, however many rows that would change, and never for an INSERT.
func (db *DB) Guard(ctx context.Context, sentence string, tables []string) error {
	missing := 0
	err := db.View(ctx, func(q ledger.Querier) error {
		return q.QueryRowContext(ctx, `SELECT COUNT(*) FROM unnest(string_to_array($1, ' ')) AS guarded (name)
			WHERE NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = $2 AND tgrelid = to_regclass(name))`,
			strings.Join(tables, " "), guardName).Scan(&missing)
	})
	if err != nil || missing == 0 {
		return err
	}
	return db.Migrate(ctx, func(q ledger.Querier) error {
		if err := db.Lock(ctx, q, ledger.Lock{Name: "migrate"}); err != nil { // nodes that start at once take turns
			return err
		}
		_, err := q.ExecContext(ctx, guardText(sentence, tables))
		return err
	})
}

// guardText makes the function, and the triggers anew. The table that says whether
// the transaction removes is beside the one that is guarded, whatever the path is on
// which a session looks for tables.
func guardText(sentence string, tables []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
		CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $guard$
		DECLARE
		  open BIGINT;
		BEGIN
		  EXECUTE format('SELECT removing FROM %%I.audit_guard WHERE id = 1', TG_TABLE_SCHEMA) INTO open;
		  IF open = 1 THEN
		    RETURN NULL;
		  END IF;
		  RAISE EXCEPTION '%% of %%: %s', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
		END
		$guard$;`, guardName, strings.ReplaceAll(sentence, "'", "''"))
	for _, table := range tables {
		fmt.Fprintf(&b, `
		DROP TRIGGER IF EXISTS %[1]s ON %[2]s;
		CREATE TRIGGER %[1]s BEFORE UPDATE OR DELETE OR TRUNCATE ON %[2]s FOR EACH STATEMENT EXECUTE FUNCTION %[1]s();`, guardName, table)
	}
	// Nothing that a leaf refers to can go now. To look for it, and to lock it, with
	// each leaf is a quarter of what the server does for a seal.
	b.WriteString(`
		ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS audit_log_event_id_fkey;`)
	return b.String()
}
