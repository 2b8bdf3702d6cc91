package ledgersuite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

func movesAgree(t *testing.T, f *fixture) {
	stored := map[access.Move]bool{}
	f.must(f.db.View(t.Context(), func(tx ledger.Querier) error {
		rows, err := tx.QueryContext(t.Context(), `SELECT object, prior, state FROM moves`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var m access.Move
			if err := rows.Scan(&m.Object, &m.From, &m.To); err != nil {
				return err
			}
			stored[m] = true
		}
		return rows.Err()
	}))
	legal := access.Moves()
	for m := range legal {
		if !stored[m] {
			t.Errorf("%v is legal in Go and not in the ledger", m)
		}
	}
	for m := range stored {
		if !legal[m] {
			t.Errorf("%v is legal in the ledger and not in Go", m)
		}
	}
}

func illegalMoves(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	for name, query := range map[string]string{
		"an approved request is pending again": `UPDATE requests SET prior_state = state, state = 'pending', lapses_at = 1 WHERE id = $1`,
		"an approved request is denied":        `UPDATE requests SET prior_state = state, state = 'denied' WHERE id = $1`,
		"an unknown state":                     `UPDATE requests SET prior_state = 'pending', state = 'maybe' WHERE id = $1`,
		"no state before, and not the first":   `UPDATE requests SET prior_state = NULL WHERE id = $1`,
	} {
		if err := f.raw(query, g.RequestID); err == nil {
			t.Errorf("%s: the database accepted it", name)
		}
	}
	for name, query := range map[string]string{
		"an active grant is scheduled again":    `UPDATE grants SET prior_state = state, state = 'scheduled' WHERE id = $1`,
		"an ended grant without a reason":       `UPDATE grants SET prior_state = state, state = 'ended' WHERE id = $1`,
		"a grant that ends before its start":    `UPDATE grants SET expires_at = starts_at WHERE id = $1`,
		"a grant on a binding that is not":      `UPDATE grants SET binding_id = 'bnd_none' WHERE id = $1`,
		"a grant by a decision that is not":     `UPDATE grants SET decision_id = 'dec_none' WHERE id = $1`,
		"a grant that pretends to be a request": `UPDATE grants SET object = 'request' WHERE id = $1`,
	} {
		if err := f.raw(query, g.ID); err == nil {
			t.Errorf("%s: the database accepted it", name)
		}
	}
}

var errPlanted = errors.New("planted")

func failureLeavesNoTrace(t *testing.T, f *fixture) {
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		_, err := addGrant(tx, what, time.Hour)
		return errors.Join(err, errPlanted)
	})
	if !errors.Is(err, errPlanted) {
		t.Fatalf("error %v, want the planted one", err)
	}
	f.wantCounts(0, 0)
}

// nothingAfterFailure: a caller that joins the errors of several steps does not
// run the later ones, which a database that gave the transaction up would commit
// by themselves.
func nothingAfterFailure(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
		first := tx.AddGrant(g) // its id is taken
		if err := tx.Append(audit.Event{Type: "planted"}); !errors.Is(err, first) {
			t.Errorf("a later statement: %v, want the first failure", err)
		}
		return nil // forgotten: the transaction fails all the same
	})
	if err == nil {
		t.Error("the transaction committed")
	}
	f.wantCounts(1, 1)
}

func (f *fixture) wantCounts(grants, events int) {
	f.t.Helper()
	f.view(func(tx *ledger.Tx) error {
		all, err := tx.Grants(ledger.Filter{Limit: 10_000})
		if err == nil && len(all) != grants {
			err = fmt.Errorf("there are %d grants, want %d", len(all), grants)
		}
		return err
	})
	for n := 1; n > 0; {
		var err error
		n, err = f.l.SealEvents(f.t.Context(), 1000, nil)
		f.must(err)
	}
	f.view(func(tx *ledger.Tx) error {
		all, err := tx.Events(ledger.EventFilter{Limit: 10_000})
		if err == nil && len(all) != events {
			err = fmt.Errorf("there are %d events, want %d", len(all), events)
		}
		return err
	})
}

// panicFailsAlone plants a panic among good transactions that come at once.
func panicFailsAlone(t *testing.T, f *fixture) {
	var writers sync.WaitGroup
	for i := range 20 {
		writers.Go(func() {
			err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
				_, err := addGrant(tx, entitled(i), time.Hour)
				if i%5 == 0 {
					panic("planted")
				}
				return err
			})
			if (err != nil) != (i%5 == 0) {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	writers.Wait()
	f.wantCounts(16, 16)
}

func entitled(i int) access.Entitled {
	x := what
	x.Subject.ID = fmt.Sprintf("user%d@example.com", i)
	return x
}

func writersAtOnce(t *testing.T, f *fixture) {
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := range 10 {
				err := f.l.Update(t.Context(), func(tx *ledger.Tx) error {
					_, err := addGrant(tx, entitled(w), time.Hour)
					if i%3 == 0 {
						return errors.Join(err, errPlanted)
					}
					return err
				})
				if (err != nil) != (i%3 == 0) {
					t.Errorf("writer %d, transaction %d: %v", w, i, err)
				}
			}
		})
	}
	writers.Wait()
	f.wantCounts(16*6, 16*6)
}

