package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// printRequest prints a request with what was decided, why, and when the access
// ends.
func (c *cli) printRequest(r engine.RequestView) error {
	pairs := []string{
		"request", r.ID,
		"state", string(r.State),
		"subject", r.Subject.String(),
		"access", r.Action.Name + " on " + r.Resource.Type + "/" + r.Resource.ID + ", " + asked(r.For, r.While),
		"reason", r.Reason,
	}
	if r.Requester != r.Subject {
		pairs = append(pairs, "asked by", r.Requester.String())
	}
	pairs = append(pairs, decisionPairs(r.Decision)...)
	for _, v := range r.Reviews {
		pairs = append(pairs, "review", reviewLine(v))
	}
	if r.State == access.RequestPending {
		pairs = append(pairs, "waits for", waitsFor(r.Decision), "lapses at", exactOrNone(r.LapsesAt),
			"next", "a reviewer runs: curfew approve "+r.ID)
	}
	if g := r.Grant; g != nil {
		pairs = append(pairs, grantPairs(*g)...)
	}
	return c.facts(pairs...)
}

// printDecision prints what policy said.
func (c *cli) printDecision(d engine.DecisionView) error { return c.facts(decisionPairs(d)...) }

func decisionPairs(d engine.DecisionView) []string {
	pairs := []string{"decision", fmt.Sprintf("%s (%s, policies %s)", d.Effect, d.ID, short(d.Revision))}
	for _, r := range d.Reasons {
		pairs = append(pairs, "because", strings.TrimSuffix(fmt.Sprintf("%s: %s. %s", r.Code, r.Title, r.Detail), " "))
	}
	return pairs
}

func grantPairs(g access.Grant) []string {
	length := g.ExpiresAt.Sub(g.StartsAt).Round(time.Second)
	pairs := []string{
		"grant", fmt.Sprintf("%s (%s)", g.ID, g.State),
		"from", exact(g.StartsAt),
		"until", fmt.Sprintf("%s (%s)", exact(g.ExpiresAt), access.Duration(length)),
	}
	if g.Bound != nil && g.State != access.GrantEnded {
		pairs = append(pairs, "moves", fmt.Sprintf("with what it is bound to (%s), and never beyond %s",
			forOrWhile(nil, g.While), exact(g.Bound.EndsBy)))
	}
	if g.EndReason != nil {
		pairs = append(pairs, "ended", exactOrNone(g.EndedAt)+" ("+string(*g.EndReason)+")")
	}
	return pairs
}

func asked(d *access.Duration, while *string) string {
	if d != nil {
		return "for " + d.String()
	}
	return forOrWhile(nil, while)
}

func reviewLine(v access.ReviewRecord) string {
	line := fmt.Sprintf("%s: %s", v.Reviewer, v.Verdict)
	if v.For != nil {
		line += " for " + v.For.String()
	}
	if v.Comment != "" {
		line += ": " + v.Comment
	}
	return line
}

func waitsFor(d engine.DecisionView) string {
	if d.Reviewers == nil {
		return ""
	}
	var who []string
	for _, g := range d.Reviewers.Groups {
		who = append(who, "group "+g)
	}
	for _, s := range d.Reviewers.Subjects {
		who = append(who, s.String())
	}
	return fmt.Sprintf("%d of %s", max(d.Reviewers.Quorum, 1), strings.Join(who, ", "))
}

func exactOrNone(t *time.Time) string {
	if t == nil {
		return ""
	}
	return exact(*t)
}
