package rota

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	ics "github.com/arran4/golang-ical"
)

// book is a calendar, read.
type book struct {
	name   string
	series []*series
	faults []string // of events that could not be read
}

// readBook reads a calendar. Times without a zone are in the given one; nil: in
// the calendar's own, or else UTC.
func readBook(raw []byte, local *time.Location) (b *book, err error) {
	text, err := usedOf(raw)
	if err != nil {
		return nil, err
	}
	defer func() { // the reader is not ours, and its input is anybody's
		if cause := recover(); cause != nil {
			b, err = nil, errors.New("it can not be read")
		}
	}()
	calendar, err := ics.ParseCalendarWithOptions(strings.NewReader(text), ics.WithUnknownPropertyHandler(ics.AcceptUnknownPropertyHandler))
	if err != nil {
		return nil, fmt.Errorf("it can not be read: %s", strings.Map(printable, err.Error()))
	}
	if scale := property(calendar, "CALSCALE"); scale != "" && !strings.EqualFold(scale, "GREGORIAN") {
		return nil, errors.New("its calendar is not the Gregorian one")
	}
	b = &book{name: calendarName(calendar)}
	b.read(calendar, zonesOf(calendar, local))
	return b, nil
}

func (b *book) read(calendar *ics.Calendar, z zones) {
	byUID := map[string]*series{}
	cancelled := strings.EqualFold(property(calendar, "METHOD"), "CANCEL")
	for i, component := range calendar.Events() {
		e, err := readEvent(component, z)
		e.cancelled = e.cancelled || cancelled
		uid := e.uid
		if uid == "" { // of no series: by itself
			uid = fmt.Sprintf("\x00%d", i)
		}
		s := byUID[uid]
		if s == nil {
			s = &series{changed: map[int64]*event{}}
			byUID[uid] = s
			b.series = append(b.series, s)
		}
		if err == nil {
			s.add(e)
			continue
		}
		b.faults = append(b.faults, faultOf(e, err.Error()))
		s.without(e, component.HasProperty("RECURRENCE-ID"))
	}
}

func property(calendar *ics.Calendar, name string) string {
	for _, p := range calendar.CalendarProperties {
		if p.IANAToken == name {
			return strings.TrimSpace(p.Value)
		}
	}
	return ""
}

func calendarName(calendar *ics.Calendar) string {
	name := property(calendar, "NAME")
	if name == "" {
		name = property(calendar, "X-WR-CALNAME")
	}
	return strings.TrimSpace(short(name))
}

func zonesOf(calendar *ics.Calendar, local *time.Location) zones {
	z := zones{local: local, named: map[string]*time.Location{}}
	for _, described := range calendar.Timezones() {
		id, location := described.GetProperty("TZID"), described.GetProperty("X-LIC-LOCATION")
		if id != nil && location != nil {
			z.named[id.Value] = ianaZone(location.Value)
		}
	}
	if z.local == nil {
		z.local = z.zone(property(calendar, "X-WR-TIMEZONE"))
	}
	if z.local == nil {
		z.local = time.UTC
	}
	return z
}

// printable shows what can not be printed as "?".
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// maxFaults bounds the faults that are told of one calendar.
const maxFaults = 20

// faultList is what is wrong with events, each event once.
type faultList struct {
	said []string
	seen map[*event]bool
}

func (l *faultList) add(e *event, fault string) {
	if l.seen == nil {
		l.seen = map[*event]bool{}
	}
	if !l.seen[e] {
		l.seen[e] = true
		l.said = append(l.said, faultOf(e, fault))
	}
}

func (l *faultList) addAll(faults []string) { l.said = append(l.said, faults...) }

func (l *faultList) list() []string {
	slices.Sort(l.said)
	if more := len(l.said) - maxFaults; more > 0 {
		return append(l.said[:maxFaults:maxFaults], fmt.Sprintf("%d more events could not be used.", more))
	}
	return l.said
}

// faultOf is a sentence for the operator about an event.
func faultOf(e *event, fault string) string {
	return fmt.Sprintf("The event %q of %s puts nobody on call: %s.", short(e.summary), e.when(), fault)
}
