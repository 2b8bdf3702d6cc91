package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Evaluation is a check as OpenID AuthZEN asks it: may this subject do this, now.
type Evaluation struct {
	access.Entitled       // the names, as they were sent
	Sent            Sent  // the whole of it
	Fault           error // why it is none that can be decided; its answer is no
}

// Sent is an evaluation's JSON objects as they were sent. A Context of nil was
// not sent.
type Sent struct{ Subject, Resource, Action, Context json.RawMessage }

// Evaluate is the evaluation of names alone.
func Evaluate(x access.Entitled) Evaluation {
	return Evaluation{Entitled: x, Sent: Sent{Subject: raw(x.Subject), Resource: raw(x.Resource), Action: raw(x.Action)}}
}

func raw(names any) json.RawMessage {
	text, _ := json.Marshal(names) // a struct of strings: always
	return text
}

// known returns the evaluation with the subject made canonical, and whether the
// stores can know of it: the subject is one that can be ours, and nothing holds a
// NUL, which JSON can carry and a text of PostgreSQL can not. What they can not
// know has no grants, and policy is asked all the same.
func (x Evaluation) known() (Evaluation, bool) { return x.knownAs(&canonical{}) }

// knownAs is known, for one of many about the same subject.
func (x Evaluation) knownAs(who *canonical) (Evaluation, bool) {
	if who.learn(x.Subject); who.err != nil {
		return x, false
	}
	if who.is != x.Subject {
		x.Sent.Subject = withID(x.Sent.Subject, who.is.ID)
		x.Subject = who.is
	}
	return x, nameable(x.Resource.Type, x.Resource.ID, x.Action.Name)
}

// canonical remembers what became of the subject that was last made canonical.
type canonical struct {
	sent, is access.Subject
	err      error
}

func (c *canonical) learn(s access.Subject) {
	if c.sent != s || c.is == (access.Subject{}) && c.err == nil {
		c.sent = s
		c.is, c.err = s.Canonical()
	}
}

func nameable(names ...string) bool {
	for _, name := range names {
		if strings.IndexByte(name, 0) >= 0 {
			return false
		}
	}
	return true
}

// withID is the object with another id. Whatever else it has it keeps.
func withID(object json.RawMessage, id string) json.RawMessage {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(object, &members); err != nil { // it was read before: never
		return object
	}
	members["id"] = raw(id)
	return raw(members)
}

// input is what policy sees. Access that ends at the zero time is none.
func (x Evaluation) input(until, now time.Time) access.CheckInput {
	in := access.CheckInput{
		Subject: x.Sent.Subject, Resource: x.Sent.Resource, Action: x.Sent.Action, Context: x.Sent.Context, Now: now,
	}
	if now.Before(until) {
		in.Grants = []access.CheckGrant{{Action: x.Action, Resource: x.Resource, ExpiresAt: until}}
	}
	return in
}

// CheckView is the answer to a check.
type CheckView struct {
	ID       string // of the decision
	Decision bool
	Reason   string    // a code: policy's, or "unavailable", or of how policy failed
	Revision string    // of the policy that decided; "" when none was asked
	At       time.Time // when
	Fault    error     // of the evaluation; nothing was decided then
	// Extra is what else the answer's context says; nil: nothing.
	Extra map[string]any
}

// PolicyRevision is that of the policy that decided.
func (v CheckView) PolicyRevision() string { return v.Revision }

// PolicyRevision is that of the policy that decided.
func (v DecisionView) PolicyRevision() string { return v.Revision }

// PolicyRevision is that of the policy that made the first decision about it.
func (v RequestView) PolicyRevision() string { return v.Decision.Revision }

// judged is an evaluation with what policy saw of it and said.
type judged struct {
	input  access.CheckInput
	answer access.CheckAnswer
}

// ask puts inputs to policy, all to one revision, until an answer ends it. The
// error is that nothing was decided.
func (e *Engine) ask(ctx context.Context, inputs []access.CheckInput, ends func(access.CheckAnswer) bool) ([]access.CheckAnswer, error) {
	n := 0
	answers := e.policy.Check(ctx, inputs, func(a access.CheckAnswer) bool {
		a = e.settled(inputs[n], a)
		n++
		return isBusy(a.Failure) || ends(a)
	})
	for i := range answers {
		if isBusy(answers[i].Failure) {
			return nil, answers[i].Failure
		}
		answers[i] = e.settled(inputs[i], answers[i])
	}
	if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
		return nil, err // whoever asked has left; what policy said may be of that
	}
	return answers, nil
}

func isBusy(err error) bool { return errors.Is(err, access.ErrBusy) }

// settled is the answer as it can be given now. Policy takes its time, and what
// it saw as live may be over by then: no check says yes after the end.
func (e *Engine) settled(in access.CheckInput, a access.CheckAnswer) access.CheckAnswer {
	if a.Decision && len(in.Grants) > 0 && !e.ledger.Now().Before(in.Grants[0].ExpiresAt) {
		a.Decision, a.Reason = false, checkNone
	}
	return a
}

// noted writes a decision down, and returns it as the caller sees it.
func (e *Engine) noted(call Call, j judged) CheckView {
	at, a := j.input.Now, j.answer
	v := CheckView{ID: access.NewID(access.KindDecision, at), Decision: a.Decision, Reason: a.Reason, Revision: a.Revision, At: at}
	event := call.decision(v.ID, checkPath, at)
	event.Revision, event.Input, event.Result, event.Took = a.Revision, a.Input, verdict(a.Decision, a.Reason), a.Took
	if a.Failure != nil {
		event.Failure = a.Reason
		if e.refused.first("check failed "+a.Reason, at) {
			e.log.Error("policy failed; checks are answered no", "reason", a.Reason, "error", a.Failure)
		}
	}
	e.decisions.Record(event)
	return v
}

// checkPath is where the answer to a check is, below data.
const checkPath = "check/decision"

// verdict is {"decision", "reason"}. Most reasons need no quoting.
func verdict(decision bool, reason string) json.RawMessage {
	out := make([]byte, 0, len(`{"decision":false,"reason":""}`)+len(reason))
	if decision {
		out = append(out, `{"decision":true,"reason":`...)
	} else {
		out = append(out, `{"decision":false,"reason":`...)
	}
	for i := range len(reason) {
		if c := reason[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			return append(append(out, raw(reason)...), '}')
		}
	}
	out = append(append(out, '"'), reason...)
	return append(out, '"', '}')
}
