package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

// fill fills in the form for acme, as far as nothing is chosen by itself.
func (o *office) fill() *fake.View {
	o.alice.Type("/access")
	form := o.alice.View()
	form.Pick("resource", "Acme Corp")
	form.Write("reason", "the disk is full")
	return form
}

func TestFormSaysWhatPolicyAnswersAndAsksForIt(t *testing.T) {
	o := newOffice(t)
	o.decide = func(_ context.Context, ask Ask) (access.Decision, error) {
		if ask.Reason == "" {
			return access.Decision{Effect: access.Deny, Reasons: []access.Reason{{Code: "no_reason", Title: "No reason given"}}}, nil
		}
		return access.Decision{Effect: access.Allow, Reasons: []access.Reason{{Code: "on_call", Title: "On call"}},
			Obligations: access.Obligations{Notify: []string{"#security"}, AfterReview: true}}, nil
	}
	o.alice.Type("/access")
	if calls := o.called(""); len(calls) > 0 {
		t.Fatalf("before the form was open, the desk was asked: %+v", calls)
	}
	form := o.alice.View()
	form.Pick("resource", "customer:acme")
	sheet := form.AwaitText("What policy says")
	read(t, sheet.Visible(), "Resource", "Action: *debug*", "How long", "Reason", "Emergency", "*debug* for 30 min", "needs a reason")
	if got := sheet.Value(actLength); got != "for:30m" {
		t.Errorf("the length is %q at first, not the shortest", got)
	}
	form.Pick(actLength, "2 h")
	form.Write("reason", "the disk is full")
	form.Enter("reason")
	read(t, form.AwaitText("Allowed at once").Visible(), "for 2 h", "✅ *Allowed at once*, until ", "• *On call*", "#security", "Somebody else must look")
	form.Pick("emergency", "yes")
	read(t, form.AwaitText("emergency:").Visible(), "as an emergency:", "Allowed at once")
	form.Submit()
	done := form.AwaitText("Granted")
	read(t, done.Visible(), "✅ *Granted*: *debug* on *Acme Corp* (customer:acme), until 2026-11-23 15:00 CET", "Request `req_1`")
	if done.CanSubmit() {
		t.Error("it can be submitted again")
	}
	want := Ask{Action: debugs.Action, Resource: debugs.Resource, For: &twoHours, Reason: "the disk is full", Emergency: true}
	if asks := o.asked(); len(asks) != 1 || fmt.Sprint(*asks[0].For) != "2h" || !sameAsk(asks[0], want) {
		t.Errorf("it asked for %+v", asks)
	}
}

func sameAsk(a, b Ask) bool {
	return a.Action == b.Action && a.Resource == b.Resource && a.Reason == b.Reason && a.Emergency == b.Emergency
}

func TestSameSubmissionTwiceIsOne(t *testing.T) {
	o := newOffice(t)
	form := o.fill()
	form.Submit()
	o.alice.Again()
	calls := o.called("submit")
	if len(calls) != 2 || calls[0].Key == "" || calls[0].Key != calls[1].Key || strings.Contains(calls[0].Key, form.ID) {
		t.Fatalf("its keys: %+v", calls)
	}
	o.fill().Submit()
	if calls = o.called("submit"); calls[2].Key == calls[0].Key {
		t.Error("another form has the same key")
	}
}

func TestFormOffersLengthsThatGoOnNow(t *testing.T) {
	now := time.Now()
	shift := access.Shift{Level: 1, Start: ptr(now.Add(-time.Hour)), End: ptr(now.Add(3 * time.Hour))}
	incident := func(id string, number int64, title string) access.Incident {
		return access.Incident{ID: id, Number: number, Title: title}
	}
	const mutter = "It is offered"
	for name, tc := range map[string]struct {
		oncall    access.OnCall
		incidents access.Incidents
		want      []string
		hint      string
	}{
		"neither on call nor in an incident": {idle, calm, []string{"for:30m 30 min", "for:2h 2 h"}, mutter + " while on call too, and you are not."},
		"nobody knows":                       {access.OnCall{Shifts: []access.Shift{shift}}, access.Incidents{}, []string{"for:30m 30 min", "for:2h 2 h"}, "Whether you are on call is not known now. Which incidents are open is not known"},
		"on call": {access.OnCall{Known: true, Shifts: []access.Shift{shift}}, calm,
			[]string{"for:30m 30 min", "for:2h 2 h", "while:oncall While I'm on call (until "}, "during an incident too, and none of yours is open"},
		"on call without an end": {access.OnCall{Known: true, Shifts: []access.Shift{{Level: 1}}}, calm,
			[]string{"for:30m 30 min", "for:2h 2 h", "while:oncall While I'm on call"}, "incident"},
		"on call later": {access.OnCall{Known: true, Shifts: []access.Shift{{Level: 1, Start: ptr(now.Add(time.Hour))}}}, calm,
			[]string{"for:30m 30 min", "for:2h 2 h"}, "you are not"},
		"in incidents": {idle, access.Incidents{Known: true, Open: []access.Incident{
			incident("Q1", 123, "<DB> & disk 🔥 "+strings.Repeat("full ", 30)), incident("Q2", 0, ""), incident(strings.Repeat("Q", 150), 9, "long id"),
		}}, []string{"for:30m 30 min", "for:2h 2 h", "while:incident:Q1 Until incident #123 is resolved: <DB> & disk 🔥 full",
			"while:incident:Q2 Until the incident is resolved"}, "you are not"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.facts = func(access.Subject) (access.OnCall, access.Incidents) { return tc.oncall, tc.incidents }
			sheet := o.fill().Sheet()
			offered := sheet.Options(actLength)
			if len(offered) != len(tc.want) {
				t.Fatalf("it offers %+v", offered)
			}
			for i, want := range tc.want {
				if got := offered[i].Value + " " + offered[i].Text; !strings.HasPrefix(got, want) {
					t.Errorf("option %d is %q, not %q", i, got, want)
				}
			}
			read(t, sheet.Visible(), tc.hint)
		})
	}
}

