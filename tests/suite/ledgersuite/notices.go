package ledgersuite

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const me = "node_me"

// notice is one about a request, for a reader.
func notice(kind access.NoticeKind, event, reader, request string, at time.Time) access.Notice {
	until := at.Add(time.Hour)
	return access.Notice{
		ID: access.NewID(access.KindNotice, at), Kind: kind, EventID: event, To: access.ParseRecipient(reader), RequestID: request,
		GrantID: "grt_1", BindingID: "bnd_1", TaskID: "tsk_1", CreatedAt: at, Until: &until, Version: 1,
	}
}

func (f *fixture) plan(changes ledger.NoticeChanges, planned ...access.Notice) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error { return tx.PlanNotices(planned, changes) })
}

// claim takes what is due, for a minute.
func (f *fixture) claim(limit int, but ...string) (claimed []access.Notice) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) (err error) {
		due, err := tx.NoticesDue(but)
		if err == nil {
			claimed, err = tx.ClaimNotices(me, tx.Now().Add(time.Minute), but, limit)
		}
		if !due && len(claimed) > 0 {
			f.t.Errorf("nothing was said to be due, and %d were claimed", len(claimed))
		}
		return err
	})
	return claimed
}

// claimed takes what is due, which must be of these events, in any order.
func (f *fixture) claimed(events ...string) []access.Notice {
	f.t.Helper()
	claimed := f.claim(10)
	var got []string
	for _, n := range claimed {
		got = append(got, n.EventID)
	}
	slices.Sort(got)
	if !slices.Equal(got, events) {
		f.t.Fatalf("claimed are %v, want %v", got, events)
	}
	return claimed
}

func (f *fixture) showed(n access.Notice) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) error {
		return tx.ShowedNotice(me, n, access.Place{Channel: "C1", At: "1.2"}, tx.Now())
	})
}

func (f *fixture) waiting(want int64) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		figures, err := tx.Figures()
		if c := figures.Notices; c.Waiting != want || (c.Oldest > 0) != (want > 0) {
			f.t.Errorf("waiting are %+v, want %d", c, want)
		}
		return err
	})
}

// noticesInTurn: what is planned is shown once, to each reader one after the
// other, and shown anew when what it is about goes on.
func noticesInTurn(t *testing.T, f *fixture) {
	now := f.l.Now()
	first := notice(access.NoticeReview, "evt_1", "user:bob@example.com", "req_1", now)
	f.plan(ledger.NoticeChanges{}, first)
	f.plan(ledger.NoticeChanges{},
		notice(access.NoticeReview, "evt_1", "user:bob@example.com", "req_1", now), // the same again
		notice(access.NoticeGranted, "evt_2", "user:bob@example.com", "req_1", now),
		notice(access.NoticeReview, "evt_3", "#security", "req_1", now))
	f.waiting(3)
	claimed := f.claimed("evt_1", "evt_3")
	bobs := claimed[slices.IndexFunc(claimed, func(n access.Notice) bool { return n.To.Subject != nil })]
	if *bobs.To.Subject != bob || bobs.ID != first.ID || bobs.Kind != first.Kind || bobs.RequestID != "req_1" || bobs.GrantID != "grt_1" ||
		bobs.BindingID != "bnd_1" || bobs.TaskID != "tsk_1" || !bobs.CreatedAt.Equal(first.CreatedAt) || !bobs.Until.Equal(*first.Until) ||
		bobs.Version != 1 || bobs.Shown != 0 || bobs.Place != (access.Place{}) {
		t.Errorf("planned was %+v, claimed is %+v", first, bobs)
	}
	f.claimed() // bob's second waits for his first
	f.plan(ledger.NoticeChanges{Requests: []string{"req_1"}})
	for _, n := range claimed {
		f.showed(n)
	}
	f.claimed("evt_2", "evt_3") // he has one that waited longer; the channel's is changed
	f.view(func(tx *ledger.Tx) error {
		n, err := tx.Notice(first.ID)
		if n.Shown != 1 || n.Version != 2 || n.Place != (access.Place{Channel: "C1", At: "1.2"}) {
			t.Errorf("shown once and changed, it is %+v", n)
		}
		return err
	})
}

