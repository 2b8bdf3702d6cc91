package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine/access"
)

// calendarEntry is a calendar as it is written.
type calendarEntry struct {
	ID       string               `yaml:"id"`   // of its one schedule
	Name     string               `yaml:"name"` // for people; default: what it calls itself
	File     string               `yaml:"file"`
	URL      secretRef            `yaml:"url"`     // also env:NAME or file:PATH, as private addresses are secret
	Headers  map[string]secretRef `yaml:"headers"` // a value may be env:NAME or file:PATH
	Level    *int                 `yaml:"level"`   // default 1
	Person   string               `yaml:"person"`  // attendee, the default, organizer, summary or description
	Users    map[string]string    `yaml:"users"`   // address or name -> "user:alice@example.com"
	TimeZone string               `yaml:"time_zone"`
	Poll     string               `yaml:"poll"` // default 5m
}

// Calendar is a calendar that says who is on call.
type Calendar struct {
	rota.CalendarConfig
	Poll    time.Duration
	Missing bool // a secret of it is not there: it is not asked
}

const defaultCalendarPoll = 5 * time.Minute

func (r *configReader) calendars(entries []calendarEntry, staleAfter time.Duration) (calendars []Calendar) {
	places := map[string]string{}
	for i, entry := range entries {
		place := fmt.Sprintf("oncall.calendars[%d]", i)
		if first, taken := places[entry.ID]; taken {
			r.add(place+".id", "%q is %s already", entry.ID, first)
		}
		places[entry.ID] = place
		if slices.Contains(reservedSources, entry.ID) {
			r.add(place+".id", "%q is the name of another source", entry.ID)
		}
		c := r.calendar(place, entry)
		r.fresh(place, c.Poll, staleAfter)
		calendars = append(calendars, c)
	}
	return calendars
}

func (r *configReader) calendar(place string, entry calendarEntry) Calendar {
	c := Calendar{Poll: r.between(place+".poll", entry.Poll, defaultCalendarPoll, minPoll, maxPoll)}
	c.CalendarConfig = rota.CalendarConfig{
		ID: entry.ID, Name: entry.Name, Level: 1, Person: rota.Person(entry.Person), TimeZone: entry.TimeZone,
		Users: r.users(place+".users", entry.Users), Headers: map[string]string{},
	}
	if entry.Level != nil {
		if c.Level = *entry.Level; c.Level == 0 {
			r.add(place+".level", "0 is not a level; the first is 1")
		}
	}
	if entry.File != "" {
		c.File = r.path(entry.File)
	}
	var missing []error
	c.URL = string(entry.URL)
	if entry.URL.isRef() {
		c.URL = r.optional(place+".url", entry.URL, &missing).Reveal()
	}
	for _, name := range names(entry.Headers) {
		ref := entry.Headers[name]
		if ref != "" && !ref.isRef() && !authenticates(name) {
			c.Headers[name] = string(ref)
			continue
		}
		c.Headers[name] = r.optional(place+".headers."+name, ref, &missing).Reveal()
	}
	c.Missing = len(missing) > 0
	r.leftOut(fmt.Sprintf("the calendar %q", entry.ID), missing)
	r.checkCalendar(place, c)
	return c
}

// checkCalendar asks the connector about all but what is missing.
func (r *configReader) checkCalendar(place string, c Calendar) {
	cfg := c.CalendarConfig
	if c.Missing && cfg.URL == "" && cfg.File == "" {
		cfg.URL = "https://missing.invalid/"
	}
	_, err := rota.NewCalendar(cfg)
	r.take(place, err)
}

// users reads whom names of another system stand for.
func (r *configReader) users(place string, written map[string]string) map[string]access.Subject {
	users := map[string]access.Subject{}
	for _, name := range names(written) {
		who, err := access.ParseSubject(written[name])
		r.take(fmt.Sprintf("%s[%q]", place, name), err)
		users[name] = who
	}
	return users
}
