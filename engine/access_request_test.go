package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/denial"
	"github.com/curfew-access/curfew/engine/ledger"
)

const public = "https://curfew.example.com"

// receiver is where callbacks go.
type receiver struct {
	mu     sync.Mutex
	got    []access.CallbackMessage
	answer func(attempt int) error // nil: it takes everything
	refuse error                   // of every endpoint
}

func (r *receiver) Check(context.Context, string) error { return r.refuse }

func (r *receiver) Deadline() time.Duration { return 15 * time.Second }

func (r *receiver) Send(_ context.Context, m access.CallbackMessage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
	if r.answer == nil {
		return nil
	}
	return r.answer(len(r.got))
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// inRequestWorld is inWorld where access requests are offered.
func inRequestWorld(t *testing.T, story func(t *testing.T, w *world, r *receiver)) {
	t.Helper()
	r := &receiver{}
	inWorldOf(t, func(w *world) {
		w.requests = func(l *ledger.Ledger) *engine.AccessRequests {
			return &engine.AccessRequests{URL: public, Denials: denial.New(public, public+engine.AccessRequestPath, l, l.Now), Callbacks: r}
		}
	}, func(t *testing.T, w *world) { story(t, w, r) })
}

// evaluate asks as alice whether alice may debug acme. A context is JSON or "".
func (w *world) evaluate(context string) engine.CheckView {
	w.t.Helper()
	x := engine.Evaluate(aliceDebugsAcme)
	if context != "" {
		x.Sent.Context = json.RawMessage(context)
	}
	v, err := w.engine.Check(w.t.Context(), as(alice), x)
	must(w.t, err)
	return v
}

// answering is the submission that answers a denial.
func answering(t *testing.T, v engine.CheckView) engine.Submission {
	t.Helper()
	offer, ok := v.Extra["access_request"].(*engine.AccessRequestOffer)
	if !ok {
		t.Fatalf("the denial can not be answered: %+v", v)
	}
	return engine.Submission{
		Evaluation: engine.Evaluate(aliceDebugsAcme), Reason: "PD-1",
		Denial: engine.SubmittedDenial{BindingToken: offer.BindingToken, EvaluationID: v.ID, ExpiresAt: offer.ExpiresAt},
	}
}

func (w *world) submit(s engine.Submission) engine.TaskView {
	w.t.Helper()
	v, err := w.engine.SubmitAccessRequest(w.t.Context(), as(alice), s)
	must(w.t, err)
	return v
}

// requestOf is the id of the only request.
func (w *world) requestOf() string {
	w.t.Helper()
	page, err := w.engine.Requests(w.t.Context(), as(alice), engine.ListFilter{})
	must(w.t, err)
	if len(page.Items) != 1 {
		w.t.Fatalf("%d requests, want one", len(page.Items))
	}
	return page.Items[0].ID
}

func TestDenialIsRequestableExactlyWhenARequestWouldHelp(t *testing.T) {
	for name, tc := range map[string]struct {
		about       access.Entitled
		answer      func(access.Input) access.Decision
		requestable bool
	}{
		"policy would allow":                 {aliceDebugsAcme, allowAll, true},
		"policy would ask for a review":      {aliceDebugsAcme, reviewBy(1), true},
		"policy would deny":                  {aliceDebugsAcme, denyAll, false},
		"the resource is not known":          {access.Entitled{Subject: alice, Action: debug, Resource: access.ResourceRef{Type: "customer", ID: "none"}}, allowAll, false},
		"the action is not on offer":         {access.Entitled{Subject: alice, Action: access.Action{Name: "fly"}, Resource: acme}, allowAll, false},
		"the subject can not be one of ours": {access.Entitled{Subject: access.Subject{Type: "user", ID: "nobody"}, Action: debug, Resource: acme}, allowAll, false},
		"a name that no store can hold":      {access.Entitled{Subject: alice, Action: debug, Resource: access.ResourceRef{Type: "customer", ID: "a\x00"}}, allowAll, false},
	} {
		t.Run(name, func(t *testing.T) {
			inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
				w.policy.set(tc.answer)
				v, err := w.engine.Check(t.Context(), as(alice), engine.Evaluate(tc.about))
				must(t, err)
				_, requestable := v.Extra["access_request"]
				if v.Decision || requestable != tc.requestable {
					t.Fatalf("the answer is %+v, want requestable %v", v, tc.requestable)
				}
				if requestable && (v.Extra["reason"] != "approval_required" || v.Extra["evaluation_id"] != v.ID) {
					t.Fatalf("the context is %+v", v.Extra)
				}
			})
		})
	}
}

