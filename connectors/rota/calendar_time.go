package rota

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// moment is a time as a calendar writes it: what a clock on a wall shows, and
// where it hangs. The wall's time is kept as if it were UTC.
type moment struct {
	wall time.Time
	zone *time.Location
	day  bool // a whole day: wall is its midnight
}

// instant is when a clock there shows the time. Of an hour that comes twice it is
// the first; a time that is skipped counts by the offset before the skip (RFC
// 5545, 3.3.5).
func (m moment) instant() time.Time {
	w := m.wall
	t := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, m.zone)
	_, offset := t.Zone()
	switch skipped := w.Sub(shown(t)); {
	case skipped > 0:
		return t.Add(skipped)
	case skipped < 0:
		return t
	}
	begins, _ := t.ZoneBounds()
	if begins.IsZero() {
		return t
	}
	_, before := begins.Add(-1).Zone()
	first := t.Add(time.Duration(offset-before) * time.Second)
	if first.Before(t) && first.Before(begins) {
		return first
	}
	return t
}

// shown is what a clock on the wall shows at t, as if it were UTC.
func shown(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// later is the moment so much later by the clock on the wall.
func (m moment) later(d time.Duration) moment {
	m.wall = m.wall.Add(d)
	return m
}

// zones finds time zones by the names that a calendar uses.
type zones struct {
	local *time.Location            // of times without a zone, and of whole days
	named map[string]*time.Location // that the calendar describes, by TZID
}

// moment reads a DATE or a DATE-TIME.
func (z zones) moment(text, tzid string) (moment, error) {
	if wall, err := time.Parse("20060102", text); err == nil {
		return moment{wall: wall, zone: z.local, day: true}, inRange(wall, text)
	}
	local, utc := strings.CutSuffix(text, "Z")
	wall, err := time.Parse("20060102T150405", local)
	if err != nil {
		return moment{}, fmt.Errorf("%q is not a time", short(text))
	}
	m := moment{wall: wall, zone: z.local}
	switch {
	case utc:
		m.zone = time.UTC
	case tzid != "":
		if m.zone = z.zone(tzid); m.zone == nil {
			return moment{}, fmt.Errorf("%q is not an IANA time zone", short(tzid))
		}
	}
	return m, inRange(wall, text)
}

// inRange refuses years that can not be told in RFC 3339 whatever the zone.
func inRange(wall time.Time, text string) error {
	if y := wall.Year(); y < 1 || y > 9998 {
		return fmt.Errorf("%q is not in the years 1 to 9998", short(text))
	}
	return nil
}

// zone finds a TZID: by itself, as the calendar describes it, or, as some
// programs write it, at the end of a path. nil: it is not known.
func (z zones) zone(tzid string) *time.Location {
	if zone := ianaZone(tzid); zone != nil {
		return zone
	}
	if zone := z.named[tzid]; zone != nil {
		return zone
	}
	if !strings.HasPrefix(tzid, "/") {
		return nil
	}
	parts := strings.Split(tzid, "/")
	for _, n := range []int{3, 2} { // America/Argentina/Salta, Europe/Berlin
		if len(parts) > n {
			if zone := ianaZone(strings.Join(parts[len(parts)-n:], "/")); zone != nil {
				return zone
			}
		}
	}
	return nil
}

// ianaZone is the zone of the name; nil: there is none.
func ianaZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil
	}
	return zone
}

// length is a DURATION: days by the calendar, and time by the clock.
type length struct {
	days  int
	exact time.Duration
}

var durationPattern = regexp.MustCompile(`^\+?P(?:(\d{1,4})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?)$`)

func readLength(text string) (length, error) {
	m := durationPattern.FindStringSubmatch(strings.ToUpper(text))
	if m == nil || strings.HasSuffix(strings.ToUpper(text), "P") || strings.HasSuffix(strings.ToUpper(text), "T") {
		return length{}, fmt.Errorf("%q is not a length of time", short(text))
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v } // digits, or nothing
	return length{
		days:  7*n(1) + n(2),
		exact: time.Duration(n(3))*time.Hour + time.Duration(n(4))*time.Minute + time.Duration(n(5))*time.Second,
	}, nil
}

// after is the end of what begins at the moment and lasts so long.
func (l length) after(m moment) time.Time {
	return m.later(time.Duration(l.days) * 24 * time.Hour).instant().Add(l.exact)
}

// short is the beginning of a text of the calendar, for a sentence.
func short(text string) string {
	const most = 80
	runes := []rune(strings.Map(printable, text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}
