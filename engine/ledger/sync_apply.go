package ledger

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// CatalogueVersion is a number that grows with each change of the catalogue.
func (tx *Tx) CatalogueVersion() (version int64, err error) {
	return version, tx.row(`SELECT version FROM catalogue WHERE id = 1`).Scan(&version)
}

// LockCatalogue keeps others from changing the catalogue until this transaction
// ends, and returns its version.
func (tx *Tx) LockCatalogue() (version int64, err error) {
	return version, tx.row(`UPDATE catalogue SET version = version WHERE id = 1 RETURNING version`).Scan(&version)
}

// applyPage is how many changes one statement makes: what a statement replaces is
// kept in memory until its end.
const applyPage = 5000

// ApplySync changes the catalogue as the run has noted, and writes its events. The
// catalogue is locked, and is as it was when it was compared. Live grants on what
// is updated are evaluated again; those on what is archived are the caller's.
//
// The events come first: SQLite keeps what the larger changes replace, and goes
// through it with every later statement.
func (tx *Tx) ApplySync(run, source string) error {
	tx.touch(touched{resources: true})
	if err := tx.tellSynced(run); err != nil {
		return err
	}
	for after := ""; ; {
		in, found, err := tx.NextChanges(run, after, applyPage)
		switch {
		case err != nil:
			return err
		case !found:
			return errors.Join(tx.exec(`UPDATE catalogue SET version = version + 1 WHERE id = 1`), tx.recheckSynced(run))
		}
		if err := tx.applyChanges(run, source, in); err != nil {
			return err
		}
		after = in.Upto
	}
}

// applyChanges changes the resources of a stretch.
func (tx *Tx) applyChanges(run, source string, in Stretch) error {
	these := ` WHERE c.run_id = $1` + within("c.resource") + ` AND c.change = `
	noted := ` FROM sync_changes c JOIN sync_staged s ON s.run_id = c.run_id AND s.resource = c.resource` + within("s.resource") + these
	known := ` AND resources.resource = c.resource` + within("resources.resource")
	now := micros(tx.now)
	return errors.Join(
		tx.exec(`
			INSERT INTO resources (resource, source, name, properties, entitlements, search, updated_at)
			SELECT s.resource, CAST($4 AS TEXT), s.name, s.properties, s.entitlements, s.search, CAST($5 AS BIGINT)`+noted+`'created'
			 ORDER BY c.resource`, run, in.After, in.Upto, source, now),
		tx.exec(`
			UPDATE resources SET source = $4, archived_at = NULL`+noted+`'updated'`+known+`
			   AND (resources.source <> $4 OR resources.archived_at IS NOT NULL)`, run, in.After, in.Upto, source), // the index moves for these alone
		tx.exec(`
			UPDATE resources SET name = s.name, properties = s.properties, entitlements = s.entitlements, search = s.search,
			       updated_at = $4`+noted+`'updated'`+known, run, in.After, in.Upto, now),
		tx.exec(`UPDATE resources SET search = s.search`+noted+`'found'`+known, run, in.After, in.Upto),
		tx.exec(`
			UPDATE resources SET archived_at = $4 FROM sync_changes c`+these+`'archived'`+known+`
			   AND resources.archived_at IS NULL`, run, in.After, in.Upto, now))
}

// recheckSynced has the live grants on what the run updated evaluated again.
func (tx *Tx) recheckSynced(run string) error {
	w := where{}
	w.and(`g.resource IN (SELECT c.resource FROM sync_changes c WHERE c.run_id = ` + w.bind(run) + ` AND c.change = 'updated')`)
	w.and(`g.state <> 'ended'`) // which the index is of
	_, err := tx.queueRechecks(w, Stirred{Cause: access.CauseResource})
	return err
}

