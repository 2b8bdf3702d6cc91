package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/ledgersuite"
)

// exec is a transaction of one statement without arguments.
func exec(query string) func(ledger.Querier) error {
	return func(tx ledger.Querier) error {
		_, err := tx.ExecContext(context.Background(), query)
		return err
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// count counts the rows of the table t.
func count(t *testing.T, db *postgres.DB) (n int) {
	t.Helper()
	must(t, db.View(t.Context(), func(tx ledger.Querier) error {
		return tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM t`).Scan(&n)
	}))
	return n
}

// eventually calls fn until it succeeds.
func eventually(t *testing.T, limit time.Duration, fn func() error) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		err := fn()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", limit, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// table opens a database that has the table t.
func table(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db := open(t, url)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Update(t.Context(), exec(`CREATE TABLE t (id BIGINT PRIMARY KEY)`)))
	return db
}

// through is the URL with another address.
func through(url string, s *service.PostgresServer, p *service.ProxyServer) string {
	return strings.Replace(url, s.Addr, p.Addr, 1)
}

func TestRestartedServerIsFoundByTheNextCall(t *testing.T) {
	s := service.Postgres(t)
	db := table(t, s.URL())
	fill(t, db)
	for name, end := range map[string]func() error{
		"killed": s.Kill, "stopped": func() error { return s.Stop(service.Fast) },
	} {
		must(t, end())
		if err := db.Update(t.Context(), exec(`INSERT INTO t VALUES (1)`)); err == nil {
			t.Errorf("%s, the server committed", name)
		}
		must(t, s.Start())
		if err := db.Update(t.Context(), exec(`INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING`)); err != nil {
			t.Errorf("%s and started again: %v", name, err)
		}
		fill(t, db)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("there are %d rows, want 1", n)
	}
}

// fill opens every connection that the pool may have.
func fill(t *testing.T, db *postgres.DB) {
	t.Helper()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := db.View(t.Context(), exec(`SELECT pg_sleep(0.05)`)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestTransactionThatLosesItsConnectionBeforeTheCommitIsRunAgain(t *testing.T) {
	db := table(t, server.Database(t))
	runs := 0
	must(t, db.Update(t.Context(), func(tx ledger.Querier) error {
		runs++
		if err := exec(`INSERT INTO t VALUES (1)`)(tx); err != nil {
			return err
		}
		if runs == 1 {
			return exec(`SELECT pg_terminate_backend(pg_backend_pid())`)(tx)
		}
		return nil
	}))
	if n := count(t, db); runs != 2 || n != 1 {
		t.Errorf("there were %d runs and are %d rows, want 2 and 1", runs, n)
	}
}

func TestDeadlockIsResolvedByRunningAgain(t *testing.T) {
	db := table(t, server.Database(t))
	must(t, db.Update(t.Context(), exec(`INSERT INTO t VALUES (1), (2)`)))
	var both, met sync.WaitGroup
	met.Add(2)
	for _, order := range [][]int{{1, 2}, {2, 1}} {
		first := true
		both.Go(func() {
			err := db.Update(t.Context(), func(tx ledger.Querier) error {
				for i, id := range order {
					if err := exec(fmt.Sprintf(`UPDATE t SET id = id WHERE id = %d`, id))(tx); err != nil {
						return err
					}
					if first && i == 0 {
						first = false
						met.Done()
						met.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}

func TestCommitWithoutAnAnswerIsNotTriedAgain(t *testing.T) {
	s := server.Server(t)
	p := service.Proxy(t, s.Addr)
	db := table(t, through(s.Database(t), s, p))
	runs := 0
	err := db.Update(t.Context(), func(tx ledger.Querier) error {
		runs++
		if err := exec(fmt.Sprintf(`INSERT INTO t VALUES (%d)`, runs))(tx); err != nil {
			return err
		}
		p.Swallow()
		time.AfterFunc(50*time.Millisecond, p.Cut)
		return nil
	})
	if !errors.Is(err, postgres.ErrOutcomeUnknown) || runs != 1 {
		t.Errorf("error %v after %d runs, want one that says that the outcome is unknown, after 1", err, runs)
	}
	must(t, p.Heal())
	count(t, db)
}

func TestCutLineIsRefusedPromptlyAndComesBack(t *testing.T) {
	s := server.Server(t)
	p := service.Proxy(t, s.Addr)
	db := table(t, through(s.Database(t), s, p))
	p.Cut()
	began := time.Now()
	if err := db.View(t.Context(), exec(`SELECT 1`)); err == nil {
		t.Error("a cut line answers")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("that took %s", took)
	}
	must(t, p.Heal())
	must(t, db.Update(t.Context(), exec(`INSERT INTO t VALUES (1)`)))
}

func TestSwallowedLineIsNoticedWithinSeconds(t *testing.T) {
	t.Parallel()
	s := server.Server(t)
	p := service.Proxy(t, s.Addr)
	db := table(t, through(s.Database(t), s, p))
	began := time.Now()
	err := db.View(t.Context(), func(tx ledger.Querier) error {
		p.Swallow()
		return exec(`SELECT 1`)(tx)
	})
	if err == nil {
		t.Error("a swallowed question was answered")
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("that was noticed after %s", took)
	}
	must(t, p.Heal())
	eventually(t, 10*time.Second, func() error { return db.Update(t.Context(), exec(`INSERT INTO t VALUES (1)`)) })
}

func TestViewEndsWithItsCaller(t *testing.T) {
	db := table(t, server.Database(t))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := db.View(ctx, func(tx ledger.Querier) error {
		_, err := tx.ExecContext(context.WithoutCancel(ctx), `SELECT pg_sleep(20)`)
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that the deadline is exceeded", err)
	}
	count(t, db)
}

func TestViewSeesOneStateAndHoldsNothing(t *testing.T) {
	db := table(t, server.Database(t))
	insert := exec(`INSERT INTO t VALUES (1)`)
	must(t, db.View(t.Context(), func(tx ledger.Querier) error {
		for range 2 {
			var n int
			if err := tx.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM t`).Scan(&n); err != nil || n != 0 {
				return fmt.Errorf("a view sees %d rows, want 0: %w", n, err)
			}
			if err := db.Update(t.Context(), insert); err != nil {
				return err
			}
			insert = exec(`UPDATE t SET id = 2`)
		}
		return nil
	}))
}

