package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	pd "github.com/PagerDuty/go-pagerduty"
)

// User is an account of PagerDuty's.
type User struct{ ID, Email string }

// UserByEmail returns the one account with the address. PagerDuty's own search is
// fuzzy: every page of it is compared here. None, and more than one, are errors.
func (c *Client) UserByEmail(ctx context.Context, email string) (User, error) {
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	found, err := c.begin(c.cfg.Now()).users(ctx, email)
	if err != nil {
		return User{}, fmt.Errorf("pagerduty: %w", err)
	}
	var match []string
	user := User{}
	for _, a := range found {
		if strings.EqualFold(a.email, email) {
			match = append(match, a.id)
			user = User{ID: a.id, Email: a.email}
		}
	}
	switch len(match) {
	case 0:
		return User{}, fmt.Errorf("pagerduty: no account has the address %q: %w", email, ErrNotFound)
	case 1:
		return user, nil
	}
	return User{}, fmt.Errorf("pagerduty: the accounts %s all have the address %q; want one", strings.Join(match, " and "), email)
}

// users lists the accounts that fit the search, or all, and remembers them.
func (f *fetch) users(ctx context.Context, search string) (map[string]account, error) {
	found := map[string]account{}
	err := pages(ctx, listUsers, func(ctx context.Context, offset uint) (pd.APIListObject, error) {
		got, header, err := call(ctx, f.client, listUsers, func(api *pd.Client) (*pd.ListUsersResponse, error) {
			return api.ListUsersWithContext(ctx, pd.ListUsersOptions{Limit: pageSize, Offset: offset, Query: search})
		})
		if err != nil {
			return pd.APIListObject{}, err
		}
		f.compare(header)
		for _, user := range got.Users {
			if user.ID != "" {
				found[user.ID] = account{user.ID, user.Email}
			}
		}
		return got.APIListObject, nil
	})
	if err != nil {
		return nil, err
	}
	f.client.people.put(f.client.cfg.Now(), found)
	return found, nil
}

// idPattern is what PagerDuty's ids are made of. Nothing else goes into a path.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

// singly is up to how many accounts are asked for one by one, not by the whole list.
const singly = 25

// lookUp returns the accounts of the ids, as far as they can be learned. Whoever is
// mapped by id needs no address.
func (f *fetch) lookUp(ctx context.Context, ids []string) map[string]account {
	found, unknown := map[string]account{}, []string{}
	for _, id := range ids {
		if _, mapped := f.client.users[id]; mapped {
			found[id] = account{id: id}
		} else if a, fresh := f.client.people.get(f.client.cfg.Now(), id); fresh {
			found[id] = a
		} else {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > singly {
		if _, err := f.users(ctx, ""); err != nil {
			f.faults.say("the accounts of incidents are not known: %v", err)
			return found
		}
	}
	for _, id := range unknown {
		a, err := f.user(ctx, id)
		if err == nil {
			found[id] = a
			continue
		}
		f.faults.say("the account %s is not known: %v", id, err)
		if !local(err) {
			break
		}
	}
	return found
}

// user asks for one account, unless it became known meanwhile.
func (f *fetch) user(ctx context.Context, id string) (account, error) {
	if a, fresh := f.client.people.get(f.client.cfg.Now(), id); fresh {
		return a, nil
	}
	if !idPattern.MatchString(id) {
		return account{}, fmt.Errorf("%w: it is no id", ErrNotFound)
	}
	got, header, err := call(ctx, f.client, getUser, func(api *pd.Client) (*pd.User, error) {
		return api.GetUserWithContext(ctx, id, pd.GetUserOptions{})
	})
	if err != nil {
		return account{}, err
	}
	f.compare(header)
	a := account{id, got.Email}
	f.client.people.put(f.client.cfg.Now(), map[string]account{id: a})
	return a, nil
}

// local reports whether an error is one of the object that was asked for, so that
// another may well be had.
func local(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrRefused)
}
