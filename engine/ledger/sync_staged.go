package ledger

import (
	"database/sql"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
)

// Staged is a resource as a run has read it.
type Staged struct {
	Ref    access.ResourceRef
	Line   int
	Index  int  // of its item
	Faulty bool // it is in the snapshot, and stays as it is: what follows is left out

	name, properties, entitlements, search string
}

// Stage renders a resource as it is staged, and as it will be in the catalogue.
func Stage(r access.Resource, line, index int) (s Staged, err error) {
	s = Staged{Ref: r.Ref(), Line: line, Index: index, name: r.Name, search: foundBy(r)}
	if s.properties, err = toJSON(nonNil(r.Properties)); err == nil {
		s.entitlements, err = toJSON(append([]access.Entitlement{}, r.Entitlements...))
	}
	return s, err
}

// Size is about how many bytes it takes.
func (s Staged) Size() int {
	return len(s.Ref.Type) + len(s.Ref.ID) + len(s.name) + len(s.properties) + len(s.entitlements) + len(s.search)
}

func (s Staged) row(run string) []any {
	if s.Faulty {
		return []any{run, s.Ref.String(), s.Line, s.Index, nil, nil, nil, nil}
	}
	return []any{run, s.Ref.String(), s.Line, s.Index, s.name, s.properties, s.entitlements, s.search}
}

// PutStaged stages resources, each of them different. It returns those that the run
// has staged already, which stay as they are.
func (tx *Tx) PutStaged(run string, resources []Staged) (again []Staged, err error) {
	for page := range byPowers(resources) {
		rows := make([][]any, len(page))
		for i, s := range page {
			rows[i] = s.row(run)
		}
		put, err := all(tx, scanText, `
			INSERT INTO sync_staged (run_id, resource, line, item, name, properties, entitlements, search) VALUES `+
			placeholders(len(rows), len(rows[0]))+` ON CONFLICT (run_id, resource) DO NOTHING RETURNING resource`, slices.Concat(rows...)...)
		if err != nil {
			return nil, err
		}
		if len(put) == len(page) {
			continue
		}
		for _, s := range page {
			if !slices.Contains(put, s.Ref.String()) {
				again = append(again, s)
			}
		}
	}
	return again, nil
}

// SpoilStaged makes what the run has staged of a resource a faulty one. It returns
// in which line that was, and reports whether it was none yet.
func (tx *Tx) SpoilStaged(run, resource string) (line int, first bool, err error) {
	n, err := tx.affect(`
		UPDATE sync_staged SET name = NULL, properties = NULL, entitlements = NULL, search = NULL
		 WHERE run_id = $1 AND resource = $2 AND name IS NOT NULL`, run, resource)
	if err == nil {
		err = tx.row(`SELECT line FROM sync_staged WHERE run_id = $1 AND resource = $2`, run, resource).Scan(&line)
	}
	return line, n > 0, err
}

// Unstage deletes some of what the run has staged, and reports how much it was.
func (tx *Tx) Unstage(run string, limit int) (n int, err error) {
	if n, err = tx.DropSyncChanges(run, limit); err != nil || n >= limit {
		return n, err
	}
	more, err := tx.dropSome("sync_staged", "resource", run, limit)
	return n + more, err
}

// dropSome deletes the first rows of a run from a table, by its key.
func (tx *Tx) dropSome(table, key, run string, limit int) (int, error) {
	n, err := tx.affect(`DELETE FROM `+table+` WHERE run_id = $1 AND `+key+` <= (
		SELECT MAX(p.`+key+`) FROM (SELECT `+key+` FROM `+table+` WHERE run_id = $1 ORDER BY `+key+` LIMIT $2) AS p)`, run, limit)
	return int(n), err
}

// Unstaged notes that nothing of the run is staged any more.
func (tx *Tx) Unstaged(run string) error {
	return tx.exec(`UPDATE sync_runs SET staged = 0 WHERE id = $1`, run)
}

// SyncChange is what a run would change of one resource.
type SyncChange struct {
	Resource string // type:id
	Change   string // access.ResourceCreated and its like, SyncFound or SyncOwned
	Line     int    // where it is in the snapshot; 0: it is not
	Index    int
	Owner    string // of one that another source has
}

// What else may become of a resource that a run has read.
const (
	SyncFound = "found" // nothing changes but what it is found by
	SyncOwned = "owned" // another source has it
)

// Stretch is resources in a row: those behind one, up to another. What is joined
// is so in stretches, and each side of a join is told which: a database that knows
// nothing yet of tables that were just filled would else go through all of them.
type Stretch struct{ After, Upto string }

// NextStaged is the stretch behind a resource that holds so many of the staged; ""
// begins. It reports false when there are none.
func (tx *Tx) NextStaged(run, after string, limit int) (Stretch, bool, error) {
	return tx.stretch(after, `SELECT resource FROM sync_staged WHERE run_id = $1 AND resource > $2 ORDER BY resource LIMIT $3`, run, after, limit)
}

// NextAlive is the stretch behind a resource that holds so many of those that the
// source has alive.
func (tx *Tx) NextAlive(source, after string, limit int) (Stretch, bool, error) {
	return tx.stretch(after, `SELECT resource FROM resources WHERE source = $1 AND archived_at IS NULL AND resource > $2
		ORDER BY resource LIMIT $3`, source, after, limit)
}