func viewsDoNotChange(t *testing.T, f *fixture) {
	err := f.l.View(t.Context(), func(tx *ledger.Tx) error { return tx.Append(audit.Event{Type: "planted"}) })
	if err == nil {
		t.Fatal("a view changed the ledger")
	}
	f.wantCounts(0, 0)
}

func clockNeverGoesBack(t *testing.T, f *fixture) {
	var at time.Time
	f.update(func(tx *ledger.Tx) error {
		at = tx.Now()
		return tx.Append(audit.Event{Type: "planted"})
	})
	if now := f.l.Now(); now.Before(at) {
		t.Fatalf("the clock says %s after %s", now, at)
	}
	ahead := at.Add(time.Hour)
	f.must(f.raw(`UPDATE clock SET high_water = $1`, ahead.UnixMicro()))
	f.reopen()
	if f.db.Alone() && f.l.Now().Before(ahead) {
		t.Fatalf("the clock says %s, below its high-water mark %s", f.l.Now(), ahead)
	}
}

func survivesRestart(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	f.reopen()
	f.view(func(tx *ledger.Tx) error {
		got, err := tx.Grant(g.ID)
		if err == nil && (got.State != access.GrantActive || !got.ExpiresAt.Equal(g.ExpiresAt) || got.Entitled != g.Entitled) {
			t.Errorf("grant is %+v, want %+v", got, g)
		}
		return err
	})
}

func newerSchema(t *testing.T, f *fixture) {
	f.must(f.raw(`INSERT INTO schema_versions (version) VALUES (9999)`))
	if _, err := ledger.Open(t.Context(), f.db); !errors.Is(err, ledger.ErrNewerSchema) {
		t.Fatalf("error %v, want ErrNewerSchema", err)
	}
}

func idempotencyRace(t *testing.T, f *fixture) {
	var twins sync.WaitGroup
	first := make(chan bool, 8)
	for range 8 {
		twins.Go(func() {
			err := f.l.Update(context.Background(), func(tx *ledger.Tx) error {
				mine, err := tx.ReserveKey("user:a@b.c", "POST /x", "key", "h")
				first <- mine
				if err != nil || !mine {
					return err
				}
				return tx.KeepAnswer("user:a@b.c", "POST /x", "key", []byte(`1`))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	twins.Wait()
	close(first)
	won := 0
	for kept := range first {
		if kept {
			won++
		}
	}
	if won != 1 {
		t.Fatalf("%d twins kept their answer, want 1", won)
	}
	f.update(func(tx *ledger.Tx) error { return tx.ForgetAnswers(tx.Now().Add(time.Second)) })
	f.view(func(tx *ledger.Tx) error {
		_, found, err := tx.KeptAnswer("user:a@b.c", "POST /x", "key")
		if found {
			t.Error("an answer was not forgotten")
		}
		return err
	})
}

func sealing(t *testing.T, f *fixture) {
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 25 {
				err := f.l.Update(context.Background(), func(tx *ledger.Tx) error {
					return errors.Join(
						tx.Append(audit.Event{Type: fmt.Sprintf("w%d.%d.a", w, i)}),
						tx.Append(audit.Event{Type: fmt.Sprintf("w%d.%d.b", w, i)}))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		writers.Go(func() {
			for range 10 {
				if _, err := f.l.SealEvents(context.Background(), 7, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	f.wantCounts(0, 200)
	f.view(func(tx *ledger.Tx) error {
		events, err := tx.Events(ledger.EventFilter{Limit: 1000})
		last := map[string]string{}
		for i, e := range events {
			if e.Seq != int64(i)+1 {
				t.Fatalf("event %d has the number %d", i+1, e.Seq)
			}
			body := string(e.Body)
			typ := body[strings.Index(body, `"type":"`)+8:]
			typ = typ[:strings.IndexByte(typ, '"')]
			writer, _, _ := strings.Cut(typ, ".")
			if before, ok := strings.CutSuffix(typ, ".b"); ok && last[writer] != before+".a" {
				t.Fatalf("%s follows %s, want %s.a", typ, last[writer], before)
			}
			last[writer] = typ
		}
		return err
	})
}