func TestYesSaysNothingOfRequests(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
		w.mustAsk(time.Hour)
		if v := w.evaluate(""); !v.Decision || v.Extra != nil {
			t.Fatalf("the answer is %+v", v)
		}
	})
}

func TestWhetherADenialIsRequestableIsRememberedForMomentsOnly(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
		asked := 0
		w.policy.set(func(in access.Input) access.Decision {
			asked++
			return allowAll(in)
		})
		for range 10 {
			answering(t, w.evaluate(""))
		}
		if asked != 1 {
			t.Fatalf("policy was asked %d times for ten denials", asked)
		}
		w.policy.set(denyAll)
		w.pass(6 * time.Second)
		if v := w.evaluate(""); v.Extra != nil {
			t.Fatalf("what policy denies now is still said to be requestable: %+v", v.Extra)
		}
	})
}

func TestEachDenialIsBoundToWhatWasDenied(t *testing.T) {
	other := engine.Evaluate(access.Entitled{Subject: bob, Action: access.Action{Name: "other"}, Resource: access.ResourceRef{Type: "customer", ID: "other"}})
	for name, tc := range map[string]struct {
		change func(*engine.Submission)
		code   string
	}{
		"unchanged":                   {func(*engine.Submission) {}, ""},
		"without an evaluation id":    {func(s *engine.Submission) { s.Denial.EvaluationID = "" }, ""},
		"the subject in capitals":     {func(s *engine.Submission) { capitals(s) }, ""},
		"another subject":             {func(s *engine.Submission) { s.Subject, s.Sent.Subject = bob, other.Sent.Subject }, "invalid_denial_binding"},
		"another resource":            {func(s *engine.Submission) { s.Sent.Resource = other.Sent.Resource }, "invalid_denial_binding"},
		"another action":              {func(s *engine.Submission) { s.Sent.Action = other.Sent.Action }, "invalid_denial_binding"},
		"a property more":             {func(s *engine.Submission) { s.Sent.Subject = withMember(s.Sent.Subject, `"properties":{"x":1}`) }, "invalid_denial_binding"},
		"an actor more":               {func(s *engine.Submission) { s.Sent.Subject = withMember(s.Sent.Subject, `"properties":{"act":{}}`) }, ""},
		"another evaluation id":       {func(s *engine.Submission) { s.Denial.EvaluationID = "dec_other" }, "invalid_denial_binding"},
		"another end":                 {func(s *engine.Submission) { s.Denial.ExpiresAt = s.Denial.ExpiresAt.Add(time.Hour) }, "invalid_denial_binding"},
		"an evaluation id alone":      {func(s *engine.Submission) { s.Denial.BindingToken = "" }, "invalid_denial_binding"},
		"a token that is no token":    {func(s *engine.Submission) { s.Denial.BindingToken = "x.y.z" }, "invalid_denial_binding"},
		"a subject that nobody holds": {func(s *engine.Submission) { s.Subject.ID = "nobody" }, "not_requestable"},
	} {
		t.Run(name, func(t *testing.T) {
			inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
				s := answering(t, w.evaluate(""))
				tc.change(&s)
				_, err := w.engine.SubmitAccessRequest(t.Context(), as(alice), s)
				if access.CodeOf(err) != tc.code || tc.code == "" && err != nil {
					t.Fatalf("got %v, want %q", err, tc.code)
				}
			})
		})
	}
}