// noticesFollow: only what is about what went on is shown anew, and nothing that
// was given up.
func noticesFollow(t *testing.T, f *fixture) {
	now := f.l.Now()
	for i, kind := range []access.NoticeKind{
		access.NoticeReview, access.NoticeReminder, access.NoticeEscalate, access.NoticeGranted, access.NoticeObliged, access.NoticeEnding,
		access.NoticeTask, access.NoticeEnded, access.NoticeDenied,
	} {
		f.plan(ledger.NoticeChanges{}, notice(kind, string(kind), fmt.Sprintf("#%d", i), "req_1", now))
	}
	for _, n := range f.claim(10) {
		f.showed(n)
	}
	f.waiting(0)
	for name, c := range map[string]struct {
		changes ledger.NoticeChanges
		want    []string
	}{
		"the request": {ledger.NoticeChanges{Requests: []string{"req_1", "req_2", "req_3"}}, []string{"escalate", "reminder", "review"}},
		"the grant":   {ledger.NoticeChanges{Grants: []string{"grt_1"}}, []string{"ending", "granted", "obliged"}},
		"the task":    {ledger.NoticeChanges{Tasks: []string{"tsk_1"}}, []string{"task"}},
		"another":     {ledger.NoticeChanges{Requests: []string{"grt_1"}, Grants: []string{"tsk_1"}, Tasks: []string{"req_1"}}, nil},
	} {
		f.plan(c.changes)
		t.Log(name)
		for _, n := range f.claimed(c.want...) {
			if n.Shown == n.Version {
				t.Errorf("%s: it is shown as it is: %+v", name, n)
			}
			f.showed(n)
		}
	}
	f.plan(ledger.NoticeChanges{Tasks: []string{"tsk_1"}})
	f.update(func(tx *ledger.Tx) error {
		claimed, err := tx.ClaimNotices(me, tx.Now().Add(time.Minute), nil, 1)
		return errors.Join(err, tx.DropNotice(me, claimed[0], "gone"))
	})
	f.plan(ledger.NoticeChanges{Tasks: []string{"tsk_1"}})
	f.claimed()
	f.waiting(0)
}

// noticesPutOff: what failed waits, a reader who is left alone waits with all of
// theirs, and only the holder of a claim writes down what came of it.
func noticesPutOff(t *testing.T, f *fixture) {
	now := f.l.Now()
	f.plan(ledger.NoticeChanges{}, notice(access.NoticeEnded, "evt_1", "#a", "", now), notice(access.NoticeEnded, "evt_2", "#a", "", now.Add(time.Millisecond)))
	n := f.claimed("evt_1")[0]
	again := now.Add(time.Hour)
	f.update(func(tx *ledger.Tx) error { return tx.PutOffNotice(me, n, 1, "why", again, tx.Now()) })
	second := f.claimed("evt_2")[0]
	f.update(func(tx *ledger.Tx) error { return tx.PutOffNotice(me, second, 0, "rest", tx.Now(), again) })
	f.claimed()
	f.waiting(2)
	f.must(f.raw(`UPDATE notice_lanes SET free_at = $1`, now.UnixMicro())) // time passes
	if got := f.claim(10, "#a"); len(got) > 0 {
		t.Errorf("claimed for a reader who was left out: %+v", got)
	}
	f.claimed("evt_2")
	for name, record := range map[string]func(*ledger.Tx) error{
		"shown":   func(tx *ledger.Tx) error { return tx.ShowedNotice("node_other", second, access.Place{}, tx.Now()) },
		"put off": func(tx *ledger.Tx) error { return tx.PutOffNotice("node_other", second, 1, "", now, now) },
		"dropped": func(tx *ledger.Tx) error { return tx.DropNotice("node_other", second, "") },
	} {
		if err := f.l.Update(t.Context(), record); !errors.Is(err, access.ErrConflict) {
			t.Errorf("%s by another: %v", name, err)
		}
	}
	f.update(func(tx *ledger.Tx) error { return tx.ReleaseNotices() })
	f.claimed("evt_2")
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Notice(n.ID)
		if got.Attempts != 1 {
			t.Errorf("put off, it is %+v", got)
		}
		return err
	})
}

// noticesUrgent: what somebody waits for goes before all that waited longer, of its
// reader's and of others', until it was shown.
func noticesUrgent(t *testing.T, f *fixture) {
	now := f.l.Now()
	f.plan(ledger.NoticeChanges{}, notice(access.NoticeEnded, "evt_1", "#a", "", now), notice(access.NoticeObliged, "evt_2", "#b", "", now))
	f.plan(ledger.NoticeChanges{}, notice(access.NoticeReview, "evt_3", "#b", "req_1", now))
	f.plan(ledger.NoticeChanges{}, notice(access.NoticeTask, "evt_4", "#b", "", now))
	for _, want := range []string{"evt_3", "evt_4", "evt_1", "evt_2"} {
		claimed := f.claim(1)
		if len(claimed) != 1 || claimed[0].EventID != want {
			t.Fatalf("claimed are %+v, want %s", claimed, want)
		}
		f.showed(claimed[0])
	}
	f.plan(ledger.NoticeChanges{}, notice(access.NoticeEnded, "evt_5", "#a", "", now))
	f.plan(ledger.NoticeChanges{Requests: []string{"req_1"}}) // a change is not
	f.plan(ledger.NoticeChanges{}, notice(access.NoticeReview, "evt_6", "#b", "req_2", now), notice(access.NoticeReview, "evt_7", "#c", "req_2", now))
	review := f.claim(1, "#c")
	if len(review) != 1 || review[0].EventID != "evt_6" {
		t.Fatalf("claimed are %+v, want evt_6", review)
	}
	f.update(func(tx *ledger.Tx) error { // it fails, and waits like all that failed
		return tx.PutOffNotice(me, review[0], 1, "", now.Add(time.Hour), tx.Now())
	})
	f.claimed("evt_3", "evt_5", "evt_7")
}

