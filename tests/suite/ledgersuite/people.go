package ledgersuite

import (
	"errors"
	"reflect"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// peopleByAccount finds people by what Slack calls them.
func peopleByAccount(t *testing.T, f *fixture) {
	file := []access.Person{
		{Subject: alice, Slack: "U1", Groups: []string{"eng"}, Emails: []string{"a@example.com"}, TimeZone: "Europe/Berlin"},
		{Subject: bob, Slack: "U2"},
	}
	whole := access.Person{
		Subject: alice, Slack: "U1", Groups: []string{"admins", "eng"}, Emails: []string{"a@example.com"}, TimeZone: "Europe/Berlin",
	}
	replace := func(source string, persons ...access.Person) {
		f.update(func(tx *ledger.Tx) error {
			_, err := tx.ReplacePeople(source, persons)
			return err
		})
	}
	replace("file", file...)
	replace("token", access.Person{Subject: alice, Groups: []string{"admins", "eng"}, TimeZone: "UTC"})
	bySlack := func(id string) (p access.Person, known bool, err error) {
		err = f.l.Look(t.Context(), func(tx *ledger.Tx) (err error) {
			p, known, err = tx.PersonBySlack(id)
			return err
		})
		return p, known, err
	}
	if p, known, err := bySlack("U1"); err != nil || !known || !reflect.DeepEqual(p, whole) {
		t.Errorf("of two sources: %+v, %v, %v", p, known, err)
	}
	for _, nobody := range []string{"U9", "", "u1", "U1 "} {
		if p, known, err := bySlack(nobody); err != nil || known || p.Subject != (access.Subject{}) {
			t.Errorf("%q is %+v, %v, %v", nobody, p, known, err)
		}
	}
	f.must(f.l.Look(t.Context(), func(tx *ledger.Tx) error {
		p, known, err := tx.Person(alice)
		if err == nil && (!known || !reflect.DeepEqual(p, whole)) {
			t.Errorf("by name: %+v, %v", p, known)
		}
		return err
	}))
	f.must(f.l.Look(t.Context(), func(tx *ledger.Tx) error {
		p, known, err := tx.Person(carol)
		if err == nil && (known || p.Subject != carol) {
			t.Errorf("who is not known: %+v, %v", p, known)
		}
		return err
	}))
	replace("other", access.Person{Subject: bob, Slack: "U1"})
	if p, known, err := bySlack("U1"); !errors.Is(err, access.ErrConflict) || known {
		t.Errorf("an account of two people is %+v, %v, %v", p, known, err)
	}
}
