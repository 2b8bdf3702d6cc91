package pagerduty

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/engine/access"
)

// roll is what a fetch learned of who is on call, by PagerDuty's own ids. Rows that
// come twice do no harm.
type roll struct {
	accounts map[string]account
	turns    map[turnKey]*turn
	broken   map[string]bool // accounts with a row that could not be read
}

// account is a user of PagerDuty's.
type account struct{ id, email string }

// turnKey is a place on the rota, and who has it. The schedule is "" for who is
// named in the escalation policy itself.
type turnKey struct {
	user, schedule, policy string
	level                  int
}

// turn is when somebody has a place.
type turn struct {
	schedule, policy string // their names
	spans            []span
}

// span is a stretch of time. A nil start or end is unbounded.
type span struct{ start, end *time.Time }

func newRoll() *roll {
	return &roll{accounts: map[string]account{}, turns: map[turnKey]*turn{}, broken: map[string]bool{}}
}

// add takes a row. One that can not be read is said, and makes what is known of its
// person incomplete.
func (r *roll) add(row pd.OnCall, f *faults) {
	user := row.User.ID
	if user == "" {
		f.say("an on-call of the escalation policy %q names no user: it is not used", row.EscalationPolicy.ID)
		return
	}
	if known, ok := r.accounts[user]; !ok || known.email == "" {
		r.accounts[user] = account{user, row.User.Email}
	}
	key := turnKey{user, row.Schedule.ID, row.EscalationPolicy.ID, int(row.EscalationLevel)}
	s, err := read(row)
	if err != nil {
		r.broken[user] = true
		f.say("an on-call of the account %s can not be read: %v; nothing is known of that person", user, err)
		return
	}
	if r.turns[key] == nil {
		r.turns[key] = &turn{schedule: name(row.Schedule.APIObject, row.Schedule.Name), policy: name(row.EscalationPolicy.APIObject, row.EscalationPolicy.Name)}
	}
	r.turns[key].spans = append(r.turns[key].spans, s)
}

// maxLevel is far above what an escalation policy can have.
const maxLevel = 1000

// read checks a row and reads its times.
func read(row pd.OnCall) (span, error) {
	start, startErr := readTime("start", row.Start)
	end, endErr := readTime("end", row.End)
	err := errors.Join(startErr, endErr)
	switch {
	case err != nil:
		return span{}, err
	case row.EscalationPolicy.ID == "":
		return span{}, errors.New("it has no escalation policy")
	case row.EscalationLevel < 1 || row.EscalationLevel > maxLevel:
		return span{}, fmt.Errorf("its level is %d", row.EscalationLevel)
	case start != nil && end != nil && end.Before(*start):
		return span{}, errors.New("it ends before it starts")
	}
	return span{start, end}, nil
}

// readTime reads a time with its offset; none is unbounded.
func readTime(what, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("its %s %q is no time", what, text)
	}
	at = at.UTC()
	return &at, nil
}

// name is what an object is called: a reference has a summary only.
func name(o pd.APIObject, full string) string { return cmp.Or(full, o.Summary) }

// join makes one of spans that touch or overlap, the earliest first.
func join(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		switch {
		case a.start == nil && b.start == nil:
			return 0
		case a.start == nil:
			return -1
		case b.start == nil:
			return 1
		}
		return a.start.Compare(*b.start)
	})
	var joined []span
	for _, s := range spans {
		last := len(joined) - 1
		if last < 0 || joined[last].end != nil && s.start != nil && s.start.After(*joined[last].end) {
			joined = append(joined, s)
			continue
		}
		joined[last].end = later(joined[last].end, s.end)
	}
	return joined
}

// later is the later of two ends, of which nil is never.
func later(a, b *time.Time) *time.Time {
	switch {
	case a == nil || b == nil:
		return nil
	case a.After(*b):
		return a
	}
	return b
}

// shifts are the account's, in no order: those that are not over, and without an
// end that only the look-ahead made.
func (r *roll) shifts(now, until time.Time) map[string][]access.Shift {
	all := map[string][]access.Shift{}
	for key, t := range r.turns {
		for _, s := range join(t.spans) {
			if s.end != nil && !s.end.After(now) {
				continue
			}
			if s.end != nil && !s.end.Before(until) {
				s.end = nil
			}
			shift := access.Shift{Source: SourceOnCall, Policy: &access.Ref{ID: key.policy, Name: t.policy}, Level: key.level, Start: s.start, End: s.end}
			if key.schedule != "" {
				shift.Schedule = &access.Ref{ID: key.schedule, Name: t.schedule}
			}
			all[key.user] = append(all[key.user], shift)
		}
	}
	return all
}
