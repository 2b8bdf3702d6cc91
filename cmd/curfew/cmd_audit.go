package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

func (c *cli) auditCommand() *cobra.Command {
	var follow bool
	var n int
	var typ, request string
	tail := &cobra.Command{
		Use:   "tail",
		Short: "Print the newest audit events",
		Long:  "Print the newest audit events, oldest first. With --output json each is one line.",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {strconv.Itoa(n)}, "newest": {"true"}}
			if typ != "" {
				q.Set("type", typ)
			}
			if request != "" {
				q.Set("request_id", request)
			}
			return c.tail(cmd.Context(), q, follow)
		}),
	}
	flags := tail.Flags()
	flags.BoolVarP(&follow, "follow", "f", false, "go on with new events until interrupted")
	flags.IntVarP(&n, "number", "n", 20, "how `many` to begin with")
	flags.StringVar(&typ, "type", "", "only events of this `type`, such as grant.ended")
	flags.StringVar(&request, "request", "", "only events of the request with this `id`")
	return group("audit", "Read the audit log", tail, c.auditKeyCommand(), c.auditCheckpointCommand(), c.auditProofCommand(), c.auditExportCommand(), c.auditVerifyCommand(), c.auditSinksCommand(), c.auditAccessCommand(), c.auditReportCommand())
}
