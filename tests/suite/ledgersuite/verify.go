package ledgersuite

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// askedAbout grants access n times and makes each binding be asked about now.
func (f *fixture) askedAbout(n int) (ids []string) {
	f.t.Helper()
	var askings []ledger.Asking
	for i := range n {
		g := f.grant(entitled(i), time.Hour)
		ids = append(ids, g.BindingID)
		askings = append(askings, ledger.Asking{BindingID: g.BindingID, Contract: "box-1", At: f.l.Now()})
	}
	f.update(func(tx *ledger.Tx) error { return tx.AskAt(askings...) })
	return ids
}

func (f *fixture) verified(id string) (v ledger.Verified) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		all, err := tx.Verifications(id)
		v = all[id]
		return err
	})
	return v
}

// verificationsKept: what a target said is kept whole, and what makes it be asked
// again leaves it.
func verificationsKept(t *testing.T, f *fixture) {
	id := f.askedAbout(1)[0]
	f.view(func(tx *ledger.Tx) error {
		v, found, err := tx.Verification("bnd_none")
		if found || v.Answer != access.Unknown {
			t.Errorf("of a binding that is none it is %+v, %t", v, found)
		}
		return err
	})
	now := f.l.Now()
	next := now.Add(time.Hour)
	want := ledger.Verified{
		BindingID: id, Claim: "one", Repairs: 2, Failures: 3,
		Verification: access.Verification{
			Answer: access.Present, AnsweredAt: &now, VerifiedAt: &now, DriftedSince: &now, Error: "no", NextAt: &next,
		},
	}
	f.update(func(tx *ledger.Tx) error { return tx.PutVerifications(want) })
	got := f.verified(id)
	if got.Claim != "one" || got.Repairs != 2 || got.Failures != 3 || got.Answer != access.Present || !got.AnsweredAt.Equal(now) ||
		!got.VerifiedAt.Equal(now) || !got.DriftedSince.Equal(now) || got.Error != "no" || !got.NextAt.Equal(next) {
		t.Errorf("kept is %+v", got)
	}
	f.view(func(tx *ledger.Tx) error {
		drifted, err := tx.DriftedByTarget()
		if d := drifted["box"]; len(drifted) != 1 || d.Count != 1 || !d.Since.Equal(now) {
			t.Errorf("the drift is %+v", drifted)
		}
		return err
	})
	soon := now.Add(time.Second)
	again := ledger.Asking{BindingID: id, Contract: "box-1", At: soon}
	f.update(func(tx *ledger.Tx) error { return tx.AskFirst(again) })
	if v := f.verified(id); v.Claim != "one" || !v.NextAt.Equal(next) {
		t.Errorf("one that is asked about already is %+v", v)
	}
	f.update(func(tx *ledger.Tx) error { return tx.AskAt(again) })
	if v := f.verified(id); v.Claim != "" || v.Failures != 0 || v.Error != "" || !v.NextAt.Equal(soon) || v.Answer != access.Present || v.Repairs != 2 {
		t.Errorf("one that is to be asked about anew is %+v", v)
	}
}

// unaskedFound: bindings that were settled and are not asked about are found, in
// pages.
func unaskedFound(t *testing.T, f *fixture) {
	var settled []string
	for i := range 7 {
		g := f.grant(entitled(i), time.Hour)
		if i%2 == 0 {
			settled = append(settled, g.BindingID)
			column := "confirmed_at"
			if i == 2 {
				column = "forced_at"
			}
			f.must(f.raw(`UPDATE bindings SET `+column+` = 1 WHERE id = $1`, g.BindingID))
		}
	}
	f.update(func(tx *ledger.Tx) error {
		return tx.AskAt(ledger.Asking{BindingID: settled[0], Contract: "box-1", At: tx.Now()})
	})
	var found []string
	for after, more := "", true; more; {
		f.update(func(tx *ledger.Tx) error {
			some, err := tx.HoldUnasked("box-1", after, 2)
			for _, b := range some {
				after = b.ID
				found = append(found, b.ID)
			}
			more = len(some) == 2
			return err
		})
	}
	if len(found) != 3 || found[0] != settled[1] || found[1] != settled[2] || found[2] != settled[3] {
		t.Errorf("found are %v, of %v", found, settled)
	}
	for contract, want := range map[string]bool{"box-1": true, "box-2": false} {
		f.view(func(tx *ledger.Tx) error {
			any, err := tx.Unasked(contract, "")
			if any != want {
				t.Errorf("of %s there are any: %t", contract, any)
			}
			return err
		})
	}
}

