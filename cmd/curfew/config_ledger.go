package main

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
)

const defaultLedger = "sqlite:curfew.db"

// ledger reads where the ledger is: a file, or the URL of a database, which a
// variable or a file may hold, because a password may be in it.
func (r *configReader) ledger(text string) {
	kind, path, _ := strings.Cut(orElse(text, defaultLedger), ":")
	switch {
	case secretRef(text).isRef():
		where, err := r.secret("ledger", secretRef(text))
		if err == nil {
			err = postgres.Check(where.Reveal())
		}
		r.take("ledger", err)
		r.cfg.LedgerURL = where
	case kind == "postgres" || kind == "postgresql":
		r.take("ledger", postgres.Check(text))
		if withPassword(text) {
			r.add("ledger", "it holds a password, and a secret does not stand in the configuration itself; put the whole URL into a file "+
				"or a variable, name that as file:PATH or env:NAME, and replace the password, which others may have read")
		}
		r.cfg.LedgerURL = Secret{text}
	case kind != "sqlite" || path == "":
		r.add("ledger", "want sqlite:<path>, such as %s, or postgres://<user>@<host>/<database>, or env:NAME or file:PATH of such a URL", defaultLedger)
	default:
		r.cfg.LedgerPath = r.path(path)
		r.directory("ledger", filepath.Dir(r.cfg.LedgerPath))
	}
}

// withPassword reports whether a URL seems to hold a password.
func withPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return strings.Contains(text, "@")
	}
	_, set := u.User.Password()
	return set || strings.Contains(u.RawQuery, "password=")
}

// ledgerName is where the ledger is, for people: without a password.
func (c Config) ledgerName() string {
	if c.LedgerURL.Reveal() == "" {
		return c.LedgerPath
	}
	u, err := url.Parse(c.LedgerURL.Reveal())
	if err != nil {
		return hidden
	}
	return "postgres://" + u.Host + u.Path
}

// openDatabase opens the database that the ledger is in.
func openDatabase(ctx context.Context, cfg Config) (ledger.DB, error) {
	if where := cfg.LedgerURL.Reveal(); where != "" {
		db, err := postgres.Open(ctx, where)
		if err != nil {
			return nil, err
		}
		return db, nil
	}
	db, err := sqlite.Open(ctx, cfg.LedgerPath)
	if err != nil {
		return nil, err
	}
	return db, nil
}
