package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func (w *world) mustAskWhile(while string) engine.RequestView {
	w.t.Helper()
	r, err := w.engine.Submit(w.t.Context(), as(alice), engine.Ask{Action: debug, Resource: acme, While: &while, Reason: "PD-1"})
	must(w.t, err)
	return r
}

func (w *world) wantVerbs(want ...access.Verb) {
	w.t.Helper()
	got := w.target.verbs()
	if len(got) != len(want) {
		w.t.Fatalf("the target was told %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			w.t.Fatalf("the target was told %v, want %v", got, want)
		}
	}
}

func (w *world) wantEvents(requestID string, want ...string) {
	w.t.Helper()
	got := w.events(filterByRequest(requestID))
	if len(got) != len(want) {
		w.t.Fatalf("events of the request are %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			w.t.Fatalf("events of the request are %v, want %v", got, want)
		}
	}
}

func (w *world) pending(quorum int) engine.RequestView {
	w.t.Helper()
	w.policy.set(reviewBy(quorum))
	r := w.mustAsk(time.Hour)
	if r.State != access.RequestPending || r.Grant != nil || r.LapsesAt == nil {
		w.t.Fatalf("answer %+v, want a pending request", r)
	}
	return r
}

func TestReview(t *testing.T) {
	half := access.Duration(30 * time.Minute)
	day := access.Duration(24 * time.Hour)
	type answer struct {
		by     access.Subject
		review engine.Review
		deny   bool
		code   string // "" when it must succeed
	}
	cases := map[string]struct {
		quorum  int
		before  func(*world)
		answers []answer
		want    access.RequestState
		length  time.Duration
	}{
		"one approval of one is enough":                    {1, nil, []answer{{by: bob}}, access.RequestApproved, time.Hour},
		"one approval of two is not":                       {2, nil, []answer{{by: bob}}, access.RequestPending, 0},
		"two approvals of two are":                         {2, nil, []answer{{by: bob}, {by: dave}}, access.RequestApproved, time.Hour},
		"the same person does not count twice":             {2, nil, []answer{{by: bob}, {by: bob, code: "already_reviewed"}}, access.RequestPending, 0},
		"a denial is final":                                {2, nil, []answer{{by: bob, deny: true}, {by: dave, code: "request_not_pending"}}, access.RequestDenied, 0},
		"a reviewer may shorten":                           {1, nil, []answer{{by: bob, review: engine.Review{For: &half}}}, access.RequestApproved, 30 * time.Minute},
		"the shortest of several counts":                   {2, nil, []answer{{by: bob, review: engine.Review{For: &half}}, {by: dave}}, access.RequestApproved, 30 * time.Minute},
		"a reviewer may not lengthen":                      {1, nil, []answer{{by: bob, review: engine.Review{For: &day}, code: "review_lengthens"}}, access.RequestPending, 0},
		"who is no reviewer may not":                       {1, nil, []answer{{by: alice, code: "not_allowed"}}, access.RequestPending, 0},
		"an approval is held against policy anew":          {1, func(w *world) { w.policy.set(denyAll) }, []answer{{by: bob, code: "no_longer_allowed"}}, access.RequestPending, 0},
		"a denial needs no policy that agrees":             {1, func(w *world) { w.policy.set(denyAll) }, []answer{{by: bob, deny: true}}, access.RequestDenied, 0},
		"policy that now allows needs one yes":             {2, func(w *world) { w.policy.set(allowAll) }, []answer{{by: bob}}, access.RequestApproved, time.Hour},
		"an approval by who left the group does not count": {2, nil, []answer{{by: bob}, {by: dave}}, access.RequestPending, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				r := w.pending(tc.quorum)
				if tc.before != nil {
					tc.before(w)
				}
				for i, a := range tc.answers {
					if i == 1 && name == "an approval by who left the group does not count" {
						must(t, w.engine.LoadPeople(t.Context(), "file", []access.Person{{Subject: dave, Groups: []string{"security"}}}))
					}
					do := w.engine.Approve
					if a.deny {
						do = w.engine.Deny
					}
					_, err := do(t.Context(), as(a.by), r.ID, a.review)
					if access.CodeOf(err) != a.code || (err == nil) != (a.code == "") {
						t.Fatalf("answer %d: %v, want code %q", i+1, err, a.code)
					}
				}
				got, err := w.engine.Request(t.Context(), as(alice), r.ID)
				must(t, err)
				if got.State != tc.want {
					t.Fatalf("the request is %s, want %s", got.State, tc.want)
				}
				if tc.length == 0 {
					if got.Grant != nil {
						t.Fatal("there is a grant")
					}
					return
				}
				if got.Grant.ExpiresAt.Sub(got.Grant.StartsAt) != tc.length || got.Grant.DecisionID == got.DecisionID {
					t.Fatalf("grant %+v, want one of %s that cites the review's decision", got.Grant, tc.length)
				}
			})
		})
	}
}

// Whoever has another address in the list of people is the same person there.
func TestNobodyApprovesTheirOwnRequestByAnotherAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		also := access.Subject{Type: "user", ID: "b.other@example.com"}
		must(t, w.engine.LoadPeople(t.Context(), "more", []access.Person{
			{Subject: bob, Groups: []string{"security"}, Emails: []string{also.ID}}, {Subject: also, Groups: []string{"security"}},
		}))
		w.policy.set(reviewBy(1))
		for name, who := range map[string][2]access.Subject{"asked by the other": {also, bob}, "answered by the other": {bob, also}} {
			r, err := w.engine.Submit(t.Context(), as(who[0]), askFor(time.Hour))
			must(t, err)
			if _, err := w.engine.Approve(t.Context(), as(who[1]), r.ID, engine.Review{}); access.CodeOf(err) != "own_request" {
				t.Errorf("%s: %v, want own_request", name, err)
			}
		}
	})
}

