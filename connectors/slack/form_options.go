package slack

import (
	"context"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// suggest lists the resources that somebody may mean with what they typed. What is
// listed is no permission: everything is checked again.
func (a *App) suggest(ctx context.Context, cb *slackapi.InteractionCallback) []*slackapi.OptionBlockObject {
	if cb.ActionID != actResource {
		return nil
	}
	var list []access.Resource
	err, done := a.settle(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, patience) // then nobody waits for them
		defer cancel()
		who, err := a.clicker(ctx, cb)
		if err == nil {
			list, err = a.cfg.Desk.Resources(ctx, who, cut(strings.TrimSpace(cb.Value), maxTyped), maxOptions)
		}
		return err
	}, func(context.Context, error) {})
	switch {
	case !done:
		return noOption("The catalogue does not answer; type again")
	case err != nil:
		return noOption(a.unlisted(err))
	}
	var out []*slackapi.OptionBlockObject
	for _, r := range list[:min(len(list), maxOptions)] {
		out = append(out, resourceOption(r))
	}
	return out
}

// unlisted says why there is no list: the person may not see one, or it could not
// be read.
func (a *App) unlisted(err error) string {
	if access.CodeOf(err) != "" {
		return because(err)
	}
	a.cfg.Log.Warn("the catalogue could not be searched from Slack", "error", err)
	return "The catalogue does not answer; type again"
}

// noOption says something where options would be. It can be chosen, and is refused
// then.
func noOption(text string) []*slackapi.OptionBlockObject {
	return []*slackapi.OptionBlockObject{option(valueNone, text)}
}
