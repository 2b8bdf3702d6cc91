package postgres_test

import (
	"os"
	"testing"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
	"github.com/curfew-access/curfew/tests/service"
	"github.com/curfew-access/curfew/tests/suite/ledgersuite"
)

var server = service.SharedPostgres{Settings: []string{"fsync=off", "deadlock_timeout=50ms"}}

func TestMain(m *testing.M) {
	code := m.Run()
	server.Close()
	os.Exit(code)
}

type database string

func (d database) Open(t *testing.T) ledger.DB {
	t.Helper()
	return open(t, string(d))
}

func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestSuite(t *testing.T) {
	ledgersuite.Run(t, func(t *testing.T) ledgersuite.Database { return database(server.Database(t)) })
}
