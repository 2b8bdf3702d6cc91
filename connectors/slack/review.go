package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// The buttons of a request and of a task. Those of the forms that they open are
// their callback ids too.
const (
	actApprove = ofReview + "approve" // acts at once
	actShorten = ofReview + "shorten"
	actDeny    = ofReview + "deny"
	actClose   = ofTask + "close"
)

// reviewActed does what a button of a request or a task says.
func (a *App) reviewActed(ctx context.Context, cb *slackapi.InteractionCallback, act *slackapi.BlockAction) {
	p := press(cb, act)
	switch act.ActionID {
	case actApprove:
		a.approve(ctx, cb, p, clickKey(cb, act))
	case actShorten:
		a.openShorten(ctx, cb, p)
	case actDeny:
		a.openForm(ctx, cb, denyForm(p))
	case actClose:
		a.openForm(ctx, cb, closeForm(p))
	}
}

// pressed is a message that holds a button, and what it is about. Forms carry it:
// all of it are ids, since it goes through the browser.
type pressed struct {
	About  string            `json:"about"` // a request or a task
	At     access.Place      `json:"at"`
	Kind   access.NoticeKind `json:"kind"`
	Notice string            `json:"notice"`
}

// reviewBlock is the id of the block that holds the buttons of a request: a click
// tells by it what the message is.
func reviewBlock(kind access.NoticeKind, noticeID string) string {
	return "review/" + string(kind) + "/" + noticeID
}

func press(cb *slackapi.InteractionCallback, act *slackapi.BlockAction) pressed {
	p := pressed{About: act.Value, At: access.Place{Channel: cb.Container.ChannelID, At: cb.Container.MessageTs}}
	if parts := strings.Split(act.BlockID, "/"); len(parts) == 3 && parts[0] == "review" {
		p.Kind, p.Notice = access.NoticeKind(parts[1]), parts[2]
	}
	return p
}

// clickKey is the same however often Slack tells of one click.
func clickKey(cb *slackapi.InteractionCallback, act *slackapi.BlockAction) string {
	return keyOf("click", cb.User.ID, cb.Container.ChannelID, cb.Container.MessageTs, act.ActionID, act.Value, act.ActionTs)
}

// viewKey is the same however often a form is submitted.
func viewKey(cb *slackapi.InteractionCallback) string {
	return keyOf("view", cb.User.ID, cb.View.ID, cb.View.CallbackID)
}

func keyOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// approve says yes to a request, for the whole length that was asked for.
func (a *App) approve(ctx context.Context, cb *slackapi.InteractionCallback, p pressed, key string) {
	var who Caller
	var c access.Case
	work := func(ctx context.Context) (err error) {
		if who, err = a.clicker(ctx, cb); err != nil {
			return err
		}
		c, err = a.cfg.Desk.Review(ctx, who, key, p.About, Answer{Verdict: access.VerdictApprove})
		return err
	}
	said := make(chan struct{})
	err, done := a.settle(ctx, work, func(ctx context.Context, err error) {
		<-said // how it ended is told after that it is not known yet
		if err == nil {
			a.whisper(ctx, cb, "Your approval is saved.")
		}
		a.answered(ctx, cb, p, who, c, err)
	})
	if !done {
		defer close(said)
		a.whisper(ctx, cb, "Still saving your approval. You will hear here how it ended.")
		return
	}
	a.answered(ctx, cb, p, who, c, err)
}

// clicker recognises who clicked or submitted.
func (a *App) clicker(ctx context.Context, cb *slackapi.InteractionCallback) (Caller, error) {
	teamID := cb.User.TeamID
	if teamID == "" {
		teamID = cb.Team.ID
	}
	return a.who(ctx, teamID, cb.User.ID)
}

// answered shows what became of a request, or tells whoever clicked why nothing
// did. A button that came too late goes.
func (a *App) answered(ctx context.Context, cb *slackapi.InteractionCallback, p pressed, who Caller, c access.Case, err error) {
	if err == nil {
		a.refresh(ctx, p, who, c)
		return
	}
	a.noted(err)
	sentence := escape(because(err))
	if errors.Is(err, access.ErrConflict) && who.Subject != (access.Subject{}) {
		if now, err := a.cfg.Desk.Case(ctx, who, p.About); err == nil {
			sentence = a.tooLate(ctx, now, sentence)
			a.refresh(ctx, p, who, now)
		}
	}
	a.whisper(ctx, cb, sentence)
}

// tooLate says, in mrkdwn, what became of a request that is not to be answered any
// more.
func (a *App) tooLate(ctx context.Context, c access.Case, sentence string) string {
	if c.State == access.RequestPending {
		return sentence
	}
	return "You were not the first, and nothing was changed. " + a.scribe(ctx, a.cfg.Now()).became(&c)
}

// refresh shows a request as it is now where somebody answered it. It looks once
// more after that: who follows the ledger may have shown something newer in
// between.
func (a *App) refresh(ctx context.Context, p pressed, who Caller, c access.Case) {
	if p.At.Channel == "" || p.At.At == "" || p.Notice == "" {
		return
	}
	s := a.scribe(ctx, a.cfg.Now())
	if strings.HasPrefix(p.At.Channel, "D") {
		s.loc, s.reader = who.TimeZone, who.Subject
	}
	for range 2 {
		view := access.NoticeView{Notice: access.Notice{ID: p.Notice, Kind: p.Kind}, Now: a.cfg.Now(), Case: &c}
		m, err := s.render(view)
		if err == nil {
			err = a.web.Update(ctx, p.At, m)
		}
		if err != nil {
			a.cfg.Log.Info("a request could not be shown anew in Slack at once; its notice will be", "request_id", c.ID, "error", err)
			return
		}
		if c.State != access.RequestPending {
			return
		}
		now, err := a.cfg.Desk.Case(ctx, who, p.About)
		if err != nil || now.State == c.State && len(now.Reviews) == len(c.Reviews) {
			return
		}
		c = now
	}
}

// whisper tells something to whoever clicked, and nobody else.
func (a *App) whisper(ctx context.Context, cb *slackapi.InteractionCallback, text string) {
	if cb.ResponseURL == "" {
		return
	}
	if err := a.web.Respond(ctx, cb.ResponseURL, response{Text: cut(text, maxText)}); err != nil {
		a.cfg.Log.Info("somebody could not be told in Slack how their click ended", "error", err)
	}
}

// aside does something that nobody waits for.
func (a *App) aside(ctx context.Context, work func(context.Context)) {
	if !a.settling.enter() {
		return
	}
	go func() {
		defer a.settling.leave()
		_ = a.within(context.WithoutCancel(ctx), lateIn, func(ctx context.Context) error {
			work(ctx)
			return nil
		})
	}()
}
