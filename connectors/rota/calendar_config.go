package rota

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// The bounds of what a CalendarConfig may say.
const (
	MinLookAhead = time.Hour
	MaxLookAhead = 90 * 24 * time.Hour
)

// idPattern is the id of a calendar, which names its source as well.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// check reads the configuration and reports all that is wrong with it.
func (c *Calendar) check() error {
	cfg := &c.cfg
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !idPattern.MatchString(cfg.ID) {
		fault("the id %q is not one of letters, digits, - _ and . that begins with a letter or a digit, 63 characters at most", cfg.ID)
	}
	if cfg.Level < 0 {
		fault("%d is not a level; the first is 1", cfg.Level)
	}
	if cfg.LookAhead != 0 && (cfg.LookAhead < MinLookAhead || cfg.LookAhead > MaxLookAhead) {
		fault("the look-ahead %s is not between %s and %s", cfg.LookAhead, MinLookAhead, MaxLookAhead)
	}
	if !cfg.Person.valid() {
		fault("%q is not where an event names a person: attendee, organizer, summary or description", string(cfg.Person))
	}
	faults = append(faults, checkUsers(cfg.Users), c.checkZone(), c.open())
	return errors.Join(faults...)
}

// checkUsers reports names that are none, and those that are two people's once
// their letters are of one case.
func checkUsers(users map[string]access.Subject) error {
	var faults []error
	seen := map[string]access.Subject{}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		key, who := folded(name), users[name]
		switch other, twice := seen[key]; {
		case key == "":
			faults = append(faults, errors.New("users has an empty name"))
		case twice && other != who:
			faults = append(faults, fmt.Errorf("users has %q for %s and for %s", key, min(other.ID, who.ID), max(other.ID, who.ID)))
		}
		seen[key] = who
	}
	return errors.Join(faults...)
}

func (c *Calendar) checkZone() error {
	if c.cfg.TimeZone == "" {
		return nil
	}
	if c.zone = ianaZone(c.cfg.TimeZone); c.zone == nil {
		return fmt.Errorf("%q is not an IANA time zone, such as Europe/Berlin or UTC", c.cfg.TimeZone)
	}
	return nil
}

// open makes what gets the calendar.
func (c *Calendar) open() (err error) {
	switch {
	case (c.cfg.File == "") == (c.cfg.URL == ""):
		return errors.New("want one of a file and a URL")
	case c.cfg.File != "" && len(c.cfg.Headers) > 0:
		return errors.New("headers are for a URL, and this is a file")
	case c.cfg.File != "":
		c.fetcher = calendarFile(c.cfg.File)
	default:
		c.fetcher, err = newCalendarURL(c.cfg)
	}
	return err
}
