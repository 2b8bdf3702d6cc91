package e2e_test

import (
	"fmt"
	"net/http"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// asked has a target asked soon, and again and again.
const asked = "verify: {after: 0s, every: 1s}"

// repaired has what is not as it should be asserted again.
const repaired = "verify: {after: 0s, every: 1s, repair: true}"

// binding is what operators see of a binding.
func (p *part) binding(g access.Grant) (d engine.BindingDetail) {
	p.Helper()
	p.must(operator, http.MethodGet, "/v1/bindings/"+g.BindingID, nil, &d)
	return d
}

// verified waits until a target, asked, said what there is to see.
func (p *part) verified(what string, g access.Grant, is func(access.Verification) bool) {
	p.Helper()
	p.w.until(p.T, what, func() error {
		d := p.binding(g)
		if d.Verification == nil || !is(*d.Verification) {
			return fmt.Errorf("it said %+v", d.Verification)
		}
		return nil
	})
}

// Another system puts the person back where Curfew took them away. Asked, the target
// says so, until somebody does something about it.
func readded(p *part) {
	g := p.opened(alice, hour)
	p.revoke(g)
	p.closed(g, access.EndRevoked)
	p.verified("the removal is verified", g, func(v access.Verification) bool { return v.VerifiedAt != nil })
	told := len(p.target.Calls())
	p.target.Readd(p.entitled(alice))
	p.verified("what came back is found", g, func(v access.Verification) bool { return v.DriftedSince != nil })
	p.w.event(p.T, "type=binding.drifted&binding_id="+g.BindingID, "generation", float64(2))
	if got := len(p.target.Calls()); got != told {
		p.Errorf("the target was told %d things more, and nobody wanted a repair", got-told)
	}
	p.target.Remove(p.entitled(alice))
	p.verified("it is seen to be gone again", g, func(v access.Verification) bool { return v.DriftedSince == nil })
}

// The same where drift is repaired, in both directions.
func readdedAndRepaired(p *part) {
	g := p.opened(alice, hour)
	p.target.Remove(p.entitled(alice))
	p.target.Await(p.T, "what was taken away by hand is opened again", target.Open(p.entitled(alice)))
	p.settles(g, access.Present)
	p.revoke(g)
	p.closed(g, access.EndRevoked)
	p.target.Readd(p.entitled(alice))
	p.target.Await(p.T, "what came back is closed again", func(s target.State) bool { return !s.Exists[p.entitled(alice)] })
	p.verified("it is seen to be gone", g, func(v access.Verification) bool { return v.DriftedSince == nil && v.VerifiedAt != nil })
	p.w.event(p.T, "type=binding.reasserted&binding_id="+g.BindingID, "cause", "drift")
	if p.may(alice) {
		p.Error("a check says yes after the end")
	}
}

// The target is gone for good, so two say that this is enough. It comes back.
func forcedClosed(p *part) {
	g := p.opened(alice, hour)
	p.target.Otherwise(target.Answer(http.StatusServiceUnavailable))
	var no engine.TaskItem
	force := "/v1/bindings/" + g.BindingID + "/force-close"
	if err := p.w.try(security, http.MethodPost, force, map[string]any{"reason": "it is live"}, &no); err == nil {
		p.Error("what is live can be declared gone")
	}
	p.revoke(g)
	p.w.until(p.T, "the target refused", func() error { return p.told(g, 2) })
	if err := p.w.try(alice, http.MethodPost, force, map[string]any{"reason": "it is mine"}, &no); err == nil {
		p.Error("the holder can ask for that")
	}
	var task engine.TaskItem
	p.must(security, http.MethodPost, force, map[string]any{"reason": "the system was switched off"}, &task)
	if err := p.w.try(security, http.MethodPost, "/v1/tasks/"+task.ID+"/approve", map[string]any{"comment": "alone"}, nil); err == nil {
		p.Error("one person alone declared it gone")
	}
	if b := p.sees(g).Binding; b.Observed == access.Absent {
		p.Errorf("the binding is %+v before a second person said anything", b)
	}
	p.must(guard, http.MethodPost, "/v1/tasks/"+task.ID+"/approve", map[string]any{"comment": "I saw it"}, &task)
	p.settles(g, access.Absent)
	d := p.binding(g)
	if d.ForcedAt == nil || d.Removal == nil || d.Removal.ConfirmedBy == nil || *d.Removal.ConfirmedBy != engine.ByForce {
		p.Errorf("the binding is %+v, and its removal %+v; want it forced", d.BindingItem, d.Removal)
	}

	p.target.Otherwise(target.Serve()) // and it holds what it held
	told := len(p.target.Calls())
	next := p.opened(alice, hour)
	if next.BindingID != g.BindingID || len(p.target.Calls()) == told {
		p.Error("the target that came back was not told of new access")
	}
	p.revoke(next)
	p.closed(next, access.EndRevoked)
	d = p.binding(next)
	if d.ForcedAt != nil || d.Removal == nil || *d.Removal.ConfirmedBy != engine.ByResponse {
		p.Errorf("the binding is %+v, and its removal %+v; want the target's own word", d.BindingItem, d.Removal)
	}
}

// An operator does not wait for the pause between two tries.
func triedAtOnce(p *part) {
	g := p.opened(alice, hour)
	p.target.Script(target.Answer(http.StatusNotFound)) // which looks permanent: the longest pause
	p.revoke(g)
	p.becomes("the target refused", g, func(now engine.GrantView) bool { return now.Binding.LastError != "" })
	p.must(operator, http.MethodPost, "/v1/bindings/"+g.BindingID+"/retry", map[string]any{"comment": "it is back"}, nil)
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}
