package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// NewKey makes a key that signs checkpoints, of the log that name names: one word
// without + such as "curfew.example.com/audit". signing is the secret, verifier what
// others check with.
func NewKey(random io.Reader, name string) (signing, verifier string, err error) {
	if name == "" || strings.ContainsAny(name, "+ \t\r\n") {
		return "", "", fmt.Errorf("%q does not name a log: want one word without +, such as curfew.example.com/audit", name)
	}
	return note.GenerateKey(random, name)
}

// NewKeys reads the keys of a log: the signing key in use, and then those from before,
// that sign as well while keys are changed over. Of one from before that is lost its
// verifier key does: it does not sign, and opens what was signed with it. No error
// holds a key.
func NewKeys(signing ...string) (*Keys, error) {
	if len(signing) == 0 {
		return nil, errors.New("no key")
	}
	k := &Keys{}
	for i, text := range signing {
		add := k.addSigner
		if text = strings.TrimSpace(text); i > 0 && !strings.HasPrefix(text, "PRIVATE+KEY+") {
			add = k.addVerifier
		}
		v, err := add(text)
		if err != nil {
			return nil, err
		}
		if v.Name() != k.Origin() {
			return nil, fmt.Errorf("a key is of %q, and another of %q: all keys of a log have its name", k.Origin(), v.Name())
		}
	}
	return k, nil
}

func (k *Keys) addSigner(text string) (note.Verifier, error) {
	s, err := note.NewSigner(text)
	if err != nil {
		return nil, errors.New("this is not a signing key such as curfew audit key writes it")
	}
	verifier, err := verifierOf(s.Name(), text)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(k.texts, verifier) {
		k.signers, k.texts = append(k.signers, s), append(k.texts, verifier)
	}
	return k.addVerifier(verifier)
}

func (k *Keys) addVerifier(text string) (note.Verifier, error) {
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, errors.New("this is neither a signing key nor a verifier key such as curfew audit key writes them")
	}
	same := func(other note.Verifier) bool { return other.Name() == v.Name() && other.KeyHash() == v.KeyHash() }
	if !slices.ContainsFunc(k.verifiers, same) { // a key that is there twice opens nothing
		k.verifiers = append(k.verifiers, v)
	}
	return v, nil
}

// verifierOf computes what checks the signatures of a signing key that is well
// formed: its last part is one byte for the algorithm and the seed of Ed25519.
func verifierOf(name, signing string) (string, error) {
	parts := strings.SplitN(strings.TrimSpace(signing), "+", 5) // PRIVATE+KEY+<name>+<hash>+<seed>
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", fmt.Errorf("the key %s is not of Ed25519", name)
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("the key %s is not of Ed25519", name)
	}
	return note.NewEd25519VerifierKey(name, public)
}

// KeyID is the number that signatures of an encoded verifier key bear.
func KeyID(verifier string) (uint32, error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return 0, err
	}
	return v.KeyHash(), nil
}
