package connectors_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors"
)

// authority signs certificates, in one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: cert, key: key, pem: block("CERTIFICATE", der)}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue is a certificate for the name and 127.0.0.1, and its key.
func (a authority) issue(t *testing.T, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	private := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", pkcs8)
}

// demanding is a server that wants to know who calls, and answers with the name. It
// closes each connection, so that each call makes one.
func demanding(t *testing.T, a authority) *httptest.Server {
	t.Helper()
	pair, err := tls.X509KeyPair(a.issue(t, "server", time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	callers := x509.NewCertPool()
	callers.AddCert(a.cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: callers}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// files are a caller's credentials on disk.
type files struct {
	connectors.CredentialFiles
}

func newFiles(t *testing.T) files {
	dir := t.TempDir()
	return files{connectors.CredentialFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), CA: filepath.Join(dir, "ca.pem")}}
}

func (f files) write(t *testing.T, cert, key, ca []byte) {
	t.Helper()
	for path, text := range map[string][]byte{f.Cert: cert, f.Key: key, f.CA: ca} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func opened(t *testing.T, f files, out io.Writer) (*connectors.Credentials, *connectors.Client) {
	t.Helper()
	as, err := connectors.OpenCredentials(f.CredentialFiles)
	if err != nil {
		t.Fatal(err)
	}
	as.LogTo(slog.New(slog.NewTextHandler(out, nil)))
	return as, connectors.NewClient(connectors.Options{Reach: connectors.ReachPrivate, As: as, Retries: -1, Timeout: 10 * time.Second})
}

// called is who the server says called it.
func called(t *testing.T, c *connectors.Client, url string) (string, error) {
	t.Helper()
	answer, err := c.Do(t.Context(), post(url))
	return string(answer.Body), err
}

func TestAServerThatDemandsACertificateLearnsWhoCalls(t *testing.T) {
	a, f := newAuthority(t, "ours"), newFiles(t)
	server := demanding(t, a)
	cert, key := a.issue(t, "curfew", time.Now().Add(time.Hour))
	f.write(t, cert, key, a.pem)
	as, client := opened(t, f, io.Discard)
	if name, err := called(t, client, server.URL); err != nil || name != "curfew" {
		t.Errorf("the server says %q, %v", name, err)
	}
	if left := time.Until(as.ExpiresAt()); left < 59*time.Minute || left > time.Hour {
		t.Errorf("it expires in %s", left)
	}
	if printed := fmt.Sprintf("%v %+v %#v", as, as, as); strings.Contains(printed, "PRIVATE") || !strings.Contains(printed, "<secret>") {
		t.Errorf("it prints as %s", printed)
	}
}

func TestAServerOrACallerThatIsNotTrustedIsRefused(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	server := demanding(t, ours)
	hour := time.Now().Add(time.Hour)
	cases := map[string]struct {
		caller authority
		until  time.Time
		ca     authority
		want   string
	}{
		"a server of another authority":      {ours, hour, others, "unknown authority"},
		"a caller of another authority":      {others, hour, ours, "remote error: tls: "},
		"a caller whose certificate ran out": {ours, time.Now().Add(-time.Minute), ours, "remote error: tls: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFiles(t)
			cert, key := tc.caller.issue(t, "curfew", tc.until)
			f.write(t, cert, key, tc.ca.pem)
			_, client := opened(t, f, io.Discard)
			_, err := called(t, client, server.URL)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v; want %s", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("a key is in %v", err)
			}
		})
	}
}

func TestACertificateThatIsRenewedIsShownWithTheNextConnection(t *testing.T) {
	a, f := newAuthority(t, "ours"), newFiles(t)
	server := demanding(t, a)
	cert, key := a.issue(t, "first", time.Now().Add(time.Hour))
	f.write(t, cert, key, a.pem)
	_, client := opened(t, f, io.Discard)
	for _, name := range []string{"first", "second"} {
		cert, key := a.issue(t, name, time.Now().Add(time.Hour))
		f.write(t, cert, key, a.pem)
		if got, err := called(t, client, server.URL); err != nil || got != name {
			t.Errorf("the server says %q, %v; want %q", got, err, name)
		}
	}
}

