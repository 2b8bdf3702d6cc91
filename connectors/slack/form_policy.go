package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// quick is how long what was chosen waits to be shown together with what policy
	// says of it.
	quick = 400 * time.Millisecond

	policyAsked   = "⏳ Policy is being asked…"
	policyUnknown = "❔ What policy says is not known now. You can submit all the same: policy decides then."
	policyIdle    = "Choose a resource and how long, and this says what policy answers."
)

// shower shows a form in the place of one with the hash, and returns its hash.
type shower func(ctx context.Context, hash string, f sheet) (string, error)

// tellPolicy shows the form together with what policy says of what it is filled in
// with; first without, when policy takes its time.
func (a *App) tellPolicy(ctx context.Context, who Caller, f sheet, hash string, show shower) error {
	if f.Resource == "" || f.Length == "" || f.Action == "" {
		f.policy = policyIdle
		_, err := show(ctx, hash, f)
		return err
	}
	said := a.askPolicy(ctx, who, f)
	timer := time.NewTimer(quick)
	defer timer.Stop()
	select {
	case f.policy = <-said:
	case <-timer.C:
		f.policy = policyAsked
		var err error
		if hash, err = show(ctx, hash, f); err != nil {
			return err
		}
		f.policy = <-said
	}
	_, err := show(ctx, hash, f)
	return err
}

// askPolicy says what policy answers, or that it is not known. It always does, and
// in time.
func (a *App) askPolicy(ctx context.Context, who Caller, f sheet) <-chan string {
	said := make(chan string, 2) // the first is read
	late := time.AfterFunc(patience, func() { said <- policyUnknown })
	go func() {
		defer late.Stop()
		text := policyUnknown
		err := a.within(ctx, patience, func(ctx context.Context) error {
			answer, err := a.policyOn(ctx, who, f)
			if err == nil {
				text = answer
			}
			return err
		})
		said <- text
		if err != nil {
			a.cfg.Log.Warn("a form could not say what policy answers", "error", err)
		}
	}()
	return said
}

// policyOn asks policy. A fault of what is asked for is said as it is; another is
// returned.
func (a *App) policyOn(ctx context.Context, who Caller, f sheet) (string, error) {
	ask, err := a.askFor(ctx, who, f.wish)
	if err != nil {
		return "⛔ " + a.sorry(err), nil
	}
	d, err := a.cfg.Desk.Decide(ctx, who, ask)
	if coded := (*access.Error)(nil); errors.As(err, &coded) && !errors.Is(err, access.ErrBusy) {
		return "⛔ " + a.sorry(err), nil
	}
	if err != nil {
		return policyUnknown, err
	}
	return verdict(d, ask, a.outlookOf(who)), nil
}

// askFor is what a wish asks for.
func (a *App) askFor(ctx context.Context, who Caller, w wish) (Ask, error) {
	ref, err := a.refOf(ctx, who, w.Resource)
	if err != nil {
		return Ask{}, err
	}
	ask := Ask{Action: access.Action{Name: w.Action}, Resource: ref, Reason: w.Reason, Emergency: w.Emergency}
	if w.Action == "" {
		return ask, access.Invalid("action_required", "/action", "Choose an action.")
	}
	return ask, ask.setLength(w.Length)
}

func (a *App) outlookOf(who Caller) outlook {
	f := outlook{now: a.cfg.Now(), zone: who.TimeZone}
	f.oncall, f.incidents = a.cfg.Desk.Facts(who.Subject)
	return f
}

// codeNoReason is the code by which the shipped policy says that a reason is
// missing.
const codeNoReason = "no_reason"

// verdict says what a decision means for what is asked for. It names what it was
// asked for, so that it is true however late it is shown.
func verdict(d access.Decision, ask Ask, f outlook) string {
	about := fmt.Sprintf("*%s* %s", inline(ask.Action.Name, 100), lengthText(ask.For, ask.While))
	if ask.Emergency {
		about += ", as an emergency"
	}
	lines := []string{"*What policy says* to " + about + ":"}
	bare := strings.TrimSpace(ask.Reason) == ""
	switch d.Effect {
	case access.Allow:
		lines = append(lines, "✅ *Allowed at once*"+untilText(d, ask, f))
	case access.Review:
		lines = append(lines, "👀 *Needs a review*"+byReviewers(d.Reviewers))
	case access.Deny:
		if bare && len(d.Reasons) == 1 && d.Reasons[0].Code == codeNoReason {
			return lines[0] + "\n✍️ *It needs a reason.* Write it and press Enter, and this says what policy answers."
		}
		lines = append(lines, "⛔ *No*")
	default:
		return policyUnknown
	}
	lines = append(lines, policy(d))
	lines = append(lines, besides(d.Obligations)...)
	if bare {
		lines = append(lines, "_Asked without a reason so far: press Enter in it to ask with it._")
	}
	return nonEmpty(lines)
}

// lengthText says how long, in mrkdwn.
func lengthText(d *access.Duration, as *string) string {
	switch {
	case d != nil:
		return "for " + spell(time.Duration(*d))
	case as != nil:
		return while(*as)
	}
	return ""
}

// untilText is when access that is allowed now would end, as far as is known.
func untilText(d access.Decision, ask Ask, f outlook) string {
	limit := func(text string) string {
		if d.MaxSeconds == nil {
			return text
		}
		return text + ", at most until " + moment(f.now.Add(time.Duration(*d.MaxSeconds)*time.Second), f.zone)
	}
	switch {
	case ask.For != nil:
		return ", until " + moment(f.now.Add(time.Duration(*ask.For)), f.zone)
	case *ask.While != access.WhileOnCall:
		return limit(", until the incident is resolved")
	case d.Until == nil:
		return limit(", while you are on call")
	}
	c := access.CoverageOf(access.PickedShifts(f.oncall.Shifts, d.Until.OnCall), f.now)
	if !c.On || c.Open {
		return limit(", while you are on call")
	}
	end := c.Until.Add(time.Duration(d.Until.GraceSeconds) * time.Second)
	if d.MaxSeconds != nil && end.After(f.now.Add(time.Duration(*d.MaxSeconds)*time.Second)) {
		end = f.now.Add(time.Duration(*d.MaxSeconds) * time.Second)
	}
	return ", while you are on call: as planned until " + moment(end, f.zone)
}

// byReviewers says who may answer, and how many must.
func byReviewers(r *access.Reviewers) string {
	if r == nil {
		return ""
	}
	names := slices.Clone(r.Groups)
	for _, p := range r.Subjects {
		names = append(names, p.ID)
	}
	text := ""
	if len(names) > 0 {
		text = " by " + listed(len(names), func(i int) string { return inline(names[i], maxName) })
	}
	if r.Quorum > 1 {
		text += fmt.Sprintf("; %d must approve", r.Quorum)
	}
	return text
}

// besides says what else comes of it.
func besides(o access.Obligations) []string {
	var lines []string
	if n := o.Notify; len(n) > 0 {
		lines = append(lines, "📣 It is told to "+listed(len(n), func(i int) string { return inline(n[i], maxName) })+".")
	}
	if o.AfterReview {
		lines = append(lines, "🔍 Somebody else must look at it afterwards.")
	}
	return lines
}
