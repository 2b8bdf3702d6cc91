package main

import (
	"github.com/spf13/cobra"
)

func (c *cli) requestCommand() *cobra.Command {
	f := &askFlags{}
	cmd := &cobra.Command{
		Use:   "request RESOURCE ACTION (--for DURATION | --while oncall) --reason TEXT",
		Short: "Ask for access",
		Long: "Ask for access, and print what policy decided and when the access ends. When the\n" +
			"connection fails it is sent once more; that asks one time only.\n\n" +
			"It exits with 3 when policy said no, and with 8 when a reviewer must say yes first.",
		Example: "  curfew request customer/acme debug --for 2h --reason 'TICKET-123: login fails'\n" +
			"  curfew request customer/acme debug --while oncall --reason 'my shift' --dry-run",
		Args: cobra.ExactArgs(2),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			body, err := f.ask(args[0], args[1])
			if err != nil {
				return err
			}
			if f.dryRun {
				d, err := change(c, cmd, "/v1/decisions", f.key, body, c.printDecision)
				return after(err, d.Effect)
			}
			r, err := change(c, cmd, "/v1/requests", f.key, body, c.printRequest)
			return after(err, effectOf(r))
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.length, "for", "", "how long: a `duration` that the resource offers, such as 2h")
	flags.StringVar(&f.while, "while", "", "as long as `what` lasts: oncall, or incident:<id>")
	flags.StringVar(&f.reason, "reason", "", "why, for reviewers and auditors")
	flags.StringVar(&f.startsAt, "starts-at", "", "when it begins: a `time` such as 2026-01-31T09:00:00Z, or next_shift (default: at once)")
	flags.StringVar(&f.subject, "subject", "", "for `whom`, such as user:alice@example.com (default: you)")
	flags.BoolVar(&f.emergency, "emergency", false, "say that this can not wait")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only ask what policy would say")
	flags.StringVar(&f.key, "idempotency-key", "", "the same `key` asks one time only (default: a fresh one)")
	cmd.MarkFlagsMutuallyExclusive("for", "while")
	cmd.MarkFlagsOneRequired("for", "while")
	return cmd
}
