// Package callback tells callers of the end of their access requests, at
// endpoints that they name themselves. An endpoint that anybody can name is a way
// to make the gateway call for them: so an operator lists the hosts, nothing
// private is reached but what is listed, addresses are judged after DNS, redirects
// are not followed, and nothing of an answer is kept but its status.
//
// Messages are signed as Standard Webhooks says. When to try again is the
// engine's to say.
package callback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// AnyPublicHost in Config.Hosts lets callers name every host of the public
// internet, over https.
const AnyPublicHost = "*"

const (
	// resolvePatience bounds what a submission waits for DNS.
	resolvePatience = 3 * time.Second
	maxEndpoint     = 2048 // bytes
)

// Config is what an operator configured.
type Config struct {
	Secrets []string `json:"-"` // "whsec_…"; at least one, several while they are changed over
	// Hosts are those that may be called: "agents.example.com", "10.0.0.5:8443", or
	// AnyPublicHost. One that is named may be private, and spoken to over http.
	Hosts   []string
	Timeout time.Duration // of an attempt; 0: connectors.DefaultTimeout

	Transport http.RoundTripper                                            `json:"-"` // nil: connectors.NewTransport; it then sees to addresses itself
	Resolve   func(ctx context.Context, host string) ([]netip.Addr, error) `json:"-"` // nil: the system's
	Now       func() time.Time                                             `json:"-"` // the clock of signatures; nil: time.Now
}

// Sender sends callbacks. It is safe for concurrent use.
type Sender struct {
	signer  *connectors.Signer
	hosts   map[string]bool
	any     bool
	clients map[connectors.Reach]*connectors.Client
	resolve func(context.Context, string) ([]netip.Addr, error)
	now     func() time.Time
}

// New returns a sender, or every fault of its configuration. No fault holds a
// secret.
func New(cfg Config) (*Sender, error) {
	signer, err := connectors.NewSigner(cfg.Secrets...)
	s := &Sender{signer: signer, hosts: map[string]bool{}, resolve: cfg.Resolve, now: cfg.Now}
	if len(cfg.Hosts) == 0 {
		err = errors.Join(err, fmt.Errorf("no host is listed that may be called; list them, or %q for all public ones", AnyPublicHost))
	}
	for _, host := range cfg.Hosts {
		if host == AnyPublicHost {
			s.any = true
			continue
		}
		err = errors.Join(err, checkHost(host))
		s.hosts[strings.ToLower(host)] = true
	}
	if err != nil {
		return nil, err
	}
	s.clients = map[connectors.Reach]*connectors.Client{}
	for _, reach := range []connectors.Reach{connectors.ReachPublic, connectors.ReachPrivate} {
		s.clients[reach] = connectors.NewClient(connectors.Options{Timeout: cfg.Timeout, Reach: reach, Transport: cfg.Transport})
	}
	if s.resolve == nil {
		s.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

func checkHost(host string) error {
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.ContainsAny(host, "*@/ ") {
		return fmt.Errorf("%q is no host, such as agents.example.com or 10.0.0.5:8443", host)
	}
	return nil
}

// Deadline is how long an attempt lasts at most.
func (s *Sender) Deadline() time.Duration { return s.clients[connectors.ReachPublic].Timeout() }

// Check reports access.ErrInvalid unless the endpoint may be called, and what its
// name resolves to now may be.
func (s *Sender) Check(ctx context.Context, endpoint string) error {
	u, reach, err := s.admit(endpoint)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, resolvePatience)
	defer cancel()
	addresses := []netip.Addr{}
	if literal, err := netip.ParseAddr(u.Hostname()); err == nil {
		addresses = append(addresses, literal)
	} else if addresses, err = s.resolve(ctx, u.Hostname()); err != nil || len(addresses) == 0 {
		return refused("its host has no address")
	}
	for _, a := range addresses {
		if reach.Check(a) != nil {
			return refused("its host has an address that is not called")
		}
	}
	return nil
}

// admit holds an endpoint against what is configured, without asking DNS.
func (s *Sender) admit(endpoint string) (*url.URL, connectors.Reach, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil, len(endpoint) > maxEndpoint, u.Host == "", u.Opaque != "":
		return nil, 0, refused("it is no URL of a host")
	case u.User != nil, u.Fragment != "":
		return nil, 0, refused("it holds a user or a fragment")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, 0, refused("it is not an https URL")
	case s.listed(u):
		return u, connectors.ReachPrivate, nil
	case !s.any:
		return nil, 0, refused("its host is not one that an operator has listed in access_request.callback_hosts")
	case u.Scheme != "https":
		return nil, 0, refused("it is not an https URL")
	}
	return u, connectors.ReachPublic, nil
}

// listed reports whether the URL's host is named. One that is named without a port
// is at the port of its scheme.
func (s *Sender) listed(u *url.URL) bool {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	usual := u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80"
	if s.hosts[net.JoinHostPort(host, port)] {
		return true
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return usual && s.hosts[host]
}

func refused(why string) error {
	return access.Invalid("invalid_callback", "/callback/endpoint", "%s", why)
}

// Send makes one attempt. Any 2xx is a success. Its errors hold no secret, and
// nothing of the endpoint beyond scheme and host; one that trying again will not
// mend by itself is marked Permanent.
func (s *Sender) Send(ctx context.Context, m access.CallbackMessage) error {
	u, reach, err := s.admit(m.Endpoint)
	if err != nil {
		return access.Permanent(err) // the list has changed since
	}
	answer, err := s.clients[reach].Do(ctx, connectors.Request{
		Method: http.MethodPost,
		URL:    u,
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"curfew"}},
		Body:   m.Body,
		Before: func(h http.Header) { s.signer.SignHeader(h, m.ID, s.now(), m.Body) },
	})
	switch {
	case errors.Is(err, connectors.ErrAddressRefused):
		return access.Permanent(err)
	case err != nil:
		return err
	case answer.Status >= 200 && answer.Status <= 299:
		return nil
	}
	err = errors.New("answered " + strconv.Itoa(answer.Status))
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusGone:
		err = access.Permanent(err)
	}
	return err
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (s *Sender) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "callbacks") }