// NextChanges is the stretch behind a resource that holds so many of the changes.
func (tx *Tx) NextChanges(run, after string, limit int) (Stretch, bool, error) {
	return tx.stretch(after, `SELECT resource FROM sync_changes WHERE run_id = $1 AND resource > $2 ORDER BY resource LIMIT $3`, run, after, limit)
}

func (tx *Tx) stretch(after, page string, args ...any) (s Stretch, found bool, err error) {
	var last sql.NullString
	err = tx.row(`SELECT MAX(p.resource) FROM (`+page+`) AS p`, args...).Scan(&last)
	return Stretch{After: after, Upto: last.String}, last.Valid, err
}

// within keeps the column to the stretch that $2 and $3 are.
func within(column string) string { return ` AND ` + column + ` > $2 AND ` + column + ` <= $3` }

// CompareStaged lists what of the staged is not as the catalogue has it, by
// resource.
func (tx *Tx) CompareStaged(run, source string, in Stretch) ([]SyncChange, error) {
	return all(tx, func(row scanner) (c SyncChange, err error) {
		return c, row.Scan(&c.Resource, &c.Line, &c.Index, &c.Change, &c.Owner)
	}, `
		SELECT s.resource, s.line, s.item,
		       CASE WHEN r.resource IS NULL THEN 'created' WHEN r.archived_at IS NOT NULL THEN 'updated' WHEN r.source <> $4 THEN 'owned'
		            WHEN r.name <> s.name OR r.properties <> s.properties OR r.entitlements <> s.entitlements THEN 'updated' ELSE 'found' END,
		       COALESCE(r.source, '')
		  FROM sync_staged s LEFT JOIN resources r ON r.resource = s.resource`+within("r.resource")+`
		 WHERE s.run_id = $1`+within("s.resource")+` AND s.name IS NOT NULL
		   AND (r.resource IS NULL OR r.source <> $4 OR r.archived_at IS NOT NULL OR r.name <> s.name
		        OR r.properties <> s.properties OR r.entitlements <> s.entitlements OR r.search <> s.search)
		 ORDER BY s.resource`, run, in.After, in.Upto, source)
}

// Leaving lists what the source has alive and the run has not read, by resource.
func (tx *Tx) Leaving(run, source string, in Stretch) ([]SyncChange, error) {
	return all(tx, func(row scanner) (c SyncChange, err error) {
		c.Change = access.ResourceArchived
		return c, row.Scan(&c.Resource)
	}, `
		SELECT r.resource FROM resources r
		 WHERE r.source = $4 AND r.archived_at IS NULL`+within("r.resource")+`
		   AND NOT EXISTS (SELECT 1 FROM sync_staged s WHERE s.run_id = $1 AND s.resource = r.resource`+within("s.resource")+`)
		 ORDER BY r.resource`, run, in.After, in.Upto, source)
}

// PutSyncChanges notes what the run would change.
func (tx *Tx) PutSyncChanges(run string, changes []SyncChange) error {
	rows := make([][]any, len(changes))
	for i, c := range changes {
		rows[i] = []any{run, c.Resource, c.Change}
	}
	return tx.insertAll(`INSERT INTO sync_changes (run_id, resource, change) VALUES`, rows)
}

// DropSyncChanges forgets some of what the run would change, and reports how much it
// was.
func (tx *Tx) DropSyncChanges(run string, limit int) (n int, err error) {
	if n, err = tx.dropSome("sync_changes", "resource", run, limit); err != nil || n >= limit {
		return n, err
	}
	more, err := tx.dropSome("sync_events", "n", run, limit)
	return n + more, err
}

// CountGrantsLeaving counts the grants that have not ended on what the run would
// archive.
func (tx *Tx) CountGrantsLeaving(run string) (n int, err error) {
	return n, tx.row(`SELECT COUNT(*) FROM grants g WHERE g.state <> 'ended' AND g.resource IN (`+archivedBy+`)`, run).Scan(&n)
}

const archivedBy = `SELECT c.resource FROM sync_changes c WHERE c.run_id = $1 AND c.change = 'archived'`

// SyncDifference is a change with what of the resource differs.
type SyncDifference struct {
	SyncChange
	Name, Properties, Entitlements bool
}

// SyncDifferences lists what the run would change.
func (tx *Tx) SyncDifferences(run string, in Stretch) ([]SyncDifference, error) {
	return all(tx, func(row scanner) (d SyncDifference, err error) {
		var name, properties, entitlements int
		err = row.Scan(&d.Resource, &d.Change, &name, &properties, &entitlements)
		d.Name, d.Properties, d.Entitlements = name == 1, properties == 1, entitlements == 1
		return d, err
	}, `
		SELECT c.resource, c.change, CASE WHEN r.name <> s.name THEN 1 ELSE 0 END, CASE WHEN r.properties <> s.properties THEN 1 ELSE 0 END,
		       CASE WHEN r.entitlements <> s.entitlements THEN 1 ELSE 0 END
		  FROM sync_changes c LEFT JOIN sync_staged s ON s.run_id = c.run_id AND s.resource = c.resource`+within("s.resource")+`
		  LEFT JOIN resources r ON r.resource = c.resource`+within("r.resource")+`
		 WHERE c.run_id = $1`+within("c.resource")+` AND c.change <> 'found' ORDER BY c.resource`, run, in.After, in.Upto)
}
