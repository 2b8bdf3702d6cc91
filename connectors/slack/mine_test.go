package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

// holds has alice hold so many grants, of acme and of what is named.
func (o *office) holds(n int, change func(i int, c *access.Case)) {
	o.live = func() ([]access.Case, error) {
		list := make([]access.Case, n)
		for i := range list {
			c := caseOf(Ask{Action: debugs.Action, Resource: debugs.Resource, For: &twoHours, Reason: "disk full"}, access.RequestApproved)
			g := grant()
			g.ID, g.RequestID = fmt.Sprintf("grt_%d", i), fmt.Sprintf("req_%d", i)
			c.Grant, c.Binding = &g, binding(access.Present, access.Present)
			list[i] = c
			change(i, &list[i])
		}
		return list, nil
	}
}

func TestMineListsWhatIsHeldAndHowFarTheTargetIs(t *testing.T) {
	o := newOffice(t)
	o.holds(5, func(i int, c *access.Case) {
		switch i {
		case 1:
			c.Binding.Observed, c.Binding.DueAt = access.Unknown, ptr(time.Now())
		case 2:
			c.Binding.Observed, c.Binding.DueAt = access.Unknown, ptr(time.Now().Add(-time.Hour))
		case 3:
			c.Grant.State, c.Grant.StartsAt = access.GrantScheduled, noon.Add(time.Hour)
		case 4:
			c.ResourceName, c.Grant.While, c.Grant.Bound = "<!here> & co", ptr("oncall"), &access.Bound{EndsBy: noon.Add(3 * time.Hour)}
		}
	})
	o.alice.Type("/access mine")
	told := o.alice.Ephemerals()
	if len(told) != 1 {
		t.Fatalf("she was told %v", told)
	}
	read(t, told[0].Text, "*Your access* (5)",
		"*debug* on *Acme Corp* (customer:acme), until 2026-11-23 15:00 CET", "okta confirmed that it is open",
		"okta has not confirmed yet", "overdue",
		"from 2026-11-23 14:00 CET, until 2026-11-23 15:00 CET", "It is scheduled",
		"&lt;!here&gt; &amp; co", "until the shift ends: 2026-11-23 15:00 CET as things stand")
}

func TestMineFitsInOneMessage(t *testing.T) {
	o := newOffice(t)
	o.holds(60, func(_ int, c *access.Case) {
		c.ResourceName, c.Grant.Resource.ID = strings.Repeat("&", 300), strings.Repeat("x", 250)
		c.Binding.Target = strings.Repeat("<", 300)
	})
	o.alice.Type("/access mine")
	told := o.alice.Ephemerals()
	if len(told) != 1 || !strings.Contains(fmt.Sprint(told[0].Blocks), "more, which end later") {
		t.Fatalf("she was told %v", told)
	}
	total := 0
	for _, b := range told[0].Blocks {
		if said, ok := b.(map[string]any)["text"].(map[string]any); ok {
			total += utf8.RuneCountInString(said["text"].(string))
		}
	}
	if total > 9500 {
		t.Errorf("it has %d characters, which Slack may refuse", total)
	}
	o.holds(0, nil)
	o.alice.Type("/access mine")
	o.alice.AwaitTold("You have no access now")
	o.live = func() ([]access.Case, error) { return nil, errors.New("down") }
	o.alice.Type("/access mine")
	o.alice.AwaitTold("Curfew could not do this now")
}

func TestEndNowEndsOnceAndListsWhatIsLeft(t *testing.T) {
	o := newOffice(t)
	o.holds(2, func(int, *access.Case) {})
	o.alice.Type("/access mine")
	list := o.alice.Ephemerals()[0]
	o.revoke = func(context.Context, string) (access.Grant, error) {
		o.holds(1, func(int, *access.Case) {})
		return *over(grant(), access.EndRevoked), nil
	}
	o.alice.Click(list, "mine.end")
	told := o.alice.AwaitTold("Ended")
	read(t, told.Text, "⏹️ *Ended*: *debug* on *customer:acme*", "*Your access* (1)")
	if left := o.alice.Ephemerals(); len(left) != 1 {
		t.Errorf("the list was not replaced: %v", left)
	}
	o.alice.Again()
	calls := o.called("revoke")
	if len(calls) != 2 || calls[0].ID != "grt_0" || calls[0].Key == "" || calls[0].Key != calls[1].Key {
		t.Errorf("it ended %+v", calls)
	}
}

func TestEndThatDoesNotHappenIsNotCalledDone(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string
		not  string
	}{
		"it has ended before":       {access.Conflict("not_active", "the grant is not active"), "ℹ️ The grant is not active.", "⏹️"},
		"it is another's":           {access.Denied("not_allowed", "you may not"), "⚠️ You may not.", "⏹️"},
		"the ledger fails":          {errors.New("down"), "⚠️ Curfew could not do this now", "⏹️"},
		"not every node knows, yet": {fmt.Errorf("epoch: %w", access.ErrPropagating), "⏹️ *Ended.* In a moment it is so everywhere.", "⚠️"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.holds(1, func(int, *access.Case) {})
			o.alice.Type("/access mine")
			o.revoke = func(context.Context, string) (access.Grant, error) { return access.Grant{}, tc.err }
			o.alice.Click(o.alice.Ephemerals()[0], "mine.end")
			told := o.alice.AwaitTold(tc.want)
			unread(t, told.Text, tc.not)
		})
	}
}

func TestExtendOpensTheFormAsItWas(t *testing.T) {
	o := newOffice(t)
	o.holds(1, func(int, *access.Case) {})
	o.readCase = func(id string) (access.Case, error) {
		c := caseOf(Ask{Action: debugs.Action, Resource: debugs.Resource, For: &twoHours, Reason: "disk <full>", Emergency: true}, access.RequestApproved)
		c.ID = id
		return c, nil
	}
	o.alice.Type("/access mine")
	o.alice.Click(o.alice.Ephemerals()[0], "mine.extend")
	form := o.alice.View()
	sheet := form.AwaitText("What policy says")
	for id, want := range map[string]string{actResource: "customer:acme", actLength: "for:2h", actReason: "disk <full>", actEmergency: ""} {
		if got := sheet.Value(id); got != want {
			t.Errorf("%s holds %q, not %q", id, got, want)
		}
	}
	form.Submit()
	form.AwaitText("Granted")
	if calls := o.called("case"); len(calls) != 1 || calls[0].ID != "req_0" || len(o.asked()) != 1 {
		t.Errorf("it looked at %+v and asked for %+v", calls, o.asked())
	}
	o.readCase = func(string) (access.Case, error) { return access.Case{}, access.NotFound("request", "req_0") }
	o.alice.Click(o.alice.Ephemerals()[0], "mine.extend")
	o.alice.View().Await("why it is empty", func(s fake.Sheet) bool {
		return strings.Contains(s.Visible(), "There is no request") && s.Has(actResource)
	})
}
