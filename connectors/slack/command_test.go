package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

func TestCommandIsUnderstood(t *testing.T) {
	for text, want := range map[string]typed{
		"":                                    {},
		"acme 2h":                             {resource: "acme", length: "for:2h"},
		"acme 2h PD-123: login fails":         {resource: "acme", length: "for:2h", reason: "PD-123: login fails"},
		"acme debug 90m why":                  {resource: "acme", action: "debug", length: "for:1h30m", reason: "why"},
		"customer:acme PT2H why":              {resource: "customer:acme", length: "for:2h", reason: "why"},
		"acme pt2h":                           {resource: "acme", length: "for:2h"},
		"acme oncall my shift":                {resource: "acme", length: "while:oncall", reason: "my shift"},
		"acme On-Call":                        {resource: "acme", length: "while:oncall"},
		"acme incident:Q1 db":                 {resource: "acme", length: "while:incident:Q1", reason: "db"},
		"acme #123 db":                        {resource: "acme", length: "while:incident:123", reason: "db"},
		"acme #prod db":                       {resource: "acme", rest: []string{"#prod", "db"}},
		"acme 2h emergency: db down":          {resource: "acme", length: "for:2h", reason: "db down", emergency: true},
		"acme 2h Emergency: db down":          {resource: "acme", length: "for:2h", reason: "db down", emergency: true},
		"acme 2h emergency drill":             {resource: "acme", length: "for:2h", reason: "emergency drill"},
		`"Acme Corp" debug 2h "quoted" text`:  {resource: "Acme Corp", action: "debug", length: "for:2h", reason: `"quoted" text`},
		"“Acme Corp” 2h":                      {resource: "Acme Corp", length: "for:2h"},
		"«Acme Corp» 2h":                      {resource: "Acme Corp", length: "for:2h"},
		`"Acme 2h`:                            {resource: `"Acme`, length: "for:2h"},
		`"" 2h`:                               {resource: `""`, length: "for:2h"},
		"acme":                                {resource: "acme", rest: []string{}},
		"acme debug the db is down for 2h":    {resource: "acme", rest: []string{"debug", "the", "db", "is", "down", "for", "2h"}},
		"acme 2 hours":                        {resource: "acme", rest: []string{"2", "hours"}},
		"acme 0s":                             {resource: "acme", rest: []string{"0s"}},
		"acme -2h":                            {resource: "acme", rest: []string{"-2h"}},
		"acme incident: db":                   {resource: "acme", rest: []string{"incident:", "db"}},
		"  acme\t 2h \u00a0 a\u00a0b  c\nd  ": {resource: "acme", length: "for:2h", reason: "a b c d"},
	} {
		t.Run(text, func(t *testing.T) {
			got := parseTyped(text)
			if strings.Join(got.rest, "|") != strings.Join(want.rest, "|") {
				t.Errorf("rest %q, want %q", got.rest, want.rest)
			}
			got.rest, want.rest = nil, nil
			if got.resource != want.resource || got.action != want.action || got.length != want.length || got.reason != want.reason || got.emergency != want.emergency {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

func FuzzCommand(f *testing.F) {
	for _, text := range []string{"acme 2h why", `"Acme Corp" 2h`, "“a b” oncall", `"`, "acme #1 emergency: \xff", "&amp;lt; 2h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := parseTyped(unescaped.Replace(text))
		if got.direct() && got.resource == "" {
			t.Errorf("%q asks for nothing", text)
		}
		var ask Ask
		if got.length != "" && ask.setLength(got.length) != nil {
			t.Errorf("%q has the length %q", text, got.length)
		}
		if len(wish{Reason: got.reason}.value()) > maxButtonValue {
			t.Errorf("%q does not fit a button", text)
		}
	})
}

func TestCommandAsksAtOnce(t *testing.T) {
	five := []access.Reason{{Title: "Not on call", Detail: "Nobody <!here> is."}, {Title: "B"}, {Title: "C"}, {Title: "D"}, {Title: "E"}}
	for line, tc := range map[string]struct {
		answer func(Ask) (access.Case, error)
		ask    Ask // the length aside
		length string
		want   []string
	}{
		"/access acme 2h PD-123: a &amp; b":          {ask: Ask{Action: debugs.Action, Resource: debugs.Resource, Reason: "PD-123: a & b"}, length: "for:2h", want: []string{"✅ *Granted*: *debug* on *Acme Corp*", "until 2026-11-23 15:00 CET", "req_1"}},
		"/access ACME DEBUG 2h":                      {ask: Ask{Action: debugs.Action, Resource: debugs.Resource}, length: "for:2h", want: []string{"Granted"}},
		"/access “acme corp” oncall emergency: down": {ask: Ask{Action: debugs.Action, Resource: debugs.Resource, Reason: "down", Emergency: true}, length: "while:oncall", want: []string{"Granted"}},
		"/access database:globex #123":               {ask: Ask{Action: debugs.Action, Resource: shelf[3].Ref()}, length: "while:incident:123", want: []string{"Granted"}},
		"/access prod write 2h":                      {ask: Ask{Action: access.Action{Name: "Write"}, Resource: shelf[1].Ref()}, length: "for:2h", want: []string{"Granted"}},
		"/access acme debug 2h review": {answer: func(ask Ask) (access.Case, error) { return waiting(ask), nil },
			ask: Ask{Action: debugs.Action, Resource: debugs.Resource, Reason: "review"}, length: "for:2h", want: []string{"Waits for a review", "by security", "2 must approve", "req_1"}},
		"/access acme 2h denied": {answer: func(ask Ask) (access.Case, error) { return refusing(ask, five...), nil },
			ask: Ask{Action: debugs.Action, Resource: debugs.Resource, Reason: "denied"}, length: "for:2h", want: []string{"Denied", "*Not on call*", "&lt;!here&gt;", "*E*", "req_1"}},
		"/access acme 3h": {answer: func(Ask) (access.Case, error) {
			return access.Case{}, access.Invalid("duration_not_offered", "/for", "3h is not offered")
		}, ask: Ask{Action: debugs.Action, Resource: debugs.Resource}, length: "for:3h", want: []string{"⚠️ 3h is not offered"}},
		"/access acme 4h": {answer: func(Ask) (access.Case, error) { return access.Case{}, errors.New("disk full on node-7") },
			ask: Ask{Action: debugs.Action, Resource: debugs.Resource}, length: "for:4h", want: []string{"⚠️ Curfew could not do this now"}},
	} {
		t.Run(line, func(t *testing.T) {
			o := newOffice(t)
			if tc.answer != nil {
				o.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) { return tc.answer(ask) }
			}
			o.alice.Type(line)
			told := o.alice.Ephemerals()
			if len(told) != 1 {
				t.Fatalf("she was told %v", told)
			}
			read(t, told[0].Text, tc.want...)
			unread(t, told[0].Text, "node-7", "<!here>")
			asks := o.asked()
			if len(asks) != 1 || !sameAsk(asks[0], tc.ask) || lengthValue(asks[0].For, asks[0].While) != tc.length {
				t.Errorf("it asked for %+v", asks)
			}
			o.alice.Again()
			if calls := o.called("submit"); len(calls) == 2 && calls[0].Key != calls[1].Key {
				t.Error("the same command has another key")
			}
		})
	}
}

func TestCommandThatIsNotClearAsksBack(t *testing.T) {
	for line, tc := range map[string]struct {
		want    []string
		press   string // the pick that is pressed then
		holds   map[string]string
		visible string
	}{
		"/access globex 30m why": {[]string{"Which one do you mean by “globex”"}, "form.pick.1",
			map[string]string{actResource: "database:globex", actLength: "for:30m", actReason: "why"}, "Action: *debug*"},
		"/access glob 30m emergency: why": {[]string{"Which one do you mean"}, "form.pick.0",
			map[string]string{actResource: "customer:globex", actLength: "for:30m", actReason: "why", actEmergency: "yes"}, "Action: *debug*"},
		"/access prod 2h why": {[]string{"has several actions"}, "form.pick.1",
			map[string]string{actResource: "database:prod", actAction: "Write", actLength: "for:2h", actReason: "why"}, "What policy says"},
		"/access prod drop 2h why": {[]string{"has no action “drop”"}, "form.pick.0",
			map[string]string{actResource: "database:prod", actAction: "read", actLength: "for:30m", actReason: "why"}, "What policy says"},
		"/access <!here>& 2h why": {[]string{"There is no resource “&lt;!here&gt;&amp;”"}, "form.pick.0",
			map[string]string{actResource: "", actReason: "why"}, "Choose a resource"},
	} {
		t.Run(line, func(t *testing.T) {
			o := newOffice(t)
			o.alice.Type(line)
			told := o.alice.Ephemerals()
			if len(told) != 1 || len(o.asked()) != 0 {
				t.Fatalf("she was told %v, and asked for %v", told, o.asked())
			}
			read(t, told[0].Text, tc.want...)
			o.alice.Click(told[0], tc.press)
			form := o.alice.View()
			sheet := form.AwaitText(tc.visible)
			for id, want := range tc.holds {
				if got := sheet.Value(id); got != want {
					t.Errorf("%s holds %q, not %q", id, got, want)
				}
			}
			if tc.holds[actResource] == "" { // the length is kept until there is a resource
				form.Pick("resource", "Acme Corp")
				if got := form.AwaitText("What policy says").Value(actLength); got != "for:2h" {
					t.Errorf("the length is %q", got)
				}
			}
		})
	}
}

func TestCommandThatSaysTooLittleOpensTheFormWithIt(t *testing.T) {
	for line, want := range map[string]map[string]string{
		"/access":                            {actResource: "", actReason: ""},
		"/access acme":                       {actResource: "customer:acme", actLength: "for:30m", actReason: ""},
		"/access acme debug the db is down":  {actResource: "customer:acme", actReason: "the db is down"},
		"/access acme emergency: db is down": {actResource: "customer:acme", actReason: "db is down", actEmergency: "yes"},
		"/access prod write migrate":         {actResource: "database:prod", actAction: "Write", actLength: "for:2h", actReason: "migrate"},
		"/access globex why":                 {actResource: "", actReason: "why"},
		"/access nothing at all":             {actResource: "", actReason: "at all"},
	} {
		t.Run(line, func(t *testing.T) {
			o := newOffice(t)
			o.alice.Type(line)
			sheet := o.alice.View().Await("the form", func(s fake.Sheet) bool { return s.Has(actReason) })
			for id, value := range want {
				if got := sheet.Value(id); got != value {
					t.Errorf("%s holds %q, not %q:\n%s", id, got, value, sheet.Visible())
				}
			}
			if told := o.alice.Ephemerals(); len(told) != 0 || len(o.asked()) != 0 {
				t.Errorf("she was told %v, and asked for %v", told, o.asked())
			}
		})
	}
}

func TestFormThatCanNotBeOpenedIsToldOf(t *testing.T) {
	o := newOffice(t)
	o.slack.Script(fake.Refuse("expired_trigger_id").On("views.open"))
	o.alice.Type("/access")
	o.alice.AwaitTold("The form could not be opened. Nothing was asked for")
	if o.alice.SeesForm() {
		t.Error("she sees a form")
	}
}

func TestShortcutOpensTheForm(t *testing.T) {
	o := newOffice(t)
	o.alice.Shortcut("access_request_shortcut")
	if !o.alice.View().Sheet().Has(actResource) {
		t.Error("it is not the form")
	}
}

func TestHelpSaysWhatCanBeTyped(t *testing.T) {
	o := newOffice(t)
	o.alice.Type("/access HELP")
	told := o.alice.Ephemerals()
	if len(told) != 1 {
		t.Fatalf("she was told %v", told)
	}
	read(t, told[0].Text, "`/access`", "emergency:", "`/access mine`", "`type:id`", "`oncall`", "#123")
	if len(o.called("")) != 0 {
		t.Error("the desk was asked")
	}
}

func TestButtonHoldsWhatFits(t *testing.T) {
	o := newOffice(t)
	o.alice.Type("/access prod 2h " + strings.Repeat("<long> 🔥", 400))
	o.alice.Click(o.alice.Ephemerals()[0], "form.pick.0")
	got := o.alice.View().AwaitText("What policy says").Value(actReason)
	if len(got) < 100 || !strings.HasPrefix(got, "<long> 🔥") {
		t.Errorf("the reason is %q", got)
	}
	for _, reason := range []string{strings.Repeat("<", 3000), strings.Repeat("\xff", 3000), strings.Repeat("🔥", 3000)} {
		if n := len(wish{Resource: strings.Repeat("r", maxOptionValue), Reason: reason}.value()); n > maxButtonValue || n < 1000 {
			t.Errorf("the value of a button has %d bytes", n)
		}
	}
}

// What does not fit into a button is left out: somebody who types more than fits
// must not keep the gateway busy for ever.
func TestWhateverIsTypedFitsAButton(t *testing.T) {
	long := strings.Repeat("<é", 3000)
	for name, w := range map[string]wish{
		"a reason":   {Resource: "customer:acme", Action: "debug", Length: "for:2h", Reason: long},
		"an action":  {Resource: "customer:acme", Action: long, Length: "for:2h"},
		"a length":   {Resource: "customer:acme", Action: "debug", Length: lengthWhile + "incident:" + long},
		"a resource": {Resource: long, Action: "debug"},
		"everything": {Resource: long, Action: long, Length: long, Reason: long},
	} {
		t.Run(name, func(t *testing.T) {
			made := make(chan string, 1)
			go func() { made <- w.value() }()
			select {
			case value := <-made:
				var got wish
				if err := json.Unmarshal([]byte(value), &got); err != nil || len(value) > maxButtonValue || name != "a resource" && name != "everything" && got.Resource != w.Resource {
					t.Errorf("it is %d bytes of %+v, %v", len(value), got, err)
				}
			case <-time.After(5 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

func TestALongCommandIsSplitAtOnce(t *testing.T) {
	began := time.Now()
	if words, _ := splitWords(strings.Repeat("x ", maxBody/2)); len(words) != maxBody/2 || time.Since(began) > 5*time.Second {
		t.Errorf("%d words after %s", len(words), time.Since(began))
	}
}
