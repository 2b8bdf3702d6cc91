package policyrepo_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

func TestTheGatewayDecidesByTheRepositorysBundle(t *testing.T) {
	t.Parallel()
	private, public := keys(t)
	r := newRepo(t)
	if out, err := r.make("bundle", "KEY="+private, "REVISION=r1"); err != nil {
		t.Fatalf("make bundle: %v\n%s", err, out)
	}
	signed := r.bundle()
	p := pdp.New(pdp.Config{Library: policies.FS})
	revision, err := p.LoadBundle(t.Context(), signed, &pdp.Signature{Key: public})
	if err != nil {
		t.Fatal(err)
	}
	if revision.Bundle() != "r1" {
		t.Errorf("the bundle's revision is %q", revision.Bundle())
	}
	p.Use(t.Context(), revision)
	d, err := p.Decide(t.Context(), ask())
	if err != nil || d.Effect != access.Allow || d.Reasons[0].Code != "on_call" {
		t.Errorf("got %+v and %v", d, err)
	}

	t.Run("again: the same bytes", func(t *testing.T) {
		if out, err := r.make("bundle", "REVISION=r1"); err != nil {
			t.Fatalf("make bundle: %v\n%s", err, out)
		}
		first := r.bundle()
		if out, err := r.make("bundle", "REVISION=r1"); err != nil {
			t.Fatalf("make bundle: %v\n%s", err, out)
		}
		if string(r.bundle()) != string(first) {
			t.Error("they differ")
		}
	})
	t.Run("unsigned: refused where a signature is wanted", func(t *testing.T) {
		if _, err := p.LoadBundle(t.Context(), r.bundle(), &pdp.Signature{Key: public}); err == nil {
			t.Error("it is not")
		}
		if _, err := p.LoadBundle(t.Context(), r.bundle(), nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("data outside its roots: refused", func(t *testing.T) {
		r.plant("data.yaml", "", "\npeople: {}\n")
		if out, err := r.make("bundle"); err != nil {
			t.Fatalf("make bundle: %v\n%s", err, out)
		}
		if _, err := p.LoadBundle(t.Context(), r.bundle(), nil); err == nil {
			t.Error("it is not")
		}
	})
}

func (r repo) bundle() []byte {
	r.t.Helper()
	return []byte(read(r.t, filepath.Join(r.dir, ".curfew", "bundle.tar.gz")))
}

// keys makes a pair: the file of the private one, and the text of the public one.
func keys(t *testing.T) (file, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	file = filepath.Join(t.TempDir(), "private.pem")
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return file, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