func capitals(s *engine.Submission) {
	s.Subject.ID = strings.ToUpper(s.Subject.ID)
	s.Sent.Subject = json.RawMessage(strings.Replace(string(s.Sent.Subject), alice.ID, strings.ToUpper(alice.ID), 1))
}

func withMember(object json.RawMessage, member string) json.RawMessage {
	return json.RawMessage(strings.TrimSuffix(string(object), "}") + "," + member + "}")
}

func TestDenialIsAnsweredWithinItsTimeAndOnce(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
		w.policy.set(reviewBy(1))
		first := answering(t, w.evaluate(""))
		w.submit(first)
		if _, err := w.engine.SubmitAccessRequest(t.Context(), as(alice), first); access.CodeOf(err) != "duplicate_request" {
			t.Fatalf("a second request for one denial: %v", err)
		}
		if w.requestOf() == "" {
			t.Fatal("no request")
		}
		late := answering(t, w.evaluate(""))
		w.pass(6 * time.Minute)
		if _, err := w.engine.SubmitAccessRequest(t.Context(), as(alice), late); access.CodeOf(err) != "expired_denial" {
			t.Fatalf("a request for an old denial: %v", err)
		}
	})
}

func TestWishIsHeldAgainstWhatIsOnOffer(t *testing.T) {
	length := func(d time.Duration) *access.Duration { return new(access.Duration(d)) }
	for name, tc := range map[string]struct {
		wish func(now time.Time) engine.Wish
		gets time.Duration
		code string
	}{
		"nothing: the least":               {func(time.Time) engine.Wish { return engine.Wish{} }, 30 * time.Second, ""},
		"a duration on offer":              {func(time.Time) engine.Wish { return engine.Wish{For: length(time.Hour)} }, time.Hour, ""},
		"one that is not":                  {func(time.Time) engine.Wish { return engine.Wish{For: length(3 * time.Hour)} }, 0, "not_requestable"},
		"until a time: the least that can": {func(now time.Time) engine.Wish { return engine.Wish{Until: new(now.Add(3 * time.Minute))} }, time.Hour, ""},
		"until too late":                   {func(now time.Time) engine.Wish { return engine.Wish{Until: new(now.Add(3 * time.Hour))} }, 0, "not_requestable"},
		"until a time that is over":        {func(now time.Time) engine.Wish { return engine.Wish{Until: new(now.Add(-time.Hour))} }, 0, "not_requestable"},
		"a while that is none":             {func(time.Time) engine.Wish { return engine.Wish{While: new("lunch")} }, 0, "not_requestable"},
	} {
		t.Run(name, func(t *testing.T) {
			inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
				s := answering(t, w.evaluate(""))
				s.Wish = tc.wish(w.ledger.Now())
				v, err := w.engine.SubmitAccessRequest(t.Context(), as(alice), s)
				if access.CodeOf(err) != tc.code || tc.code == "" && err != nil {
					t.Fatalf("got %v, want %q", err, tc.code)
				}
				if err == nil && v.Result.Approval.ApprovedUntil.Sub(*v.Result.Approval.ApprovedAt) != tc.gets {
					t.Fatalf("the approval is %+v, want %s", v.Result.Approval, tc.gets)
				}
			})
		})
	}
}

