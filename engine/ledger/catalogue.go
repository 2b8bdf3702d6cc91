package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/curfew-access/curfew/engine/access"
)

const resourceColumns = `SELECT resource, source, name, properties, entitlements, archived_at FROM resources`

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
