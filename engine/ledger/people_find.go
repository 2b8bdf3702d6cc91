package ledger

import (
	"cmp"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
)

const personColumns = `SELECT subject, groups, emails, slack, time_zone FROM people`

// Person is what all sources say of a subject, together, and whether any knows it.
func (tx *Tx) Person(s access.Subject) (p access.Person, known bool, err error) {
	rows, err := all(tx, scanPerson, personColumns+` WHERE subject = $1 ORDER BY source`, s.String())
	if err != nil || len(rows) == 0 {
		return access.Person{Subject: s}, false, err
	}
	return together(rows), true, nil
}

// PersonBySlack returns the person whose Slack account the id is said to be. One
// that is said to be of several people is ErrConflict: it can not be known who it is.
func (tx *Tx) PersonBySlack(id string) (p access.Person, known bool, err error) {
	if id == "" {
		return p, false, nil
	}
	rows, err := all(tx, scanPerson, personColumns+` WHERE subject IN (SELECT subject FROM people WHERE slack = $1 AND slack <> '') ORDER BY source`, id)
	if err != nil || len(rows) == 0 {
		return p, false, err
	}
	for _, r := range rows {
		if r.Subject != rows[0].Subject {
			return p, false, access.Conflict("ambiguous_account", "the list of people has this Slack account for two people; an operator must mend that")
		}
	}
	return together(rows), true, nil
}

// SamePerson reports whether a user is one of the others, by name or by another of
// their addresses, as any source lists those.
func (tx *Tx) SamePerson(s access.Subject, others ...access.Subject) (bool, error) {
	if slices.Contains(others, s) {
		return true, nil
	}
	p, _, err := tx.Person(s)
	if err != nil {
		return false, err
	}
	for _, other := range others {
		if other.Type != access.TypeUser {
			continue
		}
		o, _, err := tx.Person(other)
		if err != nil {
			return false, err
		}
		if slices.Contains(p.Emails, other.ID) || slices.Contains(o.Emails, s.ID) {
			return true, nil
		}
	}
	return false, nil
}

// together is what several sources say of one person. Of what a person has once,
// whatever the first of them says.
func together(rows []access.Person) access.Person {
	p := access.Person{Subject: rows[0].Subject}
	for _, r := range rows {
		p.Groups, p.Emails = append(p.Groups, r.Groups...), append(p.Emails, r.Emails...)
		p.Slack, p.TimeZone = cmp.Or(p.Slack, r.Slack), cmp.Or(p.TimeZone, r.TimeZone)
	}
	for _, list := range []*[]string{&p.Groups, &p.Emails} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return p
}
