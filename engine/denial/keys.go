package denial

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// signsFor is how long a key signs before another takes its place.
	signsFor = 24 * time.Hour
	// outlives is how long a key is published after it signed last. Nothing that
	// it signs is valid for longer.
	outlives = time.Hour
)

// maxVerifiers bounds the keys that are remembered: there is one a process and day.
const maxVerifiers = 64

// Keys is where public halves are published, for all nodes. The ledger is one.
type Keys interface {
	AddSigningKey(context.Context, access.SigningKey) error
	// SigningKey returns a key that is not over, or access.ErrNotFound.
	SigningKey(ctx context.Context, kid string) (access.SigningKey, error)
	// SigningKeys lists those that are not over.
	SigningKeys(context.Context) ([]access.SigningKey, error)
}

// keyring is the key that this process signs with, and those that it verifies by.
type keyring struct {
	keys Keys
	now  func() time.Time
	turn chan struct{} // holds a token while nobody makes a key

	mu    sync.Mutex // never held over a call of keys
	own   own
	known map[string]verifier

	setTurn  chan struct{}   // holds a token while nobody is at the set
	set      json.RawMessage // the JWK Set as it was read last
	setUntil time.Time       // when it is read again
}

// own is the key of this process. Its zero value is over.
type own struct {
	private ed25519.PrivateKey
	kid     string
	until   time.Time // when it signs no more
}

// setRemembered is how long the JWK Set is: anybody may ask for it.
const setRemembered = time.Second

type verifier struct {
	public ed25519.PublicKey
	until  time.Time
}

func newKeyring(keys Keys, now func() time.Time) *keyring {
	r := &keyring{keys: keys, now: now, turn: make(chan struct{}, 1), setTurn: make(chan struct{}, 1)}
	r.turn <- struct{}{}
	r.setTurn <- struct{}{}
	return r
}

// signer returns the key to sign with. Who asks while one is made waits for it, as
// long as ctx lasts: what is slow goes on, and the next finds the key.
func (r *keyring) signer(ctx context.Context) (own, error) {
	if k, good := r.current(); good {
		return k, nil
	}
	select {
	case <-r.turn:
	case <-ctx.Done():
		return own{}, ctx.Err()
	}
	made := make(chan error, 1)
	go func() {
		defer func() { r.turn <- struct{}{} }()
		if _, good := r.current(); good {
			made <- nil // another was first
			return
		}
		made <- r.replace(context.WithoutCancel(ctx))
	}()
	select {
	case err := <-made:
		k, _ := r.current()
		return k, err
	case <-ctx.Done():
		return own{}, ctx.Err()
	}
}

func (r *keyring) current() (k own, good bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.own, r.now().Before(r.own.until)
}

// replace makes a key and publishes it before its first use: what it signs can be
// verified from then on, everywhere.
func (r *keyring) replace(ctx context.Context) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	k := own{private, rand.Text(), r.now().Add(signsFor)}
	described, err := describe(public, k.kid)
	if err != nil {
		return err
	}
	err = r.keys.AddSigningKey(ctx, access.SigningKey{ID: k.kid, JWK: described, ExpiresAt: k.until.Add(outlives)})
	if err != nil {
		return fmt.Errorf("the signing key was not published: %w", err)
	}
	r.mu.Lock()
	r.own = k
	r.mu.Unlock()
	<-r.setTurn
	r.set = nil
	r.setTurn <- struct{}{}
	return nil
}

// keySet is the JWK Set of all keys that are not over. Who asks while it is read
// waits for that, as long as ctx lasts.
func (r *keyring) keySet(ctx context.Context) (json.RawMessage, error) {
	select {
	case <-r.setTurn:
		defer func() { r.setTurn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := r.now()
	if r.set != nil && now.Before(r.setUntil) {
		return r.set, nil
	}
	keys, err := r.keys.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: make([]json.RawMessage, len(keys))}
	for i, k := range keys {
		set.Keys[i] = k.JWK
	}
	if r.set, err = json.Marshal(set); err != nil {
		return nil, err
	}
	r.setUntil = now.Add(setRemembered)
	return r.set, nil
}

// verifier returns the key of the id, if one is published that is not over.
func (r *keyring) verifier(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	now := r.now()
	r.mu.Lock()
	v, known := r.known[kid]
	r.mu.Unlock()
	if !known {
		k, err := r.keys.SigningKey(ctx, kid)
		if err != nil {
			return nil, err
		}
		if v, err = read(k); err != nil {
			return nil, err
		}
		r.remember(kid, v)
	}
	if !now.Before(v.until) {
		return nil, access.NotFound("signing key", kid)
	}
	return v.public, nil
}

func (r *keyring) remember(kid string, v verifier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxVerifiers {
		r.known = map[string]verifier{}
	}
	r.known[kid] = v
}

// describe is the JWK of a public key.
func describe(public ed25519.PublicKey, kid string) (json.RawMessage, error) {
	key, err := jwk.Import(public)
	if err != nil {
		return nil, err
	}
	err = errors.Join(key.Set(jwk.KeyIDKey, kid), key.Set(jwk.AlgorithmKey, jwa.EdDSA()), key.Set(jwk.KeyUsageKey, jwk.ForSignature))
	if err != nil {
		return nil, err
	}
	return json.Marshal(key)
}

// read takes a published key. It must be an Ed25519 key, and a public one.
func read(k access.SigningKey) (verifier, error) {
	key, err := jwk.ParseKey(k.JWK)
	if err != nil {
		return verifier{}, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	var public ed25519.PublicKey
	if err := jwk.Export(key, &public); err != nil {
		return verifier{}, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	return verifier{public, k.ExpiresAt}, nil
}
