package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What data.api.allow is asked about before somebody sees a binding, or does
// something about one.
const (
	opBindings     = "binding.list"
	opBinding      = "binding.read"
	opRetryBinding = "binding.retry"
	opForceClose   = "binding.force_close"
)

// BindingItem is a binding as operators see it.
type BindingItem struct {
	BindingView
	access.Entitled
	DueAt      *time.Time   `json:"due_at"`      // since when it is not as it should be
	CallbackBy *time.Time   `json:"callback_by"` // until when the word of a target that accepted is waited for
	LastClass  access.Class `json:"last_class"`  // how the newest attempt ended; "" when none did
	ForcedAt   *time.Time   `json:"forced_at"`   // when it was declared gone without the target's word
	// Verification is what the target said, asked whether it exists; nil: it was not
	// asked.
	Verification *access.Verification `json:"verification"`
}

// BindingFilter narrows a list of bindings. Empty members do not narrow.
type BindingFilter struct {
	Paging
	State    access.BindingState
	Target   string // name in the configuration
	Subject  string // "user:alice@example.com"
	Resource string // "customer:acme"
}

// Bindings lists bindings, newest first.
func (e *Engine) Bindings(ctx context.Context, call Call, f BindingFilter) (page Page[BindingItem], err error) {
	before, limit, err := f.page()
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opBindings, access.APIObject{}); err != nil {
		return page, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		bindings, err := tx.Bindings(ledger.BindingFilter{
			State: f.State, Target: f.Target, Subject: f.Subject, Resource: f.Resource, Before: before, Limit: limit + 1,
		})
		if err != nil {
			return err
		}
		items, err := bindingItems(tx, bindings)
		page = cutPage(items, limit, func(b BindingItem) string { return b.ID })
		return err
	})
	return page, err
}

// bindingItems is bindings with what their targets said of them.
func bindingItems(tx *ledger.Tx, bindings []access.Binding) ([]BindingItem, error) {
	ids := make([]string, len(bindings))
	for i, b := range bindings {
		ids[i] = b.ID
	}
	verified, err := tx.Verifications(ids...)
	items := make([]BindingItem, len(bindings))
	for i, b := range bindings {
		items[i] = BindingItem{
			BindingView: bindingView(b, tx.Now()), Entitled: b.Entitled,
			DueAt: b.DueAt, CallbackBy: b.CallbackBy, LastClass: b.LastClass, ForcedAt: b.ForcedAt,
		}
		if v, found := verified[b.ID]; found {
			items[i].Verification = &v.Verification
		}
	}
	return items, err
}

func bindingItem(tx *ledger.Tx, id string) (BindingItem, error) {
	b, err := tx.Binding(id)
	if err != nil {
		return BindingItem{}, err
	}
	items, err := bindingItems(tx, []access.Binding{b})
	return items[0], err
}

func bindingView(b access.Binding, now time.Time) BindingView {
	return BindingView{
		ID: b.ID, Target: b.Target, Desired: b.Desired, Observed: b.Observed, Generation: b.Generation, Attempts: b.Attempts,
		Overdue: b.OverdueAt(now), LastError: b.LastError, NextAt: b.NextAt, ConfirmedAt: b.ConfirmedAt,
	}
}

func bindingObject(b access.Binding) access.APIObject {
	return access.APIObject{Subject: &b.Subject, Resource: &b.Resource, Action: &b.Action}
}

func (e *Engine) readBinding(ctx context.Context, id string) (b access.Binding, err error) {
	if err := access.CheckID(access.KindBinding, id); err != nil {
		return b, err
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		b, err = tx.Binding(id)
		return err
	})
	return b, err
}
