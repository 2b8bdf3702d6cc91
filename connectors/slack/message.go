package slack

import (
	"fmt"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// How much of somebody's texts stands in a message. Beside the limits of each
// block, Slack refuses a message whose blocks have some 10,000 characters together
// (msg_blocks_too_long; it names no limit): one that tells of break-glass must not
// be lost to a long reason.
const (
	maxName    = 80
	maxRef     = 160 // of a resource
	maxDetail  = 120 // of a reason of policy's
	maxReason  = 2500
	maxComment = 300
	maxCited   = 3 // comments
	maxListed  = 10
)

// scribe puts into words what a notice tells, for one reader.
type scribe struct {
	now    time.Time
	loc    *time.Location                // of the reader, for what has no markup; nil: UTC
	reader access.Subject                // who is "you"; zero in a channel
	person func(s access.Subject) string // in mrkdwn: a mention when the account is known; nil: the id
}

// draft is a message in the making. What is added to it is escaped already.
type draft struct{ message }

// open begins a message: a heading, and one sentence for where there is no markup.
func open(heading, text string) *draft {
	return &draft{message{
		Text:   text,
		Blocks: []slackapi.Block{slackapi.NewHeaderBlock(plain(heading, maxHeader))},
	}}
}

func (d *draft) say(format string, args ...any) {
	d.Blocks = append(d.Blocks, section(fmt.Sprintf(format, args...)))
}

// lines adds those that say something, as one block.
func (d *draft) lines(lines ...string) {
	var said []string
	for _, l := range lines {
		if l != "" {
			said = append(said, l)
		}
	}
	if len(said) > 0 {
		d.say("%s", strings.Join(said, "\n"))
	}
}

// cite adds what somebody wrote. It stands in a block of its own, so that no
// markup in it reaches beyond.
func (d *draft) cite(label, text string, limit int) {
	if strings.TrimSpace(text) == "" {
		return
	}
	d.say("*%s*", label)
	d.say("%s", quote(text, limit))
}

func (d *draft) small(parts ...string) {
	d.Blocks = append(d.Blocks, remark(strings.Join(parts, " · ")))
}

func (d *draft) buttons(blockID string, elements ...slackapi.BlockElement) {
	d.Blocks = append(d.Blocks, slackapi.NewActionBlock(blockID, elements...))
}

// render is the whole message of a notice, as things stand.
func (s scribe) render(v access.NoticeView) (message, error) {
	d, err := s.draw(v)
	if err != nil {
		return message{}, err
	}
	d.NoticeID = v.ID
	d.Text = cut(d.Text, maxText)
	return d.message, nil
}

func (s scribe) draw(v access.NoticeView) (*draft, error) {
	if v.Grant == nil && v.Case != nil {
		v.Grant = v.Case.Grant
	}
	if v.Binding == nil && v.Case != nil {
		v.Binding = v.Case.Binding
	}
	draw, whole := s.drawing(v)
	if draw == nil {
		return nil, access.Permanent(fmt.Errorf("a notice of the kind %q can not be put into words", v.Kind))
	}
	if !whole {
		return nil, access.Permanent(fmt.Errorf("notice %s: what it is about, a %s, is not in the ledger", v.ID, v.Kind))
	}
	return draw(v), nil
}

// drawing is how a notice of its kind is put into words, and whether what that
// needs is there.
func (s scribe) drawing(v access.NoticeView) (draw func(access.NoticeView) *draft, whole bool) {
	switch v.Kind {
	case access.NoticeReview, access.NoticeReminder, access.NoticeEscalate:
		return s.review, v.Case != nil
	case access.NoticeDenied:
		return s.denied, v.Case != nil
	case access.NoticeLapsed:
		return s.lapsed, v.Case != nil
	case access.NoticeGranted:
		return s.granted, v.Grant != nil
	case access.NoticeEnding:
		return s.ending, v.Grant != nil
	case access.NoticeEnded:
		return s.ended, v.Grant != nil
	case access.NoticeObliged:
		return s.obliged, v.Grant != nil
	case access.NoticeTask:
		return s.task, v.Task != nil
	case access.NoticeAlarm:
		return s.alarm, v.Alarm != nil
	}
	return nil, false
}
