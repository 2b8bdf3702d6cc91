package main

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/spf13/cobra"
)

func (c *cli) tokenCommand() *cobra.Command {
	var webhook bool
	fresh := &cobra.Command{
		Use:   "new",
		Short: "Print a new random token",
		Long: "Print a new random token for auth.tokens, or with --webhook a signing secret for a\n" +
			"target. It is shown here only: write it to a file that only you may read.",
		Example: "  (umask 077 && curfew token new > token-ci)",
		Args:    cobra.NoArgs,
		RunE: c.does(func(*cobra.Command, []string) error {
			var b [32]byte
			_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
			if webhook {
				return c.say("whsec_%s", base64.StdEncoding.EncodeToString(b[:]))
			}
			return c.say("%s", base64.RawURLEncoding.EncodeToString(b[:]))
		}),
	}
	fresh.Flags().BoolVar(&webhook, "webhook", false, "a signing secret of Standard Webhooks (whsec_…)")
	return group("token", "Make tokens", fresh)
}
