package ledger

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/curfew-access/curfew/engine/access"
)

// ResourceFilter narrows a list of the catalogue. It begins behind a resource of
// the page before, which After names, and whose rank it was.
type ResourceFilter struct {
	Text      string // in its name or its type:id; "": any
	Offering  bool   // only what has an entitlement
	After     string
	AfterRank int
	Limit     int
}

// FoundResource is a resource, and how well it fits: 0 where its name or id is the
// text, 1 where its name, type or id begins with it, 2 where the text is elsewhere.
// All fit no text equally.
type FoundResource struct {
	access.Resource
	Rank int
}

// FindResources lists the catalogue by what fits best, and then by name of
// resource.
func (tx *Tx) FindResources(f ResourceFilter) ([]FoundResource, error) {
	w := &where{}
	w.and("archived_at IS NULL")
	if f.Offering {
		w.and("entitlements <> '[]'")
	}
	rank := "0"
	if text := fold(f.Text); text != "" {
		rank = w.found(text)
	}
	if f.After != "" {
		place := strconv.Itoa(f.AfterRank)
		w.and("(found.place > " + place + " OR found.place = " + place + " AND resource > " + w.bind(f.After) + ")")
	}
	return all(tx, scanFound, `
		SELECT resource, source, name, properties, entitlements, archived_at, found.place
		  FROM (SELECT r.*, `+rank+` AS place FROM resources r) AS found`+w.String()+`
		 ORDER BY found.place, resource LIMIT `+w.bind(f.Limit), w.args...)
}

// found narrows to those in which the text stands, as it is or with a slash in the
// place of the colon, as people write a resource. It returns the rank.
func (w *where) found(text string) (rank string) {
	texts := []string{text}
	if typ, id, slash := strings.Cut(text, "/"); slash {
		texts = append(texts, typ+":"+id)
	}
	var is, begins, stands []string
	for _, t := range texts {
		t = literal(t)
		is = append(is, w.like("\n"+t+"\n%"), w.like("%:"+t), w.like("%\n"+t))
		begins = append(begins, w.like("%\n"+t+"%"), w.like("%:"+t+"%"))
		stands = append(stands, w.like("%"+t+"%"))
	}
	w.and("(" + strings.Join(stands, " OR ") + ")")
	return "CASE WHEN " + strings.Join(is, " OR ") + " THEN 0 WHEN " + strings.Join(begins, " OR ") + " THEN 1 ELSE 2 END"
}

func (w *where) like(pattern string) string { return `search LIKE ` + w.bind(pattern) + ` ESCAPE '!'` }

// literal makes a text stand for itself in a pattern.
func literal(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}

func scanFound(row scanner) (r FoundResource, err error) {
	r.Resource, err = scanResource(wider{row, &r.Rank})
	return r, err
}

// wider is a row with one column more behind those that are asked for.
type wider struct {
	scanner
	last any
}

// Scan reads them all.
func (w wider) Scan(dest ...any) error { return w.scanner.Scan(append(dest, w.last)...) }

// foundBy is the text that a resource is found by.
func foundBy(r access.Resource) string { return "\n" + fold(r.Name) + "\n" + fold(r.Ref().String()) }

// fold makes texts that differ in case, or in what can not be seen, one.
func fold(text string) string {
	seen := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.IsSpace(c) {
			return ' '
		}
		return unicode.ToLower(c)
	}, strings.ToValidUTF8(text, ""))
	return strings.TrimSpace(seen)
}
