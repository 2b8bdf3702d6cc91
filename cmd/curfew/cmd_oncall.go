package main

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// onCallFilter is the flags that say whose shifts, and when.
type onCallFilter struct {
	at, subject, schedule, cursor string
	limit                         int
}

func (c *cli) onCallCommand() *cobra.Command {
	f := &onCallFilter{}
	cmd := &cobra.Command{
		Use:   "oncall",
		Short: "List who is on call for what, and how fresh that is",
		Args:  cobra.NoArgs,
		RunE: c.does(func(cmd *cobra.Command, _ []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			return show(c, cmd, "/v1/oncall", q, c.printOnCall)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.at, "at", "", "at this `time`, or so long from now: 2026-01-31T09:00:00Z, +2h (default now)")
	flags.StringVar(&f.subject, "subject", "", "only this `subject`, such as user:alice@example.com")
	flags.StringVar(&f.schedule, "schedule", "", "only the schedule with this `id`")
	flags.IntVarP(&f.limit, "limit", "n", engine.DefaultLimit, "how many at most")
	flags.StringVar(&f.cursor, "cursor", "", "go on where a list ended")
	return cmd
}

func (f *onCallFilter) query(now time.Time) (url.Values, error) {
	q := url.Values{"limit": {strconv.Itoa(f.limit)}}
	if f.at != "" {
		at, err := timeOrAhead(f.at, now)
		if err != nil {
			return nil, err
		}
		q.Set("at", exact(at))
	}
	narrow(q, map[string]string{"subject": f.subject, "schedule": f.schedule, "cursor": f.cursor})
	return q, nil
}

// timeOrAhead reads a time, or how far from now it is: "+2h".
func timeOrAhead(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ahead, plus := strings.CutPrefix(text, "+")
	d, err := parseDays(ahead)
	if err != nil || !plus {
		return now, usage("--at: %q is neither a time such as 2026-01-31T09:00:00Z nor so long from now, such as +2h or +7d", text)
	}
	return now.Add(d), nil
}

func (c *cli) printOnCall(page engine.OnCallPage) error {
	var rows [][]string
	for _, e := range page.Items {
		rows = append(rows, []string{
			named(e.Schedule), named(e.Policy), strconv.Itoa(e.Level), e.Subject.String(), bound(e.Start, "always"), bound(e.End, "open"), e.Source,
		})
	}
	if err := c.table("SCHEDULE POLICY LEVEL SUBJECT SINCE UNTIL SOURCE", rows); err != nil {
		return err
	}
	if err := c.say(""); err != nil {
		return err
	}
	if err := c.printSources(page.Sources); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

// printSources prints how fresh the sources are, and what of them can not be used.
func (c *cli) printSources(sources []access.SourceState) error {
	var rows [][]string
	for _, s := range sources {
		rows = append(rows, []string{s.Name, string(s.Kind), freshness(s), bound(s.Until, "")})
	}
	if err := c.table("SOURCE TELLS ASKED KNOWS-UNTIL", rows); err != nil {
		return err
	}
	for _, s := range sources {
		if s.FailedSince != nil {
			if err := c.say("%s: not answering since %s: %s", clean(s.Name), instant(*s.FailedSince), clean(s.Error)); err != nil {
				return err
			}
		}
		for _, fault := range s.Faults {
			if err := c.say("%s: %s", clean(s.Name), clean(fault)); err != nil {
				return err
			}
		}
	}
	return nil
}

// freshness is how long ago a source was asked, and whether that counts.
func freshness(s access.SourceState) string {
	if s.AgeSeconds == nil {
		return "never: not known"
	}
	text := (time.Duration(*s.AgeSeconds) * time.Second).String() + " ago"
	if !s.Known {
		text += ": too old, not known"
	}
	return text
}

// bound is where a shift begins or ends, or the word for having no such time.
func bound(at *time.Time, none string) string {
	if at == nil {
		return none
	}
	return instant(*at)
}

// named is how people know an object of an on-call system, and its id.
func named(ref *access.Ref) string {
	switch {
	case ref == nil:
		return ""
	case ref.Name == "" || ref.Name == ref.ID:
		return ref.ID
	}
	return ref.Name + " (" + ref.ID + ")"
}
