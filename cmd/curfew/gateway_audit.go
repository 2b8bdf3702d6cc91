package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/curfew-access/curfew/engine/ledger"
)

// openAudit makes the key of a ledger that is a file and has none yet, and says which
// key checkpoints are verified with.
func (g *gateway) openAudit(ctx context.Context, _ options) (err error) {
	a := &g.cfg.Audit
	if a.Keys == nil && a.KeyFile != "" {
		if err := g.neverSigned(ctx); err != nil {
			return err
		}
		if err := makeKeyFile(a.KeyFile, a.Name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if a.Keys, err = readKeyFile(a.KeyFile); err != nil {
			return err
		}
		g.log.Info("a key was made that signs checkpoints of the audit log; keep a copy of it", "file", a.KeyFile)
	}
	if a.Keys != nil {
		g.log.Info("checkpoints of the audit log are signed", "verifier", a.Keys.Verifiers()[0])
	}
	return nil
}

// neverSigned refuses to make a key for a log that has one: whoever knows that would
// trust nothing that is signed by another.
func (g *gateway) neverSigned(ctx context.Context) error {
	var keys []ledger.AuditKey
	err := g.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
		keys, err = tx.AuditKeys()
		return err
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	return fmt.Errorf("the key that signed the audit log is gone: %s is not there. Bring it back from a copy; if it is lost, make another of "+
		"the same name with curfew audit key new, name it in audit.key, and in audit.previous_keys a file with the verifier key of the lost one: %s",
		g.cfg.Audit.KeyFile, keys[0].Verifier)
}
