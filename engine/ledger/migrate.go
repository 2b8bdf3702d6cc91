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

// migrator is a database that runs migrations without the time-outs of other
// transactions. Each fn is a transaction, as in DB.Update.
type migrator interface {
	Migrate(ctx context.Context, fn func(Querier) error) error
}

// nameless is a database that knows the error of a statement whose table is not
// there: on an empty database that is no failure.
type nameless interface{ NoTable(err error) bool }

// Schema is the version of the schema that this release needs.
func Schema() int { return len(migrationNames()) }

// SchemaOf tells which version of the schema the database has, 0 for none yet. It
// changes nothing.
func SchemaOf(ctx context.Context, db DB) (have int, err error) {
	err = db.View(ctx, func(tx Querier) (err error) {
		have, err = version(ctx, tx)
		return err
	})
	if d, ok := db.(nameless); ok && err != nil && d.NoTable(err) {
		return 0, nil
	}
	if err == nil && have > Schema() {
		err = ErrNewerSchema
	}
	return have, err
}

func version(ctx context.Context, tx Querier) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM schema_versions`).Scan(&n)
	return n, err
}

// Migrate brings the schema up to date: numbered files, forward only, each in a
// transaction of its own that also records it. Nodes that start at once take
// turns, and an up-to-date schema is only read: that needs no right to change it.
func Migrate(ctx context.Context, db DB) (from, to int, err error) {
	have, err := SchemaOf(ctx, db)
	if err != nil {
		return have, have, fmt.Errorf("its schema: %w", err)
	}
	names := migrationNames()
	need := len(names)
	update := db.Update
	if m, ok := db.(migrator); ok {
		update = m.Migrate
	}
	for number := have + 1; number <= need; number++ {
		text, err := migrations.ReadFile(names[number-1])
		if err != nil {
			return have, number - 1, err
		}
		err = update(ctx, func(tx Querier) error { return apply(ctx, db, tx, number, need, string(text)) })
		if err != nil {
			return have, number - 1, fmt.Errorf("migration %s: %w", strings.TrimPrefix(names[number-1], "migrations/"), err)
		}
	}
	return have, need, guard(ctx, db)
}

func migrationNames() []string {
	names, _ := fs.Glob(migrations, "migrations/*.sql") // the pattern is good
	return names
}

// apply makes one migration, unless another node has. The lock comes first: on
// PostgreSQL two CREATE TABLE IF NOT EXISTS at once can fail.
func apply(ctx context.Context, db DB, tx Querier, number, newest int, text string) error {
	if err := db.Lock(ctx, tx, Lock{Name: "migrate"}); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT PRIMARY KEY)`)
	if err != nil {
		return err
	}
	have, err := version(ctx, tx)
	switch {
	case err != nil:
		return err
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
