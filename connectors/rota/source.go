// Package rota answers who is on call from a file: the on-call source for a
// team that has no PagerDuty, or does not want to ask it.
//
// It is part of the policy information point (PIP). It turns shifts, a rotation
// and overrides into the stretches of time that one person holds, and knows
// nothing of what being on call gives access to: that is policy's.
//
// It does no I/O. The program decodes the file and hands it over.
package rota

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// LookAhead is how far ahead of now a shift may begin and still be told.
const LookAhead = 30 * 24 * time.Hour

// Source tells the shifts of a rota file. Its methods may be called at the same
// time.
type Source struct {
	schedules atomic.Pointer[[]schedule]
}

// New returns a source for the file, or every fault of the file.
func New(f File) (*Source, error) {
	schedules, err := read(f)
	if err != nil {
		return nil, err
	}
	s := &Source{}
	s.schedules.Store(&schedules)
	return s, nil
}

// Replace makes the source answer from f from now on. If f has faults it
// reports them all and the source keeps what it had.
func (s *Source) Replace(f File) error {
	schedules, err := read(f)
	if err != nil {
		return fmt.Errorf("the rota is kept as it was: %w", err)
	}
	s.schedules.Store(&schedules)
	return nil
}

// Shifts returns the shifts of the subject that cover now, and those that begin
// within LookAhead, earliest first. What touches or overlaps on one level of one
// schedule is one shift, so an end is the instant at which the subject really
// goes off call; a nil end means never. A subject that the file does not name is
// known to hold no shift. It fails only if ctx has ended.
func (s *Source) Shifts(ctx context.Context, subject access.Subject, now time.Time) (access.OnCall, error) {
	if err := ctx.Err(); err != nil {
		return access.OnCall{}, fmt.Errorf("rota: %w", err)
	}
	age := int64(0)
	known := access.OnCall{Known: true, AgeSeconds: &age}
	for _, sch := range *s.schedules.Load() {
		for _, l := range sch.levels {
			for _, turn := range l.turns(subject, now, now.Add(LookAhead)) {
				known.Shifts = append(known.Shifts, access.Shift{
					Schedule: &access.Ref{ID: sch.id, Name: sch.name},
					Level:    l.number,
					Start:    turn.start(),
					End:      turn.end(),
				})
			}
		}
	}
	slices.SortFunc(known.Shifts, compare)
	return known, nil
}

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
