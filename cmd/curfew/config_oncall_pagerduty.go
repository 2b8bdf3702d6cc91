package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/pagerduty"
)

// pagerDutyEntry is PagerDuty as it is written.
type pagerDutyEntry struct {
	Token          secretRef         `yaml:"token"` // an API key; or
	OAuth          *oauthEntry       `yaml:"oauth"` // a scoped app
	URL            string            `yaml:"url"`   // default: that of the region
	Poll           string            `yaml:"poll"`  // default 60s
	LookAhead      string            `yaml:"look_ahead"`
	Users          map[string]string `yaml:"users"`           // account's id or address -> "user:alice@example.com"
	Incidents      *bool             `yaml:"incidents"`       // default true
	WebhookSecrets []secretRef       `yaml:"webhook_secrets"` // of the subscriptions; several while one is replaced
}

type oauthEntry struct {
	ClientID     string    `yaml:"client_id"`
	ClientSecret secretRef `yaml:"client_secret"`
	Region       string    `yaml:"region"`    // us, the default, or eu
	Subdomain    string    `yaml:"subdomain"` // of the account
	Scopes       []string  `yaml:"scopes"`
	TokenURL     string    `yaml:"token_url"` // default: PagerDuty's own
}

// PagerDuty is how PagerDuty is asked, and listened to.
type PagerDuty struct {
	pagerduty.Config `json:"-"`
	Poll             time.Duration
	Incidents        bool     // whether it says which incidents are open
	WebhookSecrets   []Secret // none: its webhooks are not taken
	Missing          bool     // its credential is not there: it is not asked
}

const defaultPagerDutyPoll = time.Minute

func (r *configReader) pagerDuty(entry pagerDutyEntry, staleAfter time.Duration) *PagerDuty {
	const at = "oncall.pagerduty"
	p := &PagerDuty{
		Poll:      r.between(at+".poll", entry.Poll, defaultPagerDutyPoll, minPoll, maxPoll),
		Incidents: entry.Incidents == nil || *entry.Incidents,
	}
	r.fresh(at, p.Poll, staleAfter)
	p.URL, p.Users = entry.URL, entry.Users
	p.LookAhead = r.between(at+".look_ahead", entry.LookAhead, pagerduty.DefaultLookAhead, minLookAhead, maxLookAhead)
	if p.URL != "" {
		p.Reach = connectors.ReachPrivate // an operator names it
	}
	var missing []error
	if entry.Token != "" {
		p.Token = r.optional(at+".token", entry.Token, &missing).Reveal()
	}
	if entry.OAuth != nil {
		p.OAuth = r.oauth(at+".oauth", *entry.OAuth, &missing)
		if p.OAuth.TokenURL != "" {
			p.Reach = connectors.ReachPrivate
		}
	}
	p.Missing = len(missing) > 0
	r.leftOut("PagerDuty", missing)
	r.checkPagerDuty(at, entry, *p)
	r.webhookSecretsOf(at+".webhook_secrets", entry.WebhookSecrets, p)
	return p
}

func (r *configReader) oauth(at string, entry oauthEntry, missing *[]error) *pagerduty.OAuth {
	return &pagerduty.OAuth{
		ClientID: entry.ClientID, ClientSecret: r.optional(at+".client_secret", entry.ClientSecret, missing).Reveal(),
		Region: orElse(entry.Region, pagerduty.RegionUS), Subdomain: entry.Subdomain, Scopes: entry.Scopes, TokenURL: entry.TokenURL,
	}
}

// checkPagerDuty asks the connector about all but what is missing, or refused
// already.
func (r *configReader) checkPagerDuty(at string, entry pagerDutyEntry, p PagerDuty) {
	const stand = "stands-for-one-that-is-not-there"
	cfg := p.Config
	if cfg.Token == "" && entry.Token != "" {
		cfg.Token = stand
	}
	if cfg.OAuth != nil && cfg.OAuth.ClientSecret == "" {
		app := *cfg.OAuth
		app.ClientSecret, cfg.OAuth = stand, &app
	}
	if cfg.LookAhead > pagerduty.MaxLookAhead || cfg.LookAhead < 0 {
		cfg.LookAhead = 0 // it is told with its place
	}
	if _, err := pagerduty.New(cfg); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		r.take(at, err)
	}
}

// minHookSecret is the least length of a webhook's secret: a shorter one can be
// guessed from what it signed.
const minHookSecret = 16

func (r *configReader) webhookSecretsOf(at string, refs []secretRef, p *PagerDuty) {
	var missing []error
	for i, ref := range refs {
		place := fmt.Sprintf("%s[%d]", at, i)
		before := len(missing) + len(r.faults)
		secret := r.optional(place, ref, &missing)
		switch {
		case len(missing)+len(r.faults) > before:
		case len(secret.Reveal()) < minHookSecret:
			r.add(place, "it has %d characters; PagerDuty's have %d and more", len(secret.Reveal()), minHookSecret)
		default:
			p.WebhookSecrets = append(p.WebhookSecrets, secret)
		}
	}
	r.leftOut("a webhook secret of PagerDuty's", missing)
}

// ask asks PagerDuty whether it takes the credential and gives the rights that are
// needed. Without PagerDuty, or without the credential, which is told already,
// nobody is asked.
func (o OnCall) ask(ctx context.Context) error {
	if o.PagerDuty == nil || o.PagerDuty.Missing {
		return nil
	}
	cfg := o.PagerDuty.Config
	cfg.Now = time.Now
	client, err := pagerduty.New(cfg)
	if err != nil {
		return err
	}
	return client.Check(ctx)
}
