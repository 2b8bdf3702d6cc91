package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// direct asks for what was typed. What is not clear is asked back, with a button
// that opens the form with the rest of it.
func (a *App) direct(ctx context.Context, c slackapi.SlashCommand, t typed) response {
	who, err := a.who(ctx, c.TeamID, c.UserID)
	if err != nil {
		return a.failed(err)
	}
	list, exact, err := a.findNamed(ctx, who, t.resource)
	if err != nil {
		return a.failed(err)
	}
	w := wish{Action: t.action, Length: t.length, Reason: t.reason, Emergency: t.emergency}
	if !exact {
		return whichResource(t.resource, list, w)
	}
	r := list[0]
	w.Resource = refValue(r.Ref())
	if w.Action = actionNamed(r, t.action); w.Action == "" {
		return whichAction(r, t.action, w)
	}
	ask := Ask{Action: access.Action{Name: w.Action}, Resource: r.Ref(), Reason: w.Reason, Emergency: w.Emergency}
	if err = ask.setLength(w.Length); err != nil {
		return a.failed(err)
	}
	done, err := a.cfg.Desk.Submit(ctx, who, keyOf("command", c.TeamID, c.TriggerID), ask)
	if err != nil {
		return withPicks("⚠️ "+a.sorry(err), []pick{{"Open the form", "", w}})
	}
	return response{Text: caseText(done, who, a.cfg.Now())}
}

// actionNamed is the action of a resource that a word means: the only one, when
// none was said; "": none.
func actionNamed(r access.Resource, word string) string {
	if word == "" && len(r.Entitlements) == 1 {
		return r.Entitlements[0].Action
	}
	for _, e := range r.Entitlements {
		if e.Action == word {
			return e.Action
		}
	}
	for _, e := range r.Entitlements {
		if strings.EqualFold(e.Action, word) {
			return e.Action
		}
	}
	return ""
}

// withRest adds what words behind the name of a resource say: its action perhaps,
// and a reason.
func (w wish) withRest(r access.Resource, rest []string) wish {
	if len(rest) > 0 {
		if action := actionNamed(r, rest[0]); action != "" {
			w.Action, rest = action, rest[1:]
		}
	}
	t := typed{emergency: w.Emergency}
	t.setReason(rest)
	w.Reason, w.Emergency = t.reason, t.emergency
	return w
}

// findNamed looks for the resource of a name: its type and id, its id, or its whole
// name, in that order, whatever their case. If exactly one has it, that is the
// list; else it is those that were perhaps meant.
func (a *App) findNamed(ctx context.Context, who Caller, name string) (list []access.Resource, exact bool, err error) {
	found, err := a.cfg.Desk.Resources(ctx, who, name, manyMatches)
	if err != nil {
		return nil, false, err
	}
	if ref := splitRef(name); ref.Type != "" && len(found) == 0 { // some only look into each
		if found, err = a.cfg.Desk.Resources(ctx, who, ref.ID, manyMatches); err != nil {
			return nil, false, err
		}
	}
	for _, is := range []func(access.Resource) bool{
		func(r access.Resource) bool { return r.Ref().String() == name },
		func(r access.Resource) bool { return strings.EqualFold(r.Ref().String(), name) },
		func(r access.Resource) bool { return strings.EqualFold(r.ID, name) || strings.EqualFold(r.Name, name) },
	} {
		same := slices.DeleteFunc(slices.Clone(found), func(r access.Resource) bool { return !is(r) })
		if len(same) > 0 {
			return same, len(same) == 1, nil
		}
	}
	return found, false, nil
}

// pick is a way to go on: a button that opens the form.
type pick struct {
	label string
	about string // mrkdwn beside it; "": nothing
	wish
}

// maxPicks bounds how many there are.
const maxPicks = 10

func whichResource(name string, list []access.Resource, w wish) response {
	var picks []pick
	for _, r := range list[:min(len(list), maxPicks)] {
		w.Resource = refValue(r.Ref())
		picks = append(picks, pick{"Choose", called(r), w})
	}
	text := "Which one do you mean by “" + inline(name, 100) + "”? Nothing was asked for yet."
	switch {
	case len(list) == 0:
		w.Resource = ""
		picks = []pick{{"Open the form", "", w}}
		text = "There is no resource “" + inline(name, 100) + "”. Nothing was asked for. A resource is its id, `type:id`, or its whole name in \"quotes\"."
	case len(list) > maxPicks:
		text += fmt.Sprintf(" These are some of %d; write more of it, or `type:id`, for others.", len(list))
	}
	return withPicks(text, picks)
}

func whichAction(r access.Resource, word string, w wish) response {
	title := called(r)
	if len(r.Entitlements) == 0 {
		return response{Text: "There is nothing that could be asked for on " + title + "."}
	}
	text := title + " has several actions: say which. Nothing was asked for yet."
	if word != "" {
		text = title + " has no action “" + inline(word, 70) + "”. Nothing was asked for."
	}
	var picks []pick
	for _, e := range r.Entitlements[:min(len(r.Entitlements), maxPicks)] {
		w.Action = e.Action
		picks = append(picks, pick{"Choose", "*" + escape(e.Action) + "*", w})
	}
	return withPicks(text, picks)
}

// called is how a resource is called, in mrkdwn.
func called(r access.Resource) string {
	ref := inline(r.Ref().String(), maxName)
	if strings.TrimSpace(r.Name) == "" {
		return "*" + ref + "*"
	}
	return "*" + inline(r.Name, maxName) + "* (" + ref + ")"
}

// withPicks says something, with ways to go on.
func withPicks(text string, picks []pick) response {
	r := response{Text: text, Blocks: []slackapi.Block{section(text)}}
	for i, p := range picks {
		b := button(actPick+"."+strconv.Itoa(i), p.value(), p.label, slackapi.StyleDefault)
		if p.about == "" {
			r.Blocks = append(r.Blocks, slackapi.NewActionBlock("", b))
			continue
		}
		s := section(p.about)
		s.Accessory = slackapi.NewAccessory(b)
		r.Blocks = append(r.Blocks, s)
	}
	return r
}

// maxButtonValue is Slack's limit.
const maxButtonValue = 2000

// value is the wish for a button. A reason that does not fit is cut; anything else
// that does not fit into an option is none of a form, and is left out.
func (w wish) value() string {
	for _, choice := range []*string{&w.Resource, &w.Action, &w.Length} {
		if len(*choice) > maxOptionValue {
			*choice = ""
		}
	}
	for {
		raw, err := json.Marshal(w)
		if err == nil && len(raw) <= maxButtonValue {
			return string(raw)
		}
		if err != nil || w.Reason == "" {
			return "{}"
		}
		runes := []rune(w.Reason)
		w.Reason = string(runes[:len(runes)*3/4])
	}
}
