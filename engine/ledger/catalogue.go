package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/curfew-access/curfew/engine/access"
)

// Change says what PutResource did.
type Change string

// What a resource's arrival changed.
const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged"
)

const resourceColumns = `SELECT resource, source, name, properties, entitlements, archived_at FROM resources`

// PutResource stores what the source says of a resource, alive. A resource of
// another source is ErrConflict: each has one owner.
func (tx *Tx) PutResource(source string, r access.Resource) (Change, error) {
	properties, err := toJSON(nonNil(r.Properties))
	if err != nil {
		return "", err
	}
	entitlements, err := toJSON(append([]access.Entitlement{}, r.Entitlements...))
	if err != nil {
		return "", err
	}
	ref, search := r.Ref().String(), foundBy(r)
	var owner, name, oldProperties, oldEntitlements, oldSearch string
	var archived sql.NullInt64
	err = tx.row(`SELECT source, name, properties, entitlements, search, archived_at FROM resources WHERE resource = $1`, ref).
		Scan(&owner, &name, &oldProperties, &oldEntitlements, &oldSearch, &archived)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Created, tx.exec(`
			INSERT INTO resources (resource, source, name, properties, entitlements, search, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, ref, source, r.Name, properties, entitlements, search, micros(tx.now))
	case err != nil:
		return "", err
	case owner != source && !archived.Valid:
		return "", access.Conflict("resource_owned", "%s belongs to the source %q", ref, owner)
	case owner == source && name == r.Name && oldProperties == properties && oldEntitlements == entitlements && !archived.Valid:
		if oldSearch == search {
			return Unchanged, nil
		}
		return Unchanged, tx.exec(`UPDATE resources SET search = $2 WHERE resource = $1`, ref, search)
	}
	tx.touch(touched{resources: true})
	return Updated, tx.exec(`
		UPDATE resources SET source = $2, name = $3, properties = $4, entitlements = $5, search = $6, updated_at = $7, archived_at = NULL
		 WHERE resource = $1`, ref, source, r.Name, properties, entitlements, search, micros(tx.now))
}

// OtherOwners is which of the resources other sources have alive, and whose they are.
func (tx *Tx) OtherOwners(source string, resources []string) (map[string]string, error) {
	owners := map[string]string{}
	for list := range inLists(resources) {
		w := where{}
		w.add(true, `source <> `, source)
		_, err := all(tx, func(row scanner) (none struct{}, err error) {
			var resource, owner string
			err = row.Scan(&resource, &owner)
			owners[resource] = owner
			return none, err
		}, `SELECT resource, source FROM resources`+w.String()+` AND archived_at IS NULL AND resource IN (`+w.bindAll(list)+`)`, w.args...)
		if err != nil {
			return nil, err
		}
	}
	return owners, nil
}

// ArchiveResource takes a resource out of the catalogue; its row stays.
func (tx *Tx) ArchiveResource(ref access.ResourceRef) error {
	tx.touch(touched{resources: true})
	return tx.changed(access.NotFound("resource", ref.String()),
		`UPDATE resources SET archived_at = $2 WHERE resource = $1 AND archived_at IS NULL`, ref.String(), micros(tx.now))
}

// ResourcesOf lists the resources that the source keeps alive.
func (tx *Tx) ResourcesOf(source string) ([]access.Resource, error) {
	return all(tx, scanResource, resourceColumns+` WHERE source = $1 AND archived_at IS NULL ORDER BY resource`, source)
}

// Resource returns a resource that is in the catalogue.
func (tx *Tx) Resource(ref access.ResourceRef) (access.Resource, error) {
	return one(tx, scanResource, "resource", ref.String(),
		resourceColumns+` WHERE resource = $1 AND archived_at IS NULL`, ref.String())
}

func scanResource(row scanner) (r access.Resource, err error) {
	var ref, source, properties, entitlements string
	var archived sql.NullInt64
	if err := row.Scan(&ref, &source, &r.Name, &properties, &entitlements, &archived); err != nil {
		return r, err
	}
	r.Type, r.ID = cut(ref)
	return r, errors.Join(
		json.Unmarshal([]byte(properties), &r.Properties),
		json.Unmarshal([]byte(entitlements), &r.Entitlements))
}

func nonNil(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
