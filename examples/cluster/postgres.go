package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// startPostgres makes a PostgreSQL cluster, runs it, and makes the gateways'
// role and database.
func (w *world) startPostgres(ctx context.Context, password string) error {
	path, err := stage.Find(ctx, "postgres", "postgresql", "/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return err
	}
	tools := filepath.Dir(path)
	account, err := stage.Unprivileged()
	if err != nil {
		return err
	}
	dir, err := w.postgresDir(ctx, account)
	if err != nil {
		return err
	}
	if err := initdb(ctx, tools, dir, password, account); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(w.at[postgresAt])
	if err != nil {
		return err
	}
	_, err = w.Start(ctx, stage.Program{
		Name: "postgres", Path: path, Dir: dir, Account: account,
		Args: []string{"-D", filepath.Join(dir, "data"), "-h", host, "-p", port, "-k", ""},
		Log:  w.Path("postgres.log"), Show: stage.Hide, Stop: syscall.SIGINT, // clients are sent away
	})
	if err != nil {
		return err
	}
	sql := func(query string) error { return psql(ctx, tools, host, port, password, query) }
	err = stage.Eventually(ctx, 30*time.Second, func(context.Context) error { return sql(`SELECT 1 \g /dev/null`) })
	if err != nil {
		return err
	}
	return errors.Join(sql("CREATE ROLE curfew LOGIN PASSWORD '"+password+"'"), sql("CREATE DATABASE curfew OWNER curfew"))
}

// psql runs SQL as the owner of the server. It comes by standard input: anybody
// may see arguments.
func psql(ctx context.Context, tools, host, port, password, query string) error {
	args := []string{"-h", host, "-p", port, "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1"}
	cmd := exec.CommandContext(ctx, filepath.Join(tools, "psql"), args...) //nolint:gosec // Debian's psql
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password, "PGCONNECT_TIMEOUT=5")
	cmd.Stdin = strings.NewReader(query)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w\n%s", err, out)
	}
	return nil
}

// initdb makes an empty cluster that wants a password of everybody.
func initdb(ctx context.Context, tools, dir, password string, account *syscall.Credential) error {
	cmd := exec.CommandContext(ctx, filepath.Join(tools, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", //nolint:gosec // Debian's initdb
		"-A", "scram-sha-256", "--pwfile", filepath.Join(dir, "password"), "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if account != nil {
		if err := os.Chown(file, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return os.Remove(file)
}

// postgresDir makes the folder of the server. Its account may not be let into
// ours, when that is in somebody's home: then it is elsewhere, which is said.
func (w *world) postgresDir(ctx context.Context, account *syscall.Credential) (string, error) {
	dir := w.Path("postgres")
	if err := os.MkdirAll(dir, 0o700); err != nil || account == nil {
		return dir, err
	}
	if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
		return "", err
	}
	enter := exec.CommandContext(ctx, "sh", "-c", `cd "$1"`, "sh", dir) //nolint:gosec // our own folder
	enter.Dir = "/"
	enter.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	if enter.Run() == nil {
		return dir, nil
	}
	var err error
	if w.borrowed, err = os.MkdirTemp("/var/tmp", "curfew-postgres-"); err != nil {
		return "", err
	}
	stage.Print("PostgreSQL, which does not run as root, is not let into %s: it is in %s\n", dir, w.borrowed)
	return w.borrowed, os.Chown(w.borrowed, int(account.Uid), int(account.Gid))
}