func TestTaskIsAsItsRequestIs(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(access.Input) access.Decision
		close  func(*world, string)
		status engine.TaskStatus
	}{
		"policy allows":             {allowAll, nil, engine.TaskApproved},
		"policy denies":             {nil, nil, engine.TaskDenied},
		"nobody has answered":       {reviewBy(1), func(*world, string) {}, engine.TaskPending},
		"a reviewer said yes":       {reviewBy(1), func(w *world, id string) { w.review(id, w.engine.Approve) }, engine.TaskApproved},
		"a reviewer said no":        {reviewBy(1), func(w *world, id string) { w.review(id, w.engine.Deny) }, engine.TaskDenied},
		"nobody answered in time":   {reviewBy(1), func(w *world, _ string) { w.lapse() }, engine.TaskExpired},
		"it was withdrawn":          {reviewBy(1), func(w *world, id string) { w.withdraw(id) }, engine.TaskCancelled},
		"approved, and over by now": {allowAll, func(w *world, _ string) { w.pass(time.Minute) }, engine.TaskApproved},
	} {
		t.Run(name, func(t *testing.T) {
			inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
				s := answering(t, w.evaluate(""))
				w.policy.set(cmpOr(tc.answer, denyAll))
				v := w.submit(s)
				if tc.close != nil {
					tc.close(w, w.requestOf())
					again, err := w.engine.AccessTask(t.Context(), as(alice), v.Task.ID)
					must(t, err)
					v = again
				}
				pending := tc.status == engine.TaskPending
				if v.Task.Status != tc.status || (v.Task.Links != nil) != pending || (v.Task.ExpiresAt != nil) != pending ||
					(v.Result != nil) != (tc.status == engine.TaskApproved) {
					t.Fatalf("the task is %+v, %+v", v.Task, v.Result)
				}
				if v.Task.StatusEndpoint != public+engine.AccessRequestPath+"/"+v.Task.ID {
					t.Fatalf("the status_endpoint is %s", v.Task.StatusEndpoint)
				}
			})
		})
	}
}

func cmpOr(answer, otherwise func(access.Input) access.Decision) func(access.Input) access.Decision {
	if answer == nil {
		return otherwise
	}
	return answer
}

func (w *world) review(id string, by func(context.Context, engine.Call, string, engine.Review) (engine.RequestView, error)) {
	w.t.Helper()
	_, err := by(w.t.Context(), as(bob), id, engine.Review{})
	must(w.t, err)
}

// lapse lets the time for an answer be over.
func (w *world) lapse() {
	w.t.Helper()
	must(w.t, w.raw(`UPDATE requests SET lapses_at = lapses_at - 86400000000 WHERE state = 'pending'`))
	w.pass(2 * time.Second)
}

func (w *world) withdraw(id string) {
	w.t.Helper()
	_, err := w.engine.Withdraw(w.t.Context(), as(alice), id, "")
	must(w.t, err)
}

func TestApprovalIsWorthWhatItsGrantIs(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*world, *string) // what happens before the evaluation, and to the approval that is shown
		yes    bool
		reason string
		next   string
	}{
		"live": {func(*world, *string) {}, true, "", ""},
		"revoked": {func(w *world, _ *string) {
			page, err := w.engine.Grants(w.t.Context(), as(alice), engine.ListFilter{})
			must(w.t, err)
			_, err = w.engine.Revoke(w.t.Context(), as(alice), page.Items[0].ID, "")
			must(w.t, err)
		}, false, "approval_expired", "request"},
		"over":                           {func(w *world, _ *string) { w.pass(31 * time.Second) }, false, "approval_expired", "request"},
		"over, and policy denies by now": {func(w *world, _ *string) { w.pass(31 * time.Second); w.policy.set(denyAll); w.pass(6 * time.Second) }, false, "approval_expired", "none"},
		"one that there is not": {func(w *world, shown *string) {
			w.pass(31 * time.Second)
			*shown = `{"id":"` + access.NewOpaqueID("apr") + `"}`
		}, false, "approval_unverifiable", "none"},
		"one with a state, which is none of ours": {func(w *world, shown *string) {
			w.pass(31 * time.Second)
			*shown = strings.TrimSuffix(*shown, "}") + `,"state":"x"}`
		}, false, "approval_unverifiable", "none"},
		"no object": {func(w *world, shown *string) { w.pass(31 * time.Second); *shown = `"apr_1"` }, false, "approval_unverifiable", "none"},
		"one that is made up while the access is live": {func(_ *world, shown *string) { *shown = `{"id":"made up"}` }, true, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
				approval, err := json.Marshal(w.submit(answering(t, w.evaluate(""))).Result.Approval)
				must(t, err)
				shown := string(approval)
				tc.change(w, &shown)
				v := w.evaluate(`{"approval":` + shown + `,"time":"now"}`)
				reason, _ := v.Extra["reason"].(string)
				next, _ := v.Extra["next_action"].(string)
				if v.Decision != tc.yes || reason != tc.reason || next != tc.next {
					t.Fatalf("the answer is %+v", v)
				}
				if _, offered := v.Extra["access_request"]; offered != (next == "request") {
					t.Fatalf("next_action is %q, and the context %+v", next, v.Extra)
				}
				_, echoed := v.Extra["approval"]
				if echoed != (name == "live") {
					t.Fatalf("the context is %+v", v.Extra)
				}
			})
		})
	}
}

