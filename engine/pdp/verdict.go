package pdp

import (
	"context"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Check asks data.check.decision for each input in its turn, all by one revision,
// and ends with the first verdict for which last is true; nil: never. Whatever
// fails is a no with a reason, and says why for the log. The time limit is of each
// input.
func (p *PDP) Check(ctx context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) []access.CheckAnswer {
	r, missing := p.now()
	verdicts := make([]access.CheckAnswer, 0, len(inputs))
	for _, in := range inputs {
		v := p.verdict(ctx, r, missing, in)
		verdicts = append(verdicts, v)
		if last != nil && last(v) {
			break
		}
	}
	return verdicts
}

func (p *PDP) verdict(ctx context.Context, r *Revision, missing error, in access.CheckInput) (v access.CheckAnswer) {
	began := time.Now()
	v.Input = checkInputText(in)
	err := missing
	if err == nil {
		v.Revision = r.name
		v.Decision, v.Reason, err = p.verify(ctx, r, v.Input)
	}
	if err != nil {
		v.Decision, v.Reason, v.Failure = false, codeOf(err), fmt.Errorf("%s: %w", checkEntry, err)
	}
	v.Took = time.Since(began)
	return v
}

func (p *PDP) verify(ctx context.Context, r *Revision, text []byte) (yes bool, reason string, err error) {
	input, err := parseJSON(text)
	if err != nil {
		return false, "", failure{inputMalformed, err}
	}
	term, err := p.ask(ctx, r.check, input, nil)
	if err != nil {
		return false, "", err
	}
	if yes, reason, err = decodeVerdict(term); err != nil {
		return false, "", failure{policyMalformed, err}
	}
	if len(reason) > maxOutput {
		return false, "", failure{policyTooLarge, fmt.Errorf("its reason has more than %d bytes", maxOutput)}
	}
	return yes, reason, nil
}
