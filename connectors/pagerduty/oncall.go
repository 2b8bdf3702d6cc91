package pagerduty

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"

	"github.com/curfew-access/curfew/engine/access"
)

// The names of the two sources.
const (
	SourceOnCall    = "pagerduty"
	SourceIncidents = "pagerduty.incidents"
)

// nearlyFull is from how many rows a list is asked for in parts at once: it may
// well have outgrown the paging by the next poll.
const nearlyFull = maxRows * 9 / 10

// OnCall is the source that tells who is on call.
type OnCall struct {
	client *Client

	mu   sync.Mutex // one fetch at a time; guards what follows
	last memory
	at   time.Time // of the last fetch
	long bool      // the list was too long, or nearly, to be paged in one
}

// OnCall returns the source of who is on call.
func (c *Client) OnCall() *OnCall { return &OnCall{client: c} }

// Name is the source's name.
func (*OnCall) Name() string { return SourceOnCall }

// Kind is what it tells.
func (*OnCall) Kind() access.SourceKind { return access.SourceOnCall }

// Fetch asks who is on call from now until the end of the look-ahead. Somebody who
// was on call at the last fetch and is missing from this one is asked for once
// more before it is believed: a list that changes while it is paged loses rows.
func (o *OnCall) Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	q := &query{fetch: o.client.begin(ask.Now), until: ask.Now.Add(o.client.cfg.LookAhead), roll: newRoll()}
	if err := o.gather(ctx, q, ask.Before); err != nil {
		return access.Snapshot{}, fmt.Errorf("pagerduty: %w", err)
	}
	q.recall()
	if q.anonymous() {
		return access.Snapshot{}, fmt.Errorf("pagerduty: %s: %w: none of %d accounts has an email address; an OAuth app needs the scope users.read",
			listOnCalls.name, ErrForbidden, len(q.roll.accounts))
	}
	o.last, o.at = remember(q.roll, ask.Now), ask.Now
	snapshot := q.snapshot()
	o.client.people.put(o.client.cfg.Now(), q.roll.accounts)
	return snapshot, nil
}

// gather fills the roll. What was said before by a fetch that was not this
// source's own, as after a restart, names people and not accounts: when somebody
// of it is missing, everybody is asked for once more.
func (o *OnCall) gather(ctx context.Context, q *query, before access.Snapshot) error {
	if err := o.all(ctx, q); err != nil {
		return err
	}
	if !before.FetchedAt.Equal(o.at) && q.lacks(before) {
		if err := o.all(ctx, q); err != nil {
			return err
		}
	}
	missing := o.last.missing(q.roll, q.now)
	for batch := range slices.Chunk(missing, pageSize) {
		if err := q.of(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// all asks for everybody: in one list, or if that is too long user by user, a
// hundred at a time.
func (o *OnCall) all(ctx context.Context, q *query) error {
	q.count = 0
	if !o.long {
		err := q.rows(ctx, nil)
		o.long = errors.Is(err, errTooMany) || q.count >= nearlyFull
		if !errors.Is(err, errTooMany) {
			return err
		}
	}
	q.count = 0
	users, err := q.users(ctx, "")
	if err != nil {
		return fmt.Errorf("too many on-calls for one list, so by user: %w", err)
	}
	ids := make([]string, 0, len(users))
	for _, user := range users {
		ids = append(ids, user.id)
	}
	slices.Sort(ids) // the same requests each time
	for batch := range slices.Chunk(ids, pageSize) {
		if err := q.of(ctx, batch); err != nil {
			return err
		}
	}
	o.long = q.count >= nearlyFull
	return nil
}

// query is one fetch of who is on call.
type query struct {
	*fetch
	until time.Time
	roll  *roll
	count int // rows got
}

// of asks for some users, in halves if they have too many shifts for one list.
func (q *query) of(ctx context.Context, users []string) error {
	err := q.rows(ctx, users)
	if !errors.Is(err, errTooMany) || len(users) == 1 {
		return err
	}
	half := len(users) / 2
	if err := q.of(ctx, users[:half]); err != nil {
		return err
	}
	return q.of(ctx, users[half:])
}

// rows asks for every row of the users, or of everybody.
func (q *query) rows(ctx context.Context, users []string) error {
	ask := pd.ListOnCallOptions{
		Limit: pageSize, Includes: []string{"users"}, UserIDs: users,
		Since: q.now.UTC().Format(time.RFC3339), Until: q.until.UTC().Format(time.RFC3339),
	}
	return pages(ctx, listOnCalls, func(ctx context.Context, offset uint) (pd.APIListObject, error) {
		ask.Offset = offset
		got, header, err := call(ctx, q.client, listOnCalls, func(api *pd.Client) (*pd.ListOnCallsResponse, error) {
			return api.ListOnCallsWithContext(ctx, ask)
		})
		if err != nil {
			return pd.APIListObject{}, err
		}
		q.compare(header)
		q.count += len(got.OnCalls)
		for _, row := range got.OnCalls {
			q.roll.add(row, &q.faults)
		}
		return got.APIListObject, nil
	})
}

// recall fills in addresses that PagerDuty told before and leaves out now: somebody
// does not go off call by that.
func (q *query) recall() {
	for id, a := range q.roll.accounts {
		if known, _ := q.client.people.get(q.client.cfg.Now(), id); a.email == "" && known.email != "" {
			q.roll.accounts[id] = known
		}
	}
}

// anonymous reports whether there are accounts, and nothing that says whose any of
// them is.
func (q *query) anonymous() bool {
	for id, a := range q.roll.accounts {
		if _, mapped := q.client.users[id]; mapped || a.email != "" {
			return false
		}
	}
	return len(q.roll.accounts) > 0
}

// snapshot turns accounts into people.
func (q *query) snapshot() access.Snapshot {
	who := q.identify(q.roll.accounts, q.roll.broken)
	snapshot := access.Snapshot{Source: SourceOnCall, Kind: access.SourceOnCall, FetchedAt: q.now, Until: q.until, Unclear: who.unclear}
	for user, shifts := range q.roll.shifts(q.now, q.until) {
		subject, clear := who.of[user]
		if !clear {
			continue
		}
		for _, shift := range shifts {
			snapshot.Shifts = append(snapshot.Shifts, access.HeldShift{Subject: subject, Shift: shift})
		}
	}
	slices.SortFunc(snapshot.Shifts, order)
	snapshot.Faults = q.faults.all()
	return snapshot
}

// order is one order of shifts, so that the same facts make the same snapshot.
func order(a, b access.HeldShift) int {
	id := func(r *access.Ref) string {
		if r == nil {
			return ""
		}
		return r.ID
	}
	start := func(s access.HeldShift) time.Time {
		if s.Start == nil {
			return time.Time{}
		}
		return *s.Start
	}
	return cmp.Or(
		strings.Compare(a.Subject.ID, b.Subject.ID), strings.Compare(id(a.Policy), id(b.Policy)),
		strings.Compare(id(a.Schedule), id(b.Schedule)), cmp.Compare(a.Level, b.Level), start(a).Compare(start(b)))
}
