package connectors

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/trouble"
)

// maxCredentials bounds each file of credentials, in bytes.
const maxCredentials = 1 << 20

// CredentialFiles name what a connection over TLS to one system needs beside what
// every connection has. Each is a file in PEM.
type CredentialFiles struct {
	Cert, Key string // who calls; both, or neither
	CA        string // who is trusted, in place of those that the machine trusts; "": those
}

// Credentials are what the files hold. They are read again for each new connection,
// so that a certificate that is renewed needs no restart; while a file is broken, or
// is only half written, what it held before stays. They print nothing of a key.
type Credentials struct {
	files  CredentialFiles
	log    *slog.Logger
	broken trouble.Line

	mu   sync.Mutex
	read contents
	held held
}

// contents are the files' bytes: cert, key and CA.
type contents [3][]byte

// held is what a connection is made with.
type held struct {
	pair  *tls.Certificate // nil: nobody says who calls
	roots *x509.CertPool   // nil: the machine's
}

// OpenCredentials reads the files, or says everything that is wrong with them.
func OpenCredentials(files CredentialFiles) (*Credentials, error) {
	if (files.Cert == "") != (files.Key == "") {
		return nil, errors.New("a certificate needs its key, and a key its certificate")
	}
	c := &Credentials{files: files, log: slog.New(slog.DiscardHandler)}
	var err error
	if c.read, err = files.contents(); err != nil {
		return nil, err
	}
	c.held, err = parseCredentials(c.read)
	return c, err
}

// LogTo sets where it is told that files are broken later; without, it is not.
func (c *Credentials) LogTo(log *slog.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = log
}

// ExpiresAt is when the certificate of who calls expires; the zero time when there is
// none.
func (c *Credentials) ExpiresAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.pair == nil {
		return time.Time{}
	}
	return c.held.pair.Leaf.NotAfter
}

// Format keeps keys out of everything that fmt prints, whatever the verb.
func (c *Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "<secret>") }

func (f CredentialFiles) contents() (c contents, err error) {
	for i, path := range []string{f.Cert, f.Key, f.CA} {
		if path == "" {
			continue
		}
		var failure error
		c[i], failure = readBounded(path)
		err = errors.Join(err, failure)
	}
	return c, err
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxCredentials+1))
	if err == nil && len(text) > maxCredentials {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxCredentials)
	}
	return text, err
}

func parseCredentials(c contents) (h held, err error) {
	if c[0] != nil {
		pair, failure := tls.X509KeyPair(c[0], c[1])
		if failure != nil {
			err = fmt.Errorf("the certificate and the key are no pair: %w", failure)
		}
		h.pair = &pair
	}
	if c[2] != nil {
		h.roots = x509.NewCertPool()
		if !h.roots.AppendCertsFromPEM(c[2]) {
			err = errors.Join(err, errors.New("the CA file holds no certificate in PEM"))
		}
	}
	return h, err
}

// current is what the files hold now, or held when they were last whole.
func (c *Credentials) current() held {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.files.contents()
	if err == nil && equal(now, c.read) {
		return c.held
	}
	var next held
	if err == nil {
		next, err = parseCredentials(now)
	}
	if err == nil && next.pair != nil && time.Now().After(next.pair.Leaf.NotAfter) {
		err = fmt.Errorf("the new certificate expired at %s", next.pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if err != nil {
		c.broken.Failed(c.log, "the files of a client certificate can not be used; what they held before stays in use", err)
		return c.held
	}
	c.read, c.held = now, next
	return next
}

func equal(a, b contents) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// dialer makes connections over TLS out of plain ones.
func (c *Credentials) dialer(plain dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.New("no host and port")
		}
		conn, err := plain(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c.secure(ctx, conn, host)
	}
}

// secure makes a connection over TLS out of a plain one, to a server that is to prove
// that it has the name. It closes the plain one if that fails.
func (c *Credentials) secure(ctx context.Context, plain net.Conn, name string) (net.Conn, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if c != nil {
		now := c.current()
		config.RootCAs = now.roots
		if now.pair != nil {
			config.Certificates = []tls.Certificate{*now.pair}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secured := tls.Client(plain, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return secured, nil
}

// DialTLS connects to an address, within reach, of a system that does not speak HTTP.
// It is to prove that it has the name. With no credentials nobody says who calls, and
// whom the machine trusts is trusted.
func DialTLS(ctx context.Context, reach Reach, as *Credentials, address, name string) (net.Conn, error) {
	conn, err := reach.Dialer().DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return as.secure(ctx, conn, name)
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)
