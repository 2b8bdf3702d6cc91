package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewerSchema says that a later release has migrated this ledger.
var ErrNewerSchema = errors.New("the ledger was migrated by a newer release of curfew; start that release")

// migrate brings the schema up to date: numbered files, forward only, each in a
// transaction of its own that also records it.
func migrate(ctx context.Context, db DB) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	for i, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		err = db.Update(ctx, func(tx Querier) error { return apply(ctx, tx, i+1, len(names), string(text)) })
		if err != nil {
			return fmt.Errorf("migration %s: %w", strings.TrimPrefix(name, "migrations/"), err)
		}
	}
	return nil
}

func apply(ctx context.Context, tx Querier, number, newest int, text string) error {
	_, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT PRIMARY KEY)`)
	if err != nil {
		return err
	}
	var have int
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_versions`).Scan(&have); err != nil {
		return err
	}
	switch {
	case have > newest:
		return ErrNewerSchema
	case have >= number:
		return nil
	}
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO schema_versions (version) VALUES ($1)`, number)
	return err
}
