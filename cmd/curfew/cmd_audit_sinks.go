package main

import (
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine"
)

// auditSinksCommand shows where audit events are sent. With --retry it has one of the
// sinks tried at once.
func (c *cli) auditSinksCommand() *cobra.Command {
	var retry bool
	var remark struct {
		Comment string `json:"comment,omitempty"`
	}
	cmd := &cobra.Command{
		Use:   "sinks [NAME]",
		Short: "Show where audit events are sent, and how far each sink is behind",
		Long: "Show where audit events are sent, and how far each sink is behind. With NAME, show\n" +
			"the events that it would not take; with --retry too, have it tried at once and sent\n" +
			"those events again.",
		Example: "  curfew audit sinks\n  curfew audit sinks splunk --retry --comment 'the token was renewed'",
		Args:    cobra.MaximumNArgs(1),
		RunE: c.does(func(cmd *cobra.Command, args []string) error {
			switch {
			case !retry && remark.Comment != "":
				return usage("--comment is of --retry")
			case retry && len(args) == 0:
				return usage("--retry wants the name of a sink")
			case retry:
				_, err := change(c, cmd, client.Path("v1", "audit", "sinks", args[0], "retry"), "", remark, c.printSink)
				return err
			case len(args) > 0:
				return show(c, cmd, client.Path("v1", "audit", "sinks", args[0]), nil, c.printSink)
			}
			return show(c, cmd, "/v1/audit/sinks", url.Values{"limit": {strconv.Itoa(engine.MaxLimit)}}, c.printSinks)
		}),
	}
	cmd.Flags().BoolVar(&retry, "retry", false, "have it tried at once, and sent again what it would not take")
	cmd.Flags().StringVar(&remark.Comment, "comment", "", "why, for the audit log")
	return cmd
}

func (c *cli) printSinks(page engine.Page[engine.SinkView]) error {
	var rows [][]string
	for _, s := range page.Items {
		rows = append(rows, []string{s.Name, s.Kind, s.State, decimal(s.Seq), decimal(s.LagEvents), lagOf(s), instantOrNone(s.SentAt), decimal(s.SetAside)})
	}
	if err := c.table("SINK KIND STATE SEQ BEHIND LAG SENT SET_ASIDE", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

func (c *cli) printSink(s engine.SinkItem) error {
	waits := ""
	if s.WaitingReceipt {
		waits = "until what it took is safe"
	}
	why := ""
	if s.LastError != nil {
		why = *s.LastError
	}
	err := c.facts(
		"sink", s.Name, "kind", s.Kind, "state", s.State, "seq", decimal(s.Seq)+" of "+decimal(s.Head), "behind", decimal(s.LagEvents)+" events",
		"lag", lagOf(s.SinkView), "sent", instantOrNone(s.SentAt), "waits", waits, "failing since", instantOrNone(s.FailingSince), "last error", why,
		"next attempt", instantOrNone(s.NextAt), "set aside", decimal(s.SetAside),
	)
	if err != nil || len(s.Events) == 0 {
		return err
	}
	var rows [][]string
	for _, e := range s.Events {
		again := ""
		if e.WantedBy != nil {
			again = "wanted by " + e.WantedBy.String()
		}
		rows = append(rows, []string{decimal(e.Seq), e.EventID, instant(e.At), strconv.Itoa(e.Retried), again, e.Reason})
	}
	if err := c.say(""); err != nil {
		return err
	}
	return c.table("SEQ EVENT SET_ASIDE RETRIED AGAIN REASON", rows)
}

func lagOf(s engine.SinkView) string {
	if s.LagSeconds == 0 {
		return ""
	}
	return (time.Duration(s.LagSeconds) * time.Second).String()
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
