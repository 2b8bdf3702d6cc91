package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
)

func TestTermsOfATargetAreRead(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, target(", confirm: callback, callback_timeout: 90s, renew: true, concurrency: 100, rate: 90/m, public_only: true, "+
		"verify: {url: 'http://127.0.0.1/ask', after: 10s, every: 6h, repair: true}"))
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.Targets[0].engine()
	if got.CallbackWithin != 90*time.Second || !got.Renew || got.Verify == nil ||
		*got.Verify != (engine.VerifyTerms{After: 10 * time.Second, Every: 6 * time.Hour, Repair: true}) {
		t.Errorf("the engine is told %+v, %+v", got, got.Verify)
	}
	out := cfg.Targets[0].outbox(nil, nil)
	if out.Name != "t" || out.Width != 100 || out.PerSecond != 1.5 || out.Verifier == nil || out.Deliverer == nil || out.Retry != got.Retry {
		t.Errorf("the outbox is told %+v", out)
	}
}

func TestTermsOfATargetHaveDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, target("")+"\n")
	if err != nil {
		t.Fatal(err)
	}
	got, out := cfg.Targets[0].engine(), cfg.Targets[0].outbox(nil, nil)
	if got.CallbackWithin != 0 || got.Renew || got.Verify != nil || out.Width != 16 || out.PerSecond != 0 || out.Verifier != nil {
		t.Errorf("got %+v, %+v", got, out)
	}
	cfg, err = load(t, target(", confirm: callback, verify: {}"))
	if err != nil {
		t.Fatal(err)
	}
	got = cfg.Targets[0].engine()
	if got.CallbackWithin != 5*time.Minute || *got.Verify != (engine.VerifyTerms{Every: 24 * time.Hour}) {
		t.Errorf("got %+v, %+v", got, got.Verify)
	}
}

// What was promised is the name and the URL: no other edit is another contract.
func TestTermsOfATargetAreNoPartOfItsContract(t *testing.T) {
	t.Parallel()
	var contracts []string
	for _, more := range []string{"", ", confirm: callback, renew: true, concurrency: 3, rate: 1/s, public_only: true, verify: {}"} {
		cfg, err := load(t, target(more))
		if err != nil {
			t.Fatal(err)
		}
		contracts = append(contracts, cfg.Targets[0].Webhook.Contract())
	}
	if contracts[0] != contracts[1] {
		t.Error("other terms are another contract")
	}
}

func TestTermsOfATargetThatAreWrongAreSaid(t *testing.T) {
	t.Parallel()
	const at = "targets[0].webhook."
	cases := map[string]struct{ more, want string }{
		"a callback_timeout of no length":        {", confirm: callback, callback_timeout: 0s", at + "callback_timeout: 0s is not longer than zero"},
		"a callback_timeout of a week":           {", confirm: callback, callback_timeout: 168h", at + "callback_timeout: 168h0m0s is not"},
		"a callback_timeout without callback":    {", callback_timeout: 5m", at + "callback_timeout: it is for a target that confirms by callback"},
		"no concurrency":                         {", concurrency: 0", at + "concurrency: 0 is not between 1 and 1000"},
		"too much concurrency":                   {", concurrency: 1001", at + "concurrency: 1001 is not"},
		"a concurrency that is a text":           {", concurrency: many", "want a number, not a text"},
		"a rate without a unit":                  {", rate: '50'", at + `rate: "50" is not a rate, such as 50/s or 600/m`},
		"a rate of nothing":                      {", rate: 0/s", at + `rate: "0/s" is not a rate`},
		"a rate below nothing":                   {", rate: -1/s", at + `rate: "-1/s" is not a rate`},
		"a rate by the hour":                     {", rate: 50/h", at + `rate: "50/h" is not a rate`},
		"verify with an unknown key":             {", verify: {colour: red}", at + "verify.colour: there is no such key"},
		"verify all the time":                    {", verify: {every: 0s}", at + "verify.every: 0s is shorter than 1s"},
		"verify after no time":                   {", verify: {after: soon}", at + `verify.after: "soon" is not a length of time`},
		"verify nowhere":                         {", verify: {url: ftp://x/hunter2}", at + "verify.url: the URL is not an absolute http or https URL"},
		"tls without files":                      {", tls: {}", at + "tls: it names no file"},
		"tls with an unknown key":                {", tls: {colour: red}", at + "tls.colour: there is no such key"},
		"a certificate without its key":          {", tls: {cert: cert.pem}", at + "tls: a certificate needs its key"},
		"a key without its certificate":          {", tls: {key: key.pem}", at + "tls: a certificate needs its key"},
		"a certificate with another's key":       {", tls: {cert: cert.pem, key: other.pem}", at + "tls: the certificate and the key are no pair"},
		"an authority that is none":              {", tls: {ca: curfew.yaml}", at + "tls: the CA file holds no certificate"},
		"a certificate for a plain URL":          {", tls: {cert: cert.pem, key: key.pem}", at + "tls: a client certificate is for an https URL"},
		"a certificate that asks at a plain URL": {", tls: {ca: cert.pem}, verify: {url: 'http://x/'}", at + "verify.url: a client certificate is for an https URL"},
	}
	cert, key := pair(t, time.Hour)
	_, other := pair(t, time.Hour)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, target(tc.more), "cert.pem", cert, "key.pem", key, "other.pem", other)
			wantFault(t, err, tc.want)
			if err != nil && strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("a key is printed: %v", err)
			}
		})
	}
}

func TestATargetWithoutItsCertificateIsLeftOut(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, target(", tls: {cert: nowhere.pem, key: nowhere.key}"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Targets) != 0 || len(cfg.Missing) != 1 || !errors.Is(cfg.Missing[0], errSecretMissing) ||
		!strings.Contains(cfg.Missing[0].Error(), "targets[0].webhook.tls.") {
		t.Errorf("got targets %v, missing %v", cfg.Targets, cfg.Missing)
	}
}

func TestTermsOfATargetThatAreDoubtfulAreWarnedOf(t *testing.T) {
	t.Parallel()
	const callback = "targets: [{name: t, webhook: {secret: env:WEBHOOK, confirm: callback, url: "
	const withCert = "targets: [{name: t, webhook: {secret: env:WEBHOOK, url: 'https://x.example.com/', tls: {cert: cert.pem, key: key.pem}}}]\n"
	cases := map[string]struct {
		config string
		lasts  time.Duration
		want   string
	}{
		"called back on its own machine":   {callback + "'https://x.example.com/'}}]", time.Hour, "targets[0].webhook.confirm: the target is told to call back at http://127.0.0.1:8080"},
		"called back from this machine":    {callback + "'http://localhost:9090/'}}]", time.Hour, ""},
		"called back where it can":         {callback + "'https://x.example.com/'}}]\nexternal_url: https://curfew.example.com", time.Hour, ""},
		"a certificate that soon runs out": {withCert, time.Hour, "targets[0].webhook.tls.cert: the certificate expires at "},
		"a certificate that has run out":   {withCert, -time.Minute, "targets[0].webhook.tls.cert: the certificate expires at "},
		"a certificate that lasts":         {withCert, 90 * 24 * time.Hour, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert, key := pair(t, tc.lasts)
			cfg, err := load(t, tc.config+"\n"+token(""), "cert.pem", cert, "key.pem", key)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(cfg.Warnings, "\n"); !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// pair is a certificate that lasts so long, and its key.
func pair(t *testing.T, lasts time.Duration) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "curfew"}, NotAfter: time.Now().Add(lasts)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}
