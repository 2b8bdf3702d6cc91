package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
)

func (r *configReader) tokens(auth authEntry) {
	r.unless(auth.OIDC, "auth.oidc", "callers send a bearer token of auth.tokens")
	names, secrets := map[string]string{}, map[string]string{}
	for i, entry := range auth.Tokens {
		place := fmt.Sprintf("auth.tokens[%d]", i)
		t := Token{Name: entry.Name, Groups: entry.Groups}
		switch first, taken := names[entry.Name]; {
		case entry.Name == "":
			r.add(place+".name", "it is missing; it is what logs call the token")
		case taken:
			r.add(place+".name", "%q is %s already", entry.Name, first)
		}
		names[entry.Name] = place
		subject, err := access.ParseSubject(entry.Subject)
		if err != nil {
			r.take(place+".subject", err)
		}
		t.Subject = subject
		for j, group := range entry.Groups {
			if group == "" || strings.TrimSpace(group) != group {
				r.add(fmt.Sprintf("%s.groups[%d]", place, j), "%q is empty, or begins or ends with a space", group)
			}
		}
		if t.Secret, err = r.secret(place+".secret", entry.Secret); err == nil {
			err = checkToken(t.Secret.Reveal())
		}
		r.take(place+".secret", err)
		if first, taken := secrets[t.Secret.Reveal()]; taken && err == nil {
			r.add(place+".secret", "it is the secret of %s already; each token needs its own", first)
		}
		secrets[t.Secret.Reveal()] = place
		r.cfg.Tokens = append(r.cfg.Tokens, t)
	}
	if len(auth.Tokens) == 0 {
		r.warn("auth.tokens: there are none, so nobody can call the API; make one with: curfew token new")
	}
}

func checkToken(text string) error {
	switch {
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		return errors.New("it holds a space or a character that no token has; make one with: curfew token new")
	case len(text) < api.MinSecret:
		return fmt.Errorf("it has %d characters and could be guessed; want %d at least, as curfew token new makes them", len(text), api.MinSecret)
	}
	return nil
}
