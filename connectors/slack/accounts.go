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

func newAccounts(web webAPI) *accounts {
	return &accounts{
		byID:    newMemo(web.User, accountFor),
		byEmail: newMemo(web.UserByEmail, accountFor),
		self:    newMemo(func(ctx context.Context, _ string) (self, error) { return web.Self(ctx) }, 0),
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
	a.lines.other.failed(a.cfg.Log, "Slack does not say whose an account is; whoever it is can do nothing", err)
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
	email := strings.ToLower(strings.TrimSpace(u.Profile.Email))
	switch {
	case email == "":
		return p, access.Denied("no_email", "Slack does not tell the gateway your address, by which it would know you. "+
			"If everybody hears this, the app lacks the scope users:read.email; else add your account's id, %s, to the list of people.", u.ID)
	case !u.IsEmailConfirmed:
		return p, access.Denied("email_unconfirmed", "Your address is not confirmed at Slack. Confirm it there and try again.")
	}
	if p, err = a.cfg.People.ByEmail(ctx, email); err != nil {
		return p, fmt.Errorf("whose address it is: %w", err)
	}
	if p.Slack != "" && p.Slack != u.ID {
		return p, access.Denied("account_mismatch", "The list of people gives the person of your address another account than yours. "+
			"Use that one, or have its id corrected; yours is %s.", u.ID)
	}
	return p, nil
}

// account returns the Slack account of a person, to write to them. Without one the
// error is Permanent: somebody has to do something about it.
func (a *App) account(ctx context.Context, p access.Person) (string, error) {
	if p.Slack != "" {
		return p.Slack, nil
	}
	own, err := a.accounts.self.get(ctx, "")
	if err != nil {
		return "", err
	}
	for _, email := range addresses(p) {
		u, err := a.accounts.byEmail.get(ctx, email)
		switch {
		case errors.Is(err, errNoAccount) || refusedAs(err, "users_not_found"):
			continue
		case err != nil:
			return "", err
		}
		if err := own.admits(u); err != nil {
			return "", access.Permanent(fmt.Errorf("the account of %s can not be written to: %w", p.Subject, err))
		}
		return u.ID, nil
	}
	return "", access.Permanent(fmt.Errorf("%s has no account at Slack under their addresses: name its id in the list of people", p.Subject))
}

// addresses is by what a person may be known at Slack.
func addresses(p access.Person) (list []string) {
	if p.Subject.Type == access.TypeUser {
		list = append(list, p.Subject.ID)
	}
	for _, email := range p.Emails {
		if !slices.Contains(list, email) {
			list = append(list, email)
		}
	}
	return list
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
