package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

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
		if err := a.readBy(ctx, own, u, p); err != nil {
			return "", err
		}
		return u.ID, nil
	}
	return "", access.Permanent(fmt.Errorf("%s has no account at Slack under their addresses: name its id in the list of people", p.Subject))
}

// readBy reports why an account that has a person's address is not to read what is
// theirs: by the same rules as who may act for them.
func (a *App) readBy(ctx context.Context, own self, u slackapi.User, p access.Person) error {
	err := own.admits(u)
	if err == nil && !u.IsEmailConfirmed {
		err = errors.New("its address is not confirmed at Slack")
	}
	if err == nil {
		listed, known, unread := a.cfg.People.BySlack(ctx, u.ID)
		if unread != nil {
			return fmt.Errorf("whose account it is: %w", unread)
		}
		if known && listed.Subject != p.Subject {
			err = errors.New("the list of people gives it to somebody else")
		}
	}
	if err != nil {
		return access.Permanent(fmt.Errorf("the account of %s can not be written to: %w", p.Subject, err))
	}
	return nil
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
