package main

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine"
)

const accessPath = "/v1/audit/access"

// accessFlags say whose access is asked for, to what and when.
type accessFlags struct {
	at, from, to, subject, resource string
	granted                         bool
}

func (f *accessFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.at, "at", "", "at this `time`: 2026-11-22T09:00:00Z, 2026-11-22, or so long ago, -24h")
	flags.StringVar(&f.from, "from", "", "in the period that begins with this `time`")
	flags.StringVar(&f.to, "to", "", "in the period that ends before this `time` (default now)")
	flags.StringVar(&f.subject, "subject", "", "only that of the `subject`, such as user:alice@example.com")
	flags.StringVar(&f.resource, "resource", "", "only that to the `resource`, such as customer/acme")
	flags.BoolVar(&f.granted, "granted", false, "without what could be used only because its target had not confirmed the removal")
}

// query is what the flags ask for, at the time. Without any of them that is now.
func (f *accessFlags) query(now time.Time) (url.Values, error) {
	q := url.Values{}
	if f.from != "" && f.to == "" {
		f.to = exact(now)
	}
	if f.at == "" && f.from == "" && f.to == "" {
		f.at = exact(now)
	}
	for name, text := range map[string]string{"at": f.at, "from": f.from, "to": f.to} {
		if text == "" {
			continue
		}
		at, err := moment(text, now)
		if err != nil {
			return nil, usage("--%s: %v", name, err)
		}
		q.Set(name, exact(at))
	}
	if f.resource != "" {
		ref, err := resourceArg(f.resource)
		if err != nil {
			return nil, err
		}
		q.Set("resource", ref.String())
	}
	narrow(q, map[string]string{"subject": f.subject})
	if f.granted {
		q.Set("include", "granted")
	}
	return q, nil
}

// moment reads a time, the beginning of a day in UTC, or so long before now.
func moment(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if ago, before := strings.CutPrefix(text, "-"); before {
		if length, err := parseDays(ago); err == nil {
			return now.Add(-length), nil
		}
	}
	return now, usage("%q is neither a time such as 2026-11-22T09:00:00Z, nor a day such as 2026-11-22, nor so long ago, such as -24h or -7d", text)
}

func (c *cli) auditAccessCommand() *cobra.Command {
	f := &accessFlags{}
	var limit int
	var cursor string
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Say who had access at a time, or in a period: now, if you do not say when",
		Long: "Say who had access at a time, or in a period, on whose word and until when, the latest\n" +
			"start first. Access that its target had not confirmed to be gone is among it.\n" +
			"With --output json there is all that the gateway knows of it, and what proves it.",
		Example: "  curfew audit access --at 2026-11-22T09:00:00Z --resource customer/acme",
		Args:    cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			q.Set("limit", strconv.Itoa(limit))
			narrow(q, map[string]string{"cursor": cursor})
			return show(c, cmd, accessPath, q, c.printAccess)
		}),
	}
	f.flags(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", engine.DefaultLimit, "how many at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	return cmd
}

func (c *cli) printAccess(page engine.AccessPage) error {
	var rows [][]string
	for _, a := range page.Items {
		rows = append(rows, []string{
			a.GrantID, a.Subject.String(), a.Resource.Type + "/" + a.Resource.ID, a.Action.Name, instant(a.StartsAt), instantOrNone(a.EndsAt),
			instantOrNone(a.UsableUntil), accessState(a), onWhoseWord(a), oneLine(a.Request.Reason),
		})
	}
	if err := c.table("GRANT SUBJECT RESOURCE ACTION FROM UNTIL USABLE-UNTIL STATE BY REASON", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

// accessState is by what access could be used, and what is wrong with it.
func accessState(a engine.AccessItem) string {
	state := string(a.State)
	if a.RemovalState == engine.RemovalOpen {
		state = "NOT REMOVED: " + state
	}
	if a.Proof.Agrees != nil && !*a.Proof.Agrees {
		var what []string
		for _, d := range a.Proof.Differs {
			what = append(what, d.What)
		}
		state = "NOT AS IN THE LOG (" + strings.Join(what, ", ") + "): " + state
	}
	return state
}

// onWhoseWord is who approved, or that policy did.
func onWhoseWord(a engine.AccessItem) string {
	var who []string
	for _, v := range a.Reviews {
		who = append(who, string(v.Verdict)+" "+v.Reviewer.String())
	}
	if len(who) == 0 {
		return "policy"
	}
	return strings.Join(who, ", ")
}
