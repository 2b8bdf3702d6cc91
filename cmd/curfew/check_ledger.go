package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
)

// checkAgainstLedger reports each target that bindings of the ledger need and
// that the configuration does not have as it was when access was given.
func checkAgainstLedger(ctx context.Context, cfg Config) error {
	needed, err := contractsIn(ctx, cfg.LedgerPath)
	if err != nil {
		return err
	}
	have := make([]engine.Target, len(cfg.Targets))
	for i, t := range cfg.Targets {
		have[i] = t.engine()
	}
	missing := unmet(needed, have)
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("targets: the ledger holds access that was given through %s as it was before this edit; put it back, "+
		"name and url as they were, with retired: true, until it is drained", strings.Join(missing, ", "))
}

// contractsIn reads which targets the ledger needs, and changes nothing in it. A
// ledger that is not there yet needs none.
func contractsIn(ctx context.Context, path string) (needed map[string][]string, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := sqlite.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	l, err := ledger.Open(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("ledger: not checked: %s can not be read as this release keeps it; start the gateway once with "+
			"its present configuration: %w", path, err)
	}
	err = l.View(ctx, func(tx *ledger.Tx) error {
		needed, err = tx.Contracts()
		return err
	})
	return needed, err
}
