package ledger

import (
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
)

// ActivePolicy returns the revision of the policies that is active for all
// nodes: one without a name before the first.
func (tx *Tx) ActivePolicy() (p access.PolicyRevision, err error) {
	var at int64
	err = tx.row(`SELECT revision, bundle, source, activated_at FROM policy_active WHERE id = 1`).
		Scan(&p.Name, &p.Bundle, &p.Source, &at)
	p.ActivatedAt = fromMicros(at)
	return p, err
}

// ActivatePolicy makes the revision the active one in the place of the previous.
// access.ErrConflict says that another is active by now.
func (tx *Tx) ActivatePolicy(previous string, next access.PolicyRevision) error {
	return tx.changed(fmt.Errorf("policy revision %q is not the active one: %w", previous, access.ErrConflict), `
		UPDATE policy_active SET revision = $2, bundle = $3, source = $4, activated_at = $5 WHERE id = 1 AND revision = $1`,
		previous, next.Name, next.Bundle, next.Source, micros(tx.now))
}
