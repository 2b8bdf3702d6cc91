package facts_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
)

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	return v
}

func TestPersonsAreCanonical(t *testing.T) {
	f := decode[facts.PeopleFile](t, `{"people": [
		{"subject": "user:Alice@Example.com", "emails": ["ALICE@example.com", "Al@example.com", "al@example.com"],
		 "groups": ["payments", "eng", "payments"], "slack": "U012ABCDEF", "time_zone": "Europe/Berlin"},
		{"subject": "service:ci", "emails": ["ci@example.com"]},
		{"subject": "user:bob@example.com"}]}`)
	want := []access.Person{
		{Subject: alice, Emails: []string{"al@example.com"}, Groups: []string{"eng", "payments"}, Slack: "U012ABCDEF", TimeZone: "Europe/Berlin"},
		{Subject: access.Subject{Type: "service", ID: "ci"}, Emails: []string{"ci@example.com"}, Groups: []string{}},
		{Subject: access.Subject{Type: "user", ID: "bob@example.com"}, Emails: []string{}, Groups: []string{}},
	}
	got, err := f.Persons()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Persons() = %+v, %v, want %+v", got, err, want)
	}
}

func TestFaultsOfPeopleAreNamedByTheirPlace(t *testing.T) {
	const first = `{"subject": "user:alice@example.com", "emails": ["al@example.com"], "slack": "U012ABCDEF"}`
	cases := map[string]struct{ people, want string }{
		"no subject":                      {`{"groups": ["eng"]}`, `people[0].subject: `},
		"a user who is not an address":    {`{"subject": "user:alice"}`, `people[0].subject: `},
		"a subject twice":                 {first + `, {"subject": "user:ALICE@example.com"}`, `people[1].subject: user:alice@example.com is people[0] already`},
		"one address of two people":       {first + `, {"subject": "user:bob@example.com", "emails": ["bob2@example.com", "AL@example.com"]}`, `people[1].emails[1]: user:al@example.com is people[0] already`},
		"an address that is a subject":    {first + `, {"subject": "user:bob@example.com", "emails": ["alice@example.com"]}`, `people[1].emails[0]: user:alice@example.com is people[0] already`},
		"a subject that is an address":    {first + `, {"subject": "user:al@example.com"}`, `people[1].subject: user:al@example.com is people[0] already`},
		"an address that is none":         {`{"subject": "user:alice@example.com", "emails": ["Alice <al@example.com>"]}`, `people[0].emails[0]: `},
		"an empty group":                  {`{"subject": "user:alice@example.com", "groups": ["eng", ""]}`, `people[0].groups[1]: `},
		"a group with a space at its end": {`{"subject": "user:alice@example.com", "groups": ["eng "]}`, `people[0].groups[0]: `},
		"one Slack id of two people":      {first + `, {"subject": "user:bob@example.com", "slack": "U012ABCDEF"}`, `people[1].slack: U012ABCDEF is people[0] already`},
		"a Slack name for a Slack id":     {`{"subject": "user:alice@example.com", "slack": "@alice"}`, `people[0].slack: `},
		"a time zone nobody knows":        {`{"subject": "user:alice@example.com", "time_zone": "CEST+2"}`, `people[0].time_zone: `},
		"the machine's time zone":         {`{"subject": "user:alice@example.com", "time_zone": "Local"}`, `people[0].time_zone: `},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := decode[facts.PeopleFile](t, `{"people": [`+c.people+`]}`)
			err := f.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Validate() = %v, want one fault %q", err, c.want)
			}
			if people, err := f.Persons(); err == nil || people != nil {
				t.Errorf("Persons() = %v, %v, want no one and the fault", people, err)
			}
		})
	}
}

func TestAllFaultsOfPeopleAreListed(t *testing.T) {
	f := decode[facts.PeopleFile](t, `{"people": [
		{"subject": "alice", "emails": ["x"], "groups": [" "], "slack": "x", "time_zone": "x"},
		{"subject": "user:bob@example.com"},
		{"subject": "user:bob@example.com"}]}`)
	err := f.Validate()
	if n := strings.Count(err.Error(), "\n") + 1; n != 6 || !errors.Is(err, access.ErrInvalid) {
		t.Errorf("Validate() lists %d faults, want 6:\n%v", n, err)
	}
}