func TestNobodyApprovesTheirOwnRequest(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.policy.set(reviewBy(1))
		hour := access.Duration(time.Hour)
		ask := engine.Ask{Action: debug, Resource: acme, For: &hour, Reason: "PD-1"}
		own, err := w.engine.Submit(t.Context(), as(bob), ask)
		must(t, err)
		ask.Subject = &alice
		forOther, err := w.engine.Submit(t.Context(), as(bob), ask)
		must(t, err)
		for _, id := range []string{own.ID, forOther.ID} {
			if _, err := w.engine.Approve(t.Context(), as(bob), id, engine.Review{}); access.CodeOf(err) != "own_request" {
				t.Fatalf("bob on %s: %v, want own_request", id, err)
			}
		}
	})
}

// Two clicks at once have one outcome: one grant, however many approve.
func TestSimultaneousApprovalsMakeOneGrant(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		var clicks sync.WaitGroup
		results := make(chan error, 2)
		for _, who := range []access.Subject{bob, dave} {
			clicks.Go(func() {
				_, err := w.engine.Approve(context.Background(), as(who), r.ID, engine.Review{})
				results <- err
			})
		}
		clicks.Wait()
		first, second := <-results, <-results
		if (first == nil) == (second == nil) {
			t.Fatalf("results %v and %v, want one success", first, second)
		}
		grants, err := w.engine.Grants(t.Context(), as(alice), engine.ListFilter{})
		must(t, err)
		if len(grants.Items) != 1 {
			t.Fatalf("there are %d grants", len(grants.Items))
		}
	})
}

// A yes and a no at once have one outcome: whoever is second learns what it is.
func TestApprovalAndDenialAtOnceHaveOneOutcome(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		var clicks sync.WaitGroup
		results := make(chan error, 2)
		clicks.Go(func() {
			_, err := w.engine.Approve(context.Background(), as(bob), r.ID, engine.Review{})
			results <- err
		})
		clicks.Go(func() {
			_, err := w.engine.Deny(context.Background(), as(dave), r.ID, engine.Review{Comment: "not now"})
			results <- err
		})
		clicks.Wait()
		first, second := <-results, <-results
		if first != nil {
			first, second = second, first
		}
		got, err := w.engine.Request(t.Context(), as(alice), r.ID)
		must(t, err)
		if first != nil || access.CodeOf(second) != "request_not_pending" || !strings.Contains(second.Error(), "is "+string(got.State)+" already") {
			t.Fatalf("the request is %s, and the results are %v and %v", got.State, first, second)
		}
		if (got.State == access.RequestApproved) != (got.Grant != nil) || len(got.Reviews) != 1 {
			t.Fatalf("the request is %s with the grant %v and %d reviews", got.State, got.Grant, len(got.Reviews))
		}
	})
}

// The same click twice at once is one answer, whatever comes first.
func TestReviewSentTwiceAtOnceCountsOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(2)
		call := as(bob)
		call.Once = engine.Once{Route: "review", Key: "k1", BodyHash: "h"}
		var clicks sync.WaitGroup
		for range 3 {
			clicks.Go(func() {
				got, err := w.engine.Approve(context.Background(), call, r.ID, engine.Review{})
				if err != nil || got.State != access.RequestPending || len(got.Reviews) != 1 {
					t.Errorf("answered %s with %d reviews: %v", got.State, len(got.Reviews), err)
				}
			})
		}
		clicks.Wait()
	})
}

func TestReviewOfAClosedRequestSaysWhatBecameOfIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		_, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
		must(t, err)
		w.policy.set(denyAll) // which has nothing to say about it any more
		if _, err = w.engine.Approve(t.Context(), as(dave), r.ID, engine.Review{}); access.CodeOf(err) != "request_not_pending" || !strings.Contains(err.Error(), "is approved already") {
			t.Fatalf("a late approval: %v", err)
		}
		w.wantEvents(r.ID, "request.submitted", "request.reviewed", "request.approved", "grant.started", "binding.desired")
	})
}

func TestRequestThatNobodyAnswersLapses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		minute := int64(60)
		w.policy.set(func(in access.Input) access.Decision {
			d := reviewBy(1)(in)
			d.LapseSeconds = &minute
			return d
		})
		r := w.mustAsk(time.Hour)
		w.pass(time.Minute + time.Millisecond)
		got, err := w.engine.Request(t.Context(), as(alice), r.ID)
		must(t, err)
		if got.State != access.RequestLapsed {
			t.Fatalf("the request is %s", got.State)
		}
		_, err = w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{})
		if access.CodeOf(err) != "request_not_pending" {
			t.Fatalf("approval after the lapse: %v", err)
		}
		w.wantEvents(r.ID, "request.submitted", "request.lapsed")
	})
}

func TestWithdrawnRequestCanNotBeApproved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		r := w.pending(1)
		_, err := w.engine.Withdraw(t.Context(), as(alice), r.ID, "not needed")
		must(t, err)
		if _, err := w.engine.Approve(t.Context(), as(bob), r.ID, engine.Review{}); access.CodeOf(err) != "request_not_pending" {
			t.Fatalf("approval after the withdrawal: %v", err)
		}
	})
}
