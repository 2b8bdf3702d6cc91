package slack

import (
	"context"
	"strings"

	slackapi "github.com/slack-go/slack"
)

// unescaped undoes what Slack does to three characters of a command's text.
var unescaped = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// maxTyped is more than everything that may be typed is long together. What is cut
// was too long for a reason all the same, and is refused as that.
const maxTyped = 8000

// command answers /access: it opens the form, helps, lists what somebody has, or
// asks for what was typed.
func (a *App) command(ctx context.Context, c slackapi.SlashCommand) reply {
	c.Text = cut(unescaped.Replace(c.Text), maxTyped)
	typed := parseTyped(c.Text)
	switch text := strings.ToLower(strings.TrimSpace(c.Text)); {
	case text == "help":
		return privately(helpText(c.Command))
	case text == "mine":
		return a.carryOut(ctx, c.ResponseURL, stillReading, func(ctx context.Context) response { return a.mine(ctx, c) })
	case typed.direct():
		return a.carryOut(ctx, c.ResponseURL, stillSavingCommand, func(ctx context.Context) response { return a.direct(ctx, c, typed) })
	}
	p := prefill{team: c.TeamID, user: c.UserID, named: typed.resource, rest: typed.rest}
	if err := a.openRequest(ctx, c.TriggerID, p); err != nil {
		a.cfg.Log.Warn("a request form could not be opened", "error", err)
		return privately(response{Text: notOpened})
	}
	return reply{}
}

const (
	stillSavingCommand = "⏳ Still saving. You will hear here how it ended; nothing is granted before that."
	stillReading       = "⏳ The ledger takes its time. The list comes as soon as it answers."
)

// carryOut does the work and says what came of it, now or, when it takes too long,
// later.
func (a *App) carryOut(ctx context.Context, responseURL, still string, work func(context.Context) response) reply {
	var r response
	err, done := a.settle(ctx, func(ctx context.Context) error {
		r = work(ctx)
		return nil
	}, func(ctx context.Context, err error) {
		if err != nil {
			r = a.failed(err)
		}
		behind(ctx)
		a.respond(ctx, responseURL, r)
	})
	switch {
	case !done:
		return privately(response{Text: still})
	case err != nil:
		return privately(a.failed(err))
	}
	return privately(r)
}

// failed says what went wrong.
func (a *App) failed(err error) response { return response{Text: "⚠️ " + a.sorry(err)} }

// ephemeral is an answer that only the person sees who gave the command.
type ephemeral struct {
	Type   string           `json:"response_type"`
	Text   string           `json:"text"`
	Blocks []slackapi.Block `json:"blocks,omitempty"`
}

// privately answers nobody but who gave the command.
func privately(r response) reply {
	return reply{Body: ephemeral{Type: slackapi.ResponseTypeEphemeral, Text: r.Text, Blocks: r.Blocks}}
}

func helpText(command string) response {
	if !strings.HasPrefix(command, "/") {
		command = "/access"
	}
	return response{Text: strings.ReplaceAll(strings.Join([]string{
		"*Ask for access*",
		"• `/access` opens a form",
		"• `/access RESOURCE [ACTION] LENGTH REASON` asks at once: `/access acme 2h PD-123: login fails`",
		"• `/access RESOURCE [ACTION] LENGTH emergency: REASON` says that it can not wait: `/access acme 2h emergency: db down`",
		"• `/access mine` lists what you have, to end it or to ask again",
		"A resource is its id, `type:id`, or its whole name; in \"quotes\" if that has spaces. An action need not be said if there is one.",
		"A length is `30m`, `2h`, `oncall` (while you are on call) or `incident:123`, also `#123` (until the incident is resolved).",
		"If something is missing, the form opens with what was understood.",
	}, "\n"), "`/access", "`"+escape(command))}
}
