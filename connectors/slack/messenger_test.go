package slack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

// reviewIn is a notice of alice's request for a reader.
func reviewIn(to access.Recipient) access.NoticeView {
	return access.NoticeView{Notice: access.Notice{ID: "ntc_7", Kind: access.NoticeReview, To: to}, Now: noon, Case: with(pending())}
}

func TestANoticeIsPostedOnceAndThenChanged(t *testing.T) {
	w := newWorld(t)
	n := reviewIn(access.Recipient{Channel: "#security"})
	place, err := w.app.Show(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	posted := w.slack.called("post")
	if len(posted) != 1 || posted[0].To != "#security" || posted[0].Message.NoticeID != "ntc_7" {
		t.Fatalf("posted %+v", posted)
	}
	n.Place, n.Case = place, with(pending(), closed(access.RequestApproved, says(bobS, access.VerdictApprove, "")))
	again, err := w.app.Show(t.Context(), n)
	changed := w.slack.called("update")
	if err != nil || again != place || len(w.slack.called("post")) != 1 || len(changed) != 1 || changed[0].Place != place || changed[0].Message.NoticeID != "ntc_7" {
		t.Fatalf("%v, %v: posted %d, changed %+v", again, err, len(w.slack.called("post")), changed)
	}
	if len(buttonsOf(posted[0].Message.Blocks)) == 0 || len(buttonsOf(changed[0].Message.Blocks)) != 0 {
		t.Error("the buttons are not there while it waits, or there after it")
	}
}

func TestANoticeForAPersonGoesToTheirAccount(t *testing.T) {
	for name, tc := range map[string]struct {
		reader *access.Person
		to     string
		zone   string
	}{
		"by the id in the list of people, in the zone there": {&access.Person{Subject: aliceS, Slack: "UOTHER", TimeZone: "America/New_York"}, "UOTHER", "09:00 EST"},
		"by their address, in the zone of the account":       {&access.Person{Subject: aliceS}, aliceID, "15:00 CET"},
		"by their address, when nothing else is known":       {nil, aliceID, "15:00 CET"},
		"in UTC when nobody says where they are":             {&access.Person{Subject: bobS}, bobID, "14:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			subject := aliceS
			if tc.reader != nil {
				subject = tc.reader.Subject
			}
			n := access.NoticeView{Notice: access.Notice{ID: "ntc_1", Kind: access.NoticeGranted, To: access.Recipient{Subject: &subject}},
				Now: noon, Grant: ptr(grant()), Reader: tc.reader}
			if _, err := w.app.Show(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			posted := w.slack.called("post")
			if len(posted) != 1 || posted[0].To != tc.to || !strings.HasSuffix(posted[0].Message.Text, "Mon 23 Nov "+tc.zone) {
				t.Errorf("posted to %q: %q", posted[0].To, posted[0].Message.Text)
			}
		})
	}
}

func TestPeopleAreMentionedByTheAccountsThatAreListed(t *testing.T) {
	w := newWorld(t)
	w.people.add(access.Person{Subject: aliceS, Slack: "UALICE1"})
	w.people.add(access.Person{Subject: bobS, Slack: "!channel"})
	n := reviewIn(access.Recipient{Channel: "#security"})
	n.Case.Counted, n.Case.Reviewers.Subjects = []access.Subject{bobS, carolS}, []access.Subject{aliceS}
	if _, err := w.app.Show(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	m := w.slack.called("post")[0].Message
	shown := visible(m)
	if !strings.Contains(shown, "<@UALICE1> asks for") || !strings.Contains(shown, "approval*: bob@example.com, carol@example.com") {
		t.Errorf("it shows\n%s", shown)
	}
	if !strings.Contains(shown, "*May answer:* the group security, alice@example.com") {
		t.Errorf("who may answer is called each time:\n%s", shown)
	}
	if strings.Contains(m.Text, "<@") {
		t.Errorf("the text %q mentions somebody", m.Text)
	}
	inLimits(t, m)
}

// silent is a list of people that does not answer.
type silent struct{ People }

func (silent) ByEmail(ctx context.Context, _ string) (access.Person, error) {
	<-ctx.Done()
	return access.Person{}, ctx.Err()
}

func TestAMessageDoesNotWaitForItsMentions(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.app.cfg.People = silent{}
		n := reviewIn(access.Recipient{Channel: "#security"})
		n.Case.Counted = []access.Subject{bobS, carolS}
		began := time.Now()
		_, err := w.app.Show(t.Context(), n)
		if took := time.Since(began); err != nil || took != mentionIn || !strings.Contains(visible(w.slack.called("post")[0].Message), "alice@example.com asks for") {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestWhatCanNotBeShown(t *testing.T) {
	down := &access.DeliveryError{Class: access.ClassUnreachable, RetryAfter: time.Second, Err: errors.New("503")}
	for name, tc := range map[string]struct {
		change    func(*world, *access.NoticeView)
		permanent bool
	}{
		"a person without an account never is":            {func(_ *world, n *access.NoticeView) { n.To = access.Recipient{Subject: &carolS} }, true},
		"a request that is not there never is":            {func(_ *world, n *access.NoticeView) { n.Case = nil }, true},
		"a kind that is not known never is":               {func(_ *world, n *access.NoticeView) { n.Kind = "birthday" }, true},
		"one that Slack does not take now is tried again": {func(w *world, _ *access.NoticeView) { w.slack.fails("post", down) }, false},
		"one that Slack does not change now is tried again": {func(w *world, n *access.NoticeView) {
			w.slack.fails("update", down)
			n.Place = access.Place{Channel: "C1", At: "1"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			n := reviewIn(access.Recipient{Channel: "#security"})
			tc.change(w, &n)
			_, err := w.app.Show(t.Context(), n)
			if err == nil || access.IsPermanent(err) != tc.permanent {
				t.Errorf("Show = %v, permanent %v", err, access.IsPermanent(err))
			}
			var later *access.DeliveryError
			if !tc.permanent && (!errors.As(err, &later) || later.RetryAfter != time.Second) {
				t.Errorf("what Slack wants is lost in %v", err)
			}
		})
	}
}
