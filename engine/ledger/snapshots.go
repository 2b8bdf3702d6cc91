package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// SourceRecord is what is kept of a source beside what it said.
type SourceRecord struct {
	access.SourceNews
	Digest string   // of what it said last; "" when it never answered
	Faults []string // of what it said last
	Told   bool     // it was alerted that its facts are too old
}

// SourceRecord returns what is kept of a source: the zero record before anything
// is.
func (tx *Tx) SourceRecord(source string) (r SourceRecord, err error) {
	var fetched, changed, until, poked int64
	var failed, told sql.NullInt64
	var faults string
	err = tx.row(`SELECT fetched_at, changed_at, until_at, poked_at, failed_since, error, digest, faults, told_at
		FROM snapshots WHERE source = $1`, source).
		Scan(&fetched, &changed, &until, &poked, &failed, &r.Error, &r.Digest, &faults, &told)
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.FetchedAt, r.ChangedAt, r.Until, r.PokedAt = timeOrZero(fetched), timeOrZero(changed), timeOrZero(until), timeOrZero(poked)
	r.FailedSince, r.Told = timePtr(failed), told.Valid
	if err := json.Unmarshal([]byte(faults), &r.Faults); err != nil {
		return r, fmt.Errorf("the faults of source %q: %w", source, err)
	}
	return r, nil
}

// Snapshot returns what a source said last, and whether it ever did.
func (tx *Tx) Snapshot(source string) (p PackedSnapshot, found bool, err error) {
	var fetched, until int64
	err = tx.row(`SELECT kind, fetched_at, until_at, digest, body FROM snapshots WHERE source = $1 AND body IS NOT NULL`, source).
		Scan(&p.kind, &fetched, &until, &p.Digest, &p.body)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	p.source, p.fetchedAt, p.until = source, timeOrZero(fetched), timeOrZero(until)
	return p, err == nil, err
}

// PutSnapshot stores what a source said in the place of the record's, which must
// have been read under its lock. Its body is written only if it changed. Whatever
// failed before is over.
func (tx *Tx) PutSnapshot(before SourceRecord, p PackedSnapshot) error {
	changed, body := before.ChangedAt, any(nil)
	if before.Digest != p.Digest {
		if err := p.Compress(); err != nil {
			return err
		}
		changed, body = p.fetchedAt, p.body
	}
	faults, err := toJSON(append([]string{}, p.faults...))
	if err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO snapshots (source, kind, fetched_at, changed_at, until_at, digest, body, faults)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (source) DO UPDATE SET kind = excluded.kind, fetched_at = excluded.fetched_at, changed_at = excluded.changed_at,
		   until_at = excluded.until_at, digest = excluded.digest, body = COALESCE(excluded.body, snapshots.body),
		   faults = excluded.faults, failed_since = NULL, error = '', told_at = NULL`,
		p.source, string(p.kind), microsOrZero(p.fetchedAt), microsOrZero(changed), microsOrZero(p.until), p.Digest, body, faults)
}

// PutSourceFailure stores since when a source could not be asked, and why.
func (tx *Tx) PutSourceFailure(source string, kind access.SourceKind, since time.Time, why string) error {
	return tx.exec(`
		INSERT INTO snapshots (source, kind, failed_since, error) VALUES ($1, $2, $3, $4)
		ON CONFLICT (source) DO UPDATE SET failed_since = excluded.failed_since, error = excluded.error`,
		source, string(kind), micros(since), why)
}

// TellStale notes that it is alerted that the facts of a source are too old. It
// reports whether it was not before.
func (tx *Tx) TellStale(source string) (first bool, err error) {
	n, err := tx.affect(`UPDATE snapshots SET told_at = $2 WHERE source = $1 AND told_at IS NULL`, source, micros(tx.now))
	return n > 0, err
}

// PokeSource asks whichever node asks the source to do so soon.
func (tx *Tx) PokeSource(source string, kind access.SourceKind) error {
	return tx.exec(`
		INSERT INTO snapshots (source, kind, poked_at) VALUES ($1, $2, $3)
		ON CONFLICT (source) DO UPDATE SET poked_at = excluded.poked_at`, source, string(kind), micros(tx.now))
}

// LeaveDuty hands back one duty of the owner's.
func (tx *Tx) LeaveDuty(name, owner string) error {
	return tx.exec(`DELETE FROM duties WHERE name = $1 AND owner = $2`, name, owner)
}

// WantedIncidents lists the incidents, as they were asked for, that grants which
// have not ended are bound to.
func (tx *Tx) WantedIncidents() ([]string, error) {
	const prefix = access.WhileIncident + ":"
	// Not by a range: how texts are ordered is the database's. The index holds only
	// grants that are bound.
	return all(tx, scanText, `
		SELECT DISTINCT substr(while_bound, $2) FROM grants
		 WHERE bound IS NOT NULL AND state <> 'ended' AND substr(while_bound, 1, $3) = $1 ORDER BY 1`,
		prefix, int64(len(prefix)+1), int64(len(prefix)))
}

// timeOrZero is a time that was stored as 0 when there was none.
func timeOrZero(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us)
}

func microsOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}
