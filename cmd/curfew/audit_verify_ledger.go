package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/schollz/progressbar/v3"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// auditVerifyLedger verifies the log in the ledger itself, and changes nothing there.
func (c *cli) auditVerifyLedger(ctx context.Context, config string, trust audit.Trust) error {
	cfg, err := loadAudit(config, c.LookupEnv, len(trust.Keys) == 0)
	if err != nil {
		return err
	}
	switch {
	case len(trust.Keys) > 0:
	case cfg.Audit.Keys == nil:
		return usage("--key is missing, and the configuration has no key that signs checkpoints: give the verifier key")
	default:
		trust.Keys = cfg.Audit.Keys.Verifiers()
	}
	shown := noProgress
	if c.output == outputTable && isTerminal(c.Err) {
		shown = barProgress(c.Err)
	}
	var report audit.Report
	err = with(ctx, cfg, openToRead, func(db ledger.DB) (err error) {
		bar := shown(0)
		defer bar.end()
		read := int64(0)
		report, err = ledger.Inspect(ctx, db, trust, func(done, all int64) {
			if read == 0 {
				bar.begin("verifying", all, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"))
			}
			bar.add(int(done - read))
			read = done
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("ledger %s: %w", cfg.ledgerName(), err)
	}
	if report.Findings == nil {
		return fmt.Errorf("ledger %s: %w", cfg.ledgerName(), errors.New("it is not there"))
	}
	return c.reportAudit(report, "the ledger "+cfg.ledgerName())
}

// loadAudit reads where the ledger is and, if they are wanted, the keys that sign its
// log. Nothing else of the configuration is looked at, so none of its other secrets is
// needed.
func loadAudit(path string, lookupEnv func(string) (string, bool), keys bool) (Config, error) {
	r := &configReader{lookupEnv: lookupEnv}
	file, err := r.file(path)
	if err != nil {
		return Config{}, err
	}
	if r.ledger(file.Ledger); keys {
		r.audit(file.Audit)
	}
	return r.config(path)
}
