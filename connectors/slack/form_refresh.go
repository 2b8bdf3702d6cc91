package slack

import (
	"context"
	"errors"
	"slices"
	"sync"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// formChanged shows what the form offers for what was just chosen in it, and what
// policy says of that. Whatever was chosen since then wins.
func (a *App) formChanged(ctx context.Context, cb *slackapi.InteractionCallback, act *slackapi.BlockAction) {
	turn := a.turns.take(cb.View.ID, act.ActionTs)
	f, state := sheet{chosen: chosenIn(&cb.View)}, stateIn(&cb.View)
	f.take(act.ActionID, act)
	if f.Action == "" && f.Length == "" {
		f.Action, f.Length = state.Want.Action, state.Want.Length
	}
	if f.saving, f.sent = state.Saving, state.Sent; f.saving {
		f.note = stillSavingForm
	}
	if f.Resource == "" || f.Resource == valueNone {
		return // there is nothing to say yet
	}
	who, f, err := a.offered(ctx, cb, f)
	show := func(ctx context.Context, hash string, f sheet) (string, error) {
		return a.show(ctx, turn, hash, f.view())
	}
	if err != nil { // with the fields that were there, if it was not the resource that changed
		v := formKept(&cb.View, f.chosen, "⚠️ "+a.sorry(err), state)
		_, err = a.show(ctx, turn, cb.View.Hash, v)
	} else {
		err = a.tellPolicy(ctx, who, f, cb.View.Hash, show)
	}
	if err != nil && !errors.Is(err, errOutrun) {
		a.cfg.Log.Warn("a request form could not be brought up to date", "error", err)
	}
}

// offered is the form with what was chosen in it, for whoever chose it. A ledger
// that does not answer is not waited for as long as there is: many choose.
func (a *App) offered(ctx context.Context, cb *slackapi.InteractionCallback, f sheet) (Caller, sheet, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	who, err := a.clicker(ctx, cb)
	if err == nil {
		f, err = a.withFields(ctx, who, f)
	}
	return who, f, a.unread(err)
}

// unread is a fault of what was only looked up, for the person: nothing was to be
// saved.
func (a *App) unread(err error) error {
	if err == nil || access.CodeOf(err) != "" {
		return err
	}
	a.noted(err)
	return &access.Error{Kind: access.ErrBusy, Code: "unread",
		Detail: "This could not be looked up at the moment. Nothing was asked for: choose again in a minute."}
}

// withFields adds what the chosen resource offers, and what is chosen of it as
// long as nothing else was: its only action, the shortest length.
func (a *App) withFields(ctx context.Context, who Caller, f sheet) (sheet, error) {
	ref, err := a.refOf(ctx, who, f.Resource)
	if err != nil {
		return f, err
	}
	r, err := a.cfg.Desk.Resource(ctx, who, ref)
	if err != nil {
		return f, err
	}
	f.of = &r
	if f.option == nil {
		f.option = resourceOption(r)
	}
	if len(r.Entitlements) == 1 {
		f.Action = r.Entitlements[0].Action
	}
	e, offered := r.Entitlement(f.Action)
	if !offered {
		f.Action, f.Length = "", ""
		return f, nil
	}
	known := a.outlookOf(who)
	f.lengths, f.lacks = lengths(e, known), known.lackOf(e)
	if optionOf(f.lengths, f.Length) == nil {
		f.Length = ""
		if len(f.lengths) > 0 {
			f.Length = f.lengths[0].Value
		}
	}
	return f, nil
}

// codeHashConflict is how Slack says that a form is not as it was said to be.
const codeHashConflict = "hash_conflict"

// errOutrun says that what was to be shown is no longer what was chosen.
var errOutrun = errors.New("something else was chosen since then")

// show changes the form, unless something newer was chosen or shown. A form that
// changed meanwhile is changed once more if it was an older answer of ours that
// came between.
func (a *App) show(ctx context.Context, t *turn, hash string, v slackapi.ModalViewRequest) (string, error) {
	select {
	case t.screen <- struct{}{}:
		defer func() { <-t.screen }()
	case <-ctx.Done():
		return "", context.Cause(ctx) //nolint:wrapcheck // it is the caller's own
	}
	if t.over() {
		return "", errOutrun
	}
	shown, err := a.web.UpdateView(ctx, t.id, hash, v)
	if refusedAs(err, codeHashConflict) && t.hash != "" && t.hash != hash && !t.over() {
		shown, err = a.web.UpdateView(ctx, t.id, t.hash, v)
	}
	if refusedAs(err, codeHashConflict) {
		return "", errOutrun
	}
	if err == nil {
		t.hash = shown.Hash
	}
	return shown.Hash, err
}

// turns keeps the order of what is chosen in each form: what was chosen last is
// shown last, whoever of us is quicker. It is of this process alone; between
// processes the hash of the form decides.
type turns struct {
	mu    sync.Mutex
	views []*openForm // the one that was used last is the last
}

// openForm is a form that somebody has open.
type openForm struct {
	id string

	screen chan struct{} // holds one while the form is changed, which takes as long as Slack does
	hash   string        // of what we showed last; "": nothing. It is whose screen it is

	mu     sync.Mutex // for a moment only: a submission does not wait for Slack
	newest string     // when something was chosen last, as Slack says it
}

// turn is something that was chosen.
type turn struct {
	*openForm
	mine string // when
}

// over reports whether something newer was chosen, or the form was submitted.
func (t *turn) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newest != t.mine
}

// maxOpenForms bounds what is remembered.
const maxOpenForms = 512

// take begins a turn: what was chosen before it is not shown any more.
func (t *turns) take(viewID, ts string) *turn {
	v := t.of(viewID)
	v.mu.Lock()
	defer v.mu.Unlock()
	if ts >= v.newest { // seconds with six places, all of the same length
		v.newest = ts
	}
	return &turn{openForm: v, mine: ts}
}

// overtake ends the turns before: the form was submitted, and what comes of that is
// shown.
func (t *turns) overtake(viewID string) {
	v := t.of(viewID)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.newest += "." // after all that was chosen, and before all that will be
}

func (t *turns) of(viewID string) *openForm {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.views, func(v *openForm) bool { return v.id == viewID })
	if i < 0 {
		t.views = append(t.views, &openForm{id: viewID, screen: make(chan struct{}, 1)})
		if len(t.views) > maxOpenForms {
			t.views = slices.Delete(t.views, 0, 1)
		}
		return t.views[len(t.views)-1]
	}
	v := t.views[i]
	t.views = append(slices.Delete(t.views, i, i+1), v)
	return v
}

// sorry is what went wrong, in mrkdwn, for the person whose it is. What is not
// theirs to know goes into the log.
func (a *App) sorry(err error) string {
	if access.CodeOf(err) == "" && errors.Is(err, access.ErrBusy) {
		err = errBusy()
	}
	a.noted(err)
	return escape(because(err))
}
