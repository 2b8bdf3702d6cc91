package denial

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// Skew is how far the clocks of two nodes may be apart.
	Skew = 30 * time.Second
	// MaxToken bounds what is read of a token, in bytes.
	MaxToken = 32 << 10
)

// typ keeps a token of ours from being taken for another kind of JWT, and others
// from being taken for it (RFC 8725, 3.11).
const typ = "authzen-binding+jwt"

const codeInvalid, codeExpired = "invalid_denial_binding", "expired_denial"

// tokenField is where a submission holds the token.
const tokenField = "/denial/binding_token"

// Signer signs and verifies binding tokens. It is safe for concurrent use.
type Signer struct {
	issuer, audience string
	ring             *keyring
}

// New returns a signer. The issuer is the gateway's own URL, the audience that of
// its access request endpoint.
func New(issuer, audience string, keys Keys, now func() time.Time) *Signer {
	return &Signer{issuer: issuer, audience: audience, ring: newKeyring(keys, now)}
}

// claims is what a token says.
type claims struct {
	Issuer    string    `json:"iss"`
	Audience  audience  `json:"aud"`
	IssuedAt  int64     `json:"iat"`
	Expiry    int64     `json:"exp"`
	ID        string    `json:"jti"`
	DenialEnd time.Time `json:"denial_expires_at"`
	// EvaluationID is the ID once more, under the name that the profile gives it.
	EvaluationID string `json:"evaluation_id"`
	// ContextMembers names the members of the context that count. There are none:
	// what Curfew decides by it learns itself.
	ContextMembers []string        `json:"binding_context_members"`
	Subject        json.RawMessage `json:"subject"`
	Resource       json.RawMessage `json:"resource"`
	Action         json.RawMessage `json:"action"`
}

// audience is one text or several, as RFC 7519 has it.
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// Sign returns a token for the denial.
func (s *Signer) Sign(ctx context.Context, b access.DenialBinding) (string, error) {
	key, err := s.ring.signer(ctx)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims{
		Issuer: s.issuer, Audience: audience{s.audience}, IssuedAt: b.IssuedAt.Unix(), Expiry: b.ExpiresAt.Unix(),
		ID: b.EvaluationID, DenialEnd: b.ExpiresAt, EvaluationID: b.EvaluationID, ContextMembers: []string{},
		Subject: b.Subject, Resource: b.Resource, Action: b.Action,
	})
	if err != nil {
		return "", err
	}
	header := jws.NewHeaders()
	if err := errors.Join(header.Set(jws.KeyIDKey, key.kid), header.Set(jws.TypeKey, typ)); err != nil {
		return "", err
	}
	token, err := jws.Sign(payload, jws.WithKey(jwa.EdDSA(), key.private, jws.WithProtectedHeaders(header)))
	return string(token), err
}

// Verify returns the denial that a token is for. Who did not sign it, for whom,
// and what is not as this package writes it is access.ErrInvalid with the code
// invalid_denial_binding; one whose time is over is expired_denial.
func (s *Signer) Verify(ctx context.Context, token string) (b access.DenialBinding, err error) {
	kid, err := keyOf(token)
	if err != nil {
		return b, err
	}
	public, err := s.ring.verifier(ctx, kid)
	switch {
	case errors.Is(err, access.ErrNotFound):
		return b, invalid("nobody here signed it")
	case err != nil:
		return b, err
	}
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.EdDSA(), public), jws.WithCompact())
	if err != nil {
		return b, invalid("its signature is wrong") // the cause may quote the token
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return b, invalid("its claims can not be read")
	}
	return s.accept(c)
}

// keyOf names the key that a token says it is signed with. Nothing else of its
// header is believed: which algorithm it is, the key says.
func keyOf(token string) (string, error) {
	if len(token) > MaxToken || strings.ContainsFunc(token, notInToken) {
		return "", invalid("it is too long, or holds what no token does")
	}
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return "", invalid("it is not a JWS in compact form")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	alg, _ := header.Algorithm()
	kind, _ := header.Type()
	kid, _ := header.KeyID()
	switch {
	case alg.String() != jwa.EdDSA().String():
		return "", invalid("it is not signed with EdDSA")
	case kind != typ, kid == "", strings.ContainsFunc(kid, notInToken), header.Has(jws.CriticalKey), header.Has(jws.B64Key):
		return "", invalid("its header is not that of a binding token")
	}
	return kid, nil
}

// notInToken reports what is neither base64url nor a dot. A decoder skips line
// ends, and one token would have many forms.
func notInToken(c rune) bool {
	return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.'
}

// accept holds the claims of a token that was signed here against what they must be.
func (s *Signer) accept(c claims) (b access.DenialBinding, err error) {
	now, exp := s.ring.now(), time.Unix(c.Expiry, 0).UTC()
	switch {
	case c.Issuer != s.issuer:
		return b, invalid("it is of another issuer")
	case !slices.Contains(c.Audience, s.audience):
		return b, invalid("it is for another audience")
	case c.ID == "", c.EvaluationID != c.ID, len(c.ContextMembers) > 0:
		return b, invalid("its claims are not those of a binding token")
	case now.Add(Skew).Before(time.Unix(c.IssuedAt, 0)):
		return b, invalid("it is from the future")
	case now.After(earlier(exp, c.DenialEnd).Add(Skew)):
		return b, access.Conflict(codeExpired, "the denial could be answered until %s; evaluate again", earlier(exp, c.DenialEnd).Format(time.RFC3339))
	}
	return access.DenialBinding{
		EvaluationID: c.ID, Subject: c.Subject, Resource: c.Resource, Action: c.Action,
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), ExpiresAt: c.DenialEnd,
	}, nil
}

// KeySet is the JWK Set of all keys that are not over.
func (s *Signer) KeySet(ctx context.Context) (json.RawMessage, error) { return s.ring.keySet(ctx) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func invalid(why string) error {
	return access.Invalid(codeInvalid, tokenField, "the token does not bind this request to a denial: %s", why)
}
