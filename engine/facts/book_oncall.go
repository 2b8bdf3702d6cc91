package facts

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Shifts returns what is known of the subject's shifts that are not over. It is
// known if every source of on-call facts is fresh and can tell the subject from
// others; or if one that is and can says that the subject is on call at now: that
// another is silent takes nothing from that. What is not known is empty.
func (b *Book) Shifts(_ context.Context, subject access.Subject, now time.Time) (access.OnCall, error) {
	known, _ := b.OnCall(subject, now)
	if !known.Known {
		return access.OnCall{}, nil
	}
	return known, nil
}

// OnCall returns the subject's shifts that are not over at now, by the sources
// that can say, and names those that can not: what they said last is too old, or
// they can not tell the subject from another. Known is as Shifts says; the shifts
// are there in any case.
func (b *Book) OnCall(subject access.Subject, now time.Time) (known access.OnCall, unsure []string) {
	var oldest int64
	sources, covered := 0, false
	for _, sh := range b.shelves {
		if sh.Kind != access.SourceOnCall {
			continue
		}
		p := sh.page.Load()
		if !b.fresh(p, now) || p.unclear[subject] {
			unsure = append(unsure, sh.Name)
			continue
		}
		sources++
		oldest = max(oldest, p.age(now))
		for _, at := range p.shifts.of(subject) {
			shift := p.said.Shifts[at].Shift
			if over(shift, now) {
				continue
			}
			shift.Source = sh.Name
			covered = covered || shift.Covers(now)
			known.Shifts = append(known.Shifts, shift)
		}
	}
	known.Known = sources > 0 && len(unsure) == 0 || covered
	if sources > 0 {
		known.AgeSeconds = &oldest
	}
	return known, unsure
}
