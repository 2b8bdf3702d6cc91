package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// accountFor is how long what Slack says of an account counts. Who is deactivated
	// there can act here for so long; their access ends by its own rules.
	accountFor = 5 * time.Minute
	// faultFor is how long a question that failed is not asked again.
	faultFor    = 30 * time.Second
	maxAccounts = 4096
)

// accounts is what Slack says of people, for a while.
type accounts struct {
	byID    *memo[slackapi.User]
	byEmail *memo[slackapi.User]
	self    *memo[self]
}

func newAccounts(a *App) *accounts {
	return &accounts{
		byID:    newMemo(guarded(a, a.web.User), accountFor),
		byEmail: newMemo(guarded(a, a.web.UserByEmail), accountFor),
		self:    newMemo(guarded(a, func(ctx context.Context, _ string) (self, error) { return a.web.Self(ctx) }), 0),
	}
}

// guarded makes a panic of a question an error: it is asked beside whoever waits,
// and would end the gateway.
func guarded[T any](a *App, ask func(context.Context, string) (T, error)) func(context.Context, string) (T, error) {
	return func(ctx context.Context, key string) (answer T, err error) {
		err = a.within(ctx, callTimeout, func(ctx context.Context) (err error) {
			answer, err = ask(ctx, key)
			return err
		})
		return answer, err
	}
}

var errNoAccount = errors.New("there is no such account")

// who recognises a person by their account: whose it is, whether it may act at
// all, and from where the message came. An error is fit to be shown to them.
//
// An id in the list of people is authoritative. Without one an account is whose
// address Slack says it has; but not if the list gives that person another account:
// an address at Slack is only as good as how people get accounts there.
func (a *App) who(ctx context.Context, teamID, userID string) (Caller, error) {
	u, err := a.fit(ctx, teamID, userID)
	if err != nil {
		return Caller{}, err
	}
	p, err := a.person(ctx, u)
	if err != nil {
		return Caller{}, err
	}
	came := arrivalOf(ctx)
	return Caller{Subject: p.Subject, Source: came.source, HookID: came.hookID, TimeZone: zone(p.TimeZone, u.TZ)}, nil
}

// fit returns an account that may act.
func (a *App) fit(ctx context.Context, teamID, userID string) (slackapi.User, error) {
	u, err := a.accounts.byID.get(ctx, userID)
	if err != nil {
		return u, a.unreached(err)
	}
	own, err := a.accounts.self.get(ctx, "")
	if err != nil {
		return u, a.unreached(err)
	}
	if err := own.admits(u); err != nil {
		return u, err
	}
	if !own.has(u, teamID) {
		return u, errAnotherWorkspace()
	}
	return u, nil
}

// unreached is what somebody hears when Slack does not say who they are. The log
// has the reason, which is for operators.
func (a *App) unreached(err error) error {
	if errors.Is(err, errNoAccount) || refusedAs(err, "user_not_found") || refusedAs(err, "users_not_found") || refusedAs(err, "user_not_visible") {
		return access.Denied("unknown_account", "Slack does not know your account in this workspace, so the gateway can not know who you are.")
	}
	a.lines.other.Failed(a.cfg.Log, "Slack does not say whose an account is; whoever it is can do nothing", err)
	return &access.Error{Kind: access.ErrBusy, Code: "slack_unreachable",
		Detail: "Slack does not tell the gateway who you are at the moment. Nothing was done: try again in a minute."}
}

// admits reports why an account can not act for a person.
func (s self) admits(u slackapi.User) error {
	switch {
	case u.Deleted:
		return access.Denied("deactivated", "Your account in this workspace is deactivated.")
	case u.IsBot, u.IsWorkflowBot, u.IsConnectorBot, u.ID == s.BotUser, u.ID == "USLACKBOT":
		return access.Denied("bot", "Bots can not ask for access, nor answer for people. A program has a token of its own for the API.")
	case u.IsStranger:
		return errAnotherWorkspace()
	case u.IsRestricted, u.IsUltraRestricted:
		return access.Denied("guest", "Guests can not use the gateway from Slack. Ask an administrator of Slack for a full account.")
	case !s.has(u, ""):
		return errAnotherWorkspace()
	}
	return nil
}

func errAnotherWorkspace() error {
	return access.Denied("another_workspace", "Your account is of another workspace than the gateway's.")
}

// has reports whether the account is of the workspace of the app, and came from
// there: from the workspace named, if one is. In an organisation an account can be
// of several workspaces, and the app of all.
func (s self) has(u slackapi.User, teamID string) bool {
	teams := append(slices.Clone(u.Enterprise.Teams), u.TeamID)
	ours := s.TeamID != "" && slices.Contains(teams, s.TeamID)
	if s.TeamID == "" {
		ours = s.EnterpriseID != "" && u.Enterprise.EnterpriseID == s.EnterpriseID
	}
	return ours && (teamID == "" || slices.Contains(teams, teamID) || teamID == s.EnterpriseID)
}

// person returns whose the account is.
func (a *App) person(ctx context.Context, u slackapi.User) (access.Person, error) {
	p, known, err := a.cfg.People.BySlack(ctx, u.ID)
	if err != nil {
		return p, fmt.Errorf("whose account it is: %w", err)
	}
	if known {
		return p, nil
	}
	email := strings.TrimSpace(u.Profile.Email)
	switch {
	case email == "":
		return p, access.Denied("no_email", "Slack does not tell the gateway your address, by which it would know you. "+
			"If everybody hears this, the app lacks the scope users:read.email; else add your account's id, %s, to the list of people.", u.ID)
	case !u.IsEmailConfirmed:
		return p, access.Denied("email_unconfirmed", "Your address is not confirmed at Slack. Confirm it there and try again.")
	}
	// Made canonical before anything else is done to it: the lower case of some
	// letters is a letter of ASCII, and so another's address.
	whose, err := access.Subject{Type: access.TypeUser, ID: email}.Canonical()
	if err != nil {
		return p, access.Denied("email_unusable", "Your address at Slack, %q, is not one that the gateway can know anybody by. "+
			"Have it corrected there, or have your account's id, %s, added to the list of people.", email, u.ID)
	}
	if p, err = a.cfg.People.ByEmail(ctx, whose.ID); err != nil {
		return p, fmt.Errorf("whose address it is: %w", err)
	}
	if p.Slack != "" && p.Slack != u.ID {
		return p, access.Denied("account_mismatch", "The list of people gives the person of your address another account than yours. "+
			"Use that one, or have its id corrected; yours is %s.", u.ID)
	}
	return p, nil
}

// zone is the first time zone that is known, else UTC.
func zone(names ...string) *time.Location {
	for _, name := range names {
		if loc, err := time.LoadLocation(name); name != "" && name != "Local" && err == nil {
			return loc
		}
	}
	return time.UTC
}
