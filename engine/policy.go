package engine

import (
	"context"
	"errors"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// activations bounds how often an activation that another node overtook is tried
// again at once. Nodes that would go on disagreeing say so, and try later.
const activations = 5

// ActivatePolicy makes the revision the active one for all nodes, with its audit
// event, by a compare-and-set on the one that was active before, and has all live
// grants evaluated again. One that is active already changes nothing and leaves no
// event.
func (e *Engine) ActivatePolicy(ctx context.Context, next access.PolicyRevision) (err error) {
	for range activations {
		err = e.ledger.Update(ctx, func(tx *ledger.Tx) error { return activate(tx, next) })
		if !errors.Is(err, access.ErrConflict) {
			poke(e.recheckWake)
			return err
		}
	}
	return err
}

func activate(tx *ledger.Tx, next access.PolicyRevision) error {
	active, err := tx.ActivePolicy()
	if err != nil || active.Name == next.Name {
		return err
	}
	if err := tx.ActivatePolicy(active.Name, next); err != nil {
		return err
	}
	if err := beginPolicyRecheck(tx, next.Name); err != nil {
		return err
	}
	return tx.Append(audit.Event{Type: audit.PolicyActivated, Revision: audit.Text(next.Name), Data: map[string]any{
		"revision": next.Name, "previous": audit.Text(active.Name), "bundle_revision": audit.Text(next.Bundle), "source": next.Source,
	}})
}

// RefusePolicy writes down that policies were not put in force. Nothing else
// changes.
func (e *Engine) RefusePolicy(ctx context.Context, r access.PolicyRefusal) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		return tx.Append(audit.Event{Type: audit.PolicyRefused, Revision: audit.Text(e.policy.Revision()), Data: map[string]any{
			"source": r.Source, "faults": r.Faults, "first": r.Lines,
		}})
	})
}

// ActivePolicy returns the revision that is active for all nodes.
func (e *Engine) ActivePolicy(ctx context.Context) (p access.PolicyRevision, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		p, err = tx.ActivePolicy()
		return err
	})
	return p, err
}
