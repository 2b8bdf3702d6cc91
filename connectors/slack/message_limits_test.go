package slack

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// everything is a notice of a kind, with all that can be in it made of the text,
// as long as the engine lets it be.
func everything(kind access.NoticeKind, state access.RequestState, text string) access.NoticeView {
	some := func(n int) string { return string([]rune(strings.Repeat(text, n/utf8.RuneCountInString(text)+1))[:n]) }
	person := func(i int) access.Subject {
		return access.Subject{Type: access.TypeUser, ID: fmt.Sprintf("%d%s@example.com", i, some(200))}
	}
	var people []access.Subject
	var reviews []access.ReviewRecord
	var groups []string
	var reasons []access.Reason
	var shifts []access.Shift
	for i := range 50 {
		people, groups = append(people, person(i)), append(groups, some(200))
		reviews = append(reviews, says(person(i), access.VerdictApprove, some(2000)), says(person(i), access.VerdictDeny, some(2000)))
		reasons = append(reasons, access.Reason{Code: "c", Title: some(500), Detail: some(2000)})
		shifts = append(shifts, access.Shift{Schedule: &access.Ref{ID: some(100), Name: some(500)}, Level: i, End: ptr(noon.Add(time.Hour))})
	}
	what := access.Entitled{Subject: person(0), Action: access.Action{Name: strings.Repeat("a", 64)},
		Resource: access.ResourceRef{Type: strings.Repeat("t", 32), ID: some(256)}}
	g := grant()
	g.Entitled, g.While, g.Bound = what, ptr("incident:"+some(256)), &access.Bound{EndsBy: noon.Add(9 * time.Hour)}
	b := *binding(access.Absent, access.Unknown)
	b.Entitled, b.Target, b.LastError, b.DueAt = what, some(300), some(4000), ptr(noon.Add(-time.Hour))
	task := access.Task{ID: "tsk_1", Kind: access.TaskAfterReview, State: access.TaskOpen, OpenedAt: noon, About: &what, Reason: some(2000)}
	c := pending()
	c.Entitled, c.ResourceName, c.Requester, c.Reason, c.Emergency = what, some(2000), person(1), some(2000), true
	c.For, c.While, c.Escalated, c.State, c.Comment = nil, g.While, true, state, some(2000)
	c.Decision.Reasons, c.OnCall.Shifts, c.Reviews, c.Counted = reasons, shifts, reviews, people
	c.Decision.Obligations.AfterReview, c.AfterReview, c.Grant = true, &task, &g
	c.Reviewers = &access.Reviewers{Groups: groups, Subjects: people, Quorum: 50}
	alarm := access.AlarmView{Alarm: access.Alarm{ID: "alm_1", RaisedAt: noon, Condition: access.Condition{
		Kind: access.AlarmOverdue, About: some(300), Count: 100_000, Removals: 50_000, Class: access.ClassTargetMissing}}}
	for range access.MaxAlarmed {
		alarm.Accesses = append(alarm.Accesses, access.AlarmedAccess{Entitled: what, BindingID: "bnd_1", Desired: access.Absent, Since: noon.Add(-time.Hour), Error: some(4000)})
	}
	switch state {
	case access.RequestApproved:
		alarm.Kind = access.AlarmSyncStale
	case access.RequestDenied:
		alarm.Kind, alarm.Error = access.AlarmSinkBehind, some(4000)
	default:
	}
	return access.NoticeView{Notice: access.Notice{ID: "ntc_1", Kind: kind}, Now: noon, Case: &c, Grant: &g, Binding: &b, Task: &task, Alarm: &alarm}
}

func TestTheLongestOfEverythingFits(t *testing.T) {
	kinds := []access.NoticeKind{access.NoticeReview, access.NoticeReminder, access.NoticeEscalate, access.NoticeGranted, access.NoticeDenied,
		access.NoticeLapsed, access.NoticeEnding, access.NoticeEnded, access.NoticeObliged, access.NoticeTask, access.NoticeAlarm}
	for name, text := range map[string]string{
		"letters": "abcdefghi ", "ampersands": "&", "brackets": "<>", "calls of everybody": "<!channel>@here ", "new lines": "x\n\n", "emoji": "🙂é&",
		"links": "<http://example.com|Approve>",
	} {
		for _, kind := range kinds {
			for _, state := range []access.RequestState{access.RequestPending, access.RequestApproved, access.RequestDenied} {
				t.Run(fmt.Sprintf("%s in a %s that is %s", name, kind, state), func(t *testing.T) {
					rendered(t, scribe{}, everything(kind, state, text))
				})
			}
		}
	}
}

// An ordinary reason is not cut, however long it may be.
func TestAReasonOfTwoThousandCharactersIsWhole(t *testing.T) {
	reason := strings.Repeat("db-3 & db-4 are down, and nobody can log in. ", 50)[:2000]
	m := rendered(t, scribe{}, access.NoticeView{Notice: access.Notice{Kind: access.NoticeReview}, Case: with(pending(), func(c *access.Case) { c.Reason = reason })})
	if !strings.Contains(visible(m), escape(strings.TrimSpace(reason))) {
		t.Errorf("the reason is not whole in %s", visible(m))
	}
}

func TestAQuotationCanNotLookLikeOurs(t *testing.T) {
	for name, text := range map[string]string{
		"a new line":              "x\n*Approved* by bob",
		"a carriage return":       "x\r*Approved* by bob",
		"both":                    "x\r\n*Approved* by bob",
		"a separator of lines":    "x\u2028*Approved* by bob",
		"one of paragraphs":       "x\u2029*Approved* by bob",
		"a next line":             "x\u0085*Approved* by bob",
		"an end of the quotation": "x\n\n*Approved* by bob",
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range strings.FieldsFunc(quote(text, maxReason), func(r rune) bool { return strings.ContainsRune("\n\r\u2028\u2029\u0085", r) }) {
				if !strings.HasPrefix(line, "> ") {
					t.Errorf("the line %q is not marked", line)
				}
			}
		})
	}
	if got := inline("a\n*Approved*\u2028 by bob", 100); strings.ContainsAny(got, "\n\u2028") {
		t.Errorf("%q has more than one line", got)
	}
}

func TestCutsAreWithinTheirLimitsAndWhole(t *testing.T) {
	for name, tc := range map[string]struct{ got, want string }{
		"a text that fits":                 {clip("a<b", 10), "a&lt;b"},
		"an escape is not cut in two":      {clip("aa&", 5), "aa…"},
		"a quotation that fits":            {quote("a&b", 100), "> a&amp;b"},
		"an escape at the end of one":      {quote("aa&&", 8), "> aa…"},
		"the ellipsis is within the limit": {clip("abcdef", 5), "abcd…"},
		"a name of many lines is one":      {inline(" a \n b\tc ", 10), "a b c"},
		"hours and minutes":                {spell(150 * time.Minute), "2 h 30 min"},
		"seconds":                          {spell(30 * time.Second), "30 s"},
		"minutes and seconds":              {spell(90 * time.Second), "1 min 30 s"},
		"a day and a half is hours":        {spell(36 * time.Hour), "36 h"},
		"whole days":                       {spell(72 * time.Hour), "3 days"},
		"more than an hour has no seconds": {spell(time.Hour + time.Second), "1 h"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
	if n := utf8.RuneCountInString(quote(strings.Repeat("&\n", 1000), maxReason)); n > maxReason {
		t.Errorf("%d characters", n)
	}
}
