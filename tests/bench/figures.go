package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// figure is something that can be measured by itself.
type figure struct {
	name    string
	about   string
	measure func(ctx context.Context, s *stage, r *report) error
}

// figures are all of them, in the order in which they are measured.
func figures() []figure {
	return []figure{
		{"decisions", "the bare decision, and the routes that decide, on SQLite", measureDecisions},
		{"lateness", "how late ends and removals are at a steady rate; with -beside next to other means", measureLateness},
		{"burst", "many grants that are due at one moment, beside signed posts alone", measureBurst},
		{"requests", "durable requests beside a bare loop that writes the same rows", measureRequests},
		{"seal", "commits while events are sealed, beside commits alone", measureSeal},
		{"audit", "a long audit log: sealed, taken out of the program, and verified", measureAudit},
		{"access", "who had access at a time and in a period, of a long log", measureAccess},
		{"check", "the check beside a handler that decodes the same body", measureCheck},
		{"size", "memory and start with many live grants", measureSize},
		{"revoke", "a revoke seen by a check on another node, and after a failover that lost it", measureRevoke},
		{"opa", "the decision API beside the server of OPA, with the same policies, inputs and callers", measureOPA},
		{"data", "a decision as the data of the policies grows", measureGrown},
		{figurePoll, "a poll of PagerDuty, with what is kept of it, beside bare reading of the same bodies", measurePoll},
		{figureBusy, "the routes that decide while polls are applied, beside the same without", measureBusy},
		{figureMoved, "many bound grants that move, or end, by one edit of a schedule", measureMoved},
		{"slack", "fifty people who type and click in Slack at once, and the same while the ledger takes 5 s", measureSlack},
		{"sync", "a source that brings its catalogue, beside a bare INSERT of the rows, while grants end", measureSync},
		{"deliveries", "many deliveries to a target that takes a hundred at once, beside posts alone", measureDeliveries},
		{"deadtarget", "ten targets that are told at once, of which one is dead", measureDead},
		{"deaf", "a subscription that dies silently", measureDeaf},
	}
}

func figureNames() (names []string) {
	for _, f := range figures() {
		names = append(names, f.name)
	}
	return names
}

// checkFigures refuses names that are none.
func checkFigures(names []string) error {
	for _, name := range names {
		if !slices.Contains(figureNames(), name) {
			return fmt.Errorf("there is no figure %q; there are %s", name, strings.Join(figureNames(), ", "))
		}
	}
	return nil
}

// measure measures what is asked for.
func measure(ctx context.Context, s *stage, r *report) error {
	for _, f := range figures() {
		if !slices.Contains(s.opts.Figures, f.name) {
			continue
		}
		s.say("== %s: %s", f.name, f.about)
		if err := f.measure(ctx, s, r); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func measureDecisions(ctx context.Context, s *stage, r *report) (err error) {
	if r.Bare, err = measureBare(ctx, s.opts, s.progress); err != nil {
		return fmt.Errorf("bare decision: %w", err)
	}
	if r.Routes, err = measureRoutes(ctx, s.opts, s.progress); err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	return nil
}

// usage lists the figures above the flags.
func usage(out io.Writer) {
	fmt.Fprintln(out, "bench [flags] [figure ...] measures, by default, the first of these figures:")
	for _, f := range figures() {
		fmt.Fprintf(out, "  %-10s %s\n", f.name, f.about)
	}
	fmt.Fprintf(out, "  %-10s all of %s, %s and %s\n", onCallFigures, figurePoll, figureBusy, figureMoved)
}
