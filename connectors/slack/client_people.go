package slack

import (
	"context"
	"encoding/json"
	"strings"

	slackapi "github.com/slack-go/slack"
)

// User is an account by its id.
func (c *client) User(ctx context.Context, id string) (slackapi.User, error) {
	return user(call(c, func(api *slackapi.Client) (*slackapi.User, error) { return api.GetUserInfoContext(ctx, id) }))
}

// UserByEmail is the account that has an address.
func (c *client) UserByEmail(ctx context.Context, email string) (slackapi.User, error) {
	return user(call(c, func(api *slackapi.Client) (*slackapi.User, error) { return api.GetUserByEmailContext(ctx, email) }))
}

// user has IsEmailConfirmed say no only if Slack does: for most accounts it does
// not speak of it, which the SDK takes for a no.
func user(got *slackapi.User, x *exchange, err error) (slackapi.User, error) {
	if err != nil {
		return slackapi.User{}, err
	}
	var answer struct {
		User struct {
			ID        string `json:"id"`
			Confirmed *bool  `json:"is_email_confirmed"`
		} `json:"user"`
	}
	if json.Unmarshal(x.answer.Body, &answer) != nil || answer.User.ID == "" {
		return slackapi.User{}, malformed(x.method, "it holds no account")
	}
	got.IsEmailConfirmed = answer.User.Confirmed == nil || *answer.User.Confirmed
	return *got, nil
}

// Self says whose the bot's token is. Slack tells in a header what it allows.
func (c *client) Self(ctx context.Context) (self, error) {
	got, x, err := call(c, func(api *slackapi.Client) (*slackapi.AuthTestResponse, error) { return api.AuthTestContext(ctx) })
	if err != nil {
		return self{}, err
	}
	s := self{TeamID: got.TeamID, EnterpriseID: got.EnterpriseID, BotUser: got.UserID}
	if s.TeamID == s.EnterpriseID {
		s.TeamID = "" // installed for the whole organisation
	}
	if s.TeamID == "" && s.EnterpriseID == "" {
		return self{}, malformed(x.method, "it names no workspace")
	}
	for scope := range strings.SplitSeq(x.answer.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			s.Scopes = append(s.Scopes, scope)
		}
	}
	return s, nil
}

// Socket asks for a connection's address, by the app's token. It holds a ticket,
// and is not to be shown.
func (c *client) Socket(ctx context.Context) (string, error) {
	address, x, err := call(c, func(api *slackapi.Client) (string, error) {
		_, address, err := api.StartSocketModeContext(ctx)
		return address, err //nolint:wrapcheck // call does
	})
	if err == nil && address == "" {
		return "", malformed(x.method, "it holds no address")
	}
	return address, err
}
