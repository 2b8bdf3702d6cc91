package slack

import (
	"context"
	"encoding/json"
	"errors"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// What can be acted upon in the request form, and where it is shown.
const (
	actResource  = "form.resource"
	actAction    = "form.action"
	actLength    = "form.length"
	actReason    = "form.reason"
	actEmergency = "form.emergency"
	actPick      = "form.pick" // opens the form, filled in as its value says; several may be in a message: "form.pick.1"
)

// wish is what somebody wants to ask for, in the words of the form: what fits into
// its state, and into a button that opens it filled in.
type wish struct {
	Resource  string `json:"r,omitempty"` // as refValue has it
	Action    string `json:"a,omitempty"`
	Length    string `json:"l,omitempty"` // as lengthValue has it
	Reason    string `json:"t,omitempty"`
	Emergency bool   `json:"e,omitempty"`
}

// prefill is for whom the form opens, and what it is to be filled in with. Nobody
// was recognised yet.
type prefill struct {
	team, user string
	wish
	named string   // the resource as somebody typed it, when no option was picked
	rest  []string // words behind it: perhaps an action, then a reason
	again string   // id of a request to ask for again
}

// empty reports whether there is nothing to look up.
func (p prefill) empty() bool { return p.wish == (wish{}) && p.named == "" && p.again == "" }

// openRequest opens the request form. Nothing is asked of anybody before: the
// trigger lives three seconds. What the form is filled in with comes afterwards,
// into the open form.
func (a *App) openRequest(ctx context.Context, trigger string, p prefill) error {
	if p.empty() {
		_, err := a.web.OpenView(ctx, trigger, sheet{}.view())
		return err
	}
	opened, err := a.web.OpenView(ctx, trigger, loadingView())
	if err != nil {
		return err
	}
	fill := func(ctx context.Context) error { return a.fill(ctx, opened, p) }
	err, _ = a.settle(ctx, fill, func(_ context.Context, err error) { a.unfilled(err) })
	a.unfilled(err)
	return nil // it is open
}

// unfilled tells of a form that stays without what it was to be filled in with.
func (a *App) unfilled(err error) {
	if err != nil {
		a.cfg.Log.Warn("a request form could not be filled in", "error", err)
	}
}

// fill fills in a form that was just opened. What can not be found out is said in
// it, and can be chosen there.
func (a *App) fill(ctx context.Context, opened slackapi.View, p prefill) error {
	f := sheet{}
	who, err := a.who(ctx, p.team, p.user)
	if err == nil {
		f, err = a.filled(ctx, who, p)
	}
	if err = a.unread(err); err != nil {
		f.note, f.Resource, f.of = "⚠️ "+a.sorry(err), "", nil
	}
	first := a.turns.take(opened.ID, "") // before all that is chosen in it
	err = a.tellPolicy(ctx, who, f, opened.Hash, func(ctx context.Context, hash string, f sheet) (string, error) {
		return a.show(ctx, first, hash, f.view())
	})
	if errors.Is(err, errOutrun) {
		return nil // they went on by themselves
	}
	return err
}

// filled is the form as it was wished for.
func (a *App) filled(ctx context.Context, who Caller, p prefill) (sheet, error) {
	f := sheet{chosen: chosen{wish: p.wish}}
	var err error
	switch {
	case p.again != "":
		f.wish, err = a.wishAgain(ctx, who, p.again)
	case p.named != "":
		f.wish, err = a.wishNamed(ctx, who, p)
		if f.Resource == "" && err == nil {
			f.note = "No resource is named “" + inline(p.named, maxName) + "”, or several are. Search for it here."
		}
	}
	if err != nil || f.Resource == "" {
		return f, err
	}
	return a.withFields(ctx, who, f)
}

// wishNamed is what words say behind the name of a resource; without the resource,
// if no one resource has the name.
func (a *App) wishNamed(ctx context.Context, who Caller, p prefill) (wish, error) {
	list, exact, err := a.findNamed(ctx, who, p.named)
	if err != nil || !exact {
		return p.withRest(access.Resource{}, p.rest), err
	}
	w := p.withRest(list[0], p.rest)
	w.Resource = refValue(list[0].Ref())
	return w, nil
}

// wishAgain is the wish that a request was. A second emergency is said anew.
func (a *App) wishAgain(ctx context.Context, who Caller, requestID string) (wish, error) {
	c, err := a.cfg.Desk.Case(ctx, who, requestID)
	if err != nil {
		return wish{}, err
	}
	return wish{Resource: refValue(c.Resource), Action: c.Action.Name, Length: lengthValue(c.For, c.While), Reason: c.Reason}, nil
}

// formShortcut opens the form.
func (a *App) formShortcut(ctx context.Context, cb *slackapi.InteractionCallback) {
	a.openOr(ctx, cb, prefill{team: teamOf(cb), user: cb.User.ID})
}

// openOr opens the form, or says that it did not open where there is a place to.
func (a *App) openOr(ctx context.Context, cb *slackapi.InteractionCallback, p prefill) {
	err := a.openRequest(ctx, cb.TriggerID, p)
	if err == nil {
		return
	}
	a.cfg.Log.Warn("a request form could not be opened", "error", err)
	a.respond(ctx, cb.ResponseURL, response{Text: notOpened})
}

const notOpened = "The form could not be opened. Nothing was asked for: try again."

// respond answers by a response URL, if there is one.
func (a *App) respond(ctx context.Context, responseURL string, r response) {
	if responseURL == "" {
		return
	}
	if err := a.web.Respond(ctx, responseURL, r); err != nil {
		a.cfg.Log.Warn("somebody in Slack could not be answered", "error", err)
	}
}

// formActed goes on with what somebody did in the form, or in a list of their
// access.
func (a *App) formActed(ctx context.Context, cb *slackapi.InteractionCallback, act *slackapi.BlockAction) {
	p := prefill{team: teamOf(cb), user: cb.User.ID}
	switch act.ActionID {
	case actResource, actAction, actLength, actReason, actEmergency:
		a.formChanged(ctx, cb, act)
	case actEnd:
		a.endNow(ctx, cb, act)
	case actExtend:
		p.again = act.Value
		a.openOr(ctx, cb, p)
	default: // a pick
		_ = json.Unmarshal([]byte(act.Value), &p.wish) // what is not a wish opens an empty form
		a.openOr(ctx, cb, p)
	}
}

// teamOf is the workspace of whoever did something.
func teamOf(cb *slackapi.InteractionCallback) string {
	if cb.User.TeamID != "" {
		return cb.User.TeamID
	}
	return cb.Team.ID
}
