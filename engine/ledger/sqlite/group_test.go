package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
)

// When SQLite gives a transaction up by itself (here: the file may not grow),
// nothing of its group is committed, and everybody in it is told so.
func TestJobThatBreaksTheTransactionLeavesNoTrace(t *testing.T) {
	db := file(filepath.Join(t.TempDir(), "x.db")).Open(t)
	defer func() { _ = db.Close() }()
	run := func(query string) func(ledger.Querier) error {
		return func(tx ledger.Querier) error {
			_, err := tx.ExecContext(context.Background(), query)
			return err
		}
	}
	for _, query := range []string{`CREATE TABLE t (who TEXT)`, `CREATE TABLE big (x TEXT)`, `PRAGMA max_page_count = 50`} {
		if err := db.Update(t.Context(), run(query)); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"before", "failing", "after", "later"}
	work := map[string]func(ledger.Querier) error{
		"before":  run(`INSERT INTO t VALUES ('before')`),
		"failing": run(`INSERT INTO big VALUES (zeroblob(1000000))`), // ledger.Tx runs nothing after a failure
		"after":   run(`INSERT INTO t VALUES ('after')`),
		"later":   run(`INSERT INTO t VALUES ('later')`),
	}
	outcomes := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { outcomes[i] = db.Update(context.Background(), work[name]) })
	}
	all.Wait()
	if outcomes[1] == nil {
		t.Error("the file grew beyond its bound")
	}
	for i, name := range names {
		var n int
		err := db.View(t.Context(), func(tx ledger.Querier) error {
			return tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM t WHERE who = $1`, name).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		if (n == 1) != (outcomes[i] == nil) && name != "failing" {
			t.Errorf("%s: %d rows, told %v", name, n, outcomes[i])
		}
	}
}

// More transactions wait than a commit carries: each is run and answered.
func TestEveryTransactionOfACrowdIsAnswered(t *testing.T) {
	db := file(filepath.Join(t.TempDir(), "x.db")).Open(t)
	defer func() { _ = db.Close() }()
	began, goOn := make(chan bool), make(chan bool)
	var crowd sync.WaitGroup
	crowd.Go(func() {
		_ = db.Update(context.Background(), func(ledger.Querier) error {
			close(began)
			<-goOn
			return nil
		})
	})
	<-began
	var ran atomic.Int64
	for range 300 {
		crowd.Go(func() {
			err := db.Update(context.Background(), func(ledger.Querier) error {
				ran.Add(1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(goOn)
	answered := make(chan bool)
	go func() {
		crowd.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(20 * time.Second):
		t.Fatalf("%d of 300 transactions ran, and some were never answered", ran.Load())
	}
	if n := ran.Load(); n != 300 {
		t.Fatalf("%d of 300 transactions ran", n)
	}
}

// TestHotQueriesUseTheirIndexes reads the plan of what runs for every grant, every
// delivery and every second: at a million grants a scan is an outage.
func TestHotQueriesUseTheirIndexes(t *testing.T) {
	db := file(filepath.Join(t.TempDir(), "x.db")).Open(t)
	defer func() { _ = db.Close() }()
	if _, err := ledger.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{
		"live grants on a binding": `SELECT id FROM grants g WHERE g.binding_id = $1 AND g.state = 'active' AND g.expires_at > $2`,
		"live grants of a subject": `SELECT id FROM grants g WHERE g.subject = $1 AND g.state = 'active' AND g.expires_at > $2 ORDER BY g.id`,
		"grants to end":            `SELECT id FROM grants g WHERE g.state <> 'ended' AND g.expires_at <= $1 ORDER BY g.expires_at LIMIT 500`,
		"the next end":             `SELECT MIN(expires_at) FROM grants WHERE state <> 'ended'`,
		"the next start":           `SELECT MIN(starts_at) FROM grants WHERE state = 'scheduled'`,
		"the next lapse":           `SELECT MIN(lapses_at) FROM requests WHERE state = 'pending'`,
		"what is due at a target":  `SELECT id FROM bindings b WHERE b.contract = $1 AND b.next_at <= $2 ORDER BY b.next_at LIMIT 10`,
		"the next delivery":        `SELECT MIN(next_at) FROM bindings WHERE contract = $1 AND next_at IS NOT NULL`,
		"claims to release":        `SELECT id FROM bindings WHERE claim IS NOT NULL`,
		"targets that are needed":  `SELECT target, contract FROM bindings WHERE next_at IS NOT NULL OR desired = 'present' OR observed <> 'absent'`,
		"events to seal":           `SELECT event_id FROM audit_pending ORDER BY at, n, event_id LIMIT 500`,
		"events of a grant":        `SELECT l.seq FROM audit_log l JOIN audit_events e ON e.id = l.event_id WHERE e.grant_id = $1 AND l.seq > 0 ORDER BY l.seq`,
		"requests to remind":       `SELECT id FROM requests WHERE state = 'pending' AND remind_at IS NOT NULL AND remind_at <= $1 AND lapses_at > $2`,
		"requests to escalate":     `SELECT id FROM requests WHERE state = 'pending' AND escalate_at IS NOT NULL AND escalate_at <= $1 AND lapses_at > $2`,
		"tasks to ask for":         `SELECT t.id FROM tasks t WHERE t.state = 'open' AND t.remind_at IS NOT NULL AND t.remind_at <= $1 ORDER BY t.remind_at`,
		"grants about to end": `SELECT id FROM grants WHERE state = 'active' AND expires_at - starts_at >= 120000000 AND (ending_told IS NULL OR ending_told <> expires_at)
			AND (CASE WHEN expires_at - starts_at < 2400000000 THEN expires_at - (expires_at - starts_at) / 4 ELSE expires_at - 600000000 END) <= $2 LIMIT 500`,
		"requests to review":         `SELECT id FROM requests r WHERE r.state = 'pending' ORDER BY r.id DESC LIMIT 50`,
		"readers of notices":         `SELECT recipient FROM notice_lanes WHERE next_at <= $1 AND free_at <= $2 ORDER BY next_at, recipient LIMIT 4`,
		"readers who are waited for": `SELECT recipient FROM notice_lanes WHERE urgent_at <= $1 AND free_at <= $2 ORDER BY urgent_at, recipient LIMIT 4`,
		"a reader's urgent notice":   `SELECT id FROM notices n WHERE n.recipient = $1 AND n.next_at <= $2 AND n.urgent = 1 ORDER BY n.next_at, n.id LIMIT 1`,
		"old notices": `SELECT n.id, CASE WHEN EXISTS (SELECT 1 FROM grants g WHERE g.request_id = n.request_id AND g.state <> 'ended') THEN 1 ELSE 0 END
			FROM notices n WHERE n.created_at < $2 AND (n.created_at, n.id) > ($2, $1) ORDER BY n.created_at, n.id LIMIT 500`,
		"whose account it is":     `SELECT subject FROM people WHERE slack = $1 AND slack <> ''`,
		"a reader's next notice":  `SELECT id FROM notices n WHERE n.recipient = $1 AND n.next_at <= $2 ORDER BY n.next_at, n.id LIMIT 1`,
		"when a reader's next is": `SELECT MIN(n.next_at) FROM notices n WHERE n.recipient = $1 AND n.next_at IS NOT NULL`,
		"notices of a request":    `SELECT DISTINCT recipient FROM notices WHERE request_id IN ($1, $2) AND kind IN ('review', 'reminder') AND dropped_at IS NULL`,
		"notices of a grant":      `SELECT DISTINCT recipient FROM notices WHERE grant_id IN ($1, $2) AND kind IN ('granted') AND dropped_at IS NULL`,
		"notices of a task":       `SELECT DISTINCT recipient FROM notices WHERE task_id IN ($1, $2) AND kind IN ('task') AND dropped_at IS NULL`,
		"notices that wait":       `SELECT COUNT(*), MIN(wanted_at) FROM notices WHERE next_at IS NOT NULL`,
	}
	for name, query := range queries {
		plan, err := explain(t, db, query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, step := range plan {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "USING") {
				t.Errorf("%s: %s", name, strings.Join(plan, "; "))
			}
		}
	}
}

func explain(t *testing.T, db ledger.DB, query string) (plan []string, err error) {
	t.Helper()
	err = db.View(t.Context(), func(tx ledger.Querier) error {
		rows, err := tx.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, "x", 1)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return fmt.Errorf("read the plan: %w", err)
			}
			plan = append(plan, detail)
		}
		return rows.Err()
	})
	return plan, err
}

// One transaction that shares its commit with no other comes among many that do.
func TestATransactionRunsAloneAmongACrowd(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	insert := func(who string, then error) func(ledger.Querier) error {
		return func(tx ledger.Querier) error {
			_, err := tx.ExecContext(context.Background(), `INSERT INTO t VALUES ($1)`, who)
			return errors.Join(err, then)
		}
	}
	if err := db.Update(t.Context(), func(tx ledger.Querier) error {
		_, err := tx.ExecContext(t.Context(), `CREATE TABLE t (who TEXT)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no")
	var crowd sync.WaitGroup
	var failed, panicked atomic.Int64
	for i := range 300 {
		crowd.Go(func() {
			var err error
			switch i % 5 {
			case 0:
				err = db.UpdateAlone(context.Background(), insert("alone", nil))
			case 1:
				if err = db.UpdateAlone(context.Background(), insert("refused", refused)); errors.Is(err, refused) {
					failed.Add(1)
					err = nil
				}
			case 2:
				if err = db.UpdateAlone(context.Background(), func(ledger.Querier) error { panic("planted") }); err != nil {
					panicked.Add(1)
					err = nil
				}
			default:
				err = db.Update(context.Background(), insert("shared", nil))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	var alone, shared, all int
	err = db.View(t.Context(), func(tx ledger.Querier) error {
		return tx.QueryRowContext(t.Context(), `
			SELECT SUM(who = 'alone'), SUM(who = 'shared'), COUNT(*) FROM t`).Scan(&alone, &shared, &all)
	})
	if err != nil || alone != 60 || shared != 120 || all != 180 || failed.Load() != 60 || panicked.Load() != 60 {
		t.Errorf("%d rows of those alone, %d of the others, %d in all; %d refused, %d panicked: %v",
			alone, shared, all, failed.Load(), panicked.Load(), err)
	}
}
