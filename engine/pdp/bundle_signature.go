package pdp

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"
)

// DefaultAlgorithm is what a bundle is signed by when Signature does not say.
const DefaultAlgorithm = "RS256"

// algorithms are those that opa sign has.
var algorithms = []string{
	"ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
}

// Signature says how a bundle must be signed. It prints as its algorithm: the key
// may be a secret.
type Signature struct {
	Key       string // a public key or certificate in PEM; of HS…, the shared secret
	Algorithm string // "": DefaultAlgorithm
	KeyID     string // which the signature must name; "": it may name any, or none
	Scope     string // which the signature must have; "": none
}

// Format keeps the key out of everything that fmt prints, whatever the verb.
func (s Signature) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "signature by "+s.algorithm())
}

func (s Signature) algorithm() string {
	if s.Algorithm == "" {
		return DefaultAlgorithm
	}
	return s.Algorithm
}

// Symmetric reports whether the key is a secret that signs as well.
func (s Signature) Symmetric() bool { return strings.HasPrefix(s.algorithm(), "HS") }

// Validate reports what keeps the key from verifying anything. It quotes none of
// it.
func (s Signature) Validate() error {
	switch {
	case !slices.Contains(algorithms, s.algorithm()):
		return fmt.Errorf("there is no algorithm %q; want one of %s", s.Algorithm, strings.Join(algorithms, ", "))
	case s.Key == "":
		return errors.New("the key is missing")
	case s.Symmetric():
		return nil
	}
	block, _ := pem.Decode([]byte(s.Key))
	switch {
	case block == nil:
		return fmt.Errorf("the key for %s is no public key in PEM", s.algorithm())
	case strings.Contains(block.Type, "PRIVATE"):
		return errors.New("the key is a private one, which has no place here; give its public key, and replace it if others may have read it")
	case !slices.Contains([]string{"PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"}, block.Type):
		return fmt.Errorf("the key is a PEM block %q, and must be a public key or a certificate", block.Type)
	}
	return nil
}

// config is the signature as OPA's reader takes it. There is one key; without a
// KeyID, the name that a signature gives it does not matter.
func (s Signature) config() *bundle.VerificationConfig {
	id, given := "curfew", "curfew"
	if s.KeyID != "" {
		id, given = s.KeyID, ""
	}
	keys := map[string]*bundle.KeyConfig{id: {Key: s.Key, Algorithm: s.algorithm()}}
	return bundle.NewVerificationConfig(keys, given, s.Scope, nil)
}
