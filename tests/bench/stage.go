package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curfew-access/curfew/tests/service"
)

// stage is what figures are measured on: a target, a PostgreSQL, and ledgers with
// a number of live grants in them. Its servers start when they are first needed.
type stage struct {
	opts     options
	progress io.Writer
	dir      string
	target   *told
	contract string

	postgres *service.PostgresServer
	grown    map[string]string // ledgers that are copied, by their kind and size
	copies   int
	closing  closers
}

func newStage(opts options, progress io.Writer) (*stage, error) {
	dir, err := os.MkdirTemp("", "curfew-bench-")
	if err != nil {
		return nil, err
	}
	s := &stage{opts: opts, progress: progress, dir: dir, grown: map[string]string{}}
	s.closing.add(func() error { return os.RemoveAll(dir) })
	if s.target, err = newTold(opts.Verify); err == nil {
		s.closing.add(func() error { s.target.server.Close(); return nil })
		s.contract, err = s.target.contract()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, os.Chmod(dir, 0o755) // the account of PostgreSQL must get to its own
}

func (s *stage) close() error { return s.closing.close() }

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.progress, format+"\n", args...) }

// closers are closed, the last first.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c closers) close() (err error) {
	for i := range c {
		err = errors.Join(err, c[len(c)-1-i]())
	}
	return err
}

// The kinds of ledger.
const (
	onPostgres = "postgres"
	onSQLite   = "sqlite"
)

func (s *stage) startPostgres() error {
	if s.postgres != nil {
		return nil
	}
	dir := filepath.Join(s.dir, "postgres")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var err error
	if s.postgres, err = service.StartPostgres(dir, "max_connections=200"); err == nil {
		s.closing.add(s.postgres.Kill)
	}
	return err
}

// redis starts a Redis as its own configuration file has it, snapshots included.
func (s *stage) redis(args ...string) (*service.RedisServer, error) {
	s.copies++
	dir := filepath.Join(s.dir, fmt.Sprintf("r%d", s.copies))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return service.StartRedis(dir, append([]string{"--save", "3600 1 300 100 60 10000"}, args...)...)
}

func redisURL(r *service.RedisServer) string { return "redis://" + r.Addr + "/0" }

// live is the grants that are in a ledger from the beginning, and end in a month.
func live(n int) batch {
	return batch{Count: n, Base: time.Now().Add(30 * 24 * time.Hour), Step: time.Millisecond}
}

// ledger returns a fresh ledger of the kind with so many live grants. They are
// written once for each size, and copied.
func (s *stage) ledger(ctx context.Context, kind string, grants int) (string, error) {
	if kind == onPostgres {
		if err := s.startPostgres(); err != nil {
			return "", err
		}
	}
	name := fmt.Sprintf("%s%d", kind, grants)
	from, grown := s.grown[name]
	if !grown {
		var err error
		if from, err = s.grow(ctx, kind, grants); err != nil {
			return "", fmt.Errorf("a ledger on %s with %d grants: %w", kind, grants, err)
		}
		s.grown[name] = from
	}
	return s.copyOf(kind, from)
}

func (s *stage) grow(ctx context.Context, kind string, grants int) (where string, err error) {
	began := time.Now()
	if where, err = s.empty(kind); err != nil {
		return "", err
	}
	l, err := openLedger(ctx, where) // migrates it
	if err != nil {
		return "", err
	}
	if err := l.Close(); err != nil {
		return "", err
	}
	if err := sow(ctx, where, s.contract, live(grants)); err != nil {
		return "", err
	}
	err = settleDown(ctx, where)
	s.say("%s: %d live grants are in the ledger after %.1f s", kind, grants, time.Since(began).Seconds())
	return where, err
}

func (s *stage) empty(kind string) (string, error) {
	if kind == onPostgres {
		return s.postgres.CreateDatabase()
	}
	s.copies++
	return filepath.Join(s.dir, fmt.Sprintf("l%d.db", s.copies)), nil
}

// settleDown does what a database otherwise does in the background some time
// after so many rows came: it is no part of what is measured.
func settleDown(ctx context.Context, where string) (err error) {
	db, err := openSQL(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	work := []string{`PRAGMA wal_checkpoint(TRUNCATE)`}
	if isURL(where) {
		work = []string{`VACUUM (ANALYZE)`, `CHECKPOINT`} //nolint:misspell // SQL
	}
	for _, w := range work {
		if _, err := db.ExecContext(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) copyOf(kind, from string) (string, error) {
	s.copies++
	if kind == onSQLite {
		to := filepath.Join(s.dir, fmt.Sprintf("l%d.db", s.copies))
		return to, copyFile(from, to)
	}
	name := fmt.Sprintf("copy%d", s.copies)
	old, rest, _ := strings.Cut(from[strings.LastIndexByte(from, '/')+1:], "?")
	err := s.postgres.Exec("postgres", "CREATE DATABASE "+name+" TEMPLATE "+old+" STRATEGY FILE_COPY")
	return strings.TrimSuffix(from, old+"?"+rest) + name + "?" + rest, err
}

// drop removes a ledger that was copied.
func (s *stage) drop(where string) error {
	if !isURL(where) {
		return errors.Join(os.Remove(where), os.RemoveAll(where+"-wal"), os.RemoveAll(where+"-shm"), os.RemoveAll(where+".lock"))
	}
	name, _, _ := strings.Cut(where[strings.LastIndexByte(where, '/')+1:], "?")
	return s.postgres.Exec("postgres", "DROP DATABASE "+name+" WITH (FORCE)")
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = out.ReadFrom(in)
	return err
}
