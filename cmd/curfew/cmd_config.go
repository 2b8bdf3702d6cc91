package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

func (c *cli) configCommand() *cobra.Command {
	var againstLedger, online bool
	check := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration and all that it refers to",
		Long: "Check a configuration, the files that it names, its secrets and its policies, and say\n" +
			"everything that is wrong. A secret file that others may read is a warning. An edit\n" +
			"that drops or moves a target through which access was given and not yet taken away\n" +
			"is refused; the ledger is only read, also while the gateway runs. With --online\n" +
			"PagerDuty, Slack and the sinks are asked too: whether they take the credentials, and\n" +
			"give the rights.",
		Args: cobra.ExactArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			return c.checkConfig(cmd.Context(), args[0], againstLedger, online)
		}),
	}
	check.Flags().BoolVar(&againstLedger, "against-ledger", true, "hold the targets against what the ledger needs")
	check.Flags().BoolVar(&online, "online", false, "ask PagerDuty, Slack and the sinks whether their credentials are good for what is needed")
	return group("config", "Check a configuration", check)
}

func (c *cli) checkConfig(ctx context.Context, path string, againstLedger, online bool) error {
	cfg, err := loadConfig(path, c.LookupEnv)
	if err != nil {
		return err
	}
	for _, warning := range cfg.Warnings {
		_, _ = fmt.Fprintln(c.Err, "warning:", clean(warning))
	}
	faults := faults(slices.Concat(cfg.Missing, cfg.Unasked, cfg.Unheard, cfg.Uncalled, cfg.Unsent))
	policy, err := checkPolicies(ctx, cfg)
	faults.takeAll(err)
	if againstLedger {
		faults.takeAll(checkAgainstLedger(ctx, cfg))
	}
	if online {
		faults.takeAll(cfg.OnCall.ask(ctx))
		faults.take("slack", cfg.Slack.ask(ctx))
		faults.takeAll(cfg.askSinks(ctx))
	}
	if err := faults.err(); err != nil {
		return fmt.Errorf("%s:\n%w", path, err)
	}
	err = errors.Join(
		c.say("ok: configuration: %s, %s", counted(len(cfg.Tokens), "token", "tokens"), counted(len(cfg.Targets), "target", "targets")),
		c.say("ok: policies: %s", policy),
		c.say("ok: data: %s, %s", cfg.data(), counted(len(cfg.Rota.Schedules), "schedule", "schedules")),
		c.say("ok: on call: %s", cfg.OnCall.said(cfg.RotaPath != "")),
		c.say("ok: audit: %s", cfg.Audit.said()),
		c.say("ok: sinks: %s", cfg.sinksSaid()))
	if againstLedger {
		err = errors.Join(err, c.say("ok: ledger: every target that it needs is configured"))
	}
	if online && cfg.OnCall.PagerDuty != nil {
		err = errors.Join(err, c.say("ok: pagerduty: it takes the credential, and gives the rights that are needed"))
	}
	if online && cfg.Slack != nil {
		err = errors.Join(err, c.say("ok: slack: it takes the tokens, and gives the scopes that are needed"))
	}
	return err
}