func TestNodesThatStartAtOnceMigrateOnce(t *testing.T) {
	url := server.Database(t)
	var nodes sync.WaitGroup
	for range 4 {
		db := open(t, url)
		t.Cleanup(func() { _ = db.Close() })
		nodes.Go(func() {
			if _, err := ledger.Open(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
}

func TestMigrationHasNoTimeLimit(t *testing.T) {
	db := open(t, server.Database(t))
	defer func() { _ = db.Close() }()
	must(t, db.Migrate(t.Context(), func(tx ledger.Querier) error {
		for _, name := range []string{"lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"} {
			var limit string
			if err := tx.QueryRowContext(t.Context(), "SHOW "+name).Scan(&limit); err != nil || limit != "0" {
				return fmt.Errorf("%s of a migration is %s, want 0: %w", name, limit, err)
			}
		}
		return nil
	}))
}

func TestNodesClaimWhatIsDueOnce(t *testing.T) {
	url := server.Database(t)
	var ledgers []*ledger.Ledger
	for range 2 {
		l, err := ledger.Open(t.Context(), open(t, url))
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		ledgers = append(ledgers, l)
	}
	const due = 100
	for i := range due {
		must(t, ledgersuite.AddDue(t, ledgers[0], ledgersuite.Entitled(i)))
	}
	ledgersuite.ClaimAll(t, due, 4, ledgers...)
}

func TestLedgerThatIsUpToDateOpensWithoutTheRightToChangeItsSchema(t *testing.T) {
	url := server.Database(t)
	owner, err := ledger.Open(t.Context(), open(t, url))
	must(t, err)
	must(t, owner.Close())
	name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	role := "app_" + name
	for _, grant := range []string{
		`CREATE ROLE ` + role + ` LOGIN`, `GRANT USAGE ON SCHEMA public TO ` + role,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ` + role,
		`ALTER ROLE ` + role + ` SET synchronous_commit = off`,
	} {
		must(t, server.Server(t).Exec(name, grant))
	}
	db := open(t, strings.Replace(url, "postgres@", role+"@", 1))
	l, err := ledger.Open(t.Context(), db)
	must(t, err)
	defer func() { _ = l.Close() }()
	must(t, ledgersuite.AddDue(t, l, ledgersuite.Entitled(1)))
	if err := db.Update(t.Context(), exec(`CREATE TABLE forbidden (id BIGINT)`)); err == nil {
		t.Error("the role can change the schema")
	}
	wantSettings(t, db)
}

// wantSettings checks what no role's defaults may change.
func wantSettings(t *testing.T, db *postgres.DB) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx ledger.Querier) error {
		for name, want := range map[string]string{
			"synchronous_commit": "on", "plan_cache_mode": "auto", "enable_seqscan": "off", "jit": "off", "transaction_isolation": "read committed",
			"application_name": "curfew", "statement_timeout": "30s", "lock_timeout": "10s",
		} {
			var got string
			if err := tx.QueryRowContext(t.Context(), "SHOW "+name).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		return nil
	}))
}

func TestClosedLedgerIsAnErrorAndNotAHang(t *testing.T) {
	db := open(t, server.Database(t))
	must(t, db.Close())
	must(t, db.Close())
	if err := db.Update(t.Context(), exec(`SELECT 1`)); err == nil {
		t.Error("a closed ledger answers")
	}
}

func TestClockIsTheServers(t *testing.T) {
	db := open(t, server.Database(t))
	defer func() { _ = db.Close() }()
	var micros int64
	before := db.Now()
	must(t, db.View(t.Context(), func(tx ledger.Querier) error {
		return tx.QueryRowContext(t.Context(), `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&micros)
	}))
	after, at, off := db.Now(), time.UnixMicro(micros), db.Uncertainty()
	if off <= 0 || off > time.Second {
		t.Errorf("the uncertainty is %s", off)
	}
	if at.Before(before.Add(-off)) || at.After(after.Add(off)) {
		t.Errorf("the server says %s between %s and %s", at, before, after)
	}
	if skew := db.Skew().Abs(); skew > time.Second { // both are this machine's
		t.Errorf("the skew is %s", skew)
	}
}
