package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// shield is a proxy with a certificate before a target.
type shield struct {
	url  string
	good tls.Certificate
	bad  tls.Certificate // of the same key, and past its time
	now  atomic.Pointer[tls.Certificate]
}

// shielded puts a target behind a certificate that it alone is trusted by.
func shielded(p *part) string {
	if p.shield == nil {
		p.shield = newShield(p.T, p.target.URL())
		p.w.write("ca-"+p.id+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.shield.good.Certificate[0]})))
		p.terms = "tls: {ca: ca-" + p.id + ".pem}"
	}
	return p.shield.url
}

func newShield(t *testing.T, before string) *shield {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &shield{good: certificate(t, key, time.Now().Add(time.Hour)), bad: certificate(t, key, time.Now().Add(-time.Hour))}
	s.now.Store(&s.good)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.now.Load(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(before)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: to.Scheme, Host: to.Host}), ReadHeaderTimeout: time.Minute}
	server.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	server.SetKeepAlivesEnabled(false)           // each call sees the certificate of then
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	s.url = "https://" + listener.Addr().String() + to.Path
	return s
}

func certificate(t *testing.T, key *ecdsa.PrivateKey, until time.Time) tls.Certificate {
	about := &x509.Certificate{
		SerialNumber: big.NewInt(until.Unix()), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The target's certificate runs out over a weekend. It is no reason to give up.
func certificateEnds(p *part) {
	g := p.opened(alice, hour)
	told := len(p.target.Calls())
	p.shield.now.Store(&p.shield.bad)
	p.revoke(g)
	now := p.becomes("the certificate is what is wrong", g, func(now engine.GrantView) bool {
		return now.Binding.Attempts > 1 && strings.Contains(now.Binding.LastError, "certificate")
	})
	if len(p.target.Calls()) != told || now.Binding.Observed != access.Unknown {
		p.Errorf("a target with a bad certificate was told %d things; the binding is %+v", len(p.target.Calls())-told, now.Binding)
	}
	p.shield.now.Store(&p.shield.good)
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}
