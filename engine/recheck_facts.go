package engine

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// recheckFacts queues the live grants of those about whom a source says something
// else than before: other shifts that cover the moment, or another part in
// incidents. Without a snapshot before, it may be anybody.
func (e *Engine) recheckFacts(ctx context.Context, before, now access.Snapshot) error {
	s := ledger.Stirred{Cause: access.CauseOnCall, Source: now.Source, FactsAt: now.FetchedAt}
	if now.Kind == access.SourceIncidents {
		s.Cause = access.CauseIncidents
	}
	queue := func(tx *ledger.Tx) (int64, error) { return tx.RecheckAll(s) }
	if !before.FetchedAt.IsZero() {
		stirred := stirredBy(before, now)
		if len(stirred) == 0 {
			return nil
		}
		queue = func(tx *ledger.Tx) (int64, error) { return tx.RecheckSubjects(stirred, s) }
	}
	var queued int64
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		queued, err = queue(tx)
		return err
	})
	if err == nil && queued > 0 {
		poke(e.recheckWake)
	}
	return err
}

// stirredBy lists those about whom the two snapshots differ. Of whom the newer one
// says that it can not tell, nothing is known, and so nothing has changed.
func stirredBy(before, now access.Snapshot) []access.Subject {
	was, is := standingIn(before), standingIn(now)
	stirred := map[access.Subject]bool{}
	for _, s := range before.Unclear {
		stirred[s] = true // which it was, and may be no longer
	}
	for s := range was {
		stirred[s] = stirred[s] || !maps.Equal(was[s], is[s])
	}
	for s := range is {
		stirred[s] = stirred[s] || !maps.Equal(was[s], is[s])
	}
	for _, s := range now.Unclear {
		stirred[s] = false
	}
	var list []access.Subject
	for s, differs := range stirred {
		if differs {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b access.Subject) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// said is one thing that a source can say of a person: a turn on call, or a part
// in an incident.
type said struct {
	schedule, policy string
	level            int
	incident, role   string
}

// standingIn is what a snapshot says of each person, at its time.
func standingIn(snapshot access.Snapshot) map[access.Subject]map[said]bool {
	all := map[access.Subject]map[said]bool{}
	add := func(s access.Subject, what said) {
		if all[s] == nil {
			all[s] = map[said]bool{}
		}
		all[s][what] = true
	}
	for _, shift := range snapshot.Shifts {
		if shift.Covers(snapshot.FetchedAt) {
			add(shift.Subject, said{schedule: refID(shift.Schedule), policy: refID(shift.Policy), level: shift.Level})
		}
	}
	for _, incident := range snapshot.Incidents {
		for _, part := range incident.Parts {
			add(part.Subject, said{incident: incident.ID, role: part.Role})
		}
	}
	return all
}

func refID(r *access.Ref) string {
	if r == nil {
		return ""
	}
	return r.ID
}
