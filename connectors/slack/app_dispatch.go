package slack

import (
	"context"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"
)

const (
	// answerIn is when an answer is written, whatever is still at work: Slack waits
	// three seconds, and some of them are the network's.
	answerIn = 2700 * time.Millisecond
	// handleIn bounds how long a message is handled: longer than what is asked of the
	// Desk for it, and what is said about that.
	handleIn    = settleIn + lateIn
	maxHandling = 128
)

// Prefixes and ids by which it is known who handles what somebody did.
const (
	ofForm     = "form."
	ofMine     = "mine."
	ofReview   = "review."
	ofTask     = "task."
	idRequest  = "request"                 // callback of the request form
	idShortcut = "access_request_shortcut" // callback of the global shortcut, as in the manifest
)

// job is a message that is understood.
type job struct {
	do func(context.Context) reply
	// overdue is answered in its place when it takes too long; nil: nothing can be
	// said without saying that it is done.
	overdue *reply
}

// attend does the job and waits for it as long as Slack waits. A job that is given
// up goes on: whoever it is for hears of it another way.
func (a *App) attend(ctx context.Context, j job) (reply, outcome) {
	if !a.handling.enter() {
		return reply{}, outcomeBusy
	}
	answered := make(chan *reply, 1)
	detached := context.WithoutCancel(ctx) // that Slack hangs up undoes nothing
	go func() {
		defer a.handling.leave()
		var r *reply
		_ = a.within(detached, handleIn, func(ctx context.Context) error {
			got := j.do(ctx)
			r = &got
			return nil
		})
		answered <- r
	}()
	timer := time.NewTimer(answerIn - time.Since(arrivalOf(ctx).at))
	defer timer.Stop()
	select {
	case r := <-answered:
		if r == nil {
			return reply{}, outcomeFailed
		}
		return *r, outcomeTaken
	case <-timer.C:
	}
	if j.overdue == nil {
		return reply{}, outcomeFailed
	}
	return *j.overdue, outcomeOverdue
}

// ofCommand is the job that a command gives.
func (a *App) ofCommand(c slackapi.SlashCommand) job {
	return job{
		do: func(ctx context.Context) reply { return a.command(ctx, c) },
		overdue: &reply{Body: map[string]string{"response_type": slackapi.ResponseTypeEphemeral,
			"text": "This takes longer than usual and nothing is known to be done yet. `/access mine` shows what you have."}},
	}
}

// ofInteraction is the job that an interaction gives; known is false if there is no
// use for it.
func (a *App) ofInteraction(cb *slackapi.InteractionCallback) (j job, known bool) {
	empty := &reply{}
	switch cb.Type { //nolint:exhaustive // there is no use for the others
	case slackapi.InteractionTypeBlockActions:
		return job{do: func(ctx context.Context) reply { return a.acted(ctx, cb) }, overdue: empty}, true
	case slackapi.InteractionTypeBlockSuggestion:
		return job{do: func(ctx context.Context) reply { return options(a.suggest(ctx, cb)) }, overdue: optionsOf(nil)}, true
	case slackapi.InteractionTypeShortcut:
		return job{do: func(ctx context.Context) reply { a.formShortcut(ctx, cb); return reply{} }, overdue: empty}, cb.CallbackID == idShortcut
	case slackapi.InteractionTypeViewSubmission:
		submitted := a.submitted(cb.View.CallbackID)
		return job{do: func(ctx context.Context) reply { return submitted(ctx, cb) }, overdue: stillSaving(&cb.View)}, submitted != nil
	}
	return job{}, false
}

// acted hands each thing that somebody clicked or chose to whom it belongs.
func (a *App) acted(ctx context.Context, cb *slackapi.InteractionCallback) reply {
	for _, act := range cb.ActionCallback.BlockActions {
		if act == nil {
			continue
		}
		switch id := act.ActionID; {
		case strings.HasPrefix(id, ofForm), strings.HasPrefix(id, ofMine):
			a.formActed(ctx, cb, act)
		case strings.HasPrefix(id, ofReview), strings.HasPrefix(id, ofTask):
			a.reviewActed(ctx, cb, act)
		}
	}
	return reply{}
}

// submitted returns whose a form is; nil: nobody's.
func (a *App) submitted(callback string) func(context.Context, *slackapi.InteractionCallback) reply {
	switch {
	case callback == idRequest:
		return a.formSubmitted
	case strings.HasPrefix(callback, ofReview), strings.HasPrefix(callback, ofTask):
		return a.reviewSubmitted
	}
	return nil
}

// stillSaving answers a form that is not done yet: it stays open as it was filled
// in. An empty answer would close it, as if it were done.
func stillSaving(v *slackapi.View) *reply {
	for _, b := range v.Blocks.BlockSet {
		if input, ok := b.(*slackapi.InputBlock); ok && input.BlockID != "" {
			return &reply{Body: slackapi.NewErrorsViewSubmissionResponse(map[string]string{
				input.BlockID: "Still saving. Submit again to see how it ended."})}
		}
	}
	return nil
}

func options(list []*slackapi.OptionBlockObject) reply { return *optionsOf(list) }

// optionsOf answers with the options, as many as Slack takes. The SDK's type
// leaves the member out when there are none, which Slack does not take.
func optionsOf(list []*slackapi.OptionBlockObject) *reply {
	list = list[:min(len(list), maxOptions)]
	if list == nil {
		list = []*slackapi.OptionBlockObject{}
	}
	return &reply{Body: optionList{Options: list}}
}

// optionList is what a request for options is answered with.
type optionList struct {
	Options []*slackapi.OptionBlockObject `json:"options"`
}
