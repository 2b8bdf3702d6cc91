package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/curfew-access/curfew/engine/lease"
)

// leaseEntry is the lease as it is written with more than its URL.
type leaseEntry struct {
	URL    string // redis://…, or env:NAME or file:PATH of it
	Prefix string // of every key; default curfew
	CA     string // file: whom to trust in place of the system's authorities
	Cert   string // file: whom this gateway is
	Key    string // file
}

// lease reads the lease: a text, or keys and values.
func (r *configReader) lease(n yaml.Node) {
	var entry leaseEntry
	place := "lease"
	switch {
	case n.IsZero():
		return
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str":
		entry.URL = n.Value
	case n.Kind == yaml.MappingNode:
		place = "lease.url"
		if !r.leaseKeys(n, &entry) {
			return
		}
	default:
		r.add("lease", "want memory, a URL of Redis, or keys and values (line %d)", n.Line)
		return
	}
	if entry == (leaseEntry{URL: "memory"}) {
		return
	}
	cfg := &lease.RedisConfig{Prefix: entry.Prefix}
	u, err := r.leaseURL(place, entry.URL)
	cfg.URL = u
	r.take(place, err)
	if entry.Prefix != "" {
		r.take("lease.prefix", lease.CheckPrefix(entry.Prefix))
	}
	tlsFiles := entry.CA != "" || entry.Cert != "" || entry.Key != ""
	switch {
	case err != nil:
	case u.TLS:
		cfg.TLS, err = r.leaseTLS(entry)
		r.takeAll(err)
	case tlsFiles:
		r.add(place, "there are files for TLS, and the URL is not by TLS; want rediss://, rediss+sentinel:// or rediss+cluster://")
	}
	r.cfg.Lease = cfg
}

// leaseKeys reads the mapping.
func (r *configReader) leaseKeys(n yaml.Node, entry *leaseEntry) (ok bool) {
	return r.texts("lease", n, map[string]*string{
		"url": &entry.URL, "prefix": &entry.Prefix, "ca": &entry.CA, "cert": &entry.Cert, "key": &entry.Key,
	})
}

// leaseURL reads the URL, or what the reference to it names. A URL with a
// password does not stand in the configuration.
func (r *configReader) leaseURL(place, text string) (lease.RedisURL, error) {
	ref := secretRef(text)
	if ref.isRef() {
		secret, err := r.secret(place, ref)
		if err != nil {
			return lease.RedisURL{}, err
		}
		return lease.ParseRedisURL(secret.Reveal())
	}
	if !lease.IsRedisURL(text) {
		return lease.RedisURL{}, errors.New("want memory, or redis://<host>:<port>/<database>, rediss://… (TLS), redis+sentinel://…, " +
			"redis+cluster://… or redis+unix://…, or env:NAME or file:PATH of such a URL")
	}
	u, err := lease.ParseRedisURL(text)
	if err == nil && u.HasPassword() {
		err = errors.New("it holds a password, and a secret does not stand in the configuration itself; put the whole URL into a file or a " +
			"variable, name that as file:PATH or env:NAME, and replace the password, which others may have read")
	}
	return u, err
}

// leaseTLS reads whom to trust, and who this gateway is.
func (r *configReader) leaseTLS(entry leaseEntry) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	var all faults
	if entry.CA != "" {
		pem, err := os.ReadFile(filepath.Clean(r.path(entry.CA)))
		all.take("lease.ca", err)
		cfg.RootCAs = x509.NewCertPool()
		if err == nil && !cfg.RootCAs.AppendCertsFromPEM(pem) {
			all.add("lease.ca", "%s holds no certificate in PEM", entry.CA)
		}
	}
	switch {
	case (entry.Cert == "") != (entry.Key == ""):
		all.add("lease."+cmp.Or(missing(entry.Cert, "cert"), "key"), "it is missing; a certificate and its key go together")
	case entry.Cert != "":
		pair, err := tls.LoadX509KeyPair(r.path(entry.Cert), r.path(entry.Key))
		if err != nil {
			all.take("lease.cert", fmt.Errorf("the certificate and its key can not be read together: %w", err))
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, all.err()
}

// missing is the name if the text is empty.
func missing(text, name string) string {
	if text == "" {
		return name
	}
	return ""
}
