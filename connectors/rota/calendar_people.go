package rota

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// Person says where an event names who is on call.
type Person string

// Where an event can name who is on call.
const (
	ByAttendee    Person = "attendee"    // all who are invited and did not decline
	ByOrganizer   Person = "organizer"   // who made the event
	BySummary     Person = "summary"     // the one person whom the title names
	ByDescription Person = "description" // the one person whom the text names
)

func (p Person) valid() bool {
	return slices.Contains([]Person{"", ByAttendee, ByOrganizer, BySummary, ByDescription}, p)
}

// directory finds people by what a calendar calls them.
type directory struct {
	byName    map[string]access.Subject // in lower case
	names     []string                  // the longest first
	canonical func(access.Subject) access.Subject
}

func newDirectory(cfg CalendarConfig) directory {
	d := directory{byName: map[string]access.Subject{}, canonical: cfg.Canonical}
	if d.canonical == nil {
		d.canonical = func(s access.Subject) access.Subject { return s }
	}
	for name, who := range cfg.Users {
		d.byName[folded(name)] = who
	}
	d.names = slices.SortedFunc(maps.Keys(d.byName), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return d
}

// folded is a name in lower case. A letter beyond ASCII does not become one of
// ASCII: whoever can invent an address must not have somebody else's.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); r <= unicode.MaxASCII || lower > unicode.MaxASCII {
			return lower
		}
		return r
	}, strings.TrimSpace(name))
}

// address finds who has an address: whom the configuration says, or the person of
// that address.
func (d directory) address(address string) (access.Subject, bool) {
	address = folded(address)
	if who, known := d.byName[address]; known {
		return who, true
	}
	who, err := access.ParseSubject(access.TypeUser + ":" + address)
	if err != nil {
		return who, false
	}
	return d.canonical(who), true
}

// addressPattern finds an address whole, also one that can be nobody's: the end of
// it may be somebody's.
var addressPattern = regexp.MustCompile(`[\pL\pM\pN._%+-]+(?:'[\pL\pM\pN._%+-]+)*@[\pL\pM\pN-]+(?:\.[\pL\pM\pN-]+)+`)

// named finds all whom a text names, by an address or by a whole name. A name
// within an address, or within a longer one that was found, does not count.
func (d directory) named(text string) []access.Subject {
	found := map[access.Subject]bool{}
	text = addressPattern.ReplaceAllStringFunc(folded(text), func(address string) string {
		if who, ok := d.address(address); ok {
			found[who] = true
		}
		return "\x00"
	})
	for _, name := range d.names {
		for at := wholeWord(text, name); at >= 0; at = wholeWord(text, name) {
			found[d.byName[name]] = true
			text = text[:at] + "\x00" + text[at+len(name):]
		}
	}
	return slices.SortedFunc(maps.Keys(found), bySubject)
}

// wholeWord is where the name stands in the text by itself; -1: nowhere.
func wholeWord(text, name string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return -1
		}
		at := from + i
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(name):])
		if !partOfWord(before) && !partOfWord(after) {
			return at
		}
		from = at + len(name)
	}
}

// partOfWord reports whether a character makes a name beside it part of another.
func partOfWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-')
}

// people are those whom an event puts on call; what is wrong is a sentence.
func (c *Calendar) people(e *event) (people []access.Subject, fault string) {
	switch c.cfg.Person {
	case ByOrganizer:
		return c.addressed(e.organizer, "organizer")
	case BySummary:
		return c.single(e.summary, "title")
	case ByDescription:
		return c.single(e.description, "description")
	default:
		return c.addressed(e.attendees, "attendees")
	}
}

// single finds the one person whom a text names. Several are not guessed from:
// "Bob, instead of Alice".
func (c *Calendar) single(text, what string) ([]access.Subject, string) {
	people := c.users.named(text)
	switch len(people) {
	case 0:
		return nil, "nobody whom its " + what + " names is known"
	case 1:
		return people, ""
	}
	return nil, fmt.Sprintf("its %s names %d people, and who is on call can not be told", what, len(people))
}

// addressed finds the people of addresses.
func (c *Calendar) addressed(addresses []string, what string) (people []access.Subject, fault string) {
	for _, address := range addresses {
		who, ok := c.users.address(address)
		switch {
		case !ok:
			fault = fmt.Sprintf("%q of its %s is not known", short(address), what)
		case !slices.Contains(people, who):
			people = append(people, who)
		}
	}
	if len(people) == 0 && fault == "" {
		fault = "it has no " + what + " who could be on call"
	}
	return people, fault
}
