package service

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// StopMode is how PostgreSQL is told to stop.
type StopMode = syscall.Signal

// What a stop waits for, and what it leaves behind.
const (
	Smart     StopMode = syscall.SIGTERM // for every client to leave
	Fast      StopMode = syscall.SIGINT  // for nothing: clients are sent away
	Immediate StopMode = syscall.SIGQUIT // not even for a checkpoint: the next start recovers
)

// PostgresServer is a PostgreSQL cluster of its own. Everybody is trusted.
type PostgresServer struct {
	*process
	Addr      string // 127.0.0.1:port
	Dir       string // also holds the socket
	databases atomic.Int64
}

// Postgres starts a PostgreSQL that ends with the test. Settings are those of
// postgresql.conf: "fsync=off", which is on unless said.
func Postgres(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	return run(t, func(dir string) (*PostgresServer, error) { return StartPostgres(dir, settings...) })
}

// StartPostgres makes a cluster in a directory and starts it. PostgreSQL does not
// run as root: for root it runs as another account, which gets the directory.
func StartPostgres(dir string, settings ...string) (*PostgresServer, error) {
	path, err := stage.Find(context.Background(), "postgres", "postgresql", "/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return nil, err
	}
	account, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := initdb(filepath.Join(filepath.Dir(path), "initdb"), data, account); err != nil {
		return nil, err
	}
	s := &PostgresServer{Dir: dir}
	err = onFreePort(func(port int) error {
		s.Addr = address(port)
		args := []string{"-D", data, "-p", strconv.Itoa(port), "-k", dir, "-h", "127.0.0.1"}
		for _, setting := range settings {
			args = append(args, "-c", setting)
		}
		s.process = &process{path: path, args: args, dir: dir, account: account, orphan: syscall.SIGQUIT, ready: s.answers}
		return s.Start()
	})
	return s, err
}

func initdb(path, data string, account *syscall.Credential) error {
	cmd := exec.Command(path, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// unprivileged is the account for a server that does not run as root, and nil
// for who is not root. The account gets the directory.
func unprivileged(dir string) (*syscall.Credential, error) {
	account, err := stage.Unprivileged()
	if err != nil || account == nil {
		return nil, err
	}
	return account, os.Chown(dir, int(account.Uid), int(account.Gid))
}

func (s *PostgresServer) answers() error { return s.Exec("postgres", "SELECT 1") }

// URL is where the database "postgres" is.
func (s *PostgresServer) URL() string { return s.url("postgres") }

func (s *PostgresServer) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: s.Addr, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// CreateDatabase makes an empty database and returns its URL.
func (s *PostgresServer) CreateDatabase() (string, error) {
	name := fmt.Sprintf("d%d", s.databases.Add(1))
	return s.url(name), s.Exec("postgres", "CREATE DATABASE "+name)
}

// Database makes an empty database for the test and returns its URL.
func (s *PostgresServer) Database(t testing.TB) string {
	t.Helper()
	u, err := s.CreateDatabase()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Stop ends the server.
func (s *PostgresServer) Stop(mode StopMode) error { return s.stop(mode) }

// Kill ends the server and every process of it with SIGKILL, as a machine does
// that loses its power, but for what the disk was told.
func (s *PostgresServer) Kill() error {
	pid := s.Pid()
	if pid == 0 {
		return nil
	}
	// Stopped, it starts no process while they are being counted.
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children := childrenOf(pid)
	err := s.stop(syscall.SIGKILL)
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL) // it may have ended with its parent
	}
	for _, child := range children { // a server that starts refuses memory that one of them still holds
		awaitGone(child)
	}
	return err
}

// awaitGone waits until a process that was killed holds nothing any more, for as long
// as that may take.
func awaitGone(pid int) {
	for range 1000 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}

func childrenOf(pid int) []int {
	var children []int
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range paths {
		raw, _ := os.ReadFile(path)
		for field := range strings.FieldsSeq(string(raw)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}
