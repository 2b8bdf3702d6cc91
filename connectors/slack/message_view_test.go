package slack

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

var (
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	aliceS   = access.Subject{Type: access.TypeUser, ID: alice}
	bobS     = access.Subject{Type: access.TypeUser, ID: bob}
	carolS   = access.Subject{Type: access.TypeUser, ID: "carol@example.com"}
	debugs   = access.Entitled{Subject: aliceS, Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: "acme"}}
	twoHours = access.Duration(2 * time.Hour)
)

func ptr[T any](v T) *T { return &v }

// pending is alice's request that waits for one of the group security.
func pending() access.Case {
	return access.Case{
		Request: access.Request{
			ID: "req_1", Entitled: debugs, Requester: aliceS, For: &twoHours, Reason: "disk full\non db-3",
			State: access.RequestPending, LapsesAt: ptr(noon.Add(4 * time.Hour)), CreatedAt: noon,
		},
		ResourceName: "Acme Corp",
		Decision: access.Decision{Effect: access.Review, Reasons: []access.Reason{
			{Code: "not_on_call", Title: "Not on call", Detail: "Somebody of security must agree."}}},
		OnCall:    access.OnCall{Known: true},
		Reviewers: &access.Reviewers{Groups: []string{"security"}, Subjects: []access.Subject{bobS}, Quorum: 1},
		Shorter:   []access.Duration{access.Duration(30 * time.Minute), access.Duration(time.Hour)},
	}
}

// with is a case that is changed.
func with(c access.Case, changes ...func(*access.Case)) *access.Case {
	for _, change := range changes {
		change(&c)
	}
	return &c
}

// closed is a case that has come to a state.
func closed(state access.RequestState, reviews ...access.ReviewRecord) func(*access.Case) {
	return func(c *access.Case) {
		c.State, c.Reviews, c.Reviewers, c.LapsesAt, c.ClosedAt = state, reviews, nil, nil, ptr(noon.Add(time.Minute))
		if state == access.RequestApproved {
			c.Grant = ptr(grant())
		}
	}
}

func says(who access.Subject, verdict access.Verdict, comment string) access.ReviewRecord {
	return access.ReviewRecord{RequestID: "req_1", Reviewer: who, Verdict: verdict, Comment: comment, CreatedAt: noon}
}

// grant is what alice's request leads to.
func grant() access.Grant {
	return access.Grant{ID: "grt_1", RequestID: "req_1", BindingID: "bnd_1", Entitled: debugs, State: access.GrantActive,
		StartsAt: noon, ExpiresAt: noon.Add(2 * time.Hour)}
}

func over(g access.Grant, why access.EndReason) *access.Grant {
	g.State, g.EndReason, g.EndedAt = access.GrantEnded, &why, ptr(noon.Add(time.Hour))
	return &g
}

// binding is where the target stands.
func binding(desired, observed access.Presence) *access.Binding {
	return &access.Binding{ID: "bnd_1", Entitled: debugs, Target: "okta", Desired: desired, Observed: observed, Generation: 3}
}

var dates = regexp.MustCompile(`<!date\^\d+\^[^|]*\|([^>]*)>`)

// visible is what a reader sees of a message: one line for each line, and buttons
// in brackets.
func visible(m message) string { return visibleBlocks(m.Blocks) }

func visibleBlocks(blocks []slackapi.Block) string {
	var lines []string
	for _, b := range blocks {
		switch b := b.(type) {
		case *slackapi.HeaderBlock:
			lines = append(lines, "# "+b.Text.Text)
		case *slackapi.SectionBlock:
			if b.Text != nil {
				lines = append(lines, b.Text.Text)
			}
			for _, f := range b.Fields {
				lines = append(lines, strings.ReplaceAll(f.Text, "\n", " "))
			}
		case *slackapi.ContextBlock:
			for _, e := range b.ContextElements.Elements {
				lines = append(lines, "~ "+e.(*slackapi.TextBlockObject).Text)
			}
		case *slackapi.ActionBlock:
			var labels []string
			for _, e := range b.Elements.ElementSet {
				labels = append(labels, "["+e.(*slackapi.ButtonBlockElement).Text.Text+"]")
			}
			lines = append(lines, strings.Join(labels, " "))
		case *slackapi.InputBlock:
			lines = append(lines, "? "+b.Label.Text)
		}
	}
	return dates.ReplaceAllString(strings.Join(lines, "\n"), "$1")
}

// inLimits fails unless Slack takes the message and nobody is called by it.
func inLimits(t *testing.T, m message) {
	t.Helper()
	total := 0
	text := func(where, s string, limit int) {
		t.Helper()
		n := utf8.RuneCountInString(s)
		total += n
		if n == 0 || n > limit {
			t.Errorf("%s has %d characters, of 1 to %d", where, n, limit)
		}
		if half := regexp.MustCompile(`&(amp|lt|gt)?([^;a-z]|$)`).FindString(s); half != "" {
			t.Errorf("%s has half an escape: %q", where, half)
		}
		if call := regexp.MustCompile(`<![a-ce-z]|<!subteam|<#|<http`).FindString(s); call != "" {
			t.Errorf("%s calls somebody or links somewhere: %q", where, call)
		}
	}
	text("the text", m.Text, maxText)
	if len(m.Blocks) > maxBlocks {
		t.Errorf("%d blocks", len(m.Blocks))
	}
	for _, b := range m.Blocks {
		switch b := b.(type) {
		case *slackapi.HeaderBlock:
			text("the header", b.Text.Text, maxHeader)
		case *slackapi.SectionBlock:
			if b.Text != nil {
				text("a section", b.Text.Text, maxText)
			}
			for _, f := range b.Fields {
				text("a field", f.Text, maxField)
			}
		case *slackapi.ContextBlock:
			for _, e := range b.ContextElements.Elements {
				text("a remark", e.(*slackapi.TextBlockObject).Text, maxText)
			}
		case *slackapi.ActionBlock:
			for _, e := range b.Elements.ElementSet {
				text("a button", e.(*slackapi.ButtonBlockElement).Text.Text, maxButton)
			}
		default:
			t.Errorf("a %T, of which no limits are known", b)
		}
	}
	if blocks := total - utf8.RuneCountInString(m.Text); blocks > 9600 { // the most that is known to be taken
		t.Errorf("%d characters in all blocks, which Slack may refuse", blocks)
	}
}

// rendered is a notice in words, held against Slack's limits.
func rendered(t *testing.T, s scribe, v access.NoticeView) message {
	t.Helper()
	if v.ID == "" {
		v.ID = "ntc_1"
	}
	if v.Now.IsZero() {
		v.Now = noon
	}
	s.now = v.Now
	m, err := s.render(v)
	if err != nil {
		t.Fatal(err)
	}
	inLimits(t, m)
	if m.NoticeID != v.ID {
		t.Errorf("its metadata says %q", m.NoticeID)
	}
	return m
}

// shows fails unless the message shows the lines.
func shows(t *testing.T, m message, want string) {
	t.Helper()
	if got := visible(m); got != strings.TrimSpace(want) {
		t.Errorf("it shows\n%s\n\nwant\n%s", got, strings.TrimSpace(want))
	}
}

// buttonsOf is every button in some blocks.
func buttonsOf(blocks []slackapi.Block) (found []*slackapi.ButtonBlockElement) {
	for _, b := range blocks {
		if actions, ok := b.(*slackapi.ActionBlock); ok {
			for _, e := range actions.Elements.ElementSet {
				found = append(found, e.(*slackapi.ButtonBlockElement))
			}
		}
	}
	return found
}
