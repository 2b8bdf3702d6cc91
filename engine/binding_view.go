package engine

import (
	"context"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// BindingDetail is a binding with what holds it, how it was last closed, and all that
// happened to it.
type BindingDetail struct {
	BindingItem
	Grants  []access.Grant `json:"grants"`  // live ones, soonest end first
	Removal *Removal       `json:"removal"` // the newest; nil: it was never closed
	// Timeline is what happened, oldest first; of more than MaxTimeline entries the
	// newest.
	Timeline        []TimelineEntry `json:"timeline"`
	TimelineOmitted int             `json:"timeline_omitted"` // older ones that are not in it
}

// Binding returns a binding that the caller may see.
func (e *Engine) Binding(ctx context.Context, call Call, id string) (d BindingDetail, err error) {
	b, err := e.readBinding(ctx, id)
	if err != nil {
		return d, err
	}
	if err := e.authorize(ctx, call, opBinding, bindingObject(b)); err != nil {
		return d, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		d, err = bindingDetail(tx, id)
		return err
	})
	return d, err
}

func bindingDetail(tx *ledger.Tx, id string) (d BindingDetail, err error) {
	if d.BindingItem, err = bindingItem(tx, id); err != nil {
		return d, err
	}
	live, err := tx.LiveGrantsOn(id)
	if err != nil {
		return d, err
	}
	if d.Grants = live[id]; d.Grants == nil {
		d.Grants = []access.Grant{}
	}
	if d.Removal, err = removalOf(tx, d.BindingItem); err != nil {
		return d, err
	}
	d.Timeline, d.TimelineOmitted, err = timelineOf(tx, d.BindingItem)
	return d, err
}
