package slack

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

// flow is an App with the real client at a fake Slack, which has alice, bob and
// carol and the channel security, and a Desk at which one request waits.
type flow struct {
	*world
	slack *fake.Fake

	mu      sync.Mutex
	current access.Case
}

func newFlow(t *testing.T, quorum int) *flow {
	t.Helper()
	f := &flow{world: newWorld(t), slack: fake.New(t, fake.Config{Scopes: Scopes()}), current: pending()}
	f.current.Reviewers.Quorum = quorum
	for _, email := range []string{alice, bob, carolS.ID} {
		f.slack.AddUser(fake.User{Email: email})
	}
	f.slack.AddChannel("security")
	cfg := f.app.cfg
	cfg.URL, cfg.BotToken, cfg.SigningSecret, cfg.AppToken = f.slack.URL(), f.slack.BotToken(), f.slack.SigningSecret(), ""
	app, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Close)
	f.app = app
	f.slack.AppIs(app.Handler())
	f.desk.readCase = func(string) (access.Case, error) { return f.now(), nil }
	f.desk.review = f.review
	return f
}

func (f *flow) now() access.Case {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

// review is the rules of the engine, in short.
func (f *flow) review(_ context.Context, who Caller, _, _ string, answer Answer) (access.Case, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.current.State != access.RequestPending:
		return access.Case{}, access.Conflict("request_not_pending", "request req_1 is not pending any more")
	case who.Subject == aliceS:
		return access.Case{}, access.Denied("own_request", "no")
	}
	said := append(append([]access.ReviewRecord{}, f.current.Reviews...), access.ReviewRecord{
		RequestID: "req_1", Reviewer: who.Subject, Verdict: answer.Verdict, Comment: answer.Comment, For: answer.For, CreatedAt: noon})
	counted := append(append([]access.Subject{}, f.current.Counted...), who.Subject)
	switch {
	case answer.Verdict == access.VerdictDeny:
		f.current = *with(f.current, closed(access.RequestDenied, said...))
	case len(counted) == f.current.Reviewers.Quorum:
		f.current = *with(f.current, closed(access.RequestApproved, said...))
	default:
		f.current.Reviews, f.current.Counted = said, counted
	}
	return f.current, nil
}

// asked shows the request in the channel.
func (f *flow) asked() fake.Message {
	f.t.Helper()
	if _, err := f.app.Show(f.t.Context(), access.NoticeView{Notice: access.Notice{ID: "ntc_7", Kind: access.NoticeReview,
		To: access.Recipient{Channel: "#security"}}, Now: noon, Case: ptr(f.now())}); err != nil {
		f.t.Fatal(err)
	}
	return f.message("[Approve]")
}

// message waits until the request's message says the words.
func (f *flow) message(words string) fake.Message {
	f.t.Helper()
	return f.slack.AwaitMessage(f.t, "the message says "+words, func(m fake.Message) bool {
		return m.ID() == "ntc_7" && m.ChannelName == "security" && strings.Contains(m.Visible(), words)
	})
}

func TestAReviewInAChannelGoesFromClickToOutcome(t *testing.T) {
	f := newFlow(t, 2)
	m := f.asked()
	f.slack.Person(t, alice).Click(m, actApprove)
	f.slack.Person(t, alice).AwaitTold("You can not answer a request for or by yourself")
	f.slack.Person(t, bob).Click(m, actApprove)
	m = f.message("1 of 2 approvals")
	carol := f.slack.Person(t, carolS.ID)
	carol.Click(m, actApprove)
	done := f.message("Request approved")
	if done.Has(actApprove) || !strings.Contains(done.Visible(), "by bob@example.com, carol@example.com") {
		t.Errorf("it shows\n%s", done.Visible())
	}
	f.slack.Person(t, bob).Click(m, actDeny) // of the message as it was: the form opens, and too late
	form := f.slack.Person(t, bob).View()
	form.Write(blockComment, "no")
	form.Submit()
	if said := form.AwaitText("You were not the first").Visible(); !strings.Contains(said, "Approved") {
		t.Errorf("the form says\n%s", said)
	}
	if f.now().State != access.RequestApproved {
		t.Errorf("it is %s", f.now().State)
	}
}

func TestAReviewIsShortenedOrDeniedInAForm(t *testing.T) {
	for name, tc := range map[string]struct {
		action string
		fill   func(*fake.View)
		says   string
	}{
		"shortened": {actShorten, func(v *fake.View) { v.AwaitText("For how long?"); v.Pick(blockLength, "30 min") }, "(for 30 min)"},
		"denied":    {actDeny, func(v *fake.View) { v.Write(blockComment, "use <the> replica") }, "use <the> replica"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, 1)
			reviewer := f.slack.Person(t, bob)
			reviewer.Click(f.asked(), tc.action)
			form := reviewer.View()
			tc.fill(form)
			form.Submit()
			m := f.message("by bob@example.com")
			if m.Has(actApprove) || !strings.Contains(strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(m.Visible()), tc.says) || reviewer.SeesForm() {
				t.Errorf("it shows\n%s", m.Visible())
			}
		})
	}
}

func TestATaskIsClosedInAForm(t *testing.T) {
	f := newFlow(t, 1)
	f.desk.closeTask = func(_ context.Context, id, comment string) (access.Task, error) {
		return access.Task{ID: id, State: access.TaskDone, Comment: comment}, nil
	}
	task := access.Task{ID: "tsk_1", Kind: access.TaskAfterReview, State: access.TaskOpen, OpenedAt: noon, About: &debugs}
	if _, err := f.app.Show(t.Context(), access.NoticeView{Notice: access.Notice{ID: "ntc_7", Kind: access.NoticeTask,
		To: access.Recipient{Channel: "#security"}}, Now: noon, Task: &task}); err != nil {
		t.Fatal(err)
	}
	second := f.slack.Person(t, bob)
	second.Click(f.message("[Close review…]"), actClose)
	form := second.View()
	form.Write(blockComment, "was right")
	form.Submit()
	if calls := f.desk.called("close_task"); len(calls) != 1 || calls[0].ID != "tsk_1" || calls[0].Text != "was right" || second.SeesForm() {
		t.Errorf("the desk was asked %+v", calls)
	}
}

// Slack has each kind of message as it is at its longest, and as it is usually.
func TestSlackTakesEveryMessage(t *testing.T) {
	f := newFlow(t, 1)
	for _, kind := range []access.NoticeKind{access.NoticeReview, access.NoticeReminder, access.NoticeEscalate, access.NoticeGranted, access.NoticeDenied,
		access.NoticeLapsed, access.NoticeEnding, access.NoticeEnded, access.NoticeObliged, access.NoticeTask, access.NoticeAlarm} {
		for _, text := range []string{"a ", "<&>"} {
			n := everything(kind, access.RequestPending, text)
			n.ID, n.To = fmt.Sprintf("ntc_%s", kind), access.Recipient{Channel: "security"}
			place, err := f.app.Show(t.Context(), n)
			if err != nil {
				t.Fatalf("a %s is not taken: %v", kind, err)
			}
			n.Place, n.Case.State = place, access.RequestApproved
			if _, err := f.app.Show(t.Context(), n); err != nil {
				t.Fatalf("a %s is not changed: %v", kind, err)
			}
		}
	}
}
