package pdp_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/tests/tool"
)

const sharedSecret = "a-secret-of-thirty-two-bytes-and-more"

// signer signs bundles with the stock opa.
type signer struct {
	opa, key, alg string
	public        string
}

// signers are one of each kind of key.
func signers(t *testing.T) map[string]signer {
	t.Helper()
	opa, dir := tool.Path(t, "opa"), t.TempDir()
	ours, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := func(name string, key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public := func(key any) string {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return map[string]signer{
		"RS256": {opa, private("rsa.pem", ours), "RS256", public(ours.Public())},
		"ES256": {opa, private("ec.pem", curve), "ES256", public(curve.Public())},
		"HS256": {opa, sharedSecret, "HS256", sharedSecret},
	}
}

// build makes a bundle of the files with opa build, signed unless alg is "".
// claims are those of the signature beside the files.
func (s signer) build(t *testing.T, files map[string]string, claims string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bundle.tar.gz")
	args := []string{"build", "--bundle", team(t, files), "--output", out}
	if s.alg != "" {
		args = append(args, "--signing-key", s.key, "--signing-alg", s.alg)
	}
	if claims != "" {
		path := filepath.Join(t.TempDir(), "claims.json")
		if err := os.WriteFile(path, []byte(claims), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--claims-file", path)
	}
	if said, err := exec.CommandContext(t.Context(), s.opa, args...).CombinedOutput(); err != nil {
		t.Fatalf("opa %v: %v\n%s", args, err, said)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// rewrite passes each file of a bundle through a function; "" leaves it out.
func rewrite(t *testing.T, raw []byte, change func(name, content string) string) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if err == io.EOF {
			return pack(t, files)
		}
		content, err2 := io.ReadAll(r)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if changed := change(h.Name, string(content)); changed != "" {
			files[h.Name] = changed
		}
	}
}

var signedFiles = map[string]string{
	"access/access.rego": "package access\n\nallow contains " + yes + "\n",
	"data.yaml":          teams,
	".manifest":          `{"revision": "git-4711", "roots": ["access", "teams"]}`,
}

func TestBundleThatOPABuiltAndSignedIsLoaded(t *testing.T) {
	t.Parallel()
	for name, s := range signers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			by := &pdp.Signature{Key: s.public, Algorithm: s.alg}
			if err := by.Validate(); err != nil {
				t.Fatal(err)
			}
			r, p, err := loadBundle(t, s.build(t, signedFiles, ""), by)
			if err != nil {
				t.Fatal(err)
			}
			p.Use(t.Context(), r)
			d, err := p.Decide(t.Context(), ask(nil))
			if d.Effect != access.Allow || codes(d) != "team" || err != nil || r.Bundle() != "git-4711" || !strings.HasSuffix(d.Revision, "+git-4711") {
				t.Errorf("got %+v of %q, %v", d, r.Bundle(), err)
			}
		})
	}
}

func TestBundleThatIsNotSignedAsItMustBeIsRefused(t *testing.T) {
	t.Parallel()
	all := signers(t)
	s, unsigned := all["RS256"], signer{opa: all["RS256"].opa}
	signed := s.build(t, signedFiles, "")
	scoped := s.build(t, signedFiles, `{"scope": "write"}`)
	named := s.build(t, signedFiles, `{"keyid": "key-1"}`)
	edit := func(suffix, old, by string) []byte {
		return rewrite(t, signed, func(name, content string) string {
			if strings.HasSuffix(name, suffix) {
				return strings.ReplaceAll(content, old, by)
			}
			return content
		})
	}
	rsaKey := pdp.Signature{Key: s.public}
	for name, tc := range map[string]struct {
		raw  []byte
		by   pdp.Signature
		want string // "" for loaded
	}{
		"as it must be":              {signed, rsaKey, ""},
		"unsigned":                   {unsigned.build(t, signedFiles, ""), rsaKey, "missing .signatures.json"},
		"an empty signature":         {rewrite(t, signed, emptySignature), rsaKey, "missing"},
		"a rule that was edited":     {edit("access.rego", `"team"`, `"mine"`), rsaKey, "digest mismatch"},
		"data that was edited":       {edit("data.json", "payments-primary", "anybody"), rsaKey, "digest mismatch"},
		"a manifest that was edited": {edit(".manifest", "git-4711", "git-4712"), rsaKey, "digest mismatch"},
		"a file that was added":      {addFile(t, signed), rsaKey, "not included in bundle signature"},
		"a file that was taken away": {rewrite(t, signed, func(name, content string) string {
			if strings.HasSuffix(name, "access.rego") {
				return ""
			}
			return content
		}), rsaKey, "not found in the target bundle"},
		"another key":              {signed, pdp.Signature{Key: otherKey(t)}, "verify JWT signature"},
		"a key of another kind":    {signed, pdp.Signature{Key: all["ES256"].public, Algorithm: "ES256"}, "verify JWT signature"},
		"another algorithm":        {signed, pdp.Signature{Key: s.public, Algorithm: "RS512"}, "verify JWT signature"},
		"the public key as secret": {all["HS256"].build(t, signedFiles, ""), rsaKey, "verify JWT signature"},
		"the scope that it has":    {scoped, pdp.Signature{Key: s.public, Scope: "write"}, ""},
		"a scope that none is of":  {scoped, rsaKey, "scope mismatch"},
		"no scope where one is":    {signed, pdp.Signature{Key: s.public, Scope: "write"}, "scope mismatch"},
		"another scope":            {scoped, pdp.Signature{Key: s.public, Scope: "read"}, "scope mismatch"},
		"the key that it names":    {named, pdp.Signature{Key: s.public, KeyID: "key-1"}, ""},
		"any name of the key":      {named, rsaKey, ""},
		"another name of the key":  {named, pdp.Signature{Key: s.public, KeyID: "key-2"}, "key-1 not found"},
		"a name where it has none": {signed, pdp.Signature{Key: s.public, KeyID: "key-1"}, "ID default not found"},
		"a delta, which has none":  {pack(t, map[string]string{"patch.json": `{"data": [{"op": "upsert", "path": "/x", "value": 1}]}`}), rsaKey, "delta bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := loadBundle(t, tc.raw, &tc.by)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, _, err := loadBundle(t, signed, nil); err != nil {
		t.Errorf("signed, and nobody asks for it: %v", err)
	}
}

// addFile adds a rule to a bundle.
func addFile(t *testing.T, raw []byte) []byte {
	t.Helper()
	files := map[string]string{"more.rego": "package access\n\nallow contains " + yes}
	rewrite(t, raw, func(name, content string) string { files[name] = content; return content })
	return pack(t, files)
}

func emptySignature(name, content string) string {
	if strings.HasSuffix(name, ".signatures.json") {
		return `{"signatures": []}`
	}
	return content
}

func otherKey(t *testing.T) string { return signers(t)["RS256"].public }

func TestSignatureSaysWhatItCanNotVerify(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	for want, s := range map[string]pdp.Signature{
		`there is no algorithm "none"`: {Key: "hunter2", Algorithm: "none"},
		"the key is missing":           {},
		"no public key in PEM":         {Key: "hunter2"},
		"is a private one":             {Key: private},
		`PEM block "X509 CRL"`:         {Key: string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte("hunter2")}))},
	} {
		err := s.Validate()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want %s", err, want)
		}
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if printed := fmt.Sprintf(format, s) + fmt.Sprintf(format, &s); s.Key != "" && strings.Contains(printed, s.Key) {
				t.Errorf("%s prints the key", format)
			}
		}
	}
}
