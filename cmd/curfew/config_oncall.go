package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/facts"
)

// onCallEntry is where it comes from who is on call, as it is written.
type onCallEntry struct {
	PagerDuty  *pagerDutyEntry `yaml:"pagerduty"`
	Rota       string          `yaml:"rota"` // file
	Calendars  []calendarEntry `yaml:"calendars"`
	StaleAfter string          `yaml:"stale_after"` // for how long what a source said counts; default 10m
	Renew      string          `yaml:"renew"`       // how far ahead access ends that has no known end; default 1h
}

// OnCall is where it comes from who is on call, and which incidents are open.
type OnCall struct {
	PagerDuty  *PagerDuty // nil: it is not asked
	Calendars  []Calendar
	StaleAfter time.Duration
	Renew      time.Duration
}

// said is what tells who is on call, for people.
func (o OnCall) said(rota bool) string {
	var parts []string
	if o.PagerDuty != nil {
		parts = append(parts, "PagerDuty")
	}
	if rota {
		parts = append(parts, "a rota")
	}
	if n := len(o.Calendars); n > 0 {
		parts = append(parts, counted(n, "calendar", "calendars"))
	}
	if len(parts) == 0 {
		return "nobody is known to be"
	}
	return strings.Join(parts, ", ")
}

// The bounds of the times about sources.
const (
	minPoll, maxPoll             = 15 * time.Second, 10 * time.Minute
	minLookAhead, maxLookAhead   = rota.MinLookAhead, rota.MaxLookAhead
	minStaleAfter, maxStaleAfter = 30 * time.Second, 24 * time.Hour
	minRenew, maxRenew           = time.Minute, 24 * time.Hour
)

func (r *configReader) onCall(entry onCallEntry) {
	o := OnCall{
		StaleAfter: r.between("oncall.stale_after", entry.StaleAfter, facts.DefaultStaleAfter, minStaleAfter, maxStaleAfter),
		Renew:      r.between("oncall.renew", entry.Renew, engine.DefaultRenew, minRenew, maxRenew),
	}
	if entry.PagerDuty != nil {
		o.PagerDuty = r.pagerDuty(*entry.PagerDuty, o.StaleAfter)
	}
	if entry.Rota != "" {
		r.cfg.RotaPath = r.path(entry.Rota)
		file, err := readRota(r.cfg.RotaPath)
		r.take(entry.Rota, err)
		r.cfg.Rota = file
		r.fresh("oncall.rota", rotaPoll, o.StaleAfter)
	}
	o.Calendars = r.calendars(entry.Calendars, o.StaleAfter)
	r.cfg.OnCall = o
}

// readRota reads and checks a rota file.
func readRota(path string) (rota.File, error) {
	var file rota.File
	if err := decodeYAML(path, &file); err != nil {
		return file, err
	}
	return file, file.Validate()
}

// between reads a length of time that has bounds; an absent one is the default.
func (r *configReader) between(place, text string, otherwise, least, most time.Duration) time.Duration {
	before := len(r.faults)
	d := r.duration(place, text, otherwise)
	if len(r.faults) == before && (d < least || d > most) {
		r.add(place, "%s is out of range; want %s to %s", d, least, most)
	}
	return d
}

// fresh notes a source that would be too old before it is asked again: that is a
// tenth of its poll later at times, and takes a while.
func (r *configReader) fresh(place string, poll, staleAfter time.Duration) {
	if least := poll + poll/4; staleAfter < least {
		r.add("oncall.stale_after", "%s is too short for the poll of %s, %s: want %s at least, or what it says is too old at times",
			staleAfter, place, poll, least)
	}
}

// reevaluateEntry is what happens to live grants when policies change.
type reevaluateEntry struct {
	MaxEndShare *float64 `yaml:"max_end_share"` // that new policies may end by themselves; default 0.1
}

func (r *configReader) reevaluate(entry reevaluateEntry) {
	r.cfg.MaxEndShare = engine.DefaultMaxEndShare
	if entry.MaxEndShare == nil {
		return
	}
	r.cfg.MaxEndShare = *entry.MaxEndShare
	if share := r.cfg.MaxEndShare; !(share > 0 && share <= 1) { // NaN is neither
		r.add("reevaluate.max_end_share", "%v is not a share: want more than 0, and 1 at most", share)
	}
}

// optional resolves a secret. One that is named well and is not there it adds to
// the missing: that does not keep the gateway from starting.
func (r *configReader) optional(place string, ref secretRef, missing *[]error) Secret {
	secret, err := r.secret(place, ref)
	switch {
	case errors.Is(err, errSecretMissing):
		*missing = append(*missing, fmt.Errorf("%s: %w", place, err))
	case err != nil:
		r.take(place, err)
	}
	return secret
}

// leftOut notes what can not be used, because a secret of it is not there.
func (r *configReader) leftOut(what string, missing []error) {
	if len(missing) > 0 {
		r.cfg.Unasked = append(r.cfg.Unasked, fmt.Errorf("%s is left out: %w", what, errors.Join(missing...)))
	}
}

// names sorts the keys of a map of the configuration, so that its faults have one
// order.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// reservedSources are the names of sources that no calendar may take.
var reservedSources = []string{rota.Name, pagerduty.SourceOnCall, pagerduty.SourceIncidents}
