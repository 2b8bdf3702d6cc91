package pdp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/curfew-access/curfew/engine/access"
)

// Check asks data.check.decision for each input in its turn, all by one revision,
// and ends with the first answer for which last is true; nil: never. Whatever
// fails is a no with a reason, and says why for the log. The time limit is of each
// input: one that takes too long does not take the time of those behind it.
func (p *PDP) Check(ctx context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) []access.CheckAnswer {
	r, missing := p.now()
	c := &checks{revision: r, inputs: inputs, last: last, answers: make([]access.CheckAnswer, 0, len(inputs))}
	for !c.over() {
		err := missing
		if err == nil {
			err = p.runChecks(ctx, c)
		}
		if err != nil {
			c.fail(err)
		}
	}
	return c.answers
}

// checks is inputs on their way to an answer.
type checks struct {
	revision *Revision // nil: there is none
	inputs   []access.CheckInput
	last     func(access.CheckAnswer) bool
	answers  []access.CheckAnswer
	ended    bool // an answer was the last
}

func (c *checks) over() bool { return c.ended || len(c.answers) == len(c.inputs) }

func (c *checks) take(a access.CheckAnswer) {
	c.answers = append(c.answers, a)
	c.ended = c.last != nil && c.last(a)
}

// fail answers the input whose turn it is with no, if there is one.
func (c *checks) fail(err error) {
	if c.over() {
		return
	}
	a := access.CheckAnswer{Input: checkInputText(c.inputs[len(c.answers)])}
	if c.revision != nil {
		a.Revision = c.revision.name
	}
	c.take(refused(a, err))
}

// refused is the no that an error is.
func refused(a access.CheckAnswer, err error) access.CheckAnswer {
	a.Decision, a.Reason, a.Failure = false, codeOf(err), fmt.Errorf("%s: %w", checkEntry, err)
	return a
}

// runChecks has one worker answer what is left, one after the other. The error is
// why the next has no answer.
func (p *PDP) runChecks(ctx context.Context, c *checks) error {
	var mu sync.Mutex // of c while the worker is not given up
	givenUp := false
	began := time.Now()
	spare := func() time.Duration { // none: it is given up, before it can answer that it was stopped
		mu.Lock()
		defer mu.Unlock()
		left := p.timeout - time.Since(began)
		givenUp = left <= 0
		return left
	}
	left := c.inputs[len(c.answers):]
	err := p.runWhile(ctx, spare, func(stop topdown.Cancel) {
		reader := &pieces{}
		for _, in := range left {
			a := c.revision.answer(ctx, stop, reader, in)
			mu.Lock()
			over := givenUp
			if !over {
				c.take(a)
				over, began = c.ended, time.Now()
			}
			mu.Unlock()
			if over {
				return
			}
		}
	})
	mu.Lock()
	defer mu.Unlock()
	givenUp = true
	return err
}

// answer asks for one input, on a worker, where a panic would be the gateway's end.
func (r *Revision) answer(ctx context.Context, stop topdown.Cancel, reader *pieces, in access.CheckInput) (a access.CheckAnswer) {
	began := time.Now()
	a.Revision = r.name
	defer func() {
		if p := recover(); p != nil {
			a = refused(a, failure{policyError, fmt.Errorf("the check panicked: %v", p)})
		}
		a.Took = time.Since(began)
	}()
	a.Input = checkInputText(in)
	var err error
	if a.Decision, a.Reason, err = r.verify(ctx, stop, reader, in); err != nil {
		return refused(a, err)
	}
	return a
}

func (r *Revision) verify(ctx context.Context, stop topdown.Cancel, reader *pieces, in access.CheckInput) (yes bool, reason string, err error) {
	input, err := reader.input(in)
	if err != nil {
		return false, "", failure{inputMalformed, err}
	}
	term, err := evaluate(ctx, stop, r.check, input, nil)
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
