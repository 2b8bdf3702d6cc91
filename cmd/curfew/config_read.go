package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const defaultListen = "127.0.0.1:8080"

// configReader turns a configFile into a Config and collects what is wrong.
type configReader struct {
	faults
	dir       string // relative paths begin here
	lookupEnv func(string) (string, bool)
	cfg       Config
}

// loadConfig reads a configuration and every file that it refers to. It reports
// all faults at once.
func loadConfig(path string, lookupEnv func(string) (string, bool)) (Config, error) {
	r := &configReader{lookupEnv: lookupEnv}
	file, err := r.file(path)
	if err != nil {
		return Config{}, err
	}
	r.listen(file)
	r.stores(file)
	r.policies(file.Policies)
	r.tokens(file.Auth)
	r.targets(file.Targets)
	r.onCall(file.OnCall)
	r.people(file.People)
	r.onePerson()
	r.resources(file)
	r.decisions(file.Decisions)
	r.audit(file.Audit)
	r.accessRequest(file.AccessRequest)
	r.reevaluate(file.Reevaluate)
	r.slack(file.Slack)
	r.alerts(file.Alerts)
	r.syncSources(file.Sources)
	r.sinks(file.Sinks)
	return r.config(path)
}

// loadLedger reads of a configuration where the ledger is: for a role that may
// read nothing else that the configuration refers to, no secret and no file.
func loadLedger(path string, lookupEnv func(string) (string, bool)) (Config, error) {
	r := &configReader{lookupEnv: lookupEnv}
	file, err := r.file(path)
	if err != nil {
		return Config{}, err
	}
	r.ledger(file.Ledger)
	return r.config(path)
}

// file reads the file itself. Only one that is not there is an error; what is
// wrong in it is the first faults.
func (r *configReader) file(path string) (file configFile, err error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return file, err
	}
	r.dir, r.cfg.Path = filepath.Dir(absolute), absolute
	if err := decodeYAML(absolute, &file); err != nil {
		if os.IsNotExist(err) {
			return file, err
		}
		r.faults = append(r.faults, partsOf(err)...)
	}
	return file, nil
}

// config is what was read, if nothing is wrong with it.
func (r *configReader) config(path string) (Config, error) {
	if err := r.err(); err != nil {
		return Config{}, fmt.Errorf("%s:\n%w", path, err)
	}
	return r.cfg, nil
}

func (r *configReader) warn(format string, args ...any) {
	r.cfg.Warnings = append(r.cfg.Warnings, fmt.Sprintf(format, args...))
}

// notOffered notes that a key is of the design and not of this release.
func (r *configReader) notOffered(place, instead string) {
	r.add(place, "not offered by this release yet; %s", instead)
}

// unless notes that a key is set that this release does not offer.
func (r *configReader) unless(n yaml.Node, place, instead string) {
	if !n.IsZero() {
		r.notOffered(place, instead)
	}
}

// path makes a path of the configuration absolute.
func (r *configReader) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(r.dir, p)
}

func (r *configReader) listen(file configFile) {
	r.cfg.Listen, r.cfg.ExternalURL = orElse(file.Listen, defaultListen), file.ExternalURL
	host, port, err := net.SplitHostPort(r.cfg.Listen)
	if err != nil {
		r.add("listen", "%q is not <host>:<port>, such as %s", r.cfg.Listen, defaultListen)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		r.add("listen", "%q is not a port: want 0 to 65535", port)
	}
	u, err := url.Parse(file.ExternalURL)
	switch {
	case file.ExternalURL == "":
		r.cfg.ExternalURL = "http://" + r.cfg.Listen
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "":
		r.add("external_url", "it is not an http or https URL without user, query and fragment, such as https://curfew.example.com")
	}
	if !loopback(host) && !strings.HasPrefix(r.cfg.ExternalURL, "https://") {
		r.warn("listen: %s is open to the network without TLS, so tokens travel in clear; put a proxy with TLS in front "+
			"and name its https:// address in external_url, or listen on 127.0.0.1", r.cfg.Listen)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (r *configReader) stores(file configFile) {
	r.ledger(file.Ledger)
	r.lease(file.Lease)
}

// directory notes a directory that is not there.
func (r *configReader) directory(place, path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		r.add(place, "the directory %s is not there; make it", path)
	case !info.IsDir():
		r.add(place, "%s is not a directory", path)
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
