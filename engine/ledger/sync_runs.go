package ledger

import (
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// SyncRun is a source's attempt to bring its catalogue.
type SyncRun struct {
	ID         string
	Source     string
	Outcome    string // "" while it is under way
	Actor      string // "" is the gateway itself
	StartedAt  time.Time
	FinishedAt *time.Time
	access.SyncCounts
	Code       string // why it was refused
	Detail     string
	Errors     []byte // JSON array: what is wrong with items
	ErrorCount int
}

// BeginSync notes a run that is about to read.
func (tx *Tx) BeginSync(id, source, actor string) error {
	return tx.exec(`INSERT INTO sync_runs (id, source, actor, started_at) VALUES ($1, $2, $3, $4)`, id, source, actor, micros(tx.now))
}

// FinishSync notes how a run ended. One that was given up is ErrConflict: nothing
// of it may be applied.
func (tx *Tx) FinishSync(r SyncRun) error {
	return tx.changed(access.Conflict("sync_given_up", "the run %s was given up", r.ID), `
		UPDATE sync_runs SET outcome = $2, finished_at = $3, received = $4, created = $5, updated = $6, unchanged = $7, archived = $8,
		       skipped = $9, grants_ended = $10, code = $11, detail = $12, errors = $13, error_count = $14
		 WHERE id = $1 AND outcome IS NULL`,
		r.ID, r.Outcome, micros(tx.now), r.Received, r.Created, r.Updated, r.Unchanged, r.Archived,
		r.Skipped, r.GrantsEnded, r.Code, r.Detail, string(r.Errors), r.ErrorCount)
}

// DropSync forgets a run of which nothing is staged.
func (tx *Tx) DropSync(id string) error { return tx.exec(`DELETE FROM sync_runs WHERE id = $1`, id) }

// ForgetSyncs keeps the newest runs of a source, those under way, and those of
// which something is staged.
func (tx *Tx) ForgetSyncs(source string, keep int) error {
	return tx.exec(`
		DELETE FROM sync_runs WHERE source = $1 AND outcome IS NOT NULL AND staged = 0
		   AND id < (SELECT MIN(n.id) FROM (SELECT id FROM sync_runs WHERE source = $1 ORDER BY id DESC LIMIT $2) AS n)`, source, keep)
}

const syncColumns = `SELECT id, source, COALESCE(outcome, ''), actor, started_at, finished_at, received, created, updated, unchanged, archived,
	skipped, grants_ended, code, detail, errors, error_count FROM sync_runs`

// SyncRuns lists the runs of a source that have ended, newest first, behind the
// run before; "" begins.
func (tx *Tx) SyncRuns(source, before string, limit int) ([]SyncRun, error) {
	w := &where{}
	w.add(true, `source = `, source)
	w.and(`outcome IS NOT NULL`)
	w.add(before != "", `id < `, before)
	return all(tx, scanSync, syncColumns+w.String()+` ORDER BY id DESC LIMIT `+w.bind(limit), w.args...)
}

// StagedSyncs lists runs of which something may be staged.
func (tx *Tx) StagedSyncs() ([]SyncRun, error) {
	return all(tx, scanSync, syncColumns+` WHERE staged = 1 ORDER BY id`)
}

func scanSync(row scanner) (r SyncRun, err error) {
	var started int64
	var finished sql.NullInt64
	var errors string
	err = row.Scan(&r.ID, &r.Source, &r.Outcome, &r.Actor, &started, &finished, &r.Received, &r.Created, &r.Updated, &r.Unchanged, &r.Archived,
		&r.Skipped, &r.GrantsEnded, &r.Code, &r.Detail, &errors, &r.ErrorCount)
	r.StartedAt, r.FinishedAt, r.Errors = fromMicros(started), timePtr(finished), []byte(errors)
	return r, err
}

// SyncSource is a source of resources as the ledger knows it.
type SyncSource struct {
	Source     string
	DeclaredAt time.Time  // since when its snapshots are expected, if they are
	SyncedAt   *time.Time // when the newest was applied; nil: none that is known of
}

// DeclareSources notes sources whose snapshots are expected from now on.
func (tx *Tx) DeclareSources(names []string) error {
	for _, name := range names {
		err := tx.exec(`INSERT INTO sync_sources (source, declared_at) VALUES ($1, $2) ON CONFLICT (source) DO NOTHING`, name, micros(tx.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// SourceSynced notes that a snapshot of the source is in force.
func (tx *Tx) SourceSynced(source string) error {
	return tx.exec(`
		INSERT INTO sync_sources (source, declared_at, synced_at) VALUES ($1, $2, $2)
		ON CONFLICT (source) DO UPDATE SET synced_at = excluded.synced_at`, source, micros(tx.now))
}

// SyncSources lists the sources of resources, by name.
func (tx *Tx) SyncSources() ([]SyncSource, error) {
	return all(tx, func(row scanner) (s SyncSource, err error) {
		var declared int64
		var synced sql.NullInt64
		err = row.Scan(&s.Source, &declared, &synced)
		s.DeclaredAt, s.SyncedAt = fromMicros(declared), timePtr(synced)
		return s, err
	}, `SELECT source, declared_at, synced_at FROM sync_sources ORDER BY source`)
}

// CountResources counts what the source keeps alive.
func (tx *Tx) CountResources(source string) (n int, err error) {
	return n, tx.row(`SELECT COUNT(*) FROM resources WHERE source = $1 AND archived_at IS NULL`, source).Scan(&n)
}
