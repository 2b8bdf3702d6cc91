package rota

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// The bounds of a rule. The library takes more than these, and then reads beyond
// its tables, or never comes back.
const (
	maxInterval    = 1000
	maxSteps       = 100_000 // occurrences that are counted from the first
	maxOccurrences = 1000    // that are told of one event
	maxClockTimes  = 96      // on one day
)

// rule is an RRULE, read. It is expanded by the clock on the wall, so that each
// occurrence begins at the same time of day, whatever the offset.
type rule struct{ option rrule.ROption }

// readRule reads the text of an RRULE, of an event that begins at the moment.
func readRule(text string, first moment) (rule, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	option, err := rrule.StrToROption(text)
	if err != nil {
		return rule{}, fmt.Errorf("the rule %q can not be read", short(text))
	}
	until(option, text, first)
	if err := bounded(option); err != nil {
		return rule{}, fmt.Errorf("the rule %q: %w", short(text), err)
	}
	option.Dtstart = first.wall
	return rule{*option}, nil
}

// until puts the end of a rule on the wall. A date is all of its day.
func until(option *rrule.ROption, text string, first moment) {
	if option.Until.IsZero() {
		return
	}
	for part := range strings.SplitSeq(text, ";") {
		value, is := strings.CutPrefix(part, "UNTIL=")
		switch {
		case !is:
		case strings.HasSuffix(value, "Z"):
			option.Until = shown(option.Until.In(first.zone))
		case !strings.Contains(value, "T"):
			option.Until = option.Until.Add(24*time.Hour - time.Second)
		}
	}
}

func bounded(option *rrule.ROption) error {
	for _, list := range []*[]int{&option.Byhour, &option.Byminute, &option.Bysecond, &option.Bysetpos, &option.Bymonth,
		&option.Bymonthday, &option.Byyearday, &option.Byweekno} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	times := max(len(option.Byhour), 1) * max(len(option.Byminute), 1) * max(len(option.Bysecond), 1)
	switch {
	case option.Freq > rrule.DAILY:
		return errors.New("what recurs more than daily is no shift; write an event, or BYHOUR, for each")
	case len(option.Byeaster) > 0:
		return errors.New("BYEASTER is not of the standard")
	case option.Interval < 0 || option.Interval > maxInterval:
		return fmt.Errorf("its interval is not 1 to %d", maxInterval)
	case option.Count < 0 || option.Count > maxSteps:
		return fmt.Errorf("its count is not 1 to %d", maxSteps)
	case times > maxClockTimes:
		return fmt.Errorf("it has more than %d times on one day", maxClockTimes)
	}
	most := 53 // weeks of a year
	if option.Freq == rrule.MONTHLY || len(option.Bymonth) > 0 {
		most = 5
	}
	for _, day := range option.Byweekday {
		if n := day.N(); n < -most || n > most {
			return fmt.Errorf("there is no weekday number %d", n)
		}
	}
	return nil
}

// starts returns the occurrences from one time on the wall to another.
func (r rule) starts(from, to time.Time) (starts []time.Time, err error) {
	defer func() { // its library is not ours, and its input is anybody's
		if cause := recover(); cause != nil {
			starts, err = nil, errors.New("the rule can not be expanded")
		}
	}()
	expanded, err := rrule.NewRRule(r.from(from))
	if err != nil {
		return nil, fmt.Errorf("the rule can not be used: %w", err)
	}
	next := expanded.Iterator()
	for range maxSteps {
		start, more := next()
		if !more || start.After(to) {
			return starts, nil
		}
		if !start.Before(from) {
			starts = append(starts, start)
		}
		if len(starts) > maxOccurrences {
			return nil, fmt.Errorf("the rule has more than %d occurrences in the time that is looked at", maxOccurrences)
		}
	}
	return nil, fmt.Errorf("the rule has more than %d occurrences before the time that is looked at", maxSteps)
}

// from moves the first day of a daily or weekly rule by whole intervals to
// shortly before a time: the years between need not be walked through.
func (r rule) from(t time.Time) rrule.ROption {
	option := r.option
	days := max(option.Interval, 1)
	switch {
	case option.Count > 0 || option.Freq < rrule.WEEKLY:
		return option
	case option.Freq == rrule.WEEKLY:
		days *= 7
	}
	if skip := int(t.Sub(option.Dtstart)/day)/days - 1; skip > 0 {
		option.Dtstart = option.Dtstart.AddDate(0, 0, skip*days)
	}
	return option
}
