package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// opOnCall is what data.api.allow is asked about: may the actor see who is on
// call.
const opOnCall = "oncall.list"

// Roster is who is on call, of everybody, and how the sources are that say so. Its
// methods return at once.
type Roster interface {
	// At returns who is on call at t, as it is known at now, in any order. A time
	// that is not known is ErrInvalid.
	At(t, now time.Time, f access.RosterFilter) ([]access.RosterEntry, error)
	States(now time.Time) []access.SourceState
}

// noRoster knows of nobody.
type noRoster struct{}

func (noRoster) At(time.Time, time.Time, access.RosterFilter) ([]access.RosterEntry, error) {
	return nil, nil
}

func (noRoster) States(time.Time) []access.SourceState { return nil }

// OnCallFilter narrows the list of who is on call. Empty members do not narrow.
type OnCallFilter struct {
	Paging
	access.RosterFilter
	At time.Time // the zero time: now
}

// OnCallPage is a page of who is on call, and how all sources are that are asked.
type OnCallPage struct {
	Page[access.RosterEntry]
	Sources []access.SourceState `json:"sources"`
	At      time.Time            `json:"at"`
}

// OnCall lists who is on call for what: by schedule, escalation policy, level and
// subject.
func (e *Engine) OnCall(ctx context.Context, call Call, f OnCallFilter) (page OnCallPage, err error) {
	after, limit, err := f.page()
	if err != nil {
		return page, err
	}
	object := access.APIObject{Scope: ScopeAll, Subject: f.Subject}
	if f.Subject != nil && *f.Subject == call.Caller {
		object.Scope = ScopeOwn
	}
	if err := e.authorize(ctx, call, opOnCall, object); err != nil {
		return page, err
	}
	now := e.ledger.Now()
	page.At = now
	if !f.At.IsZero() {
		page.At = f.At.UTC()
	}
	entries, err := e.roster.At(page.At, now, f.RosterFilter)
	if err != nil {
		return page, err
	}
	page.Sources = append([]access.SourceState{}, e.roster.States(now)...)
	page.Page = cutPage(entriesAfter(entries, after), limit, entryKey)
	return page, nil
}

// entriesAfter is the entries in order, from behind the one with the key.
func entriesAfter(entries []access.RosterEntry, after string) []access.RosterEntry {
	type keyed struct {
		key string
		access.RosterEntry
	}
	all := make([]keyed, 0, len(entries))
	for _, entry := range entries {
		if key := entryKey(entry); key > after {
			all = append(all, keyed{key, entry})
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	entries = entries[:0]
	for _, k := range all {
		entries = append(entries, k.RosterEntry)
	}
	return entries
}

// entryKey orders entries, and tells each from the others.
func entryKey(entry access.RosterEntry) string {
	id := func(ref *access.Ref) string {
		if ref == nil {
			return ""
		}
		return ref.ID
	}
	start := ""
	if entry.Start != nil {
		start = entry.Start.UTC().Format(time.RFC3339Nano)
	}
	return strings.Join([]string{
		id(entry.Schedule), id(entry.Policy), fmt.Sprintf("%09d", entry.Level), entry.Subject.String(), entry.Source, start,
	}, "\x00")
}
