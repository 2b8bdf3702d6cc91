package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"
)

// Slack's limits, in characters or elements.
const (
	maxTitle       = 24 // also of a view's submit and close
	maxMetadata    = 3000
	maxPlaceholder = 150
	maxButton      = 75
	maxOption      = 75
	maxOptionValue = 150
	maxText        = 3000
	maxOptions     = 100
	maxBlocks      = 50 // of a message; a view may have 100
	maxFields      = 10
	maxField       = 2000
	maxHeader      = 150
	maxLabel       = 2000 // of an input
	maxFault       = 300  // of what is wrong with an input; Slack names no limit

	maxConfirmTitle  = 100 // of the question before a button acts
	maxConfirmText   = 300
	maxConfirmButton = 30
)

// cut shortens a text to so many characters; what was cut ends in an ellipsis.
func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// escape makes a text of somebody's stand as it is in mrkdwn: no mention, no link
// and no date can be written with it.
func escape(s string) string { return escapes.Replace(s) }

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// clip escapes a text of somebody's and cuts it, never within an escape.
func clip(s string, limit int) string { return fit(s, limit, escape) }

// fit puts each character as it is to stand, and cuts what is beyond the limit.
func fit(s string, limit int, put func(string) string) string {
	var text strings.Builder
	length, whole := 0, 0
	for _, r := range s {
		stands := put(string(r))
		if length += utf8.RuneCountInString(stands); length > limit {
			return text.String()[:whole] + "…"
		}
		text.WriteString(stands)
		if length < limit {
			whole = text.Len() // with room for the ellipsis
		}
	}
	return text.String()
}

func plain(s string, limit int) *slackapi.TextBlockObject {
	return slackapi.NewTextBlockObject(slackapi.PlainTextType, cut(s, limit), false, false)
}

// mrkdwn is a text in Slack's markup; what is somebody's in it is escaped before.
func mrkdwn(s string) *slackapi.TextBlockObject {
	return slackapi.NewTextBlockObject(slackapi.MarkdownType, cut(s, maxText), false, true)
}

// moment is a time in mrkdwn, which each reader sees in their own time zone; in
// loc, or in UTC, where it can not be shown so.
func moment(t time.Time, loc *time.Location) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), local(t, loc).Format("2006-01-02 15:04 MST"))
}

// local is a time in loc, or in UTC where that is not known.
func local(t time.Time, loc *time.Location) time.Time {
	if loc == nil {
		return t.UTC()
	}
	return t.In(loc)
}

// inline makes a text of somebody's stand within a line of mrkdwn.
func inline(s string, limit int) string {
	return clip(strings.Join(strings.Fields(s), " "), limit)
}

// breaks are what ends a line, for one reader or another.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// quote makes a text of somebody's a quotation, each line of it marked as one: it
// can not look like a word of ours. What does not fit is cut.
func quote(s string, limit int) string {
	const mark = "> "
	return mark + fit(strings.TrimSpace(breaks.Replace(s)), limit-len(mark), func(r string) string {
		if r == "\n" {
			return "\n" + mark
		}
		return escape(r)
	})
}

func section(s string) *slackapi.SectionBlock {
	return slackapi.NewSectionBlock(mrkdwn(s), nil, nil)
}

// remark is a line of small print.
func remark(s string) *slackapi.ContextBlock {
	return slackapi.NewContextBlock("", mrkdwn(s))
}

func button(actionID, value, label string, style slackapi.Style) *slackapi.ButtonBlockElement {
	return slackapi.NewButtonBlockElement(actionID, value, plain(label, maxButton)).WithStyle(style)
}
