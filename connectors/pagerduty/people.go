package pagerduty

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// identities is who accounts are.
type identities struct {
	of      map[string]access.Subject // by account; who is unclear is not in it
	unclear []access.Subject
}

// identify turns accounts into people, and says whom it can not. Nothing is known
// of who has an account among the broken, or has two.
func (f *fetch) identify(accounts map[string]account, broken map[string]bool) identities {
	who := identities{of: make(map[string]access.Subject, len(accounts))}
	owners := map[access.Subject][]string{}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		subject, ok := f.subject(accounts[id])
		if ok {
			owners[subject] = append(owners[subject], id)
			who.of[id] = subject
		}
	}
	for subject, ids := range owners {
		if len(ids) > 1 {
			f.faults.say("the accounts %s are all %s: none of them counts", strings.Join(ids, " and "), subject.ID)
		}
		if len(ids) > 1 || broken[ids[0]] {
			who.unclear = append(who.unclear, subject)
			for _, id := range ids {
				delete(who.of, id)
			}
		}
	}
	slices.SortFunc(who.unclear, func(a, b access.Subject) int { return cmp.Compare(a.ID, b.ID) })
	return who
}

// subject is who an account is: as it is mapped by its id, or by its address, or
// the person of its address.
func (f *fetch) subject(a account) (access.Subject, bool) {
	if subject, mapped := f.client.users[a.id]; mapped {
		return subject, true
	}
	if a.email == "" {
		f.faults.say("the account %s has no email address and is not mapped: it is nobody", a.id)
		return access.Subject{}, false
	}
	if subject, mapped := f.client.users[mapKey(a.email)]; mapped {
		return subject, true
	}
	subject, err := access.Subject{Type: access.TypeUser, ID: a.email}.Canonical()
	if err != nil {
		f.faults.say("the account %s has the address %q, which can be no user's id: it is nobody", a.id, a.email)
		return access.Subject{}, false
	}
	return f.client.cfg.Canonical(subject), true
}

const (
	// maxPeople bounds how many accounts are remembered.
	maxPeople = 20_000
	// peopleAge is how long an account's address is believed.
	peopleAge = time.Hour
)

// directory remembers accounts: incidents name their people by id alone.
type directory struct {
	mu    sync.Mutex
	known map[string]entry
}

type entry struct {
	account
	at time.Time
}

// get returns an account, and whether it was seen not too long ago.
func (d *directory) get(now time.Time, id string) (known account, fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.known[id]
	return e.account, ok && now.Sub(e.at) < peopleAge
}

// put remembers accounts. When there are too many, the old ones go first, and then
// all: they can be asked for again.
func (d *directory) put(now time.Time, accounts map[string]account) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known)+len(accounts) > maxPeople {
		maps.DeleteFunc(d.known, func(_ string, e entry) bool { return now.Sub(e.at) >= peopleAge })
	}
	if d.known == nil || len(d.known)+len(accounts) > maxPeople {
		d.known = make(map[string]entry, len(accounts))
	}
	for id, a := range accounts {
		if a.email != "" {
			d.known[id] = entry{a, now}
		}
	}
}