func TestFormAsksForAsLongAsSomethingGoesOn(t *testing.T) {
	o := newOffice(t)
	o.facts = func(access.Subject) (access.OnCall, access.Incidents) {
		return access.OnCall{Known: true, Shifts: []access.Shift{
			{Level: 1, Schedule: &access.Ref{ID: "S1"}, End: ptr(time.Now().Add(time.Hour))},
			{Level: 1, Schedule: &access.Ref{ID: "S2"}, End: ptr(time.Now().Add(9*time.Hour + 30*time.Minute))}}}, calm
	}
	o.decide = func(context.Context, Ask) (access.Decision, error) {
		return access.Decision{Effect: access.Allow, Until: &access.Until{OnCall: []access.ShiftRef{{Schedule: "S1", Level: 1}}, GraceSeconds: 60}}, nil
	}
	form := o.fill()
	form.Pick(actLength, "while:oncall")
	until := time.Now().Add(time.Hour + time.Minute).In(time.FixedZone("", 0)).Format(":04")
	read(t, form.AwaitText("while on call").Visible(), "as planned until", until) // only of the shift that policy matched
	form.Submit()
	form.AwaitText("Granted")
	if asks := o.asked(); len(asks) != 1 || asks[0].For != nil || *asks[0].While != "oncall" {
		t.Errorf("it asked for %+v", asks)
	}
}

func TestActionIsChosenWhereThereAreSeveral(t *testing.T) {
	o := newOffice(t)
	o.alice.Type("/access")
	form := o.alice.View()
	form.Pick("resource", "database:prod")
	sheet := form.Await("the actions", func(s fake.Sheet) bool { return s.Has(actAction) })
	if sheet.Has(actLength) {
		t.Error("a length is offered before there is an action")
	}
	form.Pick(actAction, "Write")
	form.Await("the lengths", func(s fake.Sheet) bool { return s.Has(actLength) })
	form.Write("reason", "migration")
	form.Submit()
	form.AwaitText("Granted")
	if asks := o.asked(); len(asks) != 1 || asks[0].Action.Name != "Write" || asks[0].For.String() != "2h" {
		t.Errorf("it asked for %+v", asks)
	}
	form2 := o.fill() // what was chosen of another resource is not kept
	form2.Pick("resource", "database:prod")
	if got := form2.Await("the actions", func(s fake.Sheet) bool { return s.Has(actAction) }); got.Has(actLength) || got.Value(actAction) != "" {
		t.Errorf("of the other resource: %s", got.Visible())
	}
}

func TestSearchListsWhatSlackTakes(t *testing.T) {
	many := make([]access.Resource, 150)
	for i := range many {
		many[i] = access.Resource{Type: "host", ID: fmt.Sprintf("web-%03d", i), Name: strings.Repeat("ü", 90)}
	}
	long := access.Resource{Type: "bucket", ID: strings.Repeat("long/", 50), Name: "<!channel> & \"Söhne\" 🚀", Entitlements: shelf[0].Entitlements}
	twin := long
	twin.ID, twin.Name = long.ID+"2", ""
	o := newOffice(t)
	o.stock(t, append(many, long, twin)...)
	o.alice.Type("/access")
	form := o.alice.View()
	if got := form.Search("resource", "web"); len(got) != 100 {
		t.Errorf("%d options", len(got))
	}
	if got := form.Search("resource", "nothing like it"); len(got) != 0 {
		t.Errorf("options: %+v", got)
	}
	form.Pick("resource", "<!channel>")
	form.Write("reason", "a & b <@U1>")
	form.Submit()
	read(t, form.AwaitText("Granted").Visible(), "long/")
	form = o.fill2(twin)
	form.Submit()
	form.AwaitText("Granted")
	if asks := o.asked(); len(asks) != 2 || asks[0].Resource != long.Ref() || asks[0].Reason != "a & b <@U1>" || asks[1].Resource != twin.Ref() {
		t.Errorf("it asked for %+v", asks)
	}
}