// noticesForgotten: old notices are dropped once nothing changes any more of what
// they are about, and so are readers whom nothing waits for.
func noticesForgotten(t *testing.T, f *fixture) {
	var r access.Request
	f.update(func(tx *ledger.Tx) (err error) {
		r, err = addRequest(tx, what)
		return err
	})
	old, soon := f.l.Now().Add(-time.Hour), f.l.Now().Add(time.Hour)
	f.plan(ledger.NoticeChanges{},
		notice(access.NoticeReview, "pending", "#a", r.ID, old), notice(access.NoticeEnded, "over", "#b", "", old.Add(1000)),
		notice(access.NoticeEnded, "waits", "#c", "", old.Add(2000)), notice(access.NoticeEnded, "new", "#d", "", soon))
	for _, n := range f.claim(10) {
		if n.EventID == "waits" {
			f.update(func(tx *ledger.Tx) error { return tx.PutOffNotice(me, n, 1, "", soon.Add(time.Hour), tx.Now()) })
		} else {
			f.showed(n)
		}
	}
	forget := func(before time.Time, want string, readers int) {
		t.Helper()
		var last ledger.OldNotice
		for {
			var page []ledger.OldNotice
			f.view(func(tx *ledger.Tx) (err error) {
				page, err = tx.OldNotices(before, last, 1)
				return err
			})
			if len(page) == 0 {
				break
			}
			if last = page[0]; last.Over {
				f.update(func(tx *ledger.Tx) error { return tx.ForgetNotices([]string{last.ID}, before) })
			}
		}
		f.update(func(tx *ledger.Tx) error {
			n, err := tx.ForgetReaders(before, 10)
			if n != readers {
				t.Errorf("before %s %d readers are forgotten, want %d", before, n, readers)
			}
			return err
		})
		f.view(func(tx *ledger.Tx) error {
			rest, err := tx.OldNotices(soon.Add(time.Minute), ledger.OldNotice{}, 10)
			var got []string
			for _, n := range rest {
				kept, unread := tx.Notice(n.ID)
				got, err = append(got, kept.EventID), errors.Join(err, unread)
			}
			if fmt.Sprint(got) != want {
				t.Errorf("before %s is forgotten all but %s, want %s", before, got, want)
			}
			return err
		})
	}
	forget(old, "[pending over waits new]", 0)
	forget(old.Add(time.Second), "[pending waits new]", 0)
	f.update(func(tx *ledger.Tx) error { return tx.CloseRequest(r.ID, access.RequestDenied) })
	forget(f.l.Now(), "[waits new]", 3)
	forget(soon.Add(2*time.Hour), "[]", 1)
}

