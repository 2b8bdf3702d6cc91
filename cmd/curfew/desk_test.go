package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/curfew-access/curfew/connectors/slack"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

var (
	alice = access.Subject{Type: access.TypeUser, ID: "alice@example.com"}
	bob   = access.Subject{Type: access.TypeUser, ID: "bob@example.com"}
	carol = access.Subject{Type: access.TypeUser, ID: "carol@example.com"}
)

// slackPeople are those of the tests' Slack: Alice, who is on call, Bob, who
// reviews, and Carol, who does neither.
const slackPeople = `people:
  - {subject: "user:alice@example.com", groups: [payments], slack: UALICE, emails: [al@example.com], time_zone: Europe/Berlin}
  - {subject: "user:bob@example.com", groups: [payments, security]}
  - {subject: "user:carol@example.com", groups: [payments]}
`

// slackHome is a home with more people and a second resource.
func slackHome(t *testing.T) string {
	t.Helper()
	dir := home(t, okTarget(t))
	err := errors.Join(
		write(filepath.Join(dir, "people.yaml"), slackPeople),
		write(filepath.Join(dir, "policies", "data.yaml"), "teams: {payments: {schedules: [payments-primary], group: payments}}\n"+
			"curfew: {config: {break_glass: {groups: [payments], notify: ['#access-ops']}}}"),
		write(filepath.Join(dir, "resources.yaml"), `resources:
  - {type: db, id: main, name: Main ledger, properties: {owner: payments}, entitlements: [{action: read, durations: [1s, 30m, 2h], while: [oncall], target: t}]}
  - {type: db, id: old, name: Old main ledger, properties: {owner: payments}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// deskOf is the desk of a gateway that does not run.
func deskOf(t *testing.T) *desk {
	t.Helper()
	g := open(t, slackHome(t), options{})
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return &desk{engine: g.engine, cases: g.engine, book: g.book, now: g.ledger.Now, log: slog.New(slog.DiscardHandler)}
}

func caller(s access.Subject) slack.Caller {
	return slack.Caller{Subject: s, Source: "192.0.2.7", HookID: "hook-1"}
}

func duration(t *testing.T, text string) *access.Duration {
	t.Helper()
	d, err := access.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// readMain is an ask for db/main.
func readMain(t *testing.T, length string) slack.Ask {
	return slack.Ask{
		Action: access.Action{Name: "read"}, Resource: access.ResourceRef{Type: "db", ID: "main"}, For: duration(t, length), Reason: "PD-1",
	}
}

func TestOneWhoIsOnCallAsksAndEndsAtTheDesk(t *testing.T) {
	t.Parallel()
	d, ctx := deskOf(t), t.Context()
	decision, err := d.Decide(ctx, caller(alice), readMain(t, "2h"))
	if err != nil || decision.Effect != access.Allow || decision.Revision == "" {
		t.Fatalf("policy would answer %+v, %v", decision, err)
	}
	first, err := d.Submit(ctx, caller(alice), "key-1", readMain(t, "2h"))
	if err != nil || first.State != access.RequestApproved || first.Grant == nil || first.Channel != access.ChannelSlack || first.ResourceName != "Main ledger" {
		t.Fatalf("submitted: %+v, %v", first, err)
	}
	again, err := d.Submit(ctx, caller(alice), "key-1", readMain(t, "2h"))
	if err != nil || again.ID != first.ID {
		t.Errorf("submitted again: %s, %v; want %s", again.ID, err, first.ID)
	}
	if _, err := d.Submit(ctx, caller(alice), "key-1", readMain(t, "30m")); access.CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("another ask under the key: %v", err)
	}
	short, err := d.Submit(ctx, caller(alice), "key-2", readMain(t, "30m"))
	if err != nil {
		t.Fatal(err)
	}
	live, err := d.Live(ctx, caller(alice))
	if err != nil || len(live) != 2 || live[0].ID != short.ID || live[1].ID != first.ID || live[0].Grant == nil || live[0].For.String() != "30m" {
		t.Errorf("live: %+v, %v", live, err)
	}
	if live, err := d.Live(ctx, caller(carol)); err != nil || len(live) != 0 {
		t.Errorf("another's live grants: %+v, %v", live, err)
	}
	if _, err := d.Revoke(ctx, caller(carol), "key-3", first.Grant.ID); access.CodeOf(err) != "not_allowed" {
		t.Errorf("another ends it: %v", err)
	}
	for range 2 {
		g, err := d.Revoke(ctx, caller(alice), "key-4", first.Grant.ID)
		if err != nil || g.State != access.GrantEnded || *g.EndReason != access.EndRevoked {
			t.Errorf("ended: %+v, %v", g, err)
		}
	}
	if _, err := d.Revoke(ctx, caller(alice), "key-5", first.Grant.ID); !errors.Is(err, access.ErrConflict) {
		t.Errorf("ended twice: %v", err)
	}
}

func TestAccessWhoseTimeIsOverIsNotListedBeforeAnybodyEndedIt(t *testing.T) {
	t.Parallel()
	d := deskOf(t) // whose gateway does not run: nothing ends
	c, err := d.Submit(t.Context(), caller(alice), "key", readMain(t, "1s"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is not listed", func() bool {
		live, err := d.Live(t.Context(), caller(alice))
		return err == nil && len(live) == 0
	})
	if c, err = d.Case(t.Context(), caller(alice), c.ID); err != nil || c.Grant.State != access.GrantActive {
		t.Errorf("it is %+v, %v", c.Grant, err)
	}
}

func TestReviewersAnswerAtTheDesk(t *testing.T) {
	t.Parallel()
	d, ctx := deskOf(t), t.Context()
	asked, err := d.Submit(ctx, caller(carol), "key-1", readMain(t, "2h"))
	if err != nil || asked.State != access.RequestPending || asked.Reviewers == nil {
		t.Fatalf("submitted: %+v, %v", asked, err)
	}
	for name, tc := range map[string]struct {
		who  access.Subject
		code string
	}{
		"the asker":      {carol, "not_allowed"},
		"a stranger":     {access.Subject{Type: access.TypeUser, ID: "eve@example.com"}, "not_allowed"},
		"who made it up": {access.Subject{Type: access.TypeUser, ID: "nobody@example.com"}, "not_allowed"},
	} {
		if _, err := d.Review(ctx, caller(tc.who), "key-"+name, asked.ID, slack.Answer{Verdict: access.VerdictApprove}); access.CodeOf(err) != tc.code {
			t.Errorf("%s approves: %v", name, err)
		}
	}
	if _, err := d.Case(ctx, caller(access.Subject{Type: access.TypeUser, ID: "eve@example.com"}), asked.ID); access.CodeOf(err) != "not_allowed" {
		t.Errorf("a stranger reads it: %v", err)
	}
	own, err := d.Submit(ctx, caller(bob), "key-own", readMain(t, "2h"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Review(ctx, caller(bob), "key-own", own.ID, slack.Answer{Verdict: access.VerdictApprove}); access.CodeOf(err) != "own_request" {
		t.Errorf("a reviewer approves their own: %v", err)
	}
	answer := slack.Answer{Verdict: access.VerdictApprove, For: duration(t, "30m"), Comment: "short"}
	for range 2 {
		c, err := d.Review(ctx, caller(bob), "key-2", asked.ID, answer)
		if err != nil || c.State != access.RequestApproved || c.Grant == nil || c.Grant.ExpiresAt.Sub(c.Grant.StartsAt).String() != "30m0s" || len(c.Counted) != 1 {
			t.Errorf("approved: %+v, %v", c, err)
		}
	}
	if _, err := d.Review(ctx, caller(bob), "key-2", asked.ID, slack.Answer{Verdict: access.VerdictDeny}); access.CodeOf(err) != "idempotency_key_reused" {
		t.Errorf("another answer under the key: %v", err)
	}
	second, err := d.Submit(ctx, caller(carol), "key-3", readMain(t, "2h"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.Review(ctx, caller(bob), "key-4", second.ID, slack.Answer{Verdict: access.VerdictDeny, Comment: "no"}); err != nil || c.State != access.RequestDenied || c.Comment != "no" {
		t.Errorf("denied: %+v, %v", c, err)
	}
	third, err := d.Submit(ctx, caller(carol), "key-5", readMain(t, "2h"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.Withdraw(ctx, caller(carol), "key-6", third.ID); err != nil || c.State != access.RequestWithdrawn {
		t.Errorf("withdrawn: %+v, %v", c, err)
	}
	if _, err := d.Withdraw(ctx, caller(carol), "key-7", third.ID); !errors.Is(err, access.ErrConflict) {
		t.Errorf("withdrawn twice: %v", err)
	}
}

func TestBreakGlassIsClosedByASecondPersonAtTheDesk(t *testing.T) {
	t.Parallel()
	d, ctx := deskOf(t), t.Context()
	urgent := readMain(t, "30m")
	urgent.Emergency = true
	c, err := d.Submit(ctx, caller(carol), "key-1", urgent)
	if err != nil || c.State != access.RequestApproved || c.AfterReview == nil || c.AfterReview.State != access.TaskOpen {
		t.Fatalf("submitted: %+v, %v", c, err)
	}
	id := c.AfterReview.ID
	task, err := d.Task(ctx, caller(bob), id)
	if err != nil || task.Kind != access.TaskAfterReview || task.GrantID != c.Grant.ID || task.RequestID != c.ID || task.About == nil || task.About.Subject != carol {
		t.Errorf("the task is %+v, %v", task, err)
	}
	if _, err := d.CloseTask(ctx, caller(carol), "key-2", id, "fine"); access.CodeOf(err) != "not_allowed" {
		t.Errorf("whose access it was closes it: %v", err)
	}
	for range 2 {
		if closed, err := d.CloseTask(ctx, caller(bob), "key-3", id, "fine"); err != nil || closed.State != access.TaskDone || closed.Comment != "fine" || *closed.ClosedBy != bob {
			t.Errorf("closed: %+v, %v", closed, err)
		}
	}
	if _, err := d.CloseTask(ctx, caller(bob), "key-4", id, "fine"); !errors.Is(err, access.ErrConflict) {
		t.Errorf("closed twice: %v", err)
	}
}

// unread is a ledger from which no case can be read.
type unread struct{}

func (unread) Case(context.Context, engine.Call, string) (access.Case, error) {
	return access.Case{}, errors.New("the ledger is away")
}

func TestWhatWasCommittedIsNeverAnError(t *testing.T) {
	t.Parallel()
	d, ctx := deskOf(t), t.Context()
	d.cases = unread{}
	c, err := d.Submit(ctx, caller(alice), "key-1", readMain(t, "2h"))
	if err != nil || c.State != access.RequestApproved || c.Grant == nil || c.Decision.Effect != access.Allow || c.ResourceName != "main" {
		t.Errorf("submitted: %+v, %v", c, err)
	}
	asked, err := d.Submit(ctx, caller(carol), "key-2", readMain(t, "2h"))
	if err != nil || asked.State != access.RequestPending || asked.Reviewers == nil {
		t.Errorf("submitted: %+v, %v", asked, err)
	}
	denied, err := d.Review(ctx, caller(bob), "key-3", asked.ID, slack.Answer{Verdict: access.VerdictDeny, Comment: "no"})
	if err != nil || denied.State != access.RequestDenied || denied.Comment != "no" || denied.Reviewers != nil {
		t.Errorf("denied: %+v, %v", denied, err)
	}
	if _, err := d.Case(ctx, caller(alice), c.ID); err == nil {
		t.Error("what is only read is no error when it can not be read")
	}
}

func TestDeskFindsWhatCanBeAskedFor(t *testing.T) {
	t.Parallel()
	d, ctx := deskOf(t), t.Context()
	for typed, want := range map[string][]string{"": {"main"}, "LEDGER": {"main"}, "db/ma": {"main"}, "old": nil} {
		found, err := d.Resources(ctx, caller(alice), typed, 10)
		var ids []string
		for _, r := range found {
			ids = append(ids, r.ID)
		}
		if err != nil || !slices.Equal(ids, want) {
			t.Errorf("%q finds %v, %v; want %v", typed, ids, err, want)
		}
	}
	if r, err := d.Resource(ctx, caller(alice), access.ResourceRef{Type: "db", ID: "main"}); err != nil || r.Name != "Main ledger" || len(r.Entitlements) != 1 {
		t.Errorf("by name: %+v, %v", r, err)
	}
	for _, ref := range []access.ResourceRef{{Type: "db", ID: "none"}, {Type: "", ID: ""}} {
		if _, err := d.Resource(ctx, caller(alice), ref); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s is found: %v", ref, err)
		}
	}
	onCall, incidents := d.Facts(alice)
	if !onCall.Known || len(onCall.Shifts) != 1 || incidents.Known {
		t.Errorf("Alice's facts are %+v, %+v", onCall, incidents)
	}
	if onCall, _ := d.Facts(carol); !onCall.Known || len(onCall.Shifts) != 0 {
		t.Errorf("Carol's facts are %+v", onCall)
	}
}

func TestPeopleAreKnownByAccountAndByAddress(t *testing.T) {
	t.Parallel()
	g := open(t, slackHome(t), options{})
	t.Cleanup(func() { _ = g.Close() })
	p := people{ledger: g.ledger, canonical: canonical(g.cfg.People)}
	if who, known, err := p.BySlack(t.Context(), "UALICE"); err != nil || !known || who.Subject != alice || who.TimeZone != "Europe/Berlin" {
		t.Errorf("by account: %+v, %v, %v", who, known, err)
	}
	if _, known, err := p.BySlack(t.Context(), "UNOBODY"); err != nil || known {
		t.Errorf("an unknown account is known: %v", err)
	}
	for email, want := range map[string]access.Subject{
		"AL@example.com": alice, "alice@example.com": alice, "bob@example.com": bob, "eve@example.com": {Type: access.TypeUser, ID: "eve@example.com"},
	} {
		if who, err := p.ByEmail(t.Context(), email); err != nil || who.Subject != want {
			t.Errorf("%s is %+v, %v", email, who, err)
		}
	}
	for _, none := range []string{"", "alice", "Alice <alice@example.com>", "älice@example.com"} {
		if who, err := p.ByEmail(t.Context(), none); !errors.Is(err, access.ErrInvalid) {
			t.Errorf("%q is %+v, %v", none, who, err)
		}
	}
}