func (o *office) fill2(r access.Resource) *fake.View {
	o.alice.Type("/access")
	form := o.alice.View()
	form.Search("resource", r.ID)
	form.Pick("resource", refValue(r.Ref()))
	form.Write("reason", "again")
	return form
}

func TestCatalogueThatDoesNotAnswerIsNoChoice(t *testing.T) {
	o := newOffice(t)
	o.resources = func(string, int) ([]access.Resource, error) { return nil, errors.New("down") }
	o.alice.Type("/access")
	form := o.alice.View()
	form.Pick("resource", "The catalogue does not answer")
	form.Write("reason", "anything")
	form.Submit()
	read(t, strings.Join(errorsOf(form.Sheet()), "\n"), "Choose a resource")
	if asks := o.asked(); len(asks) != 0 {
		t.Errorf("it asked for %+v", asks)
	}
}

func errorsOf(s fake.Sheet) (all []string) {
	for block, text := range s.Errors {
		all = append(all, block+" "+text)
	}
	return all
}

func TestWhoMayNotAskIsToldWhereTheyAre(t *testing.T) {
	o := newOffice(t)
	guest := o.slack.Person(t, "guest")
	guest.Type("/access")
	form := guest.View()
	if got := form.Search("resource", ""); len(got) != 1 || !strings.HasPrefix(got[0].Text, "Guests can not use the gateway") {
		t.Errorf("options: %+v", got)
	}
	guest.Type("/access acme 2h because")
	guest.AwaitTold("Guests can not use the gateway")
	guest.Type("/access mine")
	guest.Shortcut("access_request_shortcut")
	if calls := o.called(""); len(calls) != 0 {
		t.Errorf("the desk was asked: %+v", calls)
	}
}

func TestSubmissionIsToldWhatBecameOfIt(t *testing.T) {
	five := make([]access.Reason, 5)
	for i := range five {
		five[i] = access.Reason{Code: fmt.Sprintf("code_%d", i), Title: fmt.Sprintf("Reason %d", i), Detail: "Because of <b> & " + strings.Repeat("that ", 60)}
	}
	for name, tc := range map[string]struct {
		answer func(Ask) (access.Case, error)
		want   []string
	}{
		"waits for a review": {func(ask Ask) (access.Case, error) { return waiting(ask), nil },
			[]string{"👀 *Waits for a review* by security, bob@example.com; 2 must approve", "for 30 min", "You will hear", "lapses 2026-11-23 14:00 CET", "req_1"}},
		"denied with five reasons": {func(ask Ask) (access.Case, error) { return refusing(ask, five...), nil },
			[]string{"⛔ *Denied*", "Reason 0", "<b> &", "Reason 4", "req_1"}},
		"withdrawn since then": {func(ask Ask) (access.Case, error) { return caseOf(ask, access.RequestWithdrawn), nil }, []string{"Withdrawn"}},
		"ended since then": {func(ask Ask) (access.Case, error) {
			c := granted(ask)
			c.Grant = over(*c.Grant, access.EndRevoked)
			return c, nil
		}, []string{"Granted", "and it has ended: a person ended it"}},
		"a fault of no field": {func(Ask) (access.Case, error) {
			return access.Case{}, access.Conflict("target_retired", "the target <okta> is retired")
		}, []string{"⚠️ The target <okta> is retired.", "How long"}},
		"a fault of the ledger": {func(Ask) (access.Case, error) { return access.Case{}, errors.New("disk full on node-7") },
			[]string{"⚠️ Curfew could not do this now", "How long"}},
		"too much at once": {func(Ask) (access.Case, error) { return access.Case{}, access.ErrBusy }, []string{"⚠️ More is asked for at once", "How long"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) { return tc.answer(ask) }
			form := o.fill()
			form.Submit()
			sheet := form.Sheet()
			read(t, sheet.Visible(), tc.want...)
			unread(t, sheet.Visible(), "node-7")
			if kept := tc.want[len(tc.want)-1] == "How long"; kept != sheet.CanSubmit() || kept && (sheet.Value("reason") != "the disk is full" || sheet.Value(actLength) != "for:30m") {
				t.Errorf("it holds reason %q, length %q:\n%s", sheet.Value("reason"), sheet.Value(actLength), sheet.Visible())
			}
		})
	}
}

