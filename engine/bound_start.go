package engine

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// NextShift is the start of an Ask that begins with the subject's next shift.
const NextShift = "next_shift"

// Start is when access is to begin: at a time, or with the subject's next shift.
type Start struct {
	At        time.Time
	NextShift bool
}

// StartAt is a start at the time.
func StartAt(t time.Time) *Start { return &Start{At: t} }

// MarshalJSON renders it as a caller sends it.
func (s Start) MarshalJSON() ([]byte, error) {
	if s.NextShift {
		return json.Marshal(NextShift)
	}
	return json.Marshal(s.At)
}

// parts is the time, if there is one, and whether it is to be that of a shift.
func (s *Start) parts() (at *time.Time, nextShift bool) {
	switch {
	case s == nil:
		return nil, false
	case s.NextShift:
		return nil, true
	}
	return &s.At, false
}

// maxStarts bounds how many of a subject's coming shifts policy is asked about.
const maxStarts = 8

// decideWhen is decide, and finds the start of what is to begin with the
// subject's next shift: the soonest that policy does not deny. If it denies all,
// that is its answer to the first.
func (e *Engine) decideWhen(ctx context.Context, a asked, phase access.Phase) (asked, access.DecisionRecord, error) {
	if !a.NextShift {
		d, err := e.decide(ctx, a, phase)
		return a, d, err
	}
	k, err := e.learn(ctx, a.Subject)
	if err != nil {
		return a, access.DecisionRecord{}, err
	}
	starts, err := e.starts(a, k)
	if err != nil {
		return a, access.DecisionRecord{}, err
	}
	var first access.DecisionRecord
	for i, at := range starts {
		a.StartsAt = &at
		d, err := e.judge(ctx, a, phase, k)
		if err != nil || d.Decision.Effect != access.Deny {
			return a, d, err
		}
		if i == 0 {
			first = d
		}
	}
	a.StartsAt = &starts[0]
	return a, first, nil
}

// starts is when access can begin that is to begin with a shift: at least one
// time. Of a request that was made before, it is as it was then if no shift can be
// found now.
func (e *Engine) starts(a asked, k known) ([]time.Time, error) {
	since, before := k.at, a.StartsAt
	if before != nil {
		since = a.CreatedAt
	}
	found := comingStarts(k.facts.OnCall, since, k.at)
	switch {
	case len(found) > 0:
		return found, nil
	case before != nil:
		return []time.Time{*before}, nil
	case !k.facts.OnCall.Known:
		return nil, access.Conflict("oncall_unknown", "when %s is on call is not known now; ask again, or send a time", a.Subject)
	}
	return nil, access.Invalid("no_next_shift", "/starts_at", "no coming shift of %s is known", a.Subject)
}

// comingStarts is when shifts begin that had not begun at since and are not over,
// soonest first. One that has begun by now begins now.
func comingStarts(oncall access.OnCall, since, now time.Time) (starts []time.Time) {
	if !oncall.Known {
		return nil
	}
	for _, s := range oncall.Shifts {
		over := s.End != nil && !s.End.After(now)
		if s.Start == nil || !s.Start.After(since) || over || s.Start.Sub(now) > time.Duration(access.MaxDuration) {
			continue
		}
		starts = append(starts, later(*s.Start, now))
	}
	slices.SortFunc(starts, time.Time.Compare)
	starts = slices.CompactFunc(starts, time.Time.Equal)
	return starts[:min(len(starts), maxStarts)]
}
