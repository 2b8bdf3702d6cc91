// Package rota answers who is on call from a file: the on-call source for a
// team that has no PagerDuty, or does not want to ask it. The file is a rota, or
// a calendar (RFC 5545), which may also be served over HTTP.
//
// It is part of the policy information point (PIP). It turns shifts, a rotation,
// overrides and events into the stretches of time that people hold, and knows
// nothing of what being on call gives access to: that is policy's.
package rota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Name is the name of the rota file's source.
const Name = "rota"

// LookAhead is how far ahead of now a shift may begin and still be told.
const LookAhead = 30 * 24 * time.Hour

// Config is what a Source of a file is made of.
type Config struct {
	// Read reads the file and decodes it; required.
	Read func() (File, error)
	// Told, if set, hears what came of a file that is not as it was: how many
	// schedules it has, or why it is not taken.
	Told func(ctx context.Context, schedules int, refused error)
}

// Source tells the shifts of a rota file. Its methods may be called at the same
// time.
type Source struct {
	Config

	mu        sync.Mutex
	taken     *File // whose schedules these are; nil: none was read yet
	schedules []schedule
	refused   string // why the file is not taken; "" when it is
}

// Open returns the source of a file, which is read with each Fetch.
func Open(cfg Config) *Source { return &Source{Config: cfg} }

// New returns a source of a file that never changes, or every fault of it.
func New(f File) (*Source, error) {
	s := Open(Config{Read: func() (File, error) { return f, nil }})
	if err := s.reload(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// Fetch reads the file and returns everybody's shifts that are not over and begin
// within LookAhead. A file with faults leaves the shifts of the one before in
// force, and the snapshot says so; without one before, it fails.
func (s *Source) Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return access.Snapshot{}, fmt.Errorf("rota: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := s.reload(ctx)
	if s.taken == nil {
		return access.Snapshot{}, fmt.Errorf("rota: %w", refused)
	}
	snapshot := access.Snapshot{
		Source: Name, Kind: access.SourceOnCall, FetchedAt: ask.Now, Until: ask.Now.Add(LookAhead),
		Shifts: held(s.schedules, ask.Now),
	}
	if refused != nil {
		snapshot.Faults = []string{"The rota file is not taken and the one before stays in force: " + oneLine(refused)}
	}
	return snapshot, nil
}

// reload takes the file as it is now. One with faults changes nothing.
func (s *Source) reload(ctx context.Context) error {
	file, err := s.Read()
	if err == nil && s.taken != nil && reflect.DeepEqual(file, *s.taken) {
		if s.refused != "" {
			s.tell(ctx, len(s.schedules), nil)
		}
		return nil
	}
	var schedules []schedule
	if err == nil {
		schedules, err = read(file)
	}
	if err != nil {
		s.tell(ctx, 0, err)
		return err
	}
	s.taken, s.schedules = &file, schedules
	s.tell(ctx, len(schedules), nil)
	return nil
}

// tell reports what came of the file, once for each thing that is wrong with it.
func (s *Source) tell(ctx context.Context, schedules int, refused error) {
	text := ""
	if refused != nil {
		text = oneLine(refused)
		refused = errors.New(text)
	}
	if s.Told != nil && (refused == nil || text != s.refused) {
		s.Told(ctx, schedules, refused)
	}
	s.refused = text
}

// Shifts returns the shifts of the subject that cover now, and those that begin
// within LookAhead, earliest first, by the file that was read last. A subject that
// it does not name is known to hold no shift. It fails only if ctx has ended, or
// if no file could be read.
func (s *Source) Shifts(ctx context.Context, subject access.Subject, now time.Time) (access.OnCall, error) {
	if err := ctx.Err(); err != nil {
		return access.OnCall{}, fmt.Errorf("rota: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		return access.OnCall{}, errors.New("rota: no file was read")
	}
	age := int64(0)
	known := access.OnCall{Known: true, AgeSeconds: &age}
	for _, sch := range s.schedules {
		known.Shifts = append(known.Shifts, sch.shifts(subject, now)...)
	}
	slices.SortFunc(known.Shifts, compare)
	return known, nil
}

// held returns everybody's shifts, in an order that the same file always has.
func held(schedules []schedule, now time.Time) (all []access.HeldShift) {
	for _, sch := range schedules {
		for _, who := range sch.people() {
			for _, shift := range sch.shifts(who, now) {
				all = append(all, access.HeldShift{Subject: who, Shift: shift})
			}
		}
	}
	return all
}

// people are all whom the schedule may put on call, in order.
func (s schedule) people() []access.Subject {
	set := map[access.Subject]bool{}
	for _, l := range s.levels {
		for who := range l.shifts {
			set[who] = true
		}
		for _, o := range l.overrides {
			set[o.who] = true
		}
		if l.rotation != nil {
			for _, who := range l.rotation.members {
				set[who] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(set), bySubject)
}

// shifts returns the subject's shifts of the schedule. What touches or overlaps on
// one level is one shift, so an end is the instant at which the subject really
// goes off call; a nil end means never.
func (s schedule) shifts(who access.Subject, now time.Time) (shifts []access.Shift) {
	for _, l := range s.levels {
		for _, turn := range l.turns(who, now, now.Add(LookAhead)) {
			shifts = append(shifts, access.Shift{
				Source:   Name,
				Schedule: &access.Ref{ID: s.id, Name: s.name},
				Level:    l.number,
				Start:    turn.start(),
				End:      turn.end(),
			})
		}
	}
	return shifts
}

func bySubject(a, b access.Subject) int { return cmp.Compare(a.String(), b.String()) }

func compare(a, b access.Shift) int {
	return cmp.Or(
		bound(a.Start).Compare(bound(b.Start)),
		cmp.Compare(a.Schedule.ID, b.Schedule.ID),
		cmp.Compare(a.Level, b.Level),
	)
}

func bound(start *time.Time) time.Time {
	if start == nil {
		return past
	}
	return *start
}

// maxRefused bounds what is said of a file that is not taken, in bytes. Each of its
// lines can be a fault.
const maxRefused = 1000

// oneLine puts the faults of a file into one sentence, or the first of them.
func oneLine(err error) string {
	text := err.Error()
	if len(text) > maxRefused {
		text = strings.ToValidUTF8(text[:maxRefused], "") + " …"
	}
	return strings.ReplaceAll(text, "\n", "; ")
}
