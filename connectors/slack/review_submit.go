package slack

import (
	"context"
	"encoding/json"
	"errors"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// reviewSubmitted does what a form about a request or a task says.
func (a *App) reviewSubmitted(ctx context.Context, cb *slackapi.InteractionCallback) reply {
	var p pressed
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &p); err != nil {
		return replace(told(cb.View.CallbackID, "Not done", p, "This form is not one of ours. Nothing was changed."))
	}
	switch cb.View.CallbackID {
	case actDeny:
		return a.submitDenial(ctx, cb, p)
	case actShorten:
		return a.submitShorter(ctx, cb, p)
	case actClose:
		return a.submitClose(ctx, cb, p)
	}
	return replace(told(cb.View.CallbackID, "Not done", p, "This form is not known any more. Nothing was changed."))
}

func (a *App) submitDenial(ctx context.Context, cb *slackapi.InteractionCallback, p pressed) reply {
	comment := written(cb.View)
	if comment == "" {
		return faulty(blockComment, "Say why: whoever asked reads it.")
	}
	return a.answer(ctx, cb, p, blockComment, Answer{Verdict: access.VerdictDeny, Comment: comment})
}

func (a *App) submitShorter(ctx context.Context, cb *slackapi.InteractionCallback, p pressed) reply {
	d, err := access.ParseDuration(filled(cb.View, blockLength).SelectedOption.Value)
	if err != nil {
		return faulty(blockLength, "Choose a length.")
	}
	return a.answer(ctx, cb, p, blockLength, Answer{Verdict: access.VerdictApprove, For: &d, Comment: written(cb.View)})
}

// answer gives a reviewer's answer. What is wrong is said at the block.
func (a *App) answer(ctx context.Context, cb *slackapi.InteractionCallback, p pressed, block string, answer Answer) reply {
	var c access.Case
	return a.submit(ctx, cb, p, block, func(ctx context.Context, who Caller) (instead string, err error) {
		c, err = a.cfg.Desk.Review(ctx, who, viewKey(cb), p.About, answer)
		if err != nil {
			return a.standing(ctx, who, p, err)
		}
		a.aside(ctx, func(ctx context.Context) { a.refresh(ctx, p, who, c) })
		return "", nil
	})
}

// standing reads what became of a request that could not be answered so: the first
// submission of a form counts, and so does whoever was first.
func (a *App) standing(ctx context.Context, who Caller, p pressed, err error) (instead string, _ error) {
	reused := access.CodeOf(err) == codeKeyReused
	if !reused && !errors.Is(err, access.ErrConflict) {
		return "", err
	}
	now, unread := a.cfg.Desk.Case(ctx, who, p.About)
	if unread != nil {
		return "", err // says enough
	}
	a.aside(ctx, func(ctx context.Context) { a.refresh(ctx, p, who, now) })
	switch {
	case reused:
		return "What you submitted first counted; this did not. " + a.scribe(ctx, a.cfg.Now()).became(&now), nil
	case now.State != access.RequestPending:
		return a.tooLate(ctx, now, ""), nil
	}
	return "", err
}

// submit does the work of a form. What it says instead of its form closing is
// mrkdwn. A form whose work is not done in time stays as it was filled in, and
// submitting it again tells how it ended: its view's id makes both one.
func (a *App) submit(ctx context.Context, cb *slackapi.InteractionCallback, p pressed, block string,
	work func(context.Context, Caller) (instead string, err error),
) reply {
	var instead string
	err, done := a.settle(ctx, func(ctx context.Context) error {
		who, err := a.clicker(ctx, cb)
		if err == nil {
			instead, err = work(ctx, who)
		}
		return err
	}, func(_ context.Context, err error) {
		if err != nil {
			a.noted(err)
		}
	})
	switch {
	case !done:
		return replace(kept(cb.View, "⏳ Still saving. Submit again to see how it ended."))
	case err != nil:
		a.noted(err)
		return faulty(block, because(err))
	case instead != "":
		return replace(told(cb.View.CallbackID, "Not done", p, instead))
	}
	return reply{}
}

// replace answers with another form in the place of the one that was submitted.
func replace(v slackapi.ModalViewRequest) reply {
	return reply{Body: slackapi.NewUpdateViewSubmissionResponse(&v)}
}

// faulty says at a block what is wrong.
func faulty(block, text string) reply {
	return reply{Body: slackapi.NewErrorsViewSubmissionResponse(map[string]string{block: cut(text, maxFault)})}
}

// codeKeyReused is that another form was submitted under the same key before.
const codeKeyReused = "idempotency_key_reused"
