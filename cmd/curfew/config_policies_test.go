package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/tool"
)

// opaBundle makes a bundle with the stock opa: of a directory, in a file.
func opaBundle(t *testing.T, file string, files map[string]string, more ...string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := write(filepath.Join(dir, name), content); err != nil {
			t.Fatal(err)
		}
	}
	half := file + ".half"
	args := append([]string{"build", "--bundle", dir, "--output", half}, more...)
	if out, err := exec.CommandContext(t.Context(), tool.Path(t, "opa"), args...).CombinedOutput(); err != nil {
		t.Fatalf("opa %v: %v\n%s", args, err, out)
	}
	if err := os.Rename(half, file); err != nil {
		t.Fatal(err)
	}
}

func TestConfigOfABundleIsRead(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, bundleOf(", token: env:TOKEN, poll: 10s, timeout: 5s, key: file:key, algorithm: HS256, key_id: k, scope: s, cache: kept.tar.gz"),
		"key", strings.Repeat("k", 32)+"\n")
	if err != nil {
		t.Fatal(err)
	}
	b := cfg.PolicyBundle
	if b.File != "" || b.Web.URL != "https://x.example.com/" || b.Web.Token != testToken || b.Web.Poll != 10*time.Second || b.Web.Timeout != 5*time.Second ||
		b.By.Key != strings.Repeat("k", 32) || b.By.Algorithm != "HS256" || b.By.KeyID != "k" || b.By.Scope != "s" ||
		b.Cache != filepath.Join(filepath.Dir(cfg.Path), "kept.tar.gz") || cfg.PoliciesDir != "" {
		t.Errorf("got %+v", b)
	}
	if printed := fmt.Sprintf("%+v %+v %+v", cfg, *b, *b.Web); strings.Contains(printed, testToken) || strings.Contains(printed, "kkkk") {
		t.Errorf("it prints a secret: %s", printed)
	}
	if said, err := checkPolicies(t.Context(), cfg); err != nil || said != "a bundle from https://x.example.com, which is not fetched by a check" {
		t.Errorf("a check says %q, %v", said, err)
	}

	short, err := load(t, bundleOf(", key: env:SHORT, algorithm: HS256"))
	if err != nil || !strings.Contains(fmt.Sprint(short.Warnings), "policies.bundle.key: the secret has fewer than 32 bytes") {
		t.Errorf("a short secret: %v %v", short.Warnings, err)
	}
	hidden, err := load(t, "policies: {bundle: {url: env:PLACE}}")
	if err == nil || !strings.Contains(err.Error(), "policies.bundle.url: the secret is not there") {
		t.Errorf("a URL that is not there: %+v %v", hidden.PolicyBundle, err)
	}
}

func TestCheckLoadsABundleFromAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "team.tar.gz")
	opaBundle(t, file, map[string]string{"data.yaml": "teams: {}", ".manifest": `{"revision": "v1", "roots": ["teams"]}`})
	check := func(more string) (string, error) {
		cfg, err := load(t, "policies: {bundle: {file: '"+file+"'"+more+"}}")
		if err != nil {
			t.Fatal(err)
		}
		return checkPolicies(t.Context(), cfg)
	}
	if said, err := check(""); err != nil || len(said) != len("revision ")+12 {
		t.Errorf("got %q, %v", said, err)
	}
	if _, err := check(", key: env:PLAIN, algorithm: HS256"); err == nil || !strings.Contains(err.Error(), "missing .signatures.json") {
		t.Errorf("unsigned: %v", err)
	}
	if err := write(file, "no bundle"); err != nil {
		t.Fatal(err)
	}
	if _, err := check(""); err == nil || !strings.Contains(err.Error(), "not a .tar.gz") {
		t.Errorf("no bundle: %v", err)
	}
}

// publicKey is a public key in PEM.
func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
