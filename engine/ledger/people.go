package ledger

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
)

// ReplacePeople makes persons all that the source says of people: who is not
// among them any more loses what the source had given. It returns those for whom
// that changed anything, as they are now.
func (tx *Tx) ReplacePeople(source string, persons []access.Person) (changed []access.Person, err error) {
	tx.touch(touched{people: true})
	before, err := tx.peopleOf(source)
	if err != nil {
		return nil, err
	}
	for _, p := range persons {
		old, known := before[p.Subject]
		delete(before, p.Subject)
		if known && samePerson(old, p) {
			continue
		}
		changed = append(changed, p)
		if err := tx.putPerson(source, p); err != nil {
			return nil, err
		}
	}
	for gone := range before {
		changed = append(changed, access.Person{Subject: gone})
		err := tx.exec(`DELETE FROM people WHERE source = $1 AND subject = $2`, source, gone.String())
		if err != nil {
			return nil, err
		}
	}
	return changed, nil
}

func samePerson(a, b access.Person) bool {
	return slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Emails, b.Emails) && a.Slack == b.Slack && a.TimeZone == b.TimeZone
}

func (tx *Tx) peopleOf(source string) (map[access.Subject]access.Person, error) {
	persons, err := all(tx, scanPerson, `SELECT subject, groups, emails, slack, time_zone FROM people WHERE source = $1`, source)
	people := map[access.Subject]access.Person{}
	for _, p := range persons {
		people[p.Subject] = p
	}
	return people, err
}

func scanPerson(row scanner) (p access.Person, err error) {
	var subject, groups, emails string
	if err := row.Scan(&subject, &groups, &emails, &p.Slack, &p.TimeZone); err != nil {
		return p, err
	}
	p.Subject = subjectOf(subject)
	return p, errors.Join(json.Unmarshal([]byte(groups), &p.Groups), json.Unmarshal([]byte(emails), &p.Emails))
}

func (tx *Tx) putPerson(source string, p access.Person) error {
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
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (subject, source) DO UPDATE SET
		  groups = $3, emails = $4, slack = $5, time_zone = $6, updated_at = $7`,
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
