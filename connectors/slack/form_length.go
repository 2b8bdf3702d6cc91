package slack

import (
	"fmt"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// The values of lengths: "for:2h", "while:oncall", "while:incident:Q1".
const (
	lengthFor   = "for:"
	lengthWhile = "while:"
)

func lengthValue(d *access.Duration, while *string) string {
	switch {
	case d != nil:
		return lengthFor + d.String()
	case while != nil:
		return lengthWhile + *while
	}
	return ""
}

// setLength gives an Ask the length that a value says.
func (ask *Ask) setLength(value string) error {
	if while, ok := strings.CutPrefix(value, lengthWhile); ok && while != "" {
		ask.While = &while
		return nil
	}
	d, err := access.ParseDuration(strings.TrimPrefix(value, lengthFor))
	if err != nil {
		return access.Invalid("length_required", "/for", "Choose how long.")
	}
	ask.For = &d
	return nil
}

// outlook is what is known of the asker at the moment.
type outlook struct {
	oncall    access.OnCall
	incidents access.Incidents
	now       time.Time
	zone      *time.Location
}

// lengths is what the asker can choose from: the durations that are offered, and
// what is offered to last as long as something that goes on now.
func lengths(e access.Entitlement, f outlook) []*slackapi.OptionBlockObject {
	whiles := f.whiles(e)
	durations := slices.Clone(e.Durations)
	slices.Sort(durations)
	durations = slices.Compact(durations)
	var out []*slackapi.OptionBlockObject
	for _, d := range durations[:min(len(durations), maxOptions-len(whiles))] {
		out = append(out, option(lengthValue(&d, nil), spell(time.Duration(d))))
	}
	return append(out, whiles...)
}

// maxWhiles leaves room for durations beside them.
const maxWhiles = maxOptions / 2

func (f outlook) whiles(e access.Entitlement) []*slackapi.OptionBlockObject {
	var out []*slackapi.OptionBlockObject
	if c := access.CoverageOf(f.oncall.Shifts, f.now); c.On && f.oncall.Known && slices.Contains(e.While, access.WhileOnCall) {
		text := "While I'm on call"
		if !c.Open {
			text += " (until " + wall(c.Until, f) + ")"
		}
		out = append(out, option(lengthWhile+access.WhileOnCall, text))
	}
	if !slices.Contains(e.While, access.WhileIncident) || !f.incidents.Known {
		return out
	}
	for _, i := range f.incidents.Open {
		value := lengthWhile + access.WhileIncident + ":" + i.ID
		if i.ID != "" && len(value) <= maxOptionValue && len(out) < maxWhiles {
			out = append(out, option(value, untilResolved(i)))
		}
	}
	return out
}

// untilResolved says so of an incident.
func untilResolved(i access.Incident) string {
	name := "the incident"
	if i.Number != 0 {
		name = fmt.Sprintf("incident #%d", i.Number)
	}
	if title := strings.TrimSpace(i.Title); title != "" {
		return "Until " + name + " is resolved: " + title
	}
	return "Until " + name + " is resolved"
}

// wall is a time by the asker's clock, for where only plain text goes.
func wall(t time.Time, f outlook) string {
	at, now := local(t, f.zone), local(f.now, f.zone)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04 MST")
	}
	return at.Format("Mon 2 Jan 15:04 MST")
}

// lackOf says why something that is offered can not be chosen; "": nothing is
// lacking.
func (f outlook) lackOf(e access.Entitlement) string {
	var lacks []string
	if slices.Contains(e.While, access.WhileOnCall) {
		switch {
		case !f.oncall.Known:
			lacks = append(lacks, "Whether you are on call is not known now.")
		case !access.CoverageOf(f.oncall.Shifts, f.now).On:
			lacks = append(lacks, "It is offered while on call too, and you are not.")
		}
	}
	if slices.Contains(e.While, access.WhileIncident) {
		switch {
		case !f.incidents.Known:
			lacks = append(lacks, "Which incidents are open is not known now.")
		case len(f.incidents.Open) == 0:
			lacks = append(lacks, "It is offered during an incident too, and none of yours is open.")
		}
	}
	return strings.Join(lacks, " ")
}