// A yes that waited for the ledger could be over by the time of the answer.
func TestNothingIsLookedUpBetweenAYesAndItsAnswer(t *testing.T) {
	j := &judge{policy: &policy{answer: allowAll}}
	inWorldOf(t, func(w *world) {
		w.decider = j
		w.requests = func(l *ledger.Ledger) *engine.AccessRequests {
			return &engine.AccessRequests{URL: public, Denials: denial.New(public, public+engine.AccessRequestPath, l, l.Now)}
		}
	}, func(t *testing.T, w *world) {
		approval, err := json.Marshal(w.submit(answering(t, w.evaluate(""))).Result.Approval)
		must(t, err)
		j.check = func([]access.CheckInput) { must(t, w.ledger.Close()) }
		v := w.evaluate(`{"approval":` + string(approval) + `}`)
		if _, echoed := v.Extra["approval"]; !v.Decision || !echoed {
			t.Fatalf("the answer is %+v", v)
		}
	})
}

// strict is a policy of a team that says no whatever grant there is.
type strict struct{ *policy }

func (s strict) Check(_ context.Context, inputs []access.CheckInput, last func(access.CheckAnswer) bool) (answers []access.CheckAnswer) {
	for range inputs {
		a := access.CheckAnswer{Reason: "device_untrusted", Revision: s.Revision()}
		if answers = append(answers, a); last != nil && last(a) {
			break
		}
	}
	return answers
}

func TestWhatPolicyDeniesDespiteTheGrantNoRequestHelps(t *testing.T) {
	inWorldOf(t, func(w *world) {
		w.decider = strict{w.policy}
		w.requests = func(l *ledger.Ledger) *engine.AccessRequests {
			return &engine.AccessRequests{URL: public, Denials: denial.New(public, public+engine.AccessRequestPath, l, l.Now)}
		}
	}, func(t *testing.T, w *world) {
		approval, err := json.Marshal(w.submit(answering(t, w.evaluate(""))).Result.Approval)
		must(t, err)
		w.pass(6 * time.Second)
		if v := w.evaluate(""); v.Decision || v.Extra != nil {
			t.Fatalf("a request is offered: %+v", v)
		}
		v := w.evaluate(`{"approval":` + string(approval) + `}`)
		if v.Decision || v.Extra["reason"] != "policy_denied" || v.Extra["next_action"] != "none" {
			t.Fatalf("the answer is %+v", v)
		}
	})
}

func TestApprovalOfAnotherAccessIsOutOfScope(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
		approval, err := json.Marshal(w.submit(answering(t, w.evaluate(""))).Result.Approval)
		must(t, err)
		x := engine.Evaluate(access.Entitled{Subject: bob, Action: debug, Resource: acme})
		x.Sent.Context = json.RawMessage(`{"approval":` + string(approval) + `}`)
		v, err := w.engine.Check(t.Context(), as(bob), x)
		must(t, err)
		if v.Decision || v.Extra["reason"] != "out_of_scope" || v.Extra["next_action"] != "request" {
			t.Fatalf("the answer is %+v", v)
		}
	})
}