func TestAnAuthorityThatIsChangedIsTrustedWithTheNextConnection(t *testing.T) {
	before, after, f := newAuthority(t, "before"), newAuthority(t, "after"), newFiles(t)
	cert, key := after.issue(t, "curfew", time.Now().Add(time.Hour))
	f.write(t, cert, key, before.pem)
	server := demanding(t, after)
	_, client := opened(t, f, io.Discard)
	if _, err := called(t, client, server.URL); err == nil {
		t.Error("a server is trusted that nobody has vouched for")
	}
	f.write(t, cert, key, after.pem)
	if got, err := called(t, client, server.URL); err != nil || got != "curfew" {
		t.Errorf("the server says %q, %v", got, err)
	}
}

func TestABrokenFileKeepsWhatItHeldBeforeAndIsTold(t *testing.T) {
	a := newAuthority(t, "ours")
	server := demanding(t, a)
	cases := map[string]func(t *testing.T, f files){
		"a certificate without its key": func(t *testing.T, f files) {
			cert, _ := a.issue(t, "other", time.Now().Add(time.Hour))
			overwrite(t, f.Cert, cert)
		},
		"half a certificate":        func(t *testing.T, f files) { overwrite(t, f.Cert, []byte("-----BEGIN CERTIFICATE-----\nMIIB")) },
		"a key that is gone":        func(t *testing.T, f files) { remove(t, f.Key) },
		"authorities that are none": func(t *testing.T, f files) { overwrite(t, f.CA, []byte("none")) },
		"a certificate that ran out": func(t *testing.T, f files) {
			cert, key := a.issue(t, "old", time.Now().Add(-time.Minute))
			f.write(t, cert, key, a.pem)
		},
		"a file that is far too large": func(t *testing.T, f files) { overwrite(t, f.CA, bytes.Repeat([]byte("x"), 1<<20+1)) },
	}
	for name, breakIt := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFiles(t)
			cert, key := a.issue(t, "curfew", time.Now().Add(time.Hour))
			f.write(t, cert, key, a.pem)
			var out bytes.Buffer
			_, client := opened(t, f, &out)
			breakIt(t, f)
			if got, err := called(t, client, server.URL); err != nil || got != "curfew" {
				t.Errorf("the server says %q, %v", got, err)
			}
			if told := out.String(); !strings.Contains(told, "stays in use") || strings.Contains(told, "PRIVATE") {
				t.Errorf("it was told: %s", told)
			}
			f.write(t, cert, key, a.pem)
			if got, err := called(t, client, server.URL); err != nil || got != "curfew" {
				t.Errorf("mended, the server says %q, %v", got, err)
			}
		})
	}
}

func overwrite(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestCredentialsThatCanNotBeUsedAreRefused(t *testing.T) {
	a, f := newAuthority(t, "ours"), newFiles(t)
	cert, key := a.issue(t, "curfew", time.Now().Add(time.Hour))
	_, other := a.issue(t, "other", time.Now().Add(time.Hour))
	f.write(t, cert, other, []byte("none"))
	cases := map[string]struct {
		files connectors.CredentialFiles
		want  string
	}{
		"a certificate alone":  {connectors.CredentialFiles{Cert: f.Cert}, "a certificate needs its key"},
		"a key alone":          {connectors.CredentialFiles{Key: f.Key}, "a key its certificate"},
		"what is not there":    {connectors.CredentialFiles{CA: f.CA + ".none"}, "no such file"},
		"another's key":        {connectors.CredentialFiles{Cert: f.Cert, Key: f.Key}, "are no pair"},
		"no authority":         {connectors.CredentialFiles{CA: f.CA}, "the CA file holds no certificate"},
		"all that is wrong":    {f.CredentialFiles, "are no pair"},
		"all that is wrong, 2": {f.CredentialFiles, "the CA file holds"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := connectors.OpenCredentials(tc.files)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v; want %s", err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), string(key[40:60])) || strings.Contains(err.Error(), "PRIVATE")) {
				t.Errorf("a key is in %v", err)
			}
		})
	}
	if _, err := connectors.OpenCredentials(connectors.CredentialFiles{CA: f.CA + ".none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there is %v", err)
	}
}

// A name leads to an address that is judged, with a certificate as without.
func TestCredentialsDoNotLeadAroundWhatMayBeDialled(t *testing.T) {
	a, f := newAuthority(t, "ours"), newFiles(t)
	server := demanding(t, a)
	cert, key := a.issue(t, "curfew", time.Now().Add(time.Hour))
	f.write(t, cert, key, a.pem)
	as, _ := opened(t, f, io.Discard)
	_, err := called(t, connectors.NewClient(connectors.Options{As: as}), server.URL)
	if !errors.Is(err, connectors.ErrAddressRefused) {
		t.Errorf("error = %v; want ErrAddressRefused", err)
	}
}