// questionsAtOnce: however many ask, each question is asked by one, the longest due
// first, and many are asked about in one statement.
func questionsAtOnce(t *testing.T, f *fixture) {
	const many, askers = 300, 6
	ids := f.askedAbout(many)
	f.must(f.raw(`UPDATE verifications SET next_at = 1 WHERE binding_id = $1`, ids[many-1]))
	f.update(func(tx *ledger.Tx) error {
		first, err := tx.ClaimQuestions("box-1", "first", tx.Now().Add(time.Hour), 1)
		if len(first) != 1 || first[0] != ids[many-1] {
			t.Errorf("first of all %v is claimed", first)
		}
		return err
	})
	var mu sync.Mutex
	times := map[string]int{ids[many-1]: 1}
	var work sync.WaitGroup
	for range askers {
		work.Go(func() {
			for n := 1; n > 0; {
				err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
					claimed, err := tx.ClaimQuestions("box-1", "one", tx.Now().Add(time.Hour), 7)
					mu.Lock()
					defer mu.Unlock()
					n = len(claimed)
					for _, id := range claimed {
						times[id]++
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s is claimed %d times", id, n)
		}
	}
	f.view(func(tx *ledger.Tx) error {
		next, err := tx.NextQuestion("box-1")
		// What another holds for a moment is passed over, and claimed in the next round.
		if len(times) != many && next.After(tx.Now()) || len(times) == many && !next.After(tx.Now()) {
			t.Errorf("%d of %d are claimed, the next is due at %v", len(times), many, next)
		}
		return err
	})
}

// questionsAndSettling: who settles bindings and who finds those that are not asked
// about do not wait for each other in a circle.
func questionsAndSettling(t *testing.T, f *fixture) {
	const many = 40
	var ids []string
	for i := range many {
		ids = append(ids, f.grant(entitled(i), time.Hour).BindingID)
	}
	f.must(f.raw(`UPDATE bindings SET confirmed_at = 1`))
	var work sync.WaitGroup
	var runs atomic.Int64 // a transaction that waited in a circle is run again
	for round := range 4 {
		work.Go(func() {
			for i := range 10 {
				some := []string{ids[(i*7+round)%many], ids[(i*3+round)%many], ids[(many-1-i+round)%many]}
				err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
					runs.Add(1)
					held, err := tx.HoldClaimed(some...)
					if err != nil {
						return err
					}
					var askings []ledger.Asking
					for id := range held {
						askings = append(askings, ledger.Asking{BindingID: id, Contract: "box-1", At: tx.Now()})
					}
					return tx.AskAt(askings...)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		work.Go(func() {
			for range 10 {
				err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
					runs.Add(1)
					unasked, err := tx.HoldUnasked("box-1", "", 9)
					if err != nil {
						return err
					}
					var askings []ledger.Asking
					for _, b := range unasked {
						askings = append(askings, ledger.Asking{BindingID: b.ID, Contract: "box-1", At: tx.Now()})
					}
					return tx.AskFirst(askings...)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if n := runs.Load(); n != 80 {
		t.Errorf("80 transactions were run %d times", n)
	}
}

// verificationsCounted: what drifted, and how long the oldest question waits, of
// those that are asked.
func verificationsCounted(t *testing.T, f *fixture) {
	ids := f.askedAbout(3)
	f.must(f.raw(`UPDATE verifications SET next_at = next_at - 60000000 WHERE binding_id = $1`, ids[1]))
	f.must(f.raw(`UPDATE verifications SET drifted_since = 1 WHERE binding_id <> $1`, ids[0]))
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Figures("box-1", "box-2")
		if v := got.Verify; v.Drifted != 2 || v.Oldest < time.Minute || v.Oldest > 2*time.Minute {
			t.Errorf("counted is %+v", v)
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Figures("box-2")
		if got.Verify.Oldest != 0 {
			t.Errorf("of targets that are not asked %s is counted", got.Verify.Oldest)
		}
		return err
	})
}
