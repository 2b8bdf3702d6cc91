package pdp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
)

// continuePrefix takes the place of "policy_" in the codes of reasons for which a
// live grant is flagged because policy gave no answer.
const continuePrefix = "continue_"

// Continue asks data.access.continue what is to become of a live grant. The answer
// can always be used: when the policy gave none that can be, the grant is flagged,
// with a reason that says so, and the error, for the log, says why. Only an error
// that wraps access.ErrBusy is no answer: there was no turn, or no time.
func (p *PDP) Continue(ctx context.Context, in access.ContinueInput) (access.Continuation, error) {
	r, err := p.now()
	c := access.Continuation{}
	if err == nil {
		c, err = p.resume(ctx, r, in)
	}
	switch {
	case is(err, policyTimeout), is(err, policyMissing):
		err = fmt.Errorf("%s: %w: %w", continueEntry, access.ErrBusy, err)
	case err != nil:
		c = access.Continuation{Action: access.ContinueFlag, Reasons: []access.Reason{flagFor(err)}}
		err = fmt.Errorf("%s: %w", continueEntry, err)
	}
	if r != nil {
		c.Revision = r.name
	}
	return c, err
}

func (p *PDP) resume(ctx context.Context, r *Revision, in access.ContinueInput) (access.Continuation, error) {
	if !r.continues {
		return access.Continuation{}, failure{policyUndefined, fmt.Errorf("the policies have no rule %s", continueEntry)}
	}
	input, err := continueInput(in)
	if err != nil {
		return access.Continuation{}, failure{inputMalformed, err}
	}
	output, err := p.object(ctx, r.resume, input)
	if err != nil {
		return access.Continuation{}, err
	}
	c, err := decodeContinuation(output)
	if err != nil {
		return access.Continuation{}, failure{policyMalformed, err}
	}
	return c, nil
}

// flagFor is the reason of a flag that policy did not give: "continue_undefined".
func flagFor(err error) access.Reason {
	r := reasonFor(err)
	r.Code = continuePrefix + strings.TrimPrefix(r.Code, "policy_")
	if is(err, policyUndefined) {
		r.Detail = "The policy does not say what becomes of live access when something changes under it. Tell whoever maintains it."
	}
	return r
}

// decodeContinuation reads what data.access.continue gave, as strictly as a
// decision. To keep a grant needs no reason.
func decodeContinuation(v any) (access.Continuation, error) {
	r := &reader{}
	o := r.object("continue", v, "action", "reasons")
	c := access.Continuation{Action: access.ContinueAction(o.text("action")), Reasons: []access.Reason{}}
	for at, item := range o.list("reasons") {
		c.Reasons = append(c.Reasons, r.reason(at, item))
	}
	switch c.Action {
	case access.ContinueEnd, access.ContinueFlag:
		if len(c.Reasons) == 0 {
			r.fault("continue.reasons: there is none")
		}
	case access.ContinueKeep:
	default:
		r.fault("continue.action: %q is not end, flag or keep", c.Action)
	}
	return c, errors.Join(r.faults...)
}
