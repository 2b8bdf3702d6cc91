package ledgersuite

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

func task(requestID, evaluation string, at time.Time) access.RequestTask {
	object := json.RawMessage(`{}`)
	return access.RequestTask{
		ID: access.NewOpaqueID("art"), RequestID: requestID, ApprovalID: access.NewOpaqueID("apr"), EvaluationID: evaluation,
		Subject: object, Resource: object, Action: object, CreatedAt: at,
	}
}

func accessTasks(t *testing.T, f *fixture) {
	grants := []access.Grant{f.grant(what, time.Hour), f.grant(what, time.Hour)}
	faults := make([]error, len(grants))
	var racing sync.WaitGroup
	for i, g := range grants {
		racing.Go(func() {
			faults[i] = f.l.Update(t.Context(), func(tx *ledger.Tx) error { return tx.AddAccessTask(task(g.RequestID, "dec_1", tx.Now())) })
		})
	}
	racing.Wait()
	if (faults[0] == nil) == (faults[1] == nil) || !errors.Is(errors.Join(faults...), access.ErrConflict) {
		t.Fatalf("two tasks at once for one denial: %v", faults)
	}
	stored := task(grants[0].RequestID, "dec_2", grants[0].CreatedAt)
	if faults[0] == nil {
		stored.RequestID = grants[1].RequestID
	}
	stored.Client = json.RawMessage(`{"id":"pep"}`)
	f.update(func(tx *ledger.Tx) error { return tx.AddAccessTask(stored) })
	f.view(func(tx *ledger.Tx) error {
		byID, err := tx.AccessTask(stored.ID)
		f.must(err)
		byApproval, err := tx.AccessTaskOfApproval(stored.ApprovalID)
		if byID.RequestID != stored.RequestID || byApproval.ID != stored.ID || string(byID.Client) != string(stored.Client) {
			t.Fatalf("stored %+v, got %+v and %+v", stored, byID, byApproval)
		}
		return err
	})
}

func callbackClaims(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	at := task(g.RequestID, "dec_1", g.CreatedAt)
	f.update(func(tx *ledger.Tx) error {
		f.must(tx.AddAccessTask(at))
		return tx.AddCallback(access.TaskCallback{TaskID: at.ID, Endpoint: "https://x.example.com", Events: []string{"approved"}}, g.RequestID)
	})
	due := func() (list []access.CallbackAttempt) {
		f.view(func(tx *ledger.Tx) (err error) {
			list, err = tx.CallbacksDue(5)
			return err
		})
		return list
	}
	first := due()
	if len(first) != 1 || first[0].Attempt != 0 || first[0].Events[0] != "approved" || first[0].ClosedAt.IsZero() {
		t.Fatalf("due is %+v", first)
	}
	var won [2]bool
	var held [2]access.CallbackAttempt
	var racing sync.WaitGroup
	for i := range won {
		racing.Go(func() {
			f.must(f.l.Update(t.Context(), func(tx *ledger.Tx) (err error) {
				held[i], won[i], err = tx.ClaimCallback(first[0], tx.Now().Add(time.Minute))
				return err
			}))
		})
	}
	racing.Wait()
	if won[0] == won[1] || len(due()) != 0 {
		t.Fatalf("the claims are %v, and due is %+v", won, due())
	}
	mine := held[0]
	if won[1] {
		mine = held[1]
	}
	f.update(func(tx *ledger.Tx) error { return tx.PutOffCallback(mine, tx.Now()) })
	if again := due(); len(again) != 1 || again[0].Attempt != 1 {
		t.Fatalf("put off, due is %+v", again)
	}
	f.update(func(tx *ledger.Tx) error {
		if closed, err := tx.CloseCallback(mine, "delivered"); closed || err != nil {
			t.Errorf("a claim that is over settles the callback: %v", err)
		}
		return nil
	})
	f.update(func(tx *ledger.Tx) error {
		list, err := tx.CallbacksDue(1)
		f.must(err)
		closed, err := tx.CloseCallback(list[0], "delivered")
		if !closed {
			t.Error("the claim does not settle the callback")
		}
		return err
	})
	f.view(func(tx *ledger.Tx) error {
		next, err := tx.NextCallback()
		if !next.IsZero() || len(due()) != 0 {
			t.Errorf("settled, and the next is %s", next)
		}
		return err
	})
}

func signingKeys(t *testing.T, f *fixture) {
	key := func(id string, lasts time.Duration) access.SigningKey {
		return access.SigningKey{ID: id, JWK: json.RawMessage(`{"kid":"` + id + `"}`), ExpiresAt: f.l.Now().Add(lasts)}
	}
	f.must(f.l.AddSigningKey(t.Context(), key("over", -time.Second)))
	f.must(f.l.AddSigningKey(t.Context(), key("good", time.Hour)))
	keys, err := f.l.SigningKeys(t.Context())
	f.must(err)
	if len(keys) != 1 || keys[0].ID != "good" || string(keys[0].JWK) != `{"kid":"good"}` {
		t.Fatalf("the keys are %+v", keys)
	}
	if _, err := f.l.SigningKey(t.Context(), "over"); !errors.Is(err, access.ErrNotFound) {
		t.Fatalf("a key that is over: %v", err)
	}
	if _, err := f.l.SigningKey(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
}
