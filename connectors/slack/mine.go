package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// maxMine bounds how much is listed: each takes two blocks of a message, and lines
	// stand above and below.
	maxMine = (maxBlocks - 4) / 2
	// maxListing bounds it too, in characters: Slack refuses a message with many more.
	maxListing = 9000
)

// mine lists what somebody has.
func (a *App) mine(ctx context.Context, c slackapi.SlashCommand) response {
	who, err := a.who(ctx, c.TeamID, c.UserID)
	if err != nil {
		return a.failed(err)
	}
	return a.listOf(ctx, who)
}

func (a *App) listOf(ctx context.Context, who Caller) response {
	list, err := a.cfg.Desk.Live(ctx, who)
	if err != nil {
		return a.failed(err)
	}
	list = slices.DeleteFunc(list, func(c access.Case) bool { return c.Grant == nil })
	return mineText(list, who, a.cfg.Now())
}

func mineText(list []access.Case, who Caller, now time.Time) response {
	if len(list) == 0 {
		text := "You have no access now, and none is scheduled. `/access` asks for some."
		return response{Text: text, Blocks: []slackapi.Block{section(text)}}
	}
	head := fmt.Sprintf("*Your access* (%d)", len(list))
	blocks := []slackapi.Block{section(head)}
	lines := []string{head}
	s := scribe{now: now, loc: who.TimeZone, reader: who.Subject}
	room, shown := maxListing, 0
	for _, c := range list[:min(len(list), maxMine)] {
		text := s.holding(c)
		if room -= utf8.RuneCountInString(text); room < 0 {
			break
		}
		shown++
		lines = append(lines, text)
		blocks = append(blocks, section(text), slackapi.NewActionBlock("",
			button(actEnd, c.Grant.ID, "End now", slackapi.StyleDanger).WithConfirm(sure()),
			button(actExtend, c.Grant.RequestID, "Extend…", slackapi.StyleDefault)))
	}
	if more := len(list) - shown; more > 0 {
		blocks = append(blocks, remark(fmt.Sprintf("And %d more, which end later.", more)))
	}
	return response{Text: cut(strings.Join(lines, "\n"), maxText), Blocks: blocks}
}

// holding says what somebody has, until when, and whether it is there yet.
func (s scribe) holding(c access.Case) string {
	g := *c.Grant
	text := thing(g.Entitled, c.ResourceName) + s.lasts(&g)
	if g.State == access.GrantScheduled {
		return text + "\n🕒 It is scheduled."
	}
	if c.Binding == nil {
		return text
	}
	if said := s.target(access.NoticeView{Now: s.now, Binding: c.Binding}, access.Present); said != "" {
		text += "\n" + said
	}
	return text
}

// endNow ends a grant. Where the list was, the new one is shown.
func (a *App) endNow(ctx context.Context, cb *slackapi.InteractionCallback, act *slackapi.BlockAction) {
	var r response
	told := make(chan struct{})
	err, done := a.settle(ctx, func(ctx context.Context) error {
		r = a.end(ctx, cb, act)
		return nil
	}, func(ctx context.Context, err error) {
		<-told // how it ended comes after that it is not known
		if err != nil {
			r = a.failed(err)
		}
		a.respond(ctx, cb.ResponseURL, r)
	})
	switch {
	case !done:
		defer close(told)
		a.respond(ctx, cb.ResponseURL, response{Text: "⏳ Still ending it. You will hear here how it ended."})
	case err != nil:
		a.respond(ctx, cb.ResponseURL, a.failed(err))
	default:
		a.respond(ctx, cb.ResponseURL, r)
	}
}

func (a *App) end(ctx context.Context, cb *slackapi.InteractionCallback, act *slackapi.BlockAction) response {
	who, err := a.clicker(ctx, cb)
	if err != nil {
		return a.failed(err)
	}
	g, err := a.cfg.Desk.Revoke(ctx, who, clickKey(cb, act), act.Value)
	text := "⏹️ *Ended*: " + thing(g.Entitled, "") + "."
	switch {
	case errors.Is(err, access.ErrPropagating):
		text = "⏹️ *Ended.* In a moment it is so everywhere."
	case errors.Is(err, access.ErrConflict):
		text = "ℹ️ " + a.sorry(err)
	case err != nil:
		return a.failed(err)
	}
	if !cb.Container.IsEphemeral { // a notice, which says so by itself
		return response{Text: text}
	}
	r := a.listOf(ctx, who)
	r.Text, r.Replace = text+"\n"+r.Text, true
	r.Blocks = append([]slackapi.Block{section(text)}, r.Blocks...)
	return r
}