func TestTaskIsUnknownToWhoMayNotSeeItAndGoneAMonthLater(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
		id := w.submit(answering(t, w.evaluate(""))).Task.ID
		for name, ask := range map[string]func() error{
			"no task": func() error {
				_, err := w.engine.AccessTask(t.Context(), as(alice), access.NewOpaqueID("art"))
				return err
			},
			"no id of a task": func() error { _, err := w.engine.AccessTask(t.Context(), as(alice), "../"); return err },
		} {
			if err := ask(); access.CodeOf(err) != "unknown_task" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.engine.CancelAccessTask(t.Context(), as(alice), id, ""); access.CodeOf(err) != "invalid_task_state" {
			t.Errorf("a task that has come to its end: %v", err)
		}
		must(t, w.raw(`UPDATE requests SET closed_at = closed_at - 31 * 86400000000`))
		if _, err := w.engine.AccessTask(t.Context(), as(alice), id); access.CodeOf(err) != "task_expired" {
			t.Errorf("a month later: %v", err)
		}
	})
}

func TestRepeatedSubmissionIsOneRequest(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, _ *receiver) {
		w.policy.set(reviewBy(1))
		s := answering(t, w.evaluate(""))
		call := as(alice)
		call.Once = engine.Once{Route: "POST " + engine.AccessRequestPath, Key: "k", BodyHash: "h"}
		first, err := w.engine.SubmitAccessRequest(t.Context(), call, s)
		must(t, err)
		w.pass(6 * time.Minute) // the denial is over, and the answer kept
		second, err := w.engine.SubmitAccessRequest(t.Context(), call, s)
		must(t, err)
		if first.Task.ID != second.Task.ID {
			t.Fatalf("two tasks: %s and %s", first.Task.ID, second.Task.ID)
		}
		w.requestOf()
		call.Once.BodyHash = "another"
		if _, err := w.engine.SubmitAccessRequest(t.Context(), call, s); access.CodeOf(err) != "duplicate_request" {
			t.Fatalf("another body under the key: %v", err)
		}
	})
}

// called submits with a callback, and returns the task.
func (w *world) called(events ...string) engine.TaskView {
	w.t.Helper()
	s := answering(w.t, w.evaluate(""))
	s.Callback = &access.TaskCallback{Endpoint: "https://agents.example.com/hook?secret=1", State: json.RawMessage(`{"n":1}`), Events: events}
	return w.submit(s)
}

func TestCallerIsToldOfTheEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		events []string
		close  func(*world)
		told   engine.TaskStatus // "": nothing
	}{
		"approved":                {nil, func(w *world) { w.review(w.requestOf(), w.engine.Approve) }, engine.TaskApproved},
		"denied":                  {nil, func(w *world) { w.review(w.requestOf(), w.engine.Deny) }, engine.TaskDenied},
		"lapsed":                  {nil, (*world).lapse, engine.TaskExpired},
		"withdrawn":               {[]string{"cancelled"}, func(w *world) { w.withdraw(w.requestOf()) }, engine.TaskCancelled},
		"an end that nobody asks": {[]string{"approved", "unheard_of"}, func(w *world) { w.review(w.requestOf(), w.engine.Deny) }, ""},
		"no end":                  {nil, func(*world) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inRequestWorld(t, func(t *testing.T, w *world, r *receiver) {
				w.policy.set(reviewBy(1))
				id := w.called(tc.events...).Task.ID
				w.pass(10 * time.Second)
				if r.count() != 0 {
					t.Fatal("told of a task that is pending")
				}
				tc.close(w)
				w.pass(2 * time.Second)
				want := 1
				if tc.told == "" {
					want = 0
				}
				if w.pass(time.Minute); r.count() != want {
					t.Fatalf("told %d times, want %d", r.count(), want)
				}
				if want == 0 {
					return
				}
				var said struct {
					State json.RawMessage
					Task  engine.Task
				}
				must(t, json.Unmarshal(r.got[0].Body, &said))
				if said.Task.Status != tc.told || said.Task.ID != id || string(said.State) != `{"n":1}` || r.got[0].ID != id {
					t.Fatalf("told %s", r.got[0].Body)
				}
				if events := w.events(ledger.EventFilter{Type: "access_request.callback_delivered"}); len(events) != 1 {
					t.Fatalf("the audit log has %v", events)
				}
			})
		})
	}
}

