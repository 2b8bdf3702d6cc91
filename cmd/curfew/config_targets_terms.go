package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine"
)

// The bounds of a target's terms.
const (
	defaultConcurrency     = 16
	maxConcurrency         = 1000
	defaultCallbackTimeout = 5 * time.Minute
	maxCallbackTimeout     = 24 * time.Hour
	defaultVerifyEvery     = 24 * time.Hour
	minVerifyEvery         = time.Second
	certificateEnds        = 14 * 24 * time.Hour // from when on it is warned of
)

// tlsEntry names files in PEM.
type tlsEntry struct {
	Cert string `yaml:"cert"` // who calls
	Key  string `yaml:"key"`  // of cert
	CA   string `yaml:"ca"`   // who is trusted, in place of whom the machine trusts
}

// verifyEntry says when a target is asked whether bindings exist there.
type verifyEntry struct {
	URL    string `yaml:"url"`    // where; default: where messages go
	After  string `yaml:"after"`  // a confirmation, the first time; default 0s
	Every  string `yaml:"every"`  // from then on; default 24h
	Repair bool   `yaml:"repair"` // what is not as it should be is told anew
}

// terms reads how messages to a target are confirmed, limited and verified.
func (r *configReader) terms(at string, hook *webhookEntry, cfg *webhook.Config, t *Target) {
	cfg.PublicOnly, t.Renew = hook.PublicOnly, hook.Renew
	r.confirmation(at, hook, t)
	t.Width = r.concurrency(at+".concurrency", hook.Concurrency)
	cfg.AtOnce = t.Width
	if t.PerSecond = r.rate(at+".rate", hook.Rate); t.PerSecond > 0 {
		cfg.Retries = -1 // each message is one request: only the ledger's schedule tries again
	}
	r.verification(at+".verify", hook, cfg, t)
}

func (r *configReader) confirmation(at string, hook *webhookEntry, t *Target) {
	switch hook.Confirm {
	case "", "response":
		if hook.CallbackTimeout != "" {
			r.add(at+".callback_timeout", "it is for a target that confirms by callback: confirm: callback")
		}
	case "callback":
		t.CallbackWithin = r.duration(at+".callback_timeout", hook.CallbackTimeout, defaultCallbackTimeout)
		if t.CallbackWithin <= 0 || t.CallbackWithin > maxCallbackTimeout {
			r.add(at+".callback_timeout", "%s is not longer than zero and at most %s", t.CallbackWithin, maxCallbackTimeout)
		}
		r.callbackReach(at+".confirm", hook.URL)
	default:
		r.add(at+".confirm", "%q is not response or callback", hook.Confirm)
	}
}

// callbackReach warns of a target elsewhere that is told to call this machine by a
// name that is each machine's own.
func (r *configReader) callbackReach(place, target string) {
	own, err := url.Parse(r.cfg.ExternalURL)
	to, failure := url.Parse(target)
	if err == nil && failure == nil && loopback(own.Hostname()) && !loopback(to.Hostname()) {
		r.warn("%s: the target is told to call back at %s, which is its own machine; name the address at which it reaches "+
			"curfew in external_url", place, r.cfg.ExternalURL)
	}
}

func (r *configReader) concurrency(place string, n *int) int {
	if n == nil {
		return defaultConcurrency
	}
	if *n < 1 || *n > maxConcurrency {
		r.add(place, "%d is not between 1 and %d", *n, maxConcurrency)
	}
	return *n
}

// rate reads how many messages may be begun in a second or a minute; 0 is no limit.
func (r *configReader) rate(place, text string) float64 {
	if text == "" {
		return 0
	}
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(number, 10, 32)
	per := map[string]float64{"s": 1, "m": 60}[unit]
	if err != nil || n == 0 || per == 0 {
		r.add(place, "%q is not a rate, such as 50/s or 600/m", text)
		return 0
	}
	return float64(n) / per
}

func (r *configReader) verification(at string, hook *webhookEntry, cfg *webhook.Config, t *Target) {
	v := hook.Verify
	if v == nil {
		return
	}
	cfg.VerifyURL = v.URL
	t.Verify = &engine.VerifyTerms{
		After: r.duration(at+".after", v.After, 0), Every: r.duration(at+".every", v.Every, defaultVerifyEvery), Repair: v.Repair,
	}
	if t.Verify.Every < minVerifyEvery {
		r.add(at+".every", "%s is shorter than %s", t.Verify.Every, minVerifyEvery)
	}
	if v.URL == "" {
		return
	}
	address, err := connectors.ParseURL(v.URL)
	if err == nil && hook.TLS != nil && address.Scheme != "https" {
		err = errors.New("a client certificate is for an https URL")
	}
	r.take(at+".url", err)
}

// targetCredentials reads the files of a target's TLS into cfg.
func (r *configReader) targetCredentials(at string, hook *webhookEntry, cfg *webhook.Config) (missing error) {
	if hook.TLS != nil {
		cfg.As, missing = r.credentials(at, *hook.TLS)
	}
	return missing
}

// credentials reads files of TLS. Those that are not there it returns: as with secrets,
// they do not keep the gateway from starting.
func (r *configReader) credentials(at string, entry tlsEntry) (as *connectors.Credentials, missing error) {
	files := connectors.CredentialFiles{}
	for key, part := range map[string]struct {
		named string
		to    *string
	}{"cert": {entry.Cert, &files.Cert}, "key": {entry.Key, &files.Key}, "ca": {entry.CA, &files.CA}} {
		if part.named == "" {
			continue
		}
		*part.to = r.path(part.named)
		missing = errors.Join(missing, r.credentialFile(at+"."+key, *part.to, key == "key"))
	}
	if files == (connectors.CredentialFiles{}) {
		r.add(at, "it names no file; want cert and key, or ca, or all three")
		return nil, nil
	}
	if missing != nil {
		return nil, missing
	}
	as, err := connectors.OpenCredentials(files)
	if err != nil {
		r.take(at, err)
		return nil, nil
	}
	if ends := as.ExpiresAt(); !ends.IsZero() && time.Until(ends) < certificateEnds {
		r.warn("%s.cert: the certificate expires at %s; renew it, curfew reads it again by itself", at, ends.UTC().Format(time.RFC3339))
	}
	return as, nil
}

func (r *configReader) credentialFile(place, path string, secret bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s: %w", place, errors.Join(errSecretMissing, err))
	}
	if mode := info.Mode().Perm(); secret && mode&0o077 != 0 {
		r.warn("%s: others may read %s (mode %04o); run: chmod 600 %s", place, path, mode, path)
	}
	return nil
}
