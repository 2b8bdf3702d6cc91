package engine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func (w *world) mustCase(id string) access.Case {
	w.t.Helper()
	c, err := w.engine.Case(w.t.Context(), as(alice), id)
	must(w.t, err)
	return c
}

func TestCaseIsARequestWithAllThatBecameOfIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.facts.shifts = []access.Shift{{Level: 1}}
		w.policy.set(func(in access.Input) access.Decision {
			d := reviewBy(2)(in)
			d.Obligations.AfterReview, d.Reasons[0].Code = true, string(in.Context.Phase)
			return d
		})
		r := w.mustAsk(time.Hour)
		c := w.mustCase(r.ID)
		if c.ID != r.ID || c.ResourceName != "Acme" || c.Decision.Reasons[0].Code != "request" || c.Decision.Effect != access.Review || len(c.OnCall.Shifts) != 1 || c.Reviewers == nil ||
			c.Reviewers.Quorum != 2 || len(c.Counted) != 0 || c.Escalated || c.Grant != nil || c.Binding != nil || c.AfterReview != nil ||
			!slices.Equal(c.Shorter, []access.Duration{access.Duration(30 * time.Second), access.Duration(2 * time.Minute)}) {
			t.Errorf("pending, it is %+v", c)
		}
		_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{Comment: "go"})
		must(t, err)
		c = w.mustCase(r.ID)
		if !slices.Equal(c.Counted, []access.Subject{bob}) || len(c.Reviews) != 1 || c.Reviews[0].Comment != "go" || c.Comment != "" || c.Reviewers == nil ||
			c.Decision.Reasons[0].Code != "review" {
			t.Errorf("approved by one, it is %+v", c)
		}
		_, err = w.engine.Approve(t.Context(), as(dave), r.ID, engine.Review{})
		must(t, err)
		c = w.mustCase(r.ID)
		if c.State != access.RequestApproved || c.Reviewers != nil || len(c.Counted) != 2 || c.Grant == nil || c.Binding == nil ||
			c.Decision.Reasons[0].Code != "review" || c.Binding.ID != c.Grant.BindingID || c.AfterReview == nil || c.AfterReview.GrantID != c.Grant.ID {
			t.Errorf("approved, it is %+v", c)
		}
	})
}

func TestCaseSaysWhoDeniedItAndWhy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		_, err := w.engine.Deny(t.Context(), as(bob), r.ID, engine.Review{Comment: "ask again tomorrow"})
		must(t, err)
		c := w.mustCase(r.ID)
		if c.State != access.RequestDenied || c.Comment != "ask again tomorrow" || c.Reviewers != nil || len(c.Counted) != 0 || c.Grant != nil {
			t.Errorf("denied, it is %+v", c)
		}
		w.policy.set(denyAll)
		r = w.mustAsk(time.Hour)
		if c = w.mustCase(r.ID); c.State != access.RequestDenied || c.Comment != "" || c.Reviewers != nil || c.Decision.Reasons[0].Code != "no" {
			t.Errorf("denied by policy, it is %+v", c)
		}
	})
}

func TestCaseIsForWhoeverMaySeeTheRequest(t *testing.T) {
	inWorldOf(t, func(w *world) { w.decider = forbidding{w.policy} }, func(t *testing.T, w *world) {
		w.policy.set(reviewBy(1))
		r, err := w.ask(time.Hour)
		must(t, err)
		if _, err = w.engine.Case(t.Context(), as(dave), r.ID); access.CodeOf(err) != "not_allowed" {
			t.Errorf("who may not see it: %v", err)
		}
		if _, err = w.engine.Case(t.Context(), as(alice), "req_none"); access.CodeOf(err) != "not_found" {
			t.Errorf("one that there is not: %v", err)
		}
	})
}

// forbidding lets only alice read requests.
type forbidding struct{ *policy }

func (p forbidding) Allow(ctx context.Context, in access.APIInput) (access.Permission, error) {
	if in.Operation == "request.read" && in.Actor.ID != alice.ID {
		return access.Permission{Reason: "not yours"}, nil
	}
	return p.policy.Allow(ctx, in)
}