func TestCallbackIsTriedForADay(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, r *receiver) {
		r.answer = func(attempt int) error {
			if attempt < 4 {
				return errors.New("answered 503")
			}
			return nil
		}
		w.called()
		w.pass(time.Minute)
		if r.count() != 4 {
			t.Fatalf("tried %d times, want until it was taken", r.count())
		}
		ids := map[string]bool{}
		for _, m := range r.got {
			ids[m.ID] = true
		}
		if len(ids) != 1 {
			t.Fatalf("the attempts have the ids %v", slices.Collect(maps.Keys(ids)))
		}
	})
	inRequestWorld(t, func(t *testing.T, w *world, r *receiver) {
		r.answer = func(int) error { return errors.New("answered 503") }
		w.called()
		w.pass(3 * time.Minute)
		tried := r.count()
		if events := w.events(ledger.EventFilter{Type: "access_request.callback_failed"}); len(events) != 0 || tried < 6 {
			t.Fatalf("after %d attempts the audit log has %v", tried, events)
		}
		must(t, w.raw(`UPDATE requests SET closed_at = closed_at - 86400000000`)) // a day later
		w.pass(6 * time.Minute)                                                   // the longest pause, and some
		tried = r.count()
		if events := w.events(ledger.EventFilter{Type: "access_request.callback_failed"}); len(events) != 1 {
			t.Fatalf("after a day the audit log has %v", events)
		}
		if w.pass(3 * time.Minute); r.count() != tried {
			t.Fatal("tried after it was given up")
		}
	})
}

func TestCallbackThatACrashLeftIsMadeAgain(t *testing.T) {
	var steps sync.Map
	r := &receiver{}
	inWorldOf(t, func(w *world) {
		w.requests = func(l *ledger.Ledger) *engine.AccessRequests {
			return &engine.AccessRequests{URL: public, Denials: denial.New(public, public+engine.AccessRequestPath, l, l.Now), Callbacks: r}
		}
		w.step = func(name string) {
			if _, before := steps.LoadOrStore(name, true); name == "callback.sent" && !before {
				panic("the process dies between the attempt and its record")
			}
		}
	}, func(t *testing.T, w *world) {
		w.called()
		w.pass(5 * time.Second)
		if r.count() != 1 {
			t.Fatalf("%d attempts while the claim is held, want one", r.count())
		}
		w.stop()
		w.start()
		w.pass(time.Minute)
		if r.count() != 2 || r.got[0].ID != r.got[1].ID {
			t.Fatalf("%d attempts, want the one that was not recorded once more", r.count())
		}
	})
}

func TestCallbackThatMayNotBeIsRefusedBeforeAnythingIs(t *testing.T) {
	inRequestWorld(t, func(t *testing.T, w *world, r *receiver) {
		r.refuse = access.Invalid("invalid_callback", "/callback/endpoint", "no")
		s := answering(t, w.evaluate(""))
		s.Callback = &access.TaskCallback{Endpoint: "https://10.0.0.1/"}
		if _, err := w.engine.SubmitAccessRequest(t.Context(), as(alice), s); access.CodeOf(err) != "invalid_callback" {
			t.Fatalf("got %v", err)
		}
		s.Callback = nil
		w.submit(s) // the denial is not used up
	})
}
