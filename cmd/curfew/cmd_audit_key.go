package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine/audit"
)

// defaultKeyFile is where a new key is written.
const defaultKeyFile = "audit.key"

func (c *cli) auditKeyCommand() *cobra.Command {
	return group("key", "Make and show keys that sign checkpoints", c.auditKeyNewCommand(), c.auditKeyShowCommand())
}

func (c *cli) auditKeyNewCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a key for audit.key",
		Long: "Make a key for audit.key: the signing key goes into a file that only you may read,\n" +
			"and the verifier key, which everybody may know, to the standard output. NAME names\n" +
			"the log, as one word, and stays the same when its key is changed. No file is replaced.",
		Example: "  curfew audit key new curfew.example.com/audit --out audit.key",
		Args:    cobra.ExactArgs(1),
		RunE: c.does(func(_ *cobra.Command, args []string) error {
			signing, verifier, err := audit.NewKey(rand.Reader, args[0])
			if err != nil {
				return usage("%v", err)
			}
			if err := writeKeyFile(out, signing); err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(map[string]string{"file": out, "verifier": verifier})
			}
			_, _ = fmt.Fprintf(c.Err, "The signing key is in %s. Give the verifier key to whoever is to check:\n", clean(out))
			return c.say("%s", verifier)
		}),
	}
	cmd.Flags().StringVar(&out, "out", defaultKeyFile, "`file` that the signing key is written to")
	return cmd
}

func (c *cli) auditKeyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Print the verifier key of a signing key",
		Args:  cobra.ExactArgs(1),
		RunE: c.does(func(_ *cobra.Command, args []string) error {
			keys, err := readKeyFile(args[0])
			if err != nil {
				return err
			}
			if c.output == outputJSON {
				return c.printJSON(map[string]string{"file": args[0], "verifier": keys.Verifiers()[0]})
			}
			return c.say("%s", keys.Verifiers()[0])
		}),
	}
}

// verifierArgs reads verifier keys of a command line: each is one, or a file that
// holds some, one a line.
func verifierArgs(args []string) (verifiers []string, err error) {
	for _, arg := range args {
		lines := []string{arg}
		if !strings.Contains(arg, "+") {
			content, err := os.ReadFile(filepath.Clean(arg))
			if err != nil {
				return nil, usage("--key: %q is neither a verifier key, such as curfew audit key show prints it, nor a file of such: %v", arg, err)
			}
			lines = strings.Split(string(content), "\n")
		}
		for _, line := range lines {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if _, err := audit.KeyID(line); err != nil {
				return nil, usage("--key: %q is not a verifier key, such as curfew audit key show prints it", hideSigning(line))
			}
			verifiers = append(verifiers, line)
		}
	}
	return verifiers, nil
}

// hideSigning keeps a signing key that was given by mistake out of an error.
func hideSigning(text string) string {
	if strings.Contains(text, "PRIVATE") {
		return hidden
	}
	return text
}