// noticeClaims: nodes that claim at once never have two of one reader's.
func noticeClaims(t *testing.T, f *fixture) {
	var planned []access.Notice
	now := f.l.Now()
	for i := range 40 {
		planned = append(planned, notice(access.NoticeEnded, fmt.Sprintf("evt_%d", i), fmt.Sprintf("#%d", i%10), "", now))
	}
	f.plan(ledger.NoticeChanges{}, planned...)
	var mu sync.Mutex
	held, shown := map[string]bool{}, map[string]int{}
	var nodes sync.WaitGroup
	for i := range 4 {
		owner := fmt.Sprintf("node_%d", i)
		nodes.Go(func() {
			for range 200 {
				var claimed []access.Notice
				err := f.l.Update(t.Context(), func(tx *ledger.Tx) (err error) {
					claimed, err = tx.ClaimNotices(owner, tx.Now().Add(time.Minute), nil, 3)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				for _, n := range claimed {
					mu.Lock()
					if held[n.To.String()] {
						t.Errorf("%s is told two things at once", n.To)
					}
					held[n.To.String()] = true
					shown[n.EventID]++
					mu.Unlock()
				}
				for _, n := range claimed {
					mu.Lock()
					held[n.To.String()] = false
					mu.Unlock()
					err := f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.ShowedNotice(owner, n, access.Place{}, tx.Now()) })
					if err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				over := len(shown) == len(planned)
				mu.Unlock()
				if over {
					return
				}
			}
		})
	}
	nodes.Wait()
	for _, n := range planned {
		if shown[n.EventID] != 1 {
			t.Errorf("%s was shown %d times", n.EventID, shown[n.EventID])
		}
	}
}

// followers: a follower begins at the head of the sequence, once, and is moved
// from where it is, by one of those who try.
func followers(t *testing.T, f *fixture) {
	seal := func() {
		f.t.Helper()
		f.update(func(tx *ledger.Tx) error { return tx.Append(audit.Event{Type: audit.GatewayStarted}) })
		_, err := f.l.SealEvents(t.Context(), 10, nil)
		f.must(err)
	}
	at := func(want ledger.Follower) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			got, err := tx.Follower("notices")
			if err == nil && got != want {
				t.Errorf("it is at %+v, want %+v", got, want)
			}
			return err
		})
	}
	if err := f.l.View(t.Context(), func(tx *ledger.Tx) error { return discard(tx.Follower("notices")) }); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("before it began: %v", err)
	}
	seal()
	f.update(func(tx *ledger.Tx) error { return tx.BeginFollower("notices") })
	at(ledger.Follower{Seq: 1, Head: 1})
	behind := func(want bool) {
		t.Helper()
		f.view(func(tx *ledger.Tx) error {
			figures, err := tx.Figures()
			if c := figures.Notices; c.Waiting != 0 || (c.Oldest > 0) != want {
				t.Errorf("waiting are %+v; it is behind: %v", c, want)
			}
			return err
		})
	}
	behind(false)
	defer behind(true) // it moves to 2 or 3
	seal()
	seal()
	f.update(func(tx *ledger.Tx) error { return tx.BeginFollower("notices") })
	at(ledger.Follower{Seq: 1, Head: 3})
	faults := make([]error, 4)
	var racing sync.WaitGroup
	for i := range faults {
		racing.Go(func() {
			faults[i] = f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.MoveFollower("notices", 1, int64(2)) })
		})
	}
	racing.Wait()
	first := 0
	for _, err := range faults {
		if err == nil {
			first++
		} else if !errors.Is(err, access.ErrConflict) {
			t.Error(err)
		}
	}
	if first != 1 {
		t.Errorf("%d of 4 moved it", first)
	}
}

// whoIsAsked: people are found by their groups, exactly, and those who were asked
// to answer a request are found again.
func whoIsAsked(t *testing.T, f *fixture) {
	f.update(func(tx *ledger.Tx) error {
		_, err := tx.ReplacePeople("file", []access.Person{
			{Subject: carol, Groups: []string{"security", "eng"}},
			{Subject: bob, Groups: []string{"Security", `a"security"b`, "a%_!b"}},
			{Subject: alice, Groups: []string{"eng"}},
			{Subject: access.Subject{Type: "service", ID: "ci"}, Groups: []string{"security"}},
		})
		if err == nil {
			_, err = tx.ReplacePeople("oidc", []access.Person{{Subject: alice, Groups: []string{"security"}}})
		}
		return err
	})
	for want, groups := range map[string][]string{
		"[user:alice@example.com user:carol@example.com]": {"security"},
		"[user:bob@example.com]":                          {"a%_!b"},
		"[]":                                              {"a%", "secur", "none"},
		"[user:alice@example.com user:bob@example.com user:carol@example.com]": {"Security", "eng"},
	} {
		f.view(func(tx *ledger.Tx) error {
			people, err := tx.PeopleOf(10, groups...)
			if got := fmt.Sprint(people); got != want {
				t.Errorf("of %q are %s, want %s", groups, got, want)
			}
			return err
		})
	}
	f.view(func(tx *ledger.Tx) error {
		people, err := tx.PeopleOf(2, "eng", "Security")
		if got := fmt.Sprint(people); got != "[user:alice@example.com user:bob@example.com]" {
			t.Errorf("the first two are %s", got)
		}
		return err
	})
	now := f.l.Now()
	f.plan(ledger.NoticeChanges{},
		notice(access.NoticeReview, "evt_1", "user:bob@example.com", "req_1", now), notice(access.NoticeReview, "evt_1", "#security", "req_1", now),
		notice(access.NoticeEscalate, "evt_2", "user:bob@example.com", "req_1", now), notice(access.NoticeReview, "evt_3", "#other", "req_2", now),
		notice(access.NoticeReminder, "evt_4", "#more", "req_1", now), notice(access.NoticeGranted, "evt_5", "user:alice@example.com", "req_1", now))
	f.view(func(tx *ledger.Tx) error {
		asked, err := tx.Asked("req_1")
		if got := fmt.Sprint(asked); got != "[#security user:bob@example.com]" {
			t.Errorf("asked were %s", got)
		}
		of, failed := tx.NoticesOf("req_1")
		if len(of) != 5 {
			t.Errorf("about the request are %d", len(of))
		}
		return errors.Join(err, failed)
	})
}
