package pagerduty

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// What a Client does when its Config does not say.
const (
	DefaultURL       = "https://api.pagerduty.com"
	DefaultURLEU     = "https://api.eu.pagerduty.com"
	DefaultTokenURL  = "https://identity.pagerduty.com/oauth/token" //nolint:gosec // an address, no credential
	DefaultLookAhead = 7 * 24 * time.Hour
	// MaxLookAhead is how far ahead PagerDuty knows shifts.
	MaxLookAhead = 90 * 24 * time.Hour
)

// The regions of PagerDuty's service.
const (
	RegionUS = "us"
	RegionEU = "eu"
)

// DefaultScopes are what an OAuth app needs: nothing is written.
var DefaultScopes = []string{"oncalls.read", "incidents.read", "users.read"}

// Config of a Client. It needs a Token or an OAuth app, not both.
type Config struct {
	Token     string            `json:"-"` // an API key; a read-only one is enough
	OAuth     *OAuth            `json:"-"`
	URL       string            // "": DefaultURL, or DefaultURLEU for an app of that region
	LookAhead time.Duration     // how far ahead shifts are asked for; 0: DefaultLookAhead
	Users     map[string]string // whom an account is: its id or its email address -> "user:…"
	// Canonical gives the person of an email address who is known by another; nil:
	// an address is its person.
	Canonical func(access.Subject) access.Subject `json:"-"`
	Reach     connectors.Reach                    // which addresses may be dialled; unused with a Transport
	Transport http.RoundTripper                   // nil: one of connectors
	Log       *slog.Logger                        // nil: none
	Now       func() time.Time                    // for the age of what is remembered; nil: time.Now
}

// OAuth is a scoped app of PagerDuty's: what it may read is what it is told, and
// its tokens last a day.
type OAuth struct {
	ClientID     string
	ClientSecret string   `json:"-"`
	Region       string   // RegionUS or RegionEU
	Subdomain    string   // of the account
	Scopes       []string // none: DefaultScopes
	TokenURL     string   // "": DefaultTokenURL
}

// Format keeps the key out of everything that fmt prints, whatever the verb.
func (Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "PagerDuty(<secret>)") }

// Format keeps the secret out of everything that fmt prints, whatever the verb.
func (OAuth) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "OAuth(<secret>)") }

var subdomainPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// validate reports every fault of the configuration, and never a secret.
func (c Config) validate() error {
	var faults []error
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	say(c.Token == "" && c.OAuth == nil, "neither an API key nor an OAuth app is configured; want one")
	say(c.Token != "" && c.OAuth != nil, "an API key and an OAuth app are configured; want one")
	say(strings.ContainsFunc(c.Token, unfit), "the API key holds a space or a character that can not be printed")
	say(c.LookAhead < 0 || c.LookAhead > MaxLookAhead, "the look-ahead is %s; want up to %s, which is as far as PagerDuty knows shifts", c.LookAhead, MaxLookAhead)
	if c.OAuth != nil {
		o := c.OAuth
		say(o.ClientID == "", "the OAuth app has no client id")
		say(o.ClientSecret == "", "the OAuth app has no client secret")
		say(o.Region != RegionUS && o.Region != RegionEU, "the OAuth app's region is %q; want %s or %s", o.Region, RegionUS, RegionEU)
		say(!subdomainPattern.MatchString(o.Subdomain), "the OAuth app's subdomain is %q; want the first part of the account's address", o.Subdomain)
	}
	for what, text := range map[string]string{"the API": c.URL, "the token": c.tokenURL()} {
		if _, err := parseBase(text); text != "" && err != nil {
			faults = append(faults, fmt.Errorf("the address of %s: %w", what, err))
		}
	}
	_, err := c.users()
	return errors.Join(append(faults, err)...)
}

func unfit(r rune) bool { return r <= ' ' || r > '~' }

func (c Config) tokenURL() string {
	if c.OAuth == nil {
		return ""
	}
	return c.OAuth.TokenURL
}

// parseBase reads an address beneath which others are: a query has no place in it.
func parseBase(text string) (*url.URL, error) {
	address, err := connectors.ParseURL(text)
	switch {
	case err != nil:
		return nil, err
	case address.RawQuery != "":
		return nil, errors.New("the URL holds a query")
	case address.Scheme != "https" && strings.HasSuffix(strings.ToLower(address.Hostname()), "pagerduty.com"):
		return nil, errors.New("PagerDuty takes https only: what shows who we are would go there in the clear")
	}
	return address, nil
}

// users reads the mapping of accounts. An email address is compared in lower case,
// so that two keys may turn out to be one.
func (c Config) users() (map[string]access.Subject, error) {
	var faults []error
	read := make(map[string]access.Subject, len(c.Users))
	for account, text := range c.Users {
		subject, err := access.ParseSubject(text)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("the account %q is mapped: %w", account, err))
			continue
		case subject.Type != access.TypeUser:
			faults = append(faults, fmt.Errorf("the account %q is mapped to %s, which is no user", account, subject))
			continue
		case account == "" || strings.TrimSpace(account) != account:
			faults = append(faults, fmt.Errorf("%q is no account's id or email address", account))
			continue
		}
		key := mapKey(account)
		if other, twice := read[key]; twice && other != subject {
			faults = append(faults, fmt.Errorf("the account %s is mapped twice, to %s and to %s", key, min(other.ID, subject.ID), max(other.ID, subject.ID)))
		}
		read[key] = subject
	}
	return read, errors.Join(faults...)
}

// mapKey is how an account stands in the mapping: ids as they are, addresses in
// lower case. One beyond ASCII stays as it is: some letters there have the same
// lower case as those of somebody else's address.
func mapKey(account string) string {
	ascii := !strings.ContainsFunc(account, func(r rune) bool { return r > unicode.MaxASCII })
	if ascii && strings.Contains(account, "@") {
		return strings.ToLower(account)
	}
	return account
}

// withDefaults fills in what is not said.
func (c Config) withDefaults() Config {
	if c.URL == "" {
		c.URL = DefaultURL
		if c.OAuth != nil && c.OAuth.Region == RegionEU {
			c.URL = DefaultURLEU
		}
	}
	c.URL = strings.TrimRight(c.URL, "/")
	if c.LookAhead == 0 {
		c.LookAhead = DefaultLookAhead
	}
	if c.Canonical == nil {
		c.Canonical = func(s access.Subject) access.Subject { return s }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
