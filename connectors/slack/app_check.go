package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scopes are those that the bot's token needs, and no more. A message to a
// person's own id opens a conversation with them without a scope for that.
func Scopes() []string { return []string{"chat:write", "commands", "users:read", "users:read.email"} }

// AppScopes are those that the app's token needs, for Socket Mode.
func AppScopes() []string { return []string{"connections:write"} }

// Check asks Slack whether the tokens are good, and names what they lack. Nothing
// changes at Slack.
func (a *App) Check(ctx context.Context) error {
	var faults []error
	own, err := a.web.Self(ctx)
	if err != nil {
		faults = append(faults, fmt.Errorf("bot_token: %w", err))
	} else if lacks := missing(own.Scopes); len(lacks) > 0 {
		faults = append(faults, fmt.Errorf("bot_token: the app lacks the scopes %s: add them and install the app again", strings.Join(lacks, ", ")))
	}
	if a.cfg.AppToken != "" {
		if _, err := a.web.Socket(ctx); err != nil {
			faults = append(faults, fmt.Errorf("app_token (it needs the scope %s, and the app Socket Mode): %w", AppScopes()[0], err))
		}
	}
	return errors.Join(faults...)
}

// missing is what is needed and not there.
func missing(scopes []string) (lacks []string) {
	for _, needed := range Scopes() {
		if !slices.Contains(scopes, needed) {
			lacks = append(lacks, needed)
		}
	}
	return lacks
}
