package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// stdio is all of the outside world that a command may touch beside files and
// the network.
type stdio struct {
	In        io.Reader
	Out, Err  io.Writer
	LookupEnv func(string) (string, bool)
}

// Getenv returns the variable, or "".
func (s stdio) Getenv(name string) string {
	value, _ := s.LookupEnv(name)
	return value
}

// cli is one run of the program: its streams and the flags that all commands
// share.
type cli struct {
	stdio
	url       string
	tokenFile string
	output    string
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, io stdio) int {
	c := &cli{stdio: io}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(io.Err, "curfew: interrupted")
		return exitInterrupted
	}
	if err != nil {
		if text := explain(err); text != "" {
			_, _ = fmt.Fprintln(io.Err, text)
		}
		return codeOf(err)
	}
	return exitOK
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "curfew",
		Short: "Time-bound access, decided by policy",
		Long: "Curfew gives access to a resource for a while, as policy decides, and takes it\n" +
			"away again when the time is over.\n\n" + environmentHelp + "\n" + exitCodeHelp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.url, "url", "", "`address` of the gateway (default $CURFEW_URL, or "+defaultURL+")")
	flags.StringVar(&c.tokenFile, "token-file", "", "`file` with the bearer token (default: the variable CURFEW_TOKEN)")
	flags.StringVarP(&c.output, "output", "o", outputTable, "`form` of the answer: table or json")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{outputTable, outputJSON}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(
		c.serveCommand(), c.requestCommand(), c.requestsCommand(), c.approveCommand(), c.denyCommand(), c.withdrawCommand(),
		c.grantsCommand(), c.revokeCommand(), c.tasksCommand(), c.bindingsCommand(), c.resourcesCommand(), c.sourcesCommand(), c.onCallCommand(), c.auditCommand(), c.decisionsCommand(), c.configCommand(), c.migrateCommand(), c.policyCommand(), c.tokenCommand(),
		c.versionCommand(),
	)
	return root
}

const environmentHelp = `Environment:
  CURFEW_URL    address of the gateway (default ` + defaultURL + `)
  CURFEW_TOKEN  bearer token; --token-file reads it from a file instead
`

// does makes f the work of a command. What fails before f began is a fault of
// the command line.
func (c *cli) does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if c.output != outputTable && c.output != outputJSON {
			return usage("--output is %s or %s, not %q", outputTable, outputJSON, c.output)
		}
		if err := f(cmd, args); err != nil {
			return ranError{err}
		}
		return nil
	}
}

// group is a command that only holds others: called by itself it shows its help,
// and a word that it does not know is a fault.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(children...)
	return cmd
}
