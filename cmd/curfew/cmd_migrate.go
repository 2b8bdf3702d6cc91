package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine/ledger"
)

func (c *cli) migrateCommand() *cobra.Command {
	var config string
	var dry bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the ledger's schema up to date",
		Long: "Bring the schema of the ledger that a configuration names up to date, and say from\n" +
			"which version to which. The gateway does the same when it starts; this is for a role\n" +
			"of its own, with the right to change the schema that the gateway's role then needs\n" +
			"not have. Nothing else of the configuration is read, so that role needs none of its\n" +
			"secrets. On PostgreSQL it may run while gateways of the release before do.",
		Args: cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadLedger(config, c.LookupEnv)
			if err != nil {
				return err
			}
			return c.migrate(cmd.Context(), cfg, dry)
		}),
	}
	cmd.Flags().StringVarP(&config, "config", "c", "curfew.yaml", "configuration `file`")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what there is to do, and do nothing")
	return cmd
}

// migration is what migrate did, or with DryRun has found to do.
type migration struct {
	Ledger string `json:"ledger"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	DryRun bool   `json:"dry_run"`
}

func (c *cli) migrate(ctx context.Context, cfg Config, dry bool) error {
	m := migration{Ledger: cfg.ledgerName(), To: ledger.Schema(), DryRun: dry}
	work := func(db ledger.DB) (err error) {
		m.From, m.To, err = ledger.Migrate(ctx, db)
		return err
	}
	open := openDatabase
	if dry {
		open = openToRead
		work = func(db ledger.DB) (err error) {
			m.From, err = ledger.SchemaOf(ctx, db)
			return err
		}
	}
	if err := with(ctx, cfg, open, work); err != nil {
		return fmt.Errorf("ledger %s: %w", m.Ledger, err)
	}
	if c.output == outputJSON {
		return c.printJSON(m)
	}
	return c.say("%s", m)
}

// with does work on the database that the ledger is in.
func with(ctx context.Context, cfg Config, open func(context.Context, Config) (ledger.DB, error), work func(ledger.DB) error) error {
	db, err := open(ctx, cfg)
	if err != nil || db == nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}

// String is the migration in a sentence.
func (m migration) String() string {
	switch {
	case m.From == m.To:
		return fmt.Sprintf("ledger %s: up to date at version %d", m.Ledger, m.To)
	case m.DryRun:
		return fmt.Sprintf("ledger %s: version %d, to be brought to %d", m.Ledger, m.From, m.To)
	}
	return fmt.Sprintf("ledger %s: brought from version %d to %d", m.Ledger, m.From, m.To)
}
