package ledgersuite

import (
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// pastAccess is an access as its rows have it.
type pastAccess struct {
	access.Grant
	until   *time.Time // that it could be used; nil: that is not settled
	ended   bool
	started bool
}

// usable reports whether the list is to have it.
func (p pastAccess) usable(q ledger.AccessFilter) bool {
	end := p.ExpiresAt
	if p.EndedAt != nil && p.EndedAt.Before(end) {
		end = *p.EndedAt
	}
	switch {
	case !p.started, !p.StartsAt.Before(q.To), q.Subject != "" && p.Subject.String() != q.Subject, q.Resource != "" && p.Resource.String() != q.Resource:
		return false
	case q.Granted && !end.After(q.From):
		return false
	}
	return p.until == nil || p.until.After(q.From)
}

// pasts writes accesses of every length: live ones, ended ones that are settled, some
// of them long after their end, ended ones that are not, and some that never began.
func (f *fixture) pasts(now time.Time) (all []pastAccess) {
	lengths := []time.Duration{
		time.Second, 64 * time.Second, 65 * time.Second, 5 * time.Minute, time.Hour, 9 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour, 4000 * 24 * time.Hour,
	}
	var settled []ledger.Settled
	for i := range 90 {
		x := entitled(i % 7)
		if i%3 == 0 {
			x.Resource.ID = "globex"
		}
		length := lengths[i%len(lengths)]
		p := pastAccess{Grant: f.grant(x, time.Hour), started: true, ended: i%5 != 0}
		p.StartsAt = now.Add(-time.Duration(i+1) * 11 * time.Hour)
		p.ExpiresAt = p.StartsAt.Add(length)
		prior, ended := "scheduled", any(nil)
		if p.ended {
			end := p.ExpiresAt
			if i%4 == 0 {
				end = p.StartsAt.Add(length / 2)
			}
			p.EndedAt, prior, ended = &end, "active", end.UnixMicro()
			if p.started = i%11 != 0; !p.started {
				prior = "scheduled"
			}
		}
		state, why := "active", any(nil)
		if p.ended {
			state, why = "ended", "expired"
		}
		f.must(f.raw(`UPDATE grants SET starts_at = $2, expires_at = $3, ended_at = $4, end_reason = $5, prior_state = $6, state = $7 WHERE id = $1`,
			p.ID, p.StartsAt.UnixMicro(), p.ExpiresAt.UnixMicro(), ended, why, prior, state))
		if p.ended && i%6 != 0 {
			until := p.EndedAt.Add(time.Duration(i%3) * 17 * time.Minute)
			settled = append(settled, ledger.Settled{Grant: p.Grant, Until: until, Never: !p.started})
			p.until = &until
		}
		all = append(all, p)
	}
	f.must(f.raw(`UPDATE bindings SET next_at = NULL`))
	f.update(func(tx *ledger.Tx) error { return tx.Settle(settled) })
	slices.SortFunc(all, func(a, b pastAccess) int {
		if c := b.StartsAt.Compare(a.StartsAt); c != 0 {
			return c
		}
		return -slices.Compare([]byte(a.ID), []byte(b.ID))
	})
	return all
}

// accessFound: who had access is found by an index of how long it lasted, and nobody is
// left out or listed twice.
func accessFound(t *testing.T, f *fixture) {
	now := f.l.Now()
	all := f.pasts(now)
	for ago := range 120 {
		from := now.Add(-time.Duration(ago) * 9 * time.Hour)
		for n, q := range []ledger.AccessFilter{
			{From: from, To: from.Add(time.Microsecond)},
			{From: from, To: from.Add(26 * time.Hour), Granted: ago%2 == 0},
			{From: from, To: from.Add(300 * time.Hour), Subject: all[ago%90].Subject.String()},
			{From: from, To: now, Resource: all[ago%90].Resource.String()},
			{From: from, To: now, Subject: all[ago%90].Subject.String(), Resource: all[ago%90].Resource.String()},
		} {
			var want []string
			for _, p := range all {
				if p.usable(q) {
					want = append(want, p.ID)
				}
			}
			q.Limit = 1 + (ago+n)%9
			if got := f.accesses(q); !slices.Equal(got, want) {
				t.Fatalf("%+v: there are\n%q, want\n%q", q, got, want)
			}
		}
	}
}

// accesses follows the pages of a list to its end.
func (f *fixture) accesses(q ledger.AccessFilter) (ids []string) {
	f.t.Helper()
	for {
		var page []ledger.AccessPlace
		f.view(func(tx *ledger.Tx) (err error) {
			page, err = tx.Accesses(q)
			return err
		})
		for _, p := range page {
			ids = append(ids, p.ID)
		}
		if len(page) < q.Limit {
			return ids
		}
		q.Before = &page[len(page)-1]
	}
}

// accessSettled: a removal is settled once, when there is nothing to do, and what was
// undone is not settled any more.
func accessSettled(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	f.update(func(tx *ledger.Tx) error { return endOne(tx, g, access.EndRevoked) })
	waiting := func() (n int) {
		f.view(func(tx *ledger.Tx) error {
			grants, err := tx.GrantsToSettle(10)
			n = len(grants)
			return err
		})
		return n
	}
	settle := func(after time.Duration) {
		f.update(func(tx *ledger.Tx) error {
			return tx.Settle([]ledger.Settled{{Grant: g, Until: g.StartsAt.Add(after)}})
		})
	}
	usable := func(at time.Duration) bool {
		from := g.StartsAt.Add(at)
		return len(f.accesses(ledger.AccessFilter{From: from, To: from.Add(1), Limit: 5})) == 1
	}
	f.must(f.raw(`UPDATE bindings SET desired = 'absent', next_at = 1`))
	if settle(time.Minute); waiting() != 0 || !usable(2*time.Minute) {
		t.Error("it is settled, or waits to be, while there is something to do")
	}
	f.must(f.raw(`UPDATE bindings SET next_at = NULL`))
	if waiting() != 1 {
		t.Error("it does not wait to be settled")
	}
	if settle(time.Minute); waiting() != 0 || usable(2*time.Minute) || !usable(time.Minute-1) {
		t.Error("it is not settled")
	}
	if settle(time.Hour); usable(2 * time.Minute) {
		t.Error("it is settled twice")
	}
	f.update(func(tx *ledger.Tx) error { return tx.Unsettle(access.Binding{ID: g.BindingID, Entitled: g.Entitled}) })
	if waiting() != 1 || !usable(2*time.Minute) {
		t.Error("what was undone is settled still")
	}
}

// happenedAround: what happened to many bindings is read at once, each in its time.
func happenedAround(t *testing.T, f *fixture) {
	g, other := f.grant(entitled(1), time.Hour), f.grant(entitled(2), time.Hour)
	var times []time.Time
	for i, typ := range []string{audit.BindingDesired, audit.BindingProvisioned, audit.BindingVerified, audit.BindingDeprovisioned} {
		f.update(func(tx *ledger.Tx) error {
			times = append(times, tx.Now())
			for _, b := range []string{g.BindingID, other.BindingID} {
				if err := tx.Append(audit.Event{Type: typ, BindingID: audit.Text(b), RequestID: audit.Text(g.RequestID), Data: map[string]any{"n": i}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	_, err := f.l.SealEvents(t.Context(), 3, nil)
	f.must(err)
	windows := []ledger.Window{
		{BindingID: g.BindingID, From: times[0], To: times[3]}, {BindingID: other.BindingID, From: times[1], To: times[1]},
		{BindingID: "bnd_none", From: times[0], To: times[3]}, {BindingID: g.BindingID, From: times[1], To: times[2]},
	}
	f.view(func(tx *ledger.Tx) error {
		found, err := tx.EventsDuring(windows, audit.BindingDesired, audit.BindingProvisioned, audit.BindingDeprovisioned)
		for i, want := range []int{3, 1, 0, 1} {
			if err == nil && len(found[i]) != want {
				t.Errorf("in window %d are %d events, want %d", i, len(found[i]), want)
			}
		}
		if e := found[0]; err == nil && (e[0].Seq == 0 || len(e[0].Leaf) != 64 || e[2].Seq != 0 || e[2].Leaf != "") {
			t.Errorf("their places are %+v", e)
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		before, err := tx.LastBefore(windows, audit.BindingDesired)
		if _, there := before[2]; err == nil && (len(before) != 3 || there) {
			t.Errorf("before are %+v", before)
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.EventsOfRequests([]string{g.RequestID, "req_none"}, audit.BindingVerified)
		if err == nil && len(events) != 2 {
			t.Errorf("of the request are %+v", events)
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.SealedAmong([]int64{1, 3, 4})
		if _, there := events[4]; err == nil && (len(events) != 2 || there) {
			t.Errorf("sealed are %+v", events)
		}
		return err
	})
}

// triedAtOnce: what was tried is counted for many bindings at once, and decisions are
// read without what they were asked.
func triedAtOnce(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	f.attempted(g, 1, "a", "token-1")
	f.attempted(g, 2, "a", "token-2")
	f.view(func(tx *ledger.Tx) error {
		attempts, err := tx.Attempts(g.BindingID)
		if err != nil {
			return err
		}
		span := ledger.AttemptSpan{Verb: attempts[0].Verb, From: 0, Below: 100, Until: tx.Now()}
		none := span
		none.From = 99
		tried, err := tx.CountManyAttempts([]string{g.BindingID, g.BindingID, "bnd_none"}, []ledger.AttemptSpan{span, none, span})
		if err == nil && (tried[0].Times != 2 || !tried[0].First.Equal(attempts[0].StartedAt) || tried[1].Times != 0 || tried[1].First != nil || tried[2].Times != 0) {
			t.Errorf("tried were %+v", tried)
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		found, err := tx.DecisionBriefs([]string{g.DecisionID, "dec_none"})
		if d := found[g.DecisionID]; err == nil && (len(found) != 1 || d.Revision == "" || len(d.Output) == 0 || d.DecidedAt.IsZero()) {
			t.Errorf("the decisions are %+v", found)
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		started, err := tx.Started([]string{g.ID, "grt_none"})
		if err == nil && (len(started) != 1 || !started[g.ID]) {
			t.Errorf("started are %+v", started)
		}
		return err
	})
}
