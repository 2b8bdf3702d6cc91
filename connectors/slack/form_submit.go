package slack

import (
	"context"
	"errors"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	stillSavingForm = "⏳ *Still saving.* Submit again to see how it ended."
	firstCounted    = "ℹ️ What you submitted first had counted already. What you changed since then was not asked for."
)

// formSubmitted asks for what the form says. Everything is held against the
// catalogue and policy again; a form is asked for once, however often it is
// submitted, since its view is the key.
func (a *App) formSubmitted(ctx context.Context, cb *slackapi.InteractionCallback) reply {
	v := &cb.View
	c, state := chosenIn(v), stateIn(v)
	if fault := c.fault(state); fault != nil {
		return a.formRefused(v, c, state, fault)
	}
	if c.Action == "" {
		c.Action = state.Action
	}
	a.turns.overtake(v.ID)
	var got submitted
	asked, sent := c.wish, state.Sent // the work may outlast all this
	err, done := a.settle(ctx, func(ctx context.Context) (err error) {
		got, err = a.submitForm(ctx, cb, asked, sent)
		return err
	}, func(ctx context.Context, err error) { a.submittedLate(ctx, v.ID, got, err) })
	switch {
	case !done:
		if !state.Saving { // the first is what may be saved
			state.Saving, state.Sent = true, &c.wish
		}
		return replace(formKept(v, c, stillSavingForm, state))
	case err != nil:
		return a.formRefused(v, c, state, err)
	}
	return replace(got.view())
}

// fault is what is missing in what was chosen. The choices may still be those of
// another resource: then nobody has seen the only action of this one.
func (c chosen) fault(state formState) error {
	switch {
	case c.Resource == "" || c.Resource == valueNone:
		return access.Invalid("resource_required", "/resource", "Choose a resource: type to search.")
	case c.Resource != state.Of:
		return access.Invalid("resource_required", "/resource",
			"What this resource offers is not shown yet. Wait a moment, or choose it again.")
	case c.Action == "" && state.Action == "":
		return access.Invalid("action_required", "/action", "Choose an action.")
	case c.Length == "":
		return access.Invalid("length_required", "/for", "Choose how long.")
	}
	return nil
}

// submitted is what came of a submission.
type submitted struct {
	access.Case
	who  Caller
	at   time.Time
	note string // mrkdwn; "": none
}

func (s submitted) view() slackapi.ModalViewRequest {
	text := caseText(s.Case, s.who, s.at)
	if s.note != "" {
		text = s.note + "\n" + text
	}
	return closingView(text, "Done")
}

// submitForm asks for a wish under the view's key. If that was used for another, the
// first submission counts: what became of it is returned, if it is known what it
// was.
func (a *App) submitForm(ctx context.Context, cb *slackapi.InteractionCallback, w wish, sent *wish) (submitted, error) {
	who, err := a.clicker(ctx, cb)
	if err != nil {
		return submitted{}, err
	}
	key := viewKey(cb)
	c, err := a.submitWish(ctx, who, key, w)
	if err == nil || access.CodeOf(err) != codeKeyReused || sent == nil || *sent == w {
		return submitted{Case: c, who: who, at: a.cfg.Now()}, err
	}
	c, err = a.submitWish(ctx, who, key, *sent)
	return submitted{Case: c, who: who, at: a.cfg.Now(), note: firstCounted}, err
}

func (a *App) submitWish(ctx context.Context, who Caller, key string, w wish) (access.Case, error) {
	ask, err := a.askFor(ctx, who, w)
	if err != nil {
		return access.Case{}, err
	}
	return a.cfg.Desk.Submit(ctx, who, key, ask)
}

// submittedLate shows how a submission ended that took too long. How it failed is
// not shown: submitting again tries again, and says so.
func (a *App) submittedLate(ctx context.Context, viewID string, got submitted, err error) {
	if err != nil {
		a.noted(err)
		return
	}
	behind(ctx)
	if _, err := a.web.UpdateView(ctx, viewID, "", got.view()); err != nil {
		a.cfg.Log.Warn("a request form could not be brought up to date", "error", err)
	}
}

// formRefused shows what is wrong, at the field whose fault it is, or else above the
// form as it was left.
func (a *App) formRefused(v *slackapi.View, c chosen, state formState, err error) reply {
	if access.CodeOf(err) == codeKeyReused {
		return replace(closingView(firstCounted+"\n`/access mine` shows what you have.", "Close"))
	}
	var coded *access.Error
	if errors.As(err, &coded) && coded.Field != "" {
		if id := fieldBlock(v, coded.Field); id != "" {
			return faulty(id, because(err))
		}
	}
	return replace(formKept(v, c, "⚠️ "+a.sorry(err), state))
}

// fieldBlock is the input block of the form that a member of an Ask stands in; "":
// the form has none.
func fieldBlock(v *slackapi.View, field string) string {
	kinds := map[string][]string{
		"/resource": {blockResource}, "/action": {blockAction, blockResource},
		"/for": {blockHowLong, blockAction, blockResource}, "/while": {blockHowLong, blockAction, blockResource},
		"/reason": {blockReason}, "/emergency": {blockEmergency},
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(field, "/"), "/")
	for _, kind := range kinds["/"+top] {
		for _, b := range v.Blocks.BlockSet {
			if input, ok := b.(*slackapi.InputBlock); ok && isBlock(input.BlockID, kind) {
				return input.BlockID
			}
		}
	}
	return ""
}