// tellSynced writes the events that were rendered for the run.
func (tx *Tx) tellSynced(run string) error {
	now, date := micros(tx.now), audit.Date(tx.now)
	for {
		told, err := tx.affect(`
			INSERT INTO audit_events (id, type, at, resource, actor, body)
			SELECT e.event_id, e.type, CAST($4 AS BIGINT), e.resource, e.actor, e.before || CAST($5 AS TEXT) || e.behind
			  FROM sync_events e WHERE e.run_id = $1 AND e.n > $2 AND e.n <= $3 ORDER BY e.n`, run, tx.told, tx.told+applyPage, now, date)
		if err != nil || told == 0 {
			return err
		}
		err = tx.exec(`
			INSERT INTO audit_pending (event_id, at, n)
			SELECT e.event_id, CAST($4 AS BIGINT), e.n FROM sync_events e WHERE e.run_id = $1 AND e.n > $2 AND e.n <= $3 ORDER BY e.n`,
			run, tx.told, tx.told+applyPage, now)
		if err != nil {
			return err
		}
		tx.told += int(told)
	}
}

// SyncEvents are events that a run will write, rendered but for their time.
type SyncEvents struct {
	rows   [][]any
	n      int    // of those before them
	lastID string // of those, and of them
}

// Behind renders events behind these. It is not done in a transaction, which others
// would wait for.
func (s SyncEvents) Behind(run string, now time.Time, events []audit.Event) (SyncEvents, error) {
	next := SyncEvents{n: s.n + len(s.rows), lastID: s.lastID, rows: make([][]any, len(events))}
	for i, e := range events {
		next.lastID = nextEventID(next.lastID, now)
		e.ID, e.Version = next.lastID, audit.Version
		before, behind, err := e.Undated()
		if err != nil {
			return next, err
		}
		next.rows[i] = []any{
			run, next.n + i + 1, e.ID, e.Type, stringerOrNull(e.Resource), stringerOrNull(e.Actor), string(before), string(behind),
		}
	}
	return next, nil
}

// PutSyncEvents keeps events for when the run is applied.
func (tx *Tx) PutSyncEvents(s SyncEvents) error {
	return tx.insertAll(`INSERT INTO sync_events (run_id, n, event_id, type, resource, actor, before, behind) VALUES`, s.rows)
}

// UnendedGrantsLeaving lists the grants that have not ended on what the run
// archives.
func (tx *Tx) UnendedGrantsLeaving(run string) ([]access.Grant, error) {
	return all(tx, scanGrant, grantColumns+` WHERE g.state <> 'ended' AND g.resource IN (`+archivedBy+`) ORDER BY g.id`, run)
}

// ChangedBy lists what the run updates or archives, but no more than the limit.
func (tx *Tx) ChangedBy(run string, limit int) ([]string, error) {
	return all(tx, scanText, `
		SELECT c.resource FROM sync_changes c WHERE c.run_id = $1 AND c.change IN ('updated', 'archived')
		 ORDER BY c.resource LIMIT $2`, run, limit)
}

// Synced is a change that a run makes, with the facts of the resource as JSON;
// nil of one that is archived.
type Synced struct {
	Resource     access.ResourceRef
	Change       string
	Properties   json.RawMessage
	Entitlements json.RawMessage
}

// Synced lists changes that the run would make, by resource.
func (tx *Tx) Synced(run string, in Stretch) ([]Synced, error) {
	return all(tx, func(row scanner) (s Synced, err error) {
		var name string
		var properties, entitlements *string
		err = row.Scan(&name, &s.Change, &properties, &entitlements)
		s.Resource = resourceOf(name)
		if properties != nil && entitlements != nil {
			s.Properties, s.Entitlements = json.RawMessage(*properties), json.RawMessage(*entitlements)
		}
		return s, err
	}, `
		SELECT c.resource, c.change, s.properties, s.entitlements
		  FROM sync_changes c LEFT JOIN sync_staged s ON s.run_id = c.run_id AND s.resource = c.resource`+within("s.resource")+`
		 WHERE c.run_id = $1`+within("c.resource")+` AND c.change <> 'found' ORDER BY c.resource`, run, in.After, in.Upto)
}
