package rota

import (
	"errors"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
)

// event is a VEVENT, read.
type event struct {
	uid         string
	sequence    int
	cancelled   bool
	first       moment
	end         *moment // nil: it has a length
	length      length
	rules       []rule
	added       []added
	excluded    []moment
	replaces    *moment // the occurrence that it stands for; nil: it stands for itself
	andLater    bool    // and for all later ones
	summary     string
	description string
	organizer   []string // addresses
	attendees   []string
}

// added is an occurrence by an RDATE.
type added struct {
	first moment
	end   *moment // nil: it is as long as the event
}

// when is the event's day, for a sentence.
func (e *event) when() string {
	if e.first.wall.IsZero() {
		return "no day"
	}
	return e.first.wall.Format(time.DateOnly)
}

// readEvent reads an event. Beside an error it returns as much as names it.
func readEvent(component *ics.VEvent, z zones) (*event, error) {
	p := properties{component.Properties, z}
	e := &event{uid: p.text("UID"), summary: p.text("SUMMARY"), description: p.text("DESCRIPTION")}
	e.cancelled = strings.EqualFold(p.text("STATUS"), "CANCELLED")
	e.sequence, _ = strconv.Atoi(p.text("SEQUENCE")) // 0 when it has none
	e.organizer, e.attendees = p.addresses("ORGANIZER"), p.addresses("ATTENDEE")
	var err error
	if e.replaces, err = p.moment("RECURRENCE-ID"); err != nil {
		e.replaces = nil
		return e, err
	}
	e.andLater = p.has("RECURRENCE-ID", "RANGE", "THISANDFUTURE")
	first, err := p.moment("DTSTART")
	switch {
	case err != nil:
		return e, err
	case first == nil:
		return e, errors.New("it has no DTSTART")
	}
	e.first = *first
	return e, errors.Join(e.readEnd(p), e.readRecurrence(p))
}

func (e *event) readEnd(p properties) (err error) {
	if e.end, err = p.moment("DTEND"); err != nil || e.end != nil {
		return err
	}
	text := p.text("DURATION")
	switch {
	case text != "":
		e.length, err = readLength(text)
	case e.first.day:
		e.length = length{days: 1}
	default:
		err = errors.New("it has no end")
	}
	return err
}

func (e *event) readRecurrence(p properties) error {
	if p.text("EXRULE") != "" {
		return errors.New("its EXRULE is not of the standard any more")
	}
	for _, line := range p.all("RRULE") {
		r, err := readRule(line.Value, e.first)
		if err != nil {
			return err
		}
		e.rules = append(e.rules, r)
	}
	for _, line := range p.all("EXDATE") {
		for value := range strings.SplitSeq(line.Value, ",") {
			m, err := p.zones.moment(value, parameter(line, "TZID"))
			if err != nil {
				return err
			}
			e.excluded = append(e.excluded, m)
		}
	}
	for _, line := range p.all("RDATE") {
		for value := range strings.SplitSeq(line.Value, ",") {
			a, err := p.zones.added(value, parameter(line, "TZID"))
			if err != nil {
				return err
			}
			e.added = append(e.added, a)
		}
	}
	return nil
}

// added reads a value of an RDATE: a time, or a period.
func (z zones) added(text, tzid string) (a added, err error) {
	from, to, period := strings.Cut(text, "/")
	if a.first, err = z.moment(from, tzid); err != nil || !period {
		return a, err
	}
	if !strings.HasPrefix(strings.ToUpper(to), "P") {
		end, err := z.moment(to, tzid)
		a.end = &end
		return a, err
	}
	l, err := readLength(to)
	end := moment{wall: l.after(a.first).UTC(), zone: time.UTC}
	a.end = &end
	return a, err
}

// span is the time of an occurrence that begins at the moment. An end is kept by
// the clock on the wall, as calendars show it and people mean it: a night shift
// ends at eight also on the day that has an hour less. (The standard would have
// it last exactly as long each time, and leave that hour to two, or to nobody.)
func (e *event) span(start moment) span {
	from := start.instant()
	switch {
	case e.end == nil:
		return span{from, e.length.after(start)}
	case e.end.zone.String() == e.first.zone.String():
		return span{from, start.later(e.end.wall.Sub(e.first.wall)).instant()}
	}
	return span{from, from.Add(e.end.instant().Sub(e.first.instant()))}
}

// properties are those of one component.
type properties struct {
	list  []ics.IANAProperty
	zones zones
}

func (p properties) all(name string) (found []ics.IANAProperty) {
	for _, line := range p.list {
		if line.IANAToken == name {
			found = append(found, line)
		}
	}
	return found
}

func (p properties) text(name string) string {
	for _, line := range p.all(name) {
		return strings.TrimSpace(line.Value)
	}
	return ""
}

func (p properties) moment(name string) (*moment, error) {
	for _, line := range p.all(name) {
		m, err := p.zones.moment(strings.TrimSpace(line.Value), parameter(line, "TZID"))
		return &m, err
	}
	return nil, nil //nolint:nilnil // that there is none is the answer
}

func (p properties) has(name, key, value string) bool {
	for _, line := range p.all(name) {
		return strings.EqualFold(parameter(line, key), value)
	}
	return false
}

// addresses are those of people who did not decline; rooms and devices are none.
func (p properties) addresses(name string) (found []string) {
	for _, line := range p.all(name) {
		switch strings.ToUpper(parameter(line, "CUTYPE")) {
		case "ROOM", "RESOURCE":
			continue
		}
		if strings.EqualFold(parameter(line, "PARTSTAT"), "DECLINED") {
			continue
		}
		address := strings.TrimSpace(line.Value)
		if scheme, rest, is := strings.Cut(address, ":"); is && strings.EqualFold(scheme, "mailto") {
			address = rest
		} else if email := parameter(line, "EMAIL"); email != "" {
			address = email
		}
		found = append(found, address)
	}
	return found
}

// parameter is a parameter's value. Its name may be in any case of letters.
func parameter(line ics.IANAProperty, name string) string {
	for key, values := range line.ICalParameters {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}
