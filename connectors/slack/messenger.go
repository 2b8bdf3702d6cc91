package slack

import (
	"context"
	"regexp"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Show posts a notice, or changes it where it is shown. An error that is marked
// access.Permanent says that it will never be shown: there is nobody, or nothing
// to say. A fault that is the app's and not the notice's is not: it can be mended.
func (a *App) Show(ctx context.Context, n access.NoticeView) (access.Place, error) {
	place, err := a.tell(ctx, n)
	return place, mendable(err)
}

func (a *App) tell(ctx context.Context, n access.NoticeView) (access.Place, error) {
	s := a.scribe(ctx, n.Now)
	if n.To.Subject != nil {
		s.reader = *n.To.Subject
		s.loc = a.timeZone(ctx, reader(n))
	}
	m, err := s.render(n)
	if err != nil {
		return access.Place{}, err
	}
	if n.Place != (access.Place{}) {
		return n.Place, a.web.Update(ctx, n.Place, m)
	}
	channel := n.To.Channel
	if n.To.Subject != nil {
		if channel, err = a.account(ctx, reader(n)); err != nil {
			return access.Place{}, err
		}
	}
	return a.web.Post(ctx, channel, m)
}

// reader is whom a notice is for, as far as is known.
func reader(n access.NoticeView) access.Person {
	if n.Reader != nil {
		return *n.Reader
	}
	return access.Person{Subject: *n.To.Subject}
}

// For one message, so many people are looked up, and for so long in all. Others
// stand with their ids: a message does not wait for its mentions.
const (
	maxMentions = 20
	mentionIn   = time.Second
)

// slackIDPattern is what an account's id looks like: what is listed as one, and is
// not, could call a whole channel.
var slackIDPattern = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)

// scribe returns one that mentions those whose accounts the list of people knows.
func (a *App) scribe(ctx context.Context, now time.Time) scribe {
	known, left := map[access.Subject]string{}, mentionIn
	return scribe{now: now, person: func(p access.Subject) string {
		if name, asked := known[p]; asked {
			return name
		}
		name := plainly(p)
		if p.Type == access.TypeUser && len(known) < maxMentions && left > 0 {
			began := time.Now()
			if id := a.listedID(ctx, p, left); id != "" {
				name = "<@" + id + ">"
			}
			left -= time.Since(began)
		}
		known[p] = name
		return name
	}}
}

// listedID is the account that the list of people gives somebody; "": none that is
// known in time.
func (a *App) listedID(ctx context.Context, p access.Subject, limit time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	listed, err := a.cfg.People.ByEmail(ctx, p.ID)
	if err != nil || !slackIDPattern.MatchString(listed.Slack) {
		return ""
	}
	return listed.Slack
}

// timeZone is that of a reader: as the list of people says, else as their account
// does, else UTC.
func (a *App) timeZone(ctx context.Context, p access.Person) *time.Location {
	if p.TimeZone != "" {
		return zone(p.TimeZone)
	}
	id, err := a.account(ctx, p)
	if err != nil {
		return time.UTC
	}
	u, err := a.accounts.byID.get(ctx, id)
	if err != nil {
		return time.UTC
	}
	return zone(u.TZ)
}
