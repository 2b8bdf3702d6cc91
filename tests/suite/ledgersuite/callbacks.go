package ledgersuite

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// attempted makes an attempt at the grant's binding, claimed by the owner, whose
// message held the token.
func (f *fixture) attempted(g access.Grant, number int, owner, token string) access.Delivery {
	f.t.Helper()
	d := access.Delivery{BindingID: g.BindingID, Generation: 1, Attempt: number, Owner: owner, StartedAt: g.CreatedAt, OpenBefore: g.StartsAt}
	d.Message.Type = access.VerbProvision
	d.Message.Data.Callback = &access.Callback{Token: token}
	f.update(func(tx *ledger.Tx) error {
		b, err := tx.Binding(g.BindingID)
		return errors.Join(err, tx.AddAttempts([]access.Delivery{d}), tx.PutBindings(ledger.Claimed{Binding: b, Claim: owner}))
	})
	return d
}

func (f *fixture) ofToken(bindingID, token string) (a ledger.Attempt, found bool) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) (err error) {
		a, found, err = tx.AttemptOfToken(bindingID, token)
		return err
	})
	return a, found
}

// tokensFound: a token leads to its attempt on its binding, and to nothing else; and
// it is not in the ledger itself.
func tokensFound(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	f.attempted(g, 1, "me", "cbt_1")
	f.attempted(g, 2, "you", "cbt_2")
	a, found := f.ofToken(g.BindingID, "cbt_2")
	if !found || a.Number != 2 || a.BindingID != g.BindingID || a.Verb != access.VerbProvision || a.Claim != "you" ||
		!a.OpenBefore.Equal(g.StartsAt) || a.CalledBack != "" || a.FinishedAt != nil {
		t.Errorf("the second token is of %+v (%v)", a, found)
	}
	for _, other := range [][2]string{{g.BindingID, "cbt_3"}, {"bnd_another", "cbt_2"}, {g.BindingID, ""}} {
		if a, found := f.ofToken(other[0], other[1]); found {
			t.Errorf("%v is of %+v", other, a)
		}
	}
	f.view(func(tx *ledger.Tx) error {
		held, err := tx.ClaimedAttempts(g.BindingID, "bnd_another")
		if len(held) != 1 || held[g.BindingID].Number != 2 {
			t.Errorf("the attempts that hold claims are %+v", held)
		}
		return err
	})
	if err := f.raw(`UPDATE attempts SET callback_hash = (SELECT callback_hash FROM attempts WHERE attempt = 1)`); err == nil {
		t.Error("two attempts can have one token")
	}
	f.must(f.raw(`UPDATE attempts SET detail = 'found' WHERE callback_hash LIKE '%cbt%'`))
	if a, _ := f.ofToken(g.BindingID, "cbt_1"); a.Detail != "" {
		t.Error("the token itself is in the ledger")
	}
}

