package rota

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// The bounds of a calendar. Its reader goes down into a component for each BEGIN,
// and copies the rest of a line for each parameter.
const (
	maxEvents = 100_000
	maxDepth  = 8
	maxLine   = 16 << 10 // bytes of a line that is used, its folds undone
)

// usedLines are the properties that are read. What vendors add is left out before
// it is looked at: nothing in it can then be wrong.
var usedLines = map[string]bool{
	"BEGIN": true, "END": true, "VERSION": true, "PRODID": true, "CALSCALE": true, "METHOD": true,
	"NAME": true, "X-WR-CALNAME": true, "X-WR-TIMEZONE": true, "TZID": true, "X-LIC-LOCATION": true,
	"UID": true, "SEQUENCE": true, "STATUS": true, "DTSTART": true, "DTEND": true, "DURATION": true,
	"RRULE": true, "EXRULE": true, "RDATE": true, "EXDATE": true, "RECURRENCE-ID": true,
	"SUMMARY": true, "DESCRIPTION": true, "ORGANIZER": true, "ATTENDEE": true,
}

// usedOf returns the lines of a calendar that are read, one to a line, or why it
// is none. It is whole only if what it begins it also ends.
func usedOf(raw []byte) (string, error) {
	if len(raw) > maxCalendar {
		return "", errCalendarTooLarge
	}
	text := strings.ToValidUTF8(string(bytes.TrimPrefix(raw, []byte("\ufeff"))), "\ufffd")
	text = strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(text)
	var used strings.Builder
	var n nesting
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, rest := cutName(line)
		if rest == "" {
			return "", errors.New("it is not a calendar: a line is neither a property nor a part of one")
		}
		if !usedLines[name] {
			continue
		}
		if len(line) > maxLine {
			return "", fmt.Errorf("a %s has more than %d bytes", name, maxLine)
		}
		if err := n.take(name, rest); err != nil {
			return "", err
		}
		if name == "BEGIN" || name == "END" {
			rest = strings.ToUpper(strings.TrimSpace(rest))
		}
		used.WriteString(name + rest + "\r\n")
	}
	return used.String(), n.done()
}

// cutName returns a line's name, in capitals, and what follows it: ":" or ";" and
// more.
func cutName(line string) (name, rest string) {
	i := strings.IndexAny(line, ":;")
	if i < 1 || strings.ContainsFunc(line[:i], func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return "", ""
	}
	return strings.ToUpper(line[:i]), line[i:]
}

// nesting follows what begins and ends.
type nesting struct {
	depth, events int
	begun, ended  bool // the calendar
}

func (n *nesting) take(name, rest string) error {
	rest = strings.ToUpper(strings.TrimSpace(rest))
	switch {
	case n.ended:
		return errors.New("it goes on after its end")
	case !n.begun && (name != "BEGIN" || rest != ":VCALENDAR"):
		return errors.New("it does not begin with BEGIN:VCALENDAR")
	case name == "BEGIN":
		n.begun = true
		n.depth++
		if rest == ":VEVENT" {
			n.events++
		}
	case name == "END":
		n.depth--
		n.ended = n.depth == 0
	}
	switch {
	case n.depth > maxDepth:
		return fmt.Errorf("its components are nested deeper than %d", maxDepth)
	case n.events > maxEvents:
		return fmt.Errorf("it has more than %d events", maxEvents)
	}
	return nil
}

func (n *nesting) done() error {
	switch {
	case !n.begun:
		return errors.New("it is not a calendar: nothing is in it")
	case !n.ended:
		return errors.New("it breaks off before END:VCALENDAR")
	}
	return nil
}
