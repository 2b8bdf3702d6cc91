package facts

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/curfew-access/curfew/engine/access"
)

// PeopleFile is a people file as it is written: who has which groups, addresses,
// Slack id and time zone.
type PeopleFile struct {
	People []PersonEntry `yaml:"people" json:"people"`
}

// PersonEntry is one person of a PeopleFile.
type PersonEntry struct {
	Subject  string   `yaml:"subject" json:"subject"`               // "user:alice@example.com"
	Emails   []string `yaml:"emails" json:"emails,omitempty"`       // other addresses of theirs
	Groups   []string `yaml:"groups" json:"groups,omitempty"`       // policy compares them exactly, with case
	Slack    string   `yaml:"slack" json:"slack,omitempty"`         // Slack user id: "U012ABCDEF"; may be empty
	TimeZone string   `yaml:"time_zone" json:"time_zone,omitempty"` // IANA: "Europe/Berlin"; may be empty
}

// Validate reports every fault of the file, each with its place:
// "people[1].emails[0]: …". It returns nil if Persons would succeed.
func (f PeopleFile) Validate() error {
	_, err := f.Persons()
	return err
}

// Persons returns the people in the order of the file, made canonical: subjects
// and addresses in lower case, groups in order and each once, and no address
// that only repeats the subject. One subject, address or Slack id of two people
// is a fault, because whoever comes with it could be either. It returns no one
// if there is a fault.
func (f PeopleFile) Persons() ([]access.Person, error) {
	r := peopleReader{owner: map[string]string{}}
	people := make([]access.Person, 0, len(f.People))
	for i, entry := range f.People {
		people = append(people, r.person(fmt.Sprintf("people[%d]", i), entry))
	}
	if err := errors.Join(r.faults...); err != nil {
		return nil, err
	}
	return people, nil
}

// peopleReader collects the faults of a people file. What it returns beside a
// fault is not used.
type peopleReader struct {
	faults []error
	owner  map[string]string // the place of the person who has this subject, address or Slack id
}

func (r *peopleReader) fault(place, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(place+": "+format, args...))
}

var slackPattern = regexp.MustCompile(`^[UW][A-Z0-9]+$`)

func (r *peopleReader) person(place string, entry PersonEntry) access.Person {
	p := access.Person{Slack: entry.Slack, TimeZone: entry.TimeZone, Groups: sortedSet(entry.Groups)}
	var err error
	if p.Subject, err = access.ParseSubject(entry.Subject); err != nil {
		r.fault(place+".subject", "%w", err)
	} else {
		r.claim(place+".subject", place, p.Subject.String())
	}
	for i, email := range entry.Emails {
		if user := r.email(fmt.Sprintf("%s.emails[%d]", place, i), place, email); user != p.Subject {
			p.Emails = append(p.Emails, user.ID)
		}
	}
	p.Emails = sortedSet(p.Emails)
	for i, group := range entry.Groups {
		if !printable(group) {
			r.fault(fmt.Sprintf("%s.groups[%d]", place, i), "%q is empty, begins or ends with a space, or holds a character that can not be printed", group)
		}
	}
	if entry.Slack != "" {
		if !slackPattern.MatchString(entry.Slack) {
			r.fault(place+".slack", "%q is not a Slack user id, such as U012ABCDEF", entry.Slack)
		}
		r.claim(place+".slack", place, entry.Slack)
	}
	if _, err := time.LoadLocation(entry.TimeZone); err != nil || entry.TimeZone == "Local" {
		r.fault(place+".time_zone", "%q is not an IANA time zone, such as Europe/Berlin", entry.TimeZone)
	}
	return p
}

// email reads an address of the person: it stands for the user whose id it is.
func (r *peopleReader) email(place, person, text string) access.Subject {
	user, err := access.Subject{Type: access.TypeUser, ID: text}.Canonical()
	if err != nil {
		r.fault(place, "%q is not an email address", text)
		return user
	}
	r.claim(place, person, user.String())
	return user
}

// claim says that a name belongs to the person, who may claim it again.
func (r *peopleReader) claim(place, person, name string) {
	switch owner, taken := r.owner[name]; {
	case !taken:
		r.owner[name] = person
	case owner != person:
		r.fault(place, "%s is %s already", name, owner)
	}
}

func printable(s string) bool {
	return s != "" && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
