package ledger

import (
	"encoding/json"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
)

// ReplacePeople makes persons all that the source says of people: who is not
// among them any more loses what the source had given. It reports whether that
// changed anything.
func (tx *Tx) ReplacePeople(source string, persons []access.Person) (changed bool, err error) {
	before, err := tx.peopleOf(source)
	if err != nil {
		return false, err
	}
	if err := tx.exec(`DELETE FROM people WHERE source = $1`, source); err != nil {
		return false, err
	}
	for _, p := range persons {
		if err := tx.addPerson(source, p); err != nil {
			return false, err
		}
	}
	after, err := tx.peopleOf(source)
	return !slices.Equal(before, after), err
}

// peopleOf renders what a source says, a line each, to be compared.
func (tx *Tx) peopleOf(source string) ([]string, error) {
	return all(tx, func(row scanner) (line string, err error) { return line, row.Scan(&line) }, `
		SELECT subject || ' ' || groups || ' ' || emails || ' ' || slack || ' ' || time_zone
		  FROM people WHERE source = $1 ORDER BY subject`, source)
}

func (tx *Tx) addPerson(source string, p access.Person) error {
	groups, err := toJSON(append([]string{}, p.Groups...))
	if err != nil {
		return err
	}
	emails, err := toJSON(append([]string{}, p.Emails...))
	if err != nil {
		return err
	}
	return tx.exec(`
		INSERT INTO people (subject, source, groups, emails, slack, time_zone, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.Subject.String(), source, groups, emails, p.Slack, p.TimeZone, micros(tx.now))
}

// Groups returns the groups of a subject over all sources, sorted, and whether
// any source knows the subject.
func (tx *Tx) Groups(s access.Subject) (groups []string, known bool, err error) {
	rows, err := all(tx, scanGroups, `SELECT groups FROM people WHERE subject = $1`, s.String())
	if err != nil {
		return nil, false, err
	}
	for _, g := range rows {
		groups = append(groups, g...)
	}
	slices.Sort(groups)
	return slices.Compact(groups), len(rows) > 0, nil
}

func scanGroups(row scanner) (groups []string, err error) {
	var raw string
	if err := row.Scan(&raw); err != nil {
		return nil, err
	}
	return groups, json.Unmarshal([]byte(raw), &groups)
}
