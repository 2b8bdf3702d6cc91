package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/curfew-access/curfew/connectors/bundle"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// PolicyBundle is where the policies come from as a bundle of OPA's: a file, or
// a URL.
type PolicyBundle struct {
	File  string         // "": it is served
	Web   *bundle.Config // nil: it is a file
	Poll  time.Duration
	By    *pdp.Signature // nil: nobody need have signed it
	Cache string         // file that the last good one is kept in; "": none
}

// fetcher is what gets it.
func (b PolicyBundle) fetcher() (pdp.Fetcher, error) {
	if b.Web == nil {
		return bundle.NewFile(b.File, b.Poll), nil
	}
	return bundle.NewURL(*b.Web)
}

// bundleEntry is a bundle as it is written.
type bundleEntry struct {
	URL, File, Token, Poll, Timeout string
	Key, Algorithm, KeyID, Scope    string
	Cache                           string
}

// policies reads where the policies are: a directory, or a bundle.
func (r *configReader) policies(n yaml.Node) {
	switch {
	case n.IsZero():
	case n.Kind == yaml.MappingNode:
		r.policyKeys(n)
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "":
		r.add("policies", "want a directory, or {bundle: …}, or leave the key out for the policies that curfew ships with")
	default:
		r.cfg.PoliciesDir = r.path(n.Value)
		r.directory("policies", r.cfg.PoliciesDir)
	}
}

func (r *configReader) policyKeys(n yaml.Node) {
	if len(n.Content) != 2 || n.Content[0].Value != "bundle" || n.Content[1].Kind != yaml.MappingNode {
		r.add("policies", "want a directory, or one key: {bundle: {url: …}} or {bundle: {file: …}} (line %d)", n.Line)
		return
	}
	var entry bundleEntry
	if r.texts("policies.bundle", *n.Content[1], map[string]*string{
		"url": &entry.URL, "file": &entry.File, "token": &entry.Token, "poll": &entry.Poll, "timeout": &entry.Timeout,
		"key": &entry.Key, "algorithm": &entry.Algorithm, "key_id": &entry.KeyID, "scope": &entry.Scope, "cache": &entry.Cache,
	}) {
		r.bundle(entry)
	}
}

func (r *configReader) bundle(entry bundleEntry) {
	b := &PolicyBundle{Poll: r.duration("policies.bundle.poll", entry.Poll, 0)}
	switch {
	case (entry.URL == "") == (entry.File == ""):
		r.add("policies.bundle", "want one of url and file")
	case entry.File != "":
		b.File = r.path(entry.File)
		if entry.Token != "" || entry.Timeout != "" {
			r.add("policies.bundle", "token and timeout are for a url, and this is a file")
		}
	default:
		b.Web = r.bundleURL(entry, b.Poll)
	}
	b.By = r.signature(entry)
	if entry.Cache != "" {
		b.Cache = r.path(entry.Cache)
		r.directory("policies.bundle.cache", filepath.Dir(b.Cache))
		if info, err := os.Stat(b.Cache); err == nil && !info.Mode().IsRegular() {
			r.add("policies.bundle.cache", "%s is not a file", b.Cache)
		}
	}
	r.cfg.PolicyBundle = b
}

func (r *configReader) bundleURL(entry bundleEntry, poll time.Duration) *bundle.Config {
	web := &bundle.Config{URL: entry.URL, Poll: poll, Timeout: r.duration("policies.bundle.timeout", entry.Timeout, 0)}
	if ref := secretRef(entry.URL); ref.isRef() {
		address, err := r.secret("policies.bundle.url", ref)
		if err != nil {
			r.take("policies.bundle.url", err)
			return web
		}
		web.URL = address.Reveal()
	}
	if entry.Token != "" {
		token, err := r.secret("policies.bundle.token", secretRef(entry.Token))
		r.take("policies.bundle.token", err)
		web.Token = token.Reveal()
	}
	_, err := bundle.NewURL(*web)
	r.take("policies.bundle", err)
	return web
}

// minSharedSecret is the least length, in bytes, of a secret that signs (RFC
// 7518, 3.2).
const minSharedSecret = 32

// signature reads who must have signed the bundle; nil: nobody.
func (r *configReader) signature(entry bundleEntry) *pdp.Signature {
	const place = "policies.bundle.key"
	by := &pdp.Signature{Algorithm: entry.Algorithm, KeyID: entry.KeyID, Scope: entry.Scope}
	if entry.Key == "" {
		if *by != (pdp.Signature{}) {
			r.add(place, "it is missing; algorithm, key_id and scope are for a bundle that is signed")
		}
		return nil
	}
	warnings := r.cfg.Warnings
	key, err := r.secret(place, secretRef(entry.Key))
	if err != nil {
		r.take(place, err)
		return nil
	}
	by.Key = key.Reveal()
	switch {
	case !by.Symmetric():
		r.cfg.Warnings = warnings // everybody may read a public key
	case len(by.Key) < minSharedSecret:
		r.warn("%s: the secret has fewer than %d bytes and may be guessed from a bundle that it signed", place, minSharedSecret)
	}
	r.take(place, by.Validate())
	return by
}

// texts reads a mapping of texts strictly: what yaml does not do for a node.
func (r *configReader) texts(at string, n yaml.Node, fields map[string]*string) (ok bool) {
	ok = true
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		place := at + "." + key.Value
		field, known := fields[key.Value]
		switch {
		case !known:
			r.add(place, "there is no such key; check its spelling and its indentation (line %d)", key.Line)
		case *field != "":
			r.add(place, "the key stands twice (line %d)", key.Line)
		case value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" || value.Value == "":
			r.add(place, "want a text, not %s (line %d)", found(value.ShortTag()), value.Line)
		default:
			*field = value.Value
			continue
		}
		ok = false
	}
	return ok
}

// checkPolicies loads the policies, as a gateway that starts would, and says
// which they are. A bundle that is served is not fetched: whoever checks a
// configuration need not reach it.
func checkPolicies(ctx context.Context, cfg Config) (said string, err error) {
	policy := pdp.New(pdp.Config{Library: policies.FS})
	var r *pdp.Revision
	b := cfg.PolicyBundle
	switch {
	case b == nil:
		r, err = policy.Load(ctx, cfg.PoliciesDir)
	case b.Web != nil:
		return fmt.Sprintf("a bundle from %v, which is not fetched by a check", *b.Web), nil
	default:
		var raw []byte
		if raw, err = bundle.NewFile(b.File, 0).Fetch(ctx, true); err == nil {
			r, err = policy.LoadBundle(ctx, raw, b.By)
		}
	}
	if err != nil {
		return "", err
	}
	return "revision " + short(r.Name()), nil
}
