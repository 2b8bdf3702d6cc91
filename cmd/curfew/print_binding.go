package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func (c *cli) printBindings(page engine.Page[engine.BindingItem]) error {
	var rows [][]string
	for _, b := range page.Items {
		rows = append(rows, []string{
			b.ID, b.Target, b.Subject.String(), b.Resource.Type + "/" + b.Resource.ID, b.Action.Name,
			stands(b), strconv.Itoa(b.Attempts), instantOrNone(b.DueAt), oneLine(b.LastError),
		})
	}
	if err := c.table("BINDING TARGET SUBJECT RESOURCE ACTION STATE ATTEMPTS SINCE ERROR", rows); err != nil {
		return err
	}
	return c.more(page.NextCursor)
}

// stands is what a binding is, what it should be, and what is wrong with it.
func stands(b engine.BindingItem) string {
	state := string(b.Observed)
	if b.ForcedAt != nil {
		state += " (forced)"
	}
	if b.Observed != b.Desired {
		state += ", should be " + string(b.Desired)
	}
	if b.Overdue {
		state = "OVERDUE: " + state
	}
	if v := b.Verification; v != nil && v.DriftedSince != nil {
		state = "DRIFTED: " + state + ", the target says " + string(v.Answer)
	}
	return state
}

func (c *cli) printRetried(b engine.BindingItem) error { return c.facts(bindingPairs(b)...) }

// printBinding prints a binding, the proof of its newest removal, and its timeline.
func (c *cli) printBinding(b engine.BindingDetail) error {
	pairs := bindingPairs(b.BindingItem)
	for _, g := range b.Grants {
		pairs = append(pairs, "held by", fmt.Sprintf("%s until %s", g.ID, exact(g.ExpiresAt)))
	}
	pairs = append(pairs, nextFor(b.BindingItem)...)
	if b.Removal != nil {
		pairs = append(pairs, removalPairs(*b.Removal)...)
	}
	if err := c.facts(pairs...); err != nil {
		return err
	}
	if err := c.say(""); err != nil {
		return err
	}
	return c.printTimeline(b)
}

func bindingPairs(b engine.BindingItem) []string {
	pairs := []string{
		"binding", b.ID, "state", stands(b), "target", b.Target, "subject", b.Subject.String(),
		"access", b.Action.Name + " on " + b.Resource.Type + "/" + b.Resource.ID,
		"generation", strconv.FormatInt(b.Generation, 10), "attempts", strconv.Itoa(b.Attempts),
		"last error", b.LastError, "wrong since", exactOrNone(b.DueAt), "callback by", exactOrNone(b.CallbackBy),
		"next attempt", exactOrNone(b.NextAt), "confirmed at", exactOrNone(b.ConfirmedAt), "forced at", exactOrNone(b.ForcedAt),
	}
	if v := b.Verification; v != nil {
		pairs = append(pairs, "verified at", exactOrNone(v.VerifiedAt), "drifted since", exactOrNone(v.DriftedSince),
			"verify error", v.Error, "next question", exactOrNone(v.NextAt))
	}
	return pairs
}

// nextFor is what an operator can do about a binding that is overdue.
func nextFor(b engine.BindingItem) []string {
	if !b.Overdue {
		return nil
	}
	next := "mend what the error says, then: curfew bindings retry " + b.ID
	if b.Desired == access.Absent {
		next += "\nif the target will never say so: curfew bindings force-close " + b.ID + " --reason …"
	}
	return []string{"next", next}
}

// removalPairs is the proof that access that ended was taken away.
func removalPairs(r engine.Removal) []string {
	ended := exact(r.DueAt)
	if r.EndReason != nil {
		ended += " (" + string(*r.EndReason) + ")"
	}
	pairs := []string{"access ended", ended}
	if r.GrantID != nil {
		pairs = append(pairs, "with", *r.GrantID)
	}
	attempted := "not yet"
	if r.FirstAttemptAt != nil {
		attempted = fmt.Sprintf("%s, first at %s", counted(r.Attempts, "time", "times"), exact(*r.FirstAttemptAt))
	}
	pairs = append(pairs, "removal tried", attempted, "accepted", exactOrNone(r.AcceptedAt))
	confirmed := "not yet"
	if r.ConfirmedAt != nil && r.ConfirmedBy != nil && r.Seconds != nil {
		took := time.Duration(*r.Seconds * float64(time.Second)).Round(time.Millisecond)
		confirmed = fmt.Sprintf("%s by %s, %s after the end", exact(*r.ConfirmedAt), confirmer(*r.ConfirmedBy), took)
	}
	return append(pairs, "removal confirmed", confirmed, "removal verified", verifiedWord(r))
}

// confirmer is who confirmed, in words.
func confirmer(by engine.ConfirmedBy) string {
	switch by {
	case engine.ByForce:
		return "two persons, not by the target"
	case engine.ByCallback:
		return "the target's callback"
	default:
		return "the target's response"
	}
}

func verifiedWord(r engine.Removal) string {
	switch {
	case r.Verified == nil:
		return "the target was not asked, or could not tell"
	case !*r.Verified:
		return "NO: the target says that it is there"
	}
	return exactOrNone(r.VerifiedAt)
}

func (c *cli) printTimeline(b engine.BindingDetail) error {
	if b.TimelineOmitted > 0 {
		if err := c.say("%d earlier entries are not shown.", b.TimelineOmitted); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, e := range b.Timeline {
		actor, generation := "", ""
		if e.Actor != nil {
			actor = e.Actor.String()
		}
		if e.Generation > 0 {
			generation = strconv.FormatInt(e.Generation, 10)
		}
		rows = append(rows, []string{exact(e.At), e.Event, generation, actor, happened(e)})
	}
	return c.table("AT EVENT GENERATION BY WHAT", rows)
}

// happened is what an entry of a timeline says beside its name.
func happened(e engine.TimelineEntry) string {
	var parts []string
	if e.Verb != "" {
		parts = append(parts, strings.TrimPrefix(string(e.Verb), "access."))
	}
	if e.Attempt > 0 {
		parts = append(parts, "attempt "+strconv.Itoa(e.Attempt))
	}
	if e.Class != "" {
		parts = append(parts, string(e.Class))
	}
	if e.Status != 0 {
		parts = append(parts, strconv.Itoa(e.Status))
	}
	what := strings.Join(parts, ", ")
	if e.Detail != "" {
		what = strings.TrimPrefix(what+": "+oneLine(e.Detail), ": ")
	}
	return what
}

func instantOrNone(t *time.Time) string {
	if t == nil {
		return ""
	}
	return instant(*t)
}
