package ledger

import (
	"github.com/curfew-access/curfew/engine/access"
)

// A search pages through names in the order of the database, which may not be that
// of their bytes: one begins after the last of the page before, and is told by the
// characters that it begins with, not by what it lies between.

// SubjectsOn lists the ids of subjects of the type that have live access, from
// after the one named.
func (tx *Tx) SubjectsOn(typ string, a access.Action, r access.ResourceRef, after string, limit int) ([]string, error) {
	prefix := typ + ":"
	names, err := all(tx, scanText, `
		SELECT DISTINCT g.subject FROM grants g
		 WHERE g.resource = $1 AND g.state <> 'ended' AND g.state = 'active' AND g.expires_at > $2
		   AND g.action = $3 AND g.subject > $4 AND SUBSTR(g.subject, 1, $5) = $6
		 ORDER BY g.subject LIMIT $7`,
		r.String(), micros(tx.now), a.Name, prefix+after, len([]rune(prefix)), prefix, limit)
	return cutAll(names, prefix), err
}

// ResourcesFor lists the ids of resources of the type, from after the one named:
// those of the catalogue, and those that the subject has live access to.
func (tx *Tx) ResourcesFor(s access.Subject, a access.Action, typ, after string, limit int) ([]string, error) {
	prefix := typ + ":"
	names, err := all(tx, scanText, `
		SELECT c.resource FROM (
		  SELECT resource FROM resources
		   WHERE archived_at IS NULL AND resource > $1 AND SUBSTR(resource, 1, $2) = $3 ORDER BY resource LIMIT $4) AS c
		UNION
		SELECT h.resource FROM (
		  SELECT DISTINCT g.resource FROM grants g
		   WHERE g.subject = $5 AND g.state = 'active' AND g.expires_at > $6 AND g.action = $7
		     AND g.resource > $1 AND SUBSTR(g.resource, 1, $2) = $3 ORDER BY g.resource LIMIT $4) AS h
		 ORDER BY 1 LIMIT $4`,
		prefix+after, len([]rune(prefix)), prefix, limit, s.String(), micros(tx.now), a.Name)
	return cutAll(names, prefix), err
}

// ActionsOn lists the actions that the catalogue offers on the resource, and those
// that the subject has live access for. One may be there twice.
func (tx *Tx) ActionsOn(s access.Subject, r access.ResourceRef) ([]string, error) {
	names, err := all(tx, scanText, `
		SELECT g.action FROM grants g
		 WHERE g.subject = $1 AND g.state = 'active' AND g.expires_at > $2 AND g.resource = $3`,
		s.String(), micros(tx.now), r.String())
	if err != nil {
		return nil, err
	}
	listed, err := all(tx, scanResource, resourceColumns+` WHERE resource = $1 AND archived_at IS NULL`, r.String())
	for _, found := range listed {
		for _, e := range found.Entitlements {
			names = append(names, e.Action)
		}
	}
	return names, err
}

func cutAll(names []string, prefix string) []string {
	for i, name := range names {
		names[i] = name[len(prefix):]
	}
	return names
}
