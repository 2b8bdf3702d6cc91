package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// Blocks of the forms with which a request or a task is answered. An action has
// the id of its block.
const (
	blockNote    = "note" // a line that comes and goes
	blockLength  = "length"
	blockComment = "comment"
	maxWritten   = 2000 // as the engine has it, though in bytes
)

// openForm shows a form for a click. Nothing is asked of anybody before: a click
// opens a form within three seconds, or not at all.
func (a *App) openForm(ctx context.Context, cb *slackapi.InteractionCallback, v slackapi.ModalViewRequest) (view slackapi.View, open bool) {
	view, err := a.web.OpenView(ctx, cb.TriggerID, v)
	if err != nil {
		a.cfg.Log.Info("a form could not be opened in Slack", "form", v.CallbackID, "error", err)
		a.whisper(ctx, cb, "Slack did not open the form in time, and nothing was changed. Click again.")
	}
	return view, err == nil
}

// form is a form about a message's request or task.
func form(callback, title, submit string, p pressed, blocks ...slackapi.Block) slackapi.ModalViewRequest {
	v := slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: callback, Title: plain(title, maxTitle), Close: plain("Cancel", maxTitle),
		Blocks: slackapi.Blocks{BlockSet: blocks},
	}
	if submit != "" {
		v.Submit = plain(submit, maxTitle)
	}
	if carried, err := json.Marshal(p); err == nil { // of strings only
		v.PrivateMetadata = string(carried)
	}
	return v
}

func denyForm(p pressed) slackapi.ModalViewRequest {
	return form(actDeny, "Deny request", "Deny", p,
		section("A denial is final. Whoever asked reads what you write."),
		commentInput("Why not?", false))
}

func closeForm(p pressed) slackapi.ModalViewRequest {
	return form(actClose, "Close review", "Close", p,
		section("Closing says that you, who neither held nor asked for this access, have looked at it."),
		commentInput("What did you find?", false))
}

func commentInput(label string, optional bool) *slackapi.InputBlock {
	element := slackapi.NewPlainTextInputBlockElement(nil, blockComment).WithMultiline(true).WithMaxLength(maxWritten)
	return slackapi.NewInputBlock(blockComment, plain(label, maxLabel), nil, element).WithOptional(optional)
}

// shortenForm offers the lengths that are shorter than what was asked for.
func shortenForm(p pressed, c *access.Case, about string) slackapi.ModalViewRequest {
	var lengths []*slackapi.OptionBlockObject
	for _, d := range c.Shorter[:min(len(c.Shorter), maxOptions)] {
		lengths = append(lengths, slackapi.NewOptionBlockObject(d.String(), plain(spell(time.Duration(d)), maxOption), nil))
	}
	choice := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeStatic, plain("A length", maxPlaceholder), blockLength, lengths...)
	return form(actShorten, "Approve shorter", "Approve", p,
		section(about),
		slackapi.NewInputBlock(blockLength, plain("For how long?", maxLabel), nil, choice),
		commentInput("Comment", true))
}

// told is a form with nothing to submit.
func told(callback, title string, p pressed, text string) slackapi.ModalViewRequest {
	return form(callback, title, "", p, section(text))
}

// openShorten opens a form at once, and fills it when the request is read.
func (a *App) openShorten(ctx context.Context, cb *slackapi.InteractionCallback, p pressed) {
	view, open := a.openForm(ctx, cb, told(actShorten, "Approve shorter", p, "Reading the request…"))
	if !open {
		return
	}
	fill := func(ctx context.Context) error {
		v, err := a.shorten(ctx, cb, p)
		if err != nil {
			a.noted(err)
			v = told(actShorten, "Approve shorter", p, escape(because(err)))
		}
		_, err = a.web.UpdateView(ctx, view.ID, view.Hash, v)
		return err
	}
	unfilled := func(_ context.Context, err error) {
		if err != nil {
			a.cfg.Log.Info("a form of a review could not be filled in Slack", "request_id", p.About, "error", err)
		}
	}
	if err, done := a.settle(ctx, fill, unfilled); done {
		unfilled(ctx, err)
	}
}

// shorten returns the form of a request as it is now.
func (a *App) shorten(ctx context.Context, cb *slackapi.InteractionCallback, p pressed) (v slackapi.ModalViewRequest, err error) {
	who, err := a.clicker(ctx, cb)
	if err != nil {
		return v, err
	}
	c, err := a.cfg.Desk.Case(ctx, who, p.About)
	if err != nil {
		return v, err
	}
	s := a.scribe(ctx, a.cfg.Now())
	switch {
	case c.State != access.RequestPending:
		a.aside(ctx, func(ctx context.Context) { a.refresh(ctx, p, who, c) })
		return told(actShorten, "Approve shorter", p, "This request is not open any more. "+s.became(&c)), nil
	case len(c.Shorter) == 0:
		return told(actShorten, "Approve shorter", p, "Nothing shorter is on offer. You can approve it as it is, or deny it."), nil
	}
	return shortenForm(p, &c, fmt.Sprintf("%s, %s.", s.asks(&c), s.length(&c))), nil
}

// kept is the form that was submitted, with what was filled in and a line on top.
func kept(v slackapi.View, line string) slackapi.ModalViewRequest {
	return slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: v.CallbackID, Title: v.Title, Submit: v.Submit, Close: v.Close, PrivateMetadata: v.PrivateMetadata,
		Blocks: slackapi.Blocks{BlockSet: leftAs(&v, line, func(input *slackapi.InputBlock) { keep(input, v) })},
	}
}

// keep puts what somebody filled in into the field, as if it had been there.
func keep(input *slackapi.InputBlock, v slackapi.View) {
	switch field := input.Element.(type) {
	case *slackapi.PlainTextInputBlockElement:
		field.InitialValue = filled(v, input.BlockID).Value
	case *slackapi.SelectBlockElement:
		if chosen := filled(v, input.BlockID).SelectedOption; chosen.Value != "" {
			field.InitialOption = &chosen
		}
	}
}

// filled is what somebody filled in.
func filled(v slackapi.View, block string) slackapi.BlockAction {
	if v.State == nil {
		return slackapi.BlockAction{}
	}
	return v.State.Values[block][block]
}

// written is the comment in a form.
func written(v slackapi.View) string { return strings.TrimSpace(filled(v, blockComment).Value) }