// acceptedAttempts: an attempt that was accepted is not over, until the wait for the
// target's word is, or the word comes; what it was then stays.
func acceptedAttempts(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	waits, over := f.attempted(g, 1, "me", "cbt_1"), f.attempted(g, 2, "me", "cbt_2")
	waits.OpenBefore = g.ExpiresAt // it was sent more than once
	f.update(func(tx *ledger.Tx) error {
		return tx.FinishAttempts([]ledger.Finished{
			{Delivery: waits, Class: access.ClassAccepted, Status: 202}, {Delivery: over, Class: access.ClassRefused, Status: 503, Detail: "503"},
		})
	})
	if a, _ := f.ofToken(g.BindingID, "cbt_1"); a.Class != access.ClassAccepted || a.FinishedAt != nil || !a.OpenBefore.Equal(g.ExpiresAt) {
		t.Errorf("the accepted attempt is %+v", a)
	}
	say := func(d access.Delivery, class access.Class, word access.CallbackOutcome, late bool) error {
		return f.l.Update(t.Context(), func(tx *ledger.Tx) error {
			return tx.CallBack(ledger.Finished{Delivery: d, Class: class, Detail: "a word"}, word, late)
		})
	}
	f.must(say(waits, access.ClassCalledBack, access.CallbackFailed, false))
	f.must(say(over, access.ClassConfirmed, access.CallbackDone, true))
	if err := say(over, access.ClassCalledBack, access.CallbackFailed, false); access.CodeOf(err) != "token_used" {
		t.Errorf("a second word is %v", err)
	}
	f.update(func(tx *ledger.Tx) error {
		return tx.FinishAttempts([]ledger.Finished{{Delivery: waits, Class: access.ClassAccepted}, {Delivery: over, Class: access.ClassAccepted}})
	})
	a, _ := f.ofToken(g.BindingID, "cbt_1")
	if a.Class != access.ClassCalledBack || a.Status != 202 || a.FinishedAt == nil || a.CalledBack != access.CallbackFailed ||
		a.CalledAt == nil || a.CalledLate || a.Detail != "a word" {
		t.Errorf("after its word the attempt is %+v", a)
	}
	a, _ = f.ofToken(g.BindingID, "cbt_2")
	if a.Class != access.ClassRefused || a.Detail != "503" || a.CalledBack != access.CallbackDone || !a.CalledLate {
		t.Errorf("what was over and had a late word is %+v", a)
	}
}

// waitsKept: what waits for a target's word is stored whole, and is not handed back
// with the claims of a process that is gone.
func waitsKept(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	other := f.grant(Entitled(2), time.Hour)
	by := g.ExpiresAt
	f.update(func(tx *ledger.Tx) error {
		held, err := tx.HoldClaimed(g.BindingID, other.BindingID)
		waits, gone := held[g.BindingID], held[other.BindingID]
		waits.Claim, waits.NextAt, waits.CallbackBy, waits.ToldUntil, waits.ForcedAt, waits.Renewing = "me", &by, &by, &by, &by, true
		gone.Claim, gone.NextAt = "me", &by
		return errors.Join(err, tx.PutBindings(waits, gone), tx.ReleaseClaims())
	})
	f.reopen()
	f.view(func(tx *ledger.Tx) error {
		held, err := tx.Claimed(g.BindingID, other.BindingID)
		waits, gone := held[g.BindingID], held[other.BindingID]
		for name, at := range map[string]*time.Time{
			"next_at": waits.NextAt, "callback_by": waits.CallbackBy, "told_until": waits.ToldUntil, "forced_at": waits.ForcedAt,
		} {
			if at == nil || !at.Equal(by) {
				t.Errorf("%s is %v, want %s", name, at, by)
			}
		}
		if waits.Claim != "me" || !waits.Renewing {
			t.Errorf("what waits is %+v", waits)
		}
		if gone.Claim != "" || gone.NextAt.After(tx.Now()) || gone.CallbackBy != nil || gone.Renewing || gone.ForcedAt != nil || gone.ToldUntil != nil {
			t.Errorf("what is handed back is %+v", gone)
		}
		return err
	})
}

// wordsAtOnce: of words with one token that come at once, one is taken, and the
// others see it.
func wordsAtOnce(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	token := "cbt_" + strings.Repeat("x", 43)
	d := f.attempted(g, 1, "me", token)
	var taken, seen atomic.Int64
	var words sync.WaitGroup
	for range 8 {
		words.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				if _, err := tx.HoldClaimed(g.BindingID); err != nil {
					return err
				}
				a, _, err := tx.AttemptOfToken(g.BindingID, token)
				if err != nil || a.CalledBack != "" {
					seen.Add(1)
					return err
				}
				taken.Add(1)
				return tx.CallBack(ledger.Finished{Delivery: d, Class: access.ClassConfirmed}, access.CallbackDone, false)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	words.Wait()
	if taken.Load() != 1 || seen.Load() != 7 {
		t.Errorf("%d words were taken, and %d saw it", taken.Load(), seen.Load())
	}
}
