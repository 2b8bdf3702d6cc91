package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/trouble"
)

func (r *configReader) targets(entries []targetEntry) {
	names := map[string]string{}
	for i, entry := range entries {
		place := fmt.Sprintf("targets[%d]", i)
		if first, taken := names[entry.Name]; taken {
			r.add(place+".name", "%q is %s already", entry.Name, first)
		}
		names[entry.Name] = place
		if entry.Webhook == nil {
			r.add(place+".webhook", "it is missing; a target is a webhook")
			continue
		}
		r.target(place, entry)
	}
}

func (r *configReader) target(place string, entry targetEntry) {
	hook, before := entry.Webhook, len(r.faults)
	cfg := webhook.Config{Name: entry.Name, URL: hook.URL, Headers: map[string]string{}}
	t := Target{Name: entry.Name, Retired: entry.Retired}

	at := place + ".webhook"
	cfg.Timeout = r.duration(at+".timeout", hook.Timeout, 0)
	t.MaxLag = r.duration(at+".max_lag", hook.MaxLag, 0)
	t.Retry = trouble.Backoff{
		First: r.duration(at+".retry_first", hook.RetryFirst, time.Second),
		Cap:   r.duration(at+".retry_cap", hook.RetryCap, 5*time.Minute),
	}
	if t.Retry.First > t.Retry.Cap || t.Retry.First <= 0 {
		r.add(at+".retry_first", "%s is not longer than zero and at most retry_cap, %s", t.Retry.First, t.Retry.Cap)
	}
	r.terms(at, hook, &cfg, &t)
	missing := errors.Join(r.webhookSecrets(at, hook, &cfg), r.targetCredentials(at+".tls", hook, &cfg))
	probe(&r.faults, place, cfg)
	if len(r.faults) > before || missing != nil {
		if missing != nil {
			r.cfg.Missing = append(r.cfg.Missing, fmt.Errorf("the target %q is left out: %w", entry.Name, missing))
		}
		return
	}
	var err error
	t.As = cfg.As
	if t.Webhook, err = webhook.New(cfg); err != nil {
		r.take(at, err)
		return
	}
	r.cfg.Targets = append(r.cfg.Targets, t)
}

// webhookSecrets resolves the secrets and headers into cfg.
func (r *configReader) webhookSecrets(at string, hook *webhookEntry, cfg *webhook.Config) (missing error) {
	cfg.Secrets, cfg.Headers, missing = r.signing(at, hook.Secret, hook.PreviousSecrets, hook.Headers)
	return missing
}

// signing resolves what messages are signed with and what is sent along. What is named
// well and is not there it returns: it does not keep the gateway from starting.
func (r *configReader) signing(at string, secret secretRef, previous []secretRef, more map[string]secretRef) (
	secrets []string, headers map[string]string, err error,
) {
	var missing []error
	resolve := func(place string, ref secretRef, use func(string)) {
		before := len(missing) + len(r.faults)
		if text := r.optional(place, ref, &missing).Reveal(); len(missing)+len(r.faults) == before {
			use(text)
		}
	}
	sign := func(text string) { secrets = append(secrets, text) }
	resolve(at+".secret", secret, sign)
	for i, ref := range previous {
		resolve(fmt.Sprintf("%s.previous_secrets[%d]", at, i), ref, sign)
	}
	headers = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		ref, place := more[name], at+".headers."+name
		if ref != "" && !ref.isRef() && !authenticates(name) {
			headers[name] = string(ref)
			continue
		}
		resolve(place, ref, func(text string) { headers[name] = text })
	}
	return secrets, headers, errors.Join(missing...)
}

// authenticates reports whether a header of this name holds a secret.
func authenticates(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "cookie", "token", "secret", "key", "password", "credential"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// probeSecret is well-formed, and is used for nothing but to probe.
const probeSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// probe asks the connector about each part of a target by itself, so that a
// fault has the place of its part.
func probe(f *faults, place string, cfg webhook.Config) {
	part := func(place string, set func(*webhook.Config)) {
		c := webhook.Config{Name: "probe", URL: "http://probe.invalid", Secrets: []string{probeSecret}}
		set(&c)
		if _, err := webhook.New(c); err != nil {
			f.take(place, errors.Unwrap(err))
		}
	}
	part(place+".name", func(c *webhook.Config) { c.Name = cfg.Name })
	part(place+".webhook.url", func(c *webhook.Config) { c.URL = cfg.URL })
	part(place+".webhook.headers", func(c *webhook.Config) { c.Headers = cfg.Headers })
	part(place+".webhook.tls", func(c *webhook.Config) {
		if c.As = cfg.As; cfg.URL != "" {
			c.URL = cfg.URL
		}
	})
	part(place+".webhook.timeout", func(c *webhook.Config) { c.Timeout = cfg.Timeout })
	if len(cfg.Secrets) > 0 {
		part(place+".webhook.secret", func(c *webhook.Config) { c.Secrets = cfg.Secrets })
	}
}

// duration reads a length of time that is not negative; an absent one is the
// default.
func (r *configReader) duration(place, text string, otherwise time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		r.add(place, "%q is not a length of time, such as 15s or 5m", text)
		return otherwise
	}
	return d
}
