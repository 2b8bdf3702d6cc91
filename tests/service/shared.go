package service

import (
	"os"
	"sync"
	"testing"
)

// SharedPostgres is one PostgreSQL for all tests of a package, because making a
// cluster takes seconds. It starts when it is first asked for. TestMain closes it:
//
//	var postgres = service.SharedPostgres{Settings: []string{"fsync=off"}}
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		postgres.Close()
//		os.Exit(code)
//	}
type SharedPostgres struct {
	Settings []string // as for Postgres

	once   sync.Once
	server *PostgresServer
	dir    string
	err    error
}

// Server is the server. A test that stops it disturbs the others.
func (s *SharedPostgres) Server(t testing.TB) *PostgresServer {
	t.Helper()
	s.once.Do(s.start)
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// Database makes an empty database for the test and returns its URL.
func (s *SharedPostgres) Database(t testing.TB) string {
	t.Helper()
	return s.Server(t).Database(t)
}

func (s *SharedPostgres) start() {
	if s.dir, s.err = os.MkdirTemp("", "curfew-"); s.err == nil {
		s.server, s.err = StartPostgres(s.dir, s.Settings...)
	}
}

// Close ends the server, if it was started.
func (s *SharedPostgres) Close() {
	if s.server != nil && s.server.process != nil {
		_ = s.server.Kill()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