func TestFaultStandsAtItsField(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		block string
	}{
		"the resource":             {access.Invalid("unknown_resource", "/resource", "there is no such resource"), "resource "},
		"a part of the resource":   {access.Invalid("invalid_resource", "/resource/id", "it is empty"), "resource "},
		"the only action":          {access.Invalid("unknown_action", "/action/name", "no such action"), "resource "},
		"the length":               {access.Invalid("duration_not_offered", "/for", "it is not offered"), "length."},
		"what it lasts as long as": {access.Invalid("while_not_offered", "/while", "it is not offered"), "length."},
		"the reason":               {access.Invalid("text_too_long", "/reason", "it has 2001 bytes"), "reason "},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.submit = func(context.Context, string, Ask) (access.Case, error) { return access.Case{}, tc.err }
			form := o.fill()
			form.Submit()
			if got := errorsOf(form.Sheet()); len(got) != 1 || !strings.HasPrefix(got[0], tc.block) {
				t.Errorf("errors: %q", got)
			}
		})
	}
}

func TestResourceWhoseOfferWasNotSeenIsNotAskedFor(t *testing.T) {
	o := newOffice(t)
	works := o.resource
	form := o.fill()
	o.resource = func(access.ResourceRef) (access.Resource, error) { return access.Resource{}, errors.New("down") }
	form.Pick("resource", "database:globex")
	read(t, form.AwaitText("⚠️").Visible(), "could not be looked up")
	form.Submit()
	read(t, strings.Join(errorsOf(form.Sheet()), ""), "resource ", "not shown yet")
	o.resource = works
	form.Pick("resource", "database:globex")
	form.Await("its own fields", func(s fake.Sheet) bool { return !strings.Contains(s.Visible(), "⚠️") })
	form.Submit()
	if asks := o.asked(); len(asks) != 1 || asks[0].Resource.Type != "database" {
		t.Errorf("it asked for %+v", asks)
	}
}

func TestPolicyThatCanNotBeAskedIsNotGuessed(t *testing.T) {
	for name, tc := range map[string]struct {
		decide func(context.Context, Ask) (access.Decision, error)
		want   string
	}{
		"it fails":        {func(context.Context, Ask) (access.Decision, error) { return access.Decision{}, errors.New("down") }, "not known now"},
		"it is too busy":  {func(context.Context, Ask) (access.Decision, error) { return access.Decision{}, access.ErrBusy }, "not known now"},
		"it says nothing": {func(context.Context, Ask) (access.Decision, error) { return access.Decision{}, nil }, "not known now"},
		"it panics":       {func(context.Context, Ask) (access.Decision, error) { panic("oh") }, "not known now"},
		"it may not be asked": {func(context.Context, Ask) (access.Decision, error) {
			return access.Decision{}, access.Denied("not_allowed", "you may not")
		}, "⛔ You may not."},
		"a review is needed":   {func(context.Context, Ask) (access.Decision, error) { return waitingDecision, nil }, "👀 *Needs a review* by security; 2 must approve"},
		"it is denied for two": {func(context.Context, Ask) (access.Decision, error) { return deniedForTwo, nil }, "⛔ *No*"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.decide = tc.decide
			read(t, o.fill().Sheet().Visible(), tc.want)
		})
	}
}

var (
	waitingDecision = access.Decision{Effect: access.Review, Reviewers: &access.Reviewers{Groups: []string{"security"}, Quorum: 2}}
	deniedForTwo    = access.Decision{Effect: access.Deny, Reasons: []access.Reason{{Code: "no_reason", Title: "No reason"}, {Code: "no_owner", Title: "No owner"}}}
)

func TestOlderAnswerDoesNotOverwriteANewerOne(t *testing.T) {
	o := newOffice(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	o.decide = func(ctx context.Context, ask Ask) (access.Decision, error) {
		if ask.For.String() == "30m" {
			close(asked)
			select {
			case <-goOn:
			case <-ctx.Done():
			}
			return access.Decision{Effect: access.Deny}, nil
		}
		return access.Decision{Effect: access.Allow}, nil
	}
	o.alice.Type("/access")
	form := o.alice.View()
	first := make(chan struct{})
	go func() {
		defer close(first)
		form.Pick("resource", "customer:acme") // for the shortest: policy takes its time
	}()
	select {
	case <-asked:
	case <-first:
		t.Fatal("policy was not asked")
	}
	form.AwaitText("Policy is being asked")
	form.Pick(actLength, "for:2h")
	form.AwaitText("Allowed at once")
	close(goOn)
	<-first
	read(t, form.Sheet().Visible(), "for 2 h", "Allowed at once")
}
