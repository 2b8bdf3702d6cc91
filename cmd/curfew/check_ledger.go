package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
)

// checkAgainstLedger reports each target that bindings of the ledger need and
// that the configuration does not have as it was when access was given.
func checkAgainstLedger(ctx context.Context, cfg Config) error {
	known, err := readLedger(ctx, cfg)
	if err != nil {
		return fmt.Errorf("ledger: not checked: %w", err)
	}
	have := make([]engine.Target, len(cfg.Targets))
	for i, t := range cfg.Targets {
		have[i] = t.engine()
	}
	return errors.Join(checkSeed(known.taken), checkTargets(unmet(known.needed, have)), cfg.Audit.opens(known.checkpoint))
}

// checkSeed refuses a file whose resources are not its own: a gateway with it would
// not start.
func checkSeed(taken []string) error {
	if len(taken) == 0 {
		return nil
	}
	return fmt.Errorf("resources: %s; take each out of the one or the other", strings.Join(taken, ", "))
}

func checkTargets(missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("targets: the ledger holds access that was given through %s as it was before this edit; put it back, "+
		"name and url as they were, with retired: true, until it is drained", strings.Join(missing, ", "))
}

// openToRead opens the ledger's database to be looked at. A file that is not
// there yet is nil.
func openToRead(ctx context.Context, cfg Config) (ledger.DB, error) {
	if cfg.LedgerURL.Reveal() != "" {
		return openDatabase(ctx, cfg) // which takes nothing that others need
	}
	if _, err := os.Stat(cfg.LedgerPath); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing to read is the answer
	}
	db, err := sqlite.OpenReader(cfg.LedgerPath)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// inLedger is what of the ledger an edit of the configuration must fit.
type inLedger struct {
	needed     map[string][]string // targets
	taken      []string            // resources of the file that are of other sources
	checkpoint string              // the newest of the audit log
}

// readLedger reads what the configuration must fit. It changes nothing. A ledger that
// is not there yet has nothing.
func readLedger(ctx context.Context, cfg Config) (known inLedger, err error) {
	err = with(ctx, cfg, openToRead, func(db ledger.DB) error {
		have, err := ledger.SchemaOf(ctx, db)
		switch {
		case err != nil:
			return err
		case have == 0:
			return nil
		case have != ledger.Schema():
			return fmt.Errorf("%s is at version %d and not, as this release keeps it, at %d; start the gateway once with its "+
				"present configuration, or run curfew migrate", cfg.ledgerName(), have, ledger.Schema())
		}
		l, err := ledger.Open(ctx, db)
		if err != nil {
			return err
		}
		return l.View(ctx, func(tx *ledger.Tx) error {
			head, err := tx.AuditHead()
			known.checkpoint = head.Checkpoint
			if err != nil {
				return err
			}
			if known.needed, err = tx.Contracts(); err == nil {
				known.taken, err = takenFrom(tx, cfg.Seed.Resources)
			}
			return err
		})
	})
	return known, err
}

// maxTaken is how many resources of other sources are named.
const maxTaken = 10

func takenFrom(tx *ledger.Tx, seed []access.Resource) (taken []string, err error) {
	names := make([]string, len(seed))
	for i, r := range seed {
		names[i] = r.Ref().String()
	}
	owners, err := tx.OtherOwners(engine.SeedSource, names)
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		if len(taken) == maxTaken {
			return append(taken, "and more"), err
		}
		taken = append(taken, fmt.Sprintf("%s belongs to the source %q", name, owners[name]))
	}
	return taken, err
}
