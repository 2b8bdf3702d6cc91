package denial_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/denial"
)

const (
	issuer   = "https://curfew.example.com"
	audience = issuer + "/access/v1/requests"
)

// keys is where two nodes publish.
type keys struct {
	mu   sync.Mutex
	held map[string]access.SigningKey
	away error
	slow chan struct{} // not nil: publishing waits for it
}

func (k *keys) AddSigningKey(_ context.Context, key access.SigningKey) error {
	if k.slow != nil {
		<-k.slow
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil {
		k.held = map[string]access.SigningKey{}
	}
	k.held[key.ID] = key
	return k.away
}

func (k *keys) SigningKey(_ context.Context, kid string) (access.SigningKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.held[kid]
	if !ok && k.away == nil {
		return key, access.NotFound("signing key", kid)
	}
	return key, k.away
}

func (k *keys) SigningKeys(context.Context) (all []access.SigningKey, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.held {
		all = append(all, key)
	}
	return all, k.away
}

// clock is the nodes' time.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func start() *clock { return &clock{time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)} }

func binding(at time.Time) access.DenialBinding {
	return access.DenialBinding{
		EvaluationID: "dec_1", Subject: json.RawMessage(`{"type":"user","id":"alice@example.com"}`),
		Resource: json.RawMessage(`{"type":"customer","id":"acme"}`), Action: json.RawMessage(`{"name":"debug"}`),
		IssuedAt: at, ExpiresAt: at.Add(5 * time.Minute),
	}
}

func sign(t *testing.T, s *denial.Signer, b access.DenialBinding) string {
	t.Helper()
	token, err := s.Sign(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func codeOf(err error) string {
	var fault *access.Error
	if !errors.As(err, &fault) {
		return ""
	}
	return fault.Code
}

func TestEveryNodeVerifiesWhatAnotherSigned(t *testing.T) {
	published, c := &keys{}, start()
	one, two := denial.New(issuer, audience, published, c.now), denial.New(issuer, audience, published, c.now)
	want := binding(c.Time)
	for name, s := range map[string]*denial.Signer{"the same node": one, "another": two} {
		got, err := s.Verify(t.Context(), sign(t, one, want))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.EvaluationID != want.EvaluationID || !got.ExpiresAt.Equal(want.ExpiresAt) || !denial.Same(got.Subject, want.Subject) ||
			!denial.Same(got.Resource, want.Resource) || !denial.Same(got.Action, want.Action) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if sign(t, two, want); len(published.held) != 2 {
		t.Fatalf("%d keys are published, want one a node", len(published.held))
	}
}

func TestTokensThatAreNotOursAreRefused(t *testing.T) {
	published, c := &keys{}, start()
	ours := denial.New(issuer, audience, published, c.now)
	good := sign(t, ours, binding(c.Time))
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	stranger := denial.New(issuer, audience, &keys{}, c.now)
	cases := map[string]string{
		"nothing":                          "",
		"no JWS":                           "abc",
		"two parts":                        head + "." + payload,
		"another payload":                  head + "." + swap(t, payload, "alice", "mally") + "." + signature,
		"another header":                   swap(t, head, "EdDSA", "ES256") + "." + rest,
		"alg none":                         b64(`{"alg":"none","typ":"authzen-binding+jwt","kid":"x"}`) + "." + payload + ".",
		"alg none with our key's name":     swap(t, head, "EdDSA", "none") + "." + payload + ".",
		"no signature":                     head + "." + payload + ".",
		"HMAC with the public key":         hmacWithPublicKey(t, published, payload),
		"a key that is not published":      sign(t, stranger, binding(c.Time)),
		"our key's name on another key":    resigned(t, published, head, payload),
		"another issuer":                   sign(t, denial.New("https://other.example.com", audience, published, c.now), binding(c.Time)),
		"another audience":                 sign(t, denial.New(issuer, issuer+"/elsewhere", published, c.now), binding(c.Time)),
		"from the future":                  sign(t, ours, binding(c.Add(2*time.Minute))),
		"another kind of JWT":              swap(t, head, "authzen-binding+jwt", "JWT") + "." + rest,
		"the general form":                 `{"payload":"` + payload + `","signatures":[{"protected":"` + head + `","signature":"` + signature + `"}]}`,
		"longer than a token can be":       good + strings.Repeat("A", denial.MaxToken),
		"without an id":                    sign(t, ours, access.DenialBinding{Subject: []byte(`{}`), Resource: []byte(`{}`), Action: []byte(`{}`), IssuedAt: c.Time, ExpiresAt: c.Add(time.Minute)}),
		"with something after it":          good + ".x",
		"with a line end in its signature": good + "\n",
	}
	for name, token := range cases {
		if b, err := ours.Verify(t.Context(), token); codeOf(err) != "invalid_denial_binding" {
			t.Errorf("%s: %+v, %v", name, b, err)
		}
	}
	if _, err := ours.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// swap replaces a text within an encoded part.
func swap(t *testing.T, part, old, by string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || !strings.Contains(string(raw), old) {
		t.Fatalf("no %q in %s: %v", old, raw, err)
	}
	return b64(strings.Replace(string(raw), old, by, 1))
}

func kidOf(t *testing.T, published *keys) string {
	t.Helper()
	all, err := published.SigningKeys(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all[0].ID
}

func hmacWithPublicKey(t *testing.T, published *keys, payload string) string {
	t.Helper()
	kid := kidOf(t, published)
	return signedBy(t, jwa.HS256(), []byte(published.held[kid].JWK), kid, payload)
}

func resigned(t *testing.T, published *keys, _, payload string) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signedBy(t, jwa.EdDSA(), private, kidOf(t, published), payload)
}

func signedBy(t *testing.T, alg jwa.SignatureAlgorithm, key any, kid, payload string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	h := jws.NewHeaders()
	_ = h.Set(jws.KeyIDKey, kid)
	_ = h.Set(jws.TypeKey, "authzen-binding+jwt")
	token, err := jws.Sign(raw, jws.WithKey(alg, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

// crafted is a token that is signed well by a key that is published, over any header.
func crafted(t *testing.T, private ed25519.PrivateKey, header, payload string) string {
	t.Helper()
	signed := b64(header) + "." + payload
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(private, []byte(signed)))
}

func TestHeaderMustBeThatOfABindingToken(t *testing.T) {
	published, c := &keys{}, start()
	s := denial.New(issuer, audience, published, c.now)
	payload := strings.Split(sign(t, s, binding(c.Time)), ".")[1]
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	described := `{"kty":"OKP","crv":"Ed25519","kid":"k","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}`
	published.held["k"] = access.SigningKey{ID: "k", JWK: json.RawMessage(described), ExpiresAt: c.Add(time.Hour)}
	for header, code := range map[string]string{
		`{"alg":"EdDSA","kid":"k","typ":"authzen-binding+jwt"}`:                             "",
		`{"alg":"EdDSA","kid":"k","typ":"JWT"}`:                                             "invalid_denial_binding",
		`{"alg":"EdDSA","kid":"k"}`:                                                         "invalid_denial_binding",
		`{"alg":"EdDSA","typ":"authzen-binding+jwt"}`:                                       "invalid_denial_binding",
		`{"alg":"ES256","kid":"k","typ":"authzen-binding+jwt"}`:                             "invalid_denial_binding",
		`{"alg":"none","kid":"k","typ":"authzen-binding+jwt"}`:                              "invalid_denial_binding",
		`{"alg":"EdDSA","kid":"k","typ":"authzen-binding+jwt","crit":["exp"],"exp":1}`:      "invalid_denial_binding",
		`{"alg":"EdDSA","kid":"other","typ":"authzen-binding+jwt","jwk":` + described + `}`: "invalid_denial_binding",
	} {
		if _, err := s.Verify(t.Context(), crafted(t, private, header, payload)); codeOf(err) != code {
			t.Errorf("%s: %v, want %q", header, err, code)
		}
	}
}

// A database takes some names for a fault of its own.
func TestKeyOfNoNameOfOursIsNotLookedFor(t *testing.T) {
	s := denial.New(issuer, audience, &keys{away: errors.New("invalid byte sequence")}, start().now)
	for _, kid := range []string{`a\u0000b`, `a b`, `\ufffd`} {
		token := b64(`{"alg":"EdDSA","typ":"authzen-binding+jwt","kid":"`+kid+`"}`) + "." + b64(`{}`) + "." + b64(strings.Repeat("s", 64))
		if _, err := s.Verify(t.Context(), token); codeOf(err) != "invalid_denial_binding" {
			t.Errorf("%s: %v", kid, err)
		}
	}
}

func TestTokenIsOverAfterItsTimeAndTheSkew(t *testing.T) {
	c := start()
	s := denial.New(issuer, audience, &keys{}, c.now)
	token := sign(t, s, binding(c.Time))
	for name, tc := range map[string]struct {
		after time.Duration
		code  string
	}{
		"just made":             {0, ""},
		"within the skew":       {5*time.Minute + denial.Skew, ""},
		"a second beyond it":    {5*time.Minute + denial.Skew + time.Second, "expired_denial"},
		"signed a moment ahead": {-denial.Skew, ""},
	} {
		c.Time = start().Add(tc.after)
		if _, err := s.Verify(t.Context(), token); codeOf(err) != tc.code {
			t.Errorf("%s: %v, want %q", name, err, tc.code)
		}
	}
}

func TestKeyIsReplacedDailyAndOutlivesWhatItSigned(t *testing.T) {
	published, c := &keys{}, start()
	s := denial.New(issuer, audience, published, c.now)
	c.Time = c.Add(24*time.Hour - time.Second)
	old := sign(t, s, binding(c.Time))
	c.Time = c.Add(24 * time.Hour)
	late := sign(t, s, binding(c.Time))
	if len(published.held) != 2 {
		t.Fatalf("%d keys, want two: a day has passed", len(published.held))
	}
	if _, err := s.Verify(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	c.Time = c.Add(2 * time.Hour)
	if _, err := s.Verify(t.Context(), old); codeOf(err) != "invalid_denial_binding" {
		t.Fatalf("a key that is over still verifies: %v", err)
	}
}

func TestNothingIsSignedByAKeyThatNobodyFinds(t *testing.T) {
	published, c := &keys{away: errors.New("the ledger is away")}, start()
	s := denial.New(issuer, audience, published, c.now)
	if token, err := s.Sign(t.Context(), binding(c.Time)); err == nil {
		t.Fatalf("signed %q", token)
	}
	published.away = nil
	if _, err := s.Verify(t.Context(), sign(t, s, binding(c.Time))); err != nil {
		t.Fatal(err)
	}
}

func TestNobodyWaitsLongerThanTheyWantForAKey(t *testing.T) {
	published, c := &keys{slow: make(chan struct{})}, start()
	s := denial.New(issuer, audience, published, c.now)
	for range 2 { // who makes the key, and who waits for that
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := s.Sign(ctx, binding(c.Time)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		cancel()
	}
	close(published.slow)
	if sign(t, s, binding(c.Time)); len(published.held) != 1 {
		t.Fatalf("%d keys, want the one that was slow", len(published.held))
	}
}

func TestLedgerThatIsAwayIsNoInvalidToken(t *testing.T) {
	published, c := &keys{}, start()
	token := sign(t, denial.New(issuer, audience, published, c.now), binding(c.Time))
	published.away = errors.New("the ledger is away")
	_, err := denial.New(issuer, audience, published, c.now).Verify(t.Context(), token)
	if !errors.Is(err, published.away) || codeOf(err) != "" {
		t.Fatalf("got %v", err)
	}
}

func TestKeySetHoldsPublicKeysThatVerifyByThemselves(t *testing.T) {
	published, c := &keys{}, start()
	s := denial.New(issuer, audience, published, c.now)
	token := sign(t, s, binding(c.Time))
	raw, err := s.KeySet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"d"`) {
		t.Fatalf("the set holds a private key: %s", raw)
	}
	set, err := jwk.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := set.Key(0)
	if use, _ := key.KeyUsage(); use != "sig" {
		t.Fatalf("use is %q", use)
	}
	payload, err := jws.Verify([]byte(token), jws.WithKeySet(set))
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"iss", "aud", "iat", "exp", "jti", "denial_expires_at", "evaluation_id", "binding_context_members", "subject", "resource", "action",
	} {
		if _, there := claims[name]; !there {
			t.Errorf("the token has no claim %s: %s", name, payload)
		}
	}
}

func TestKeySetIsReadOnceASecond(t *testing.T) {
	published, c := &keys{}, start()
	one, two := denial.New(issuer, audience, published, c.now), denial.New(issuer, audience, published, c.now)
	count := func() int {
		raw, err := one.KeySet(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(raw), `"kid"`)
	}
	if sign(t, one, binding(c.Time)); count() != 1 {
		t.Fatalf("%d keys, want the own one", count())
	}
	if sign(t, two, binding(c.Time)); count() != 1 {
		t.Fatal("the set was read again at once")
	}
	if c.Time = c.Add(time.Second); count() != 2 {
		t.Fatalf("%d keys a second later, want both", count())
	}
}

func FuzzVerifyNeverTakesAnothersToken(f *testing.F) {
	published, c := &keys{}, start()
	s := denial.New(issuer, audience, published, c.now)
	good, err := s.Sign(f.Context(), binding(c.Time))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	f.Add("..")
	f.Add(`{"payload":"","signatures":[]}`)
	f.Fuzz(func(t *testing.T, token string) {
		b, err := s.Verify(t.Context(), token)
		if err == nil && b.EvaluationID != "dec_1" {
			t.Fatalf("%q was taken as %+v", token, b)
		}
		if err != nil && codeOf(err) == "" {
			t.Fatalf("%q: %v is no answer for a caller", token, err)
		}
	})
}

// stuck is a ledger that does not answer who asks for all keys.
type stuck struct {
	*keys
	asked chan struct{}
}

func (s stuck) SigningKeys(ctx context.Context) ([]access.SigningKey, error) {
	s.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// Anybody may ask for the set: those who do must not queue up behind each other.
func TestNobodyWaitsLongerThanTheyWantForTheKeySet(t *testing.T) {
	published := stuck{&keys{}, make(chan struct{}, 1)}
	s := denial.New(issuer, audience, published, start().now)
	first, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = s.KeySet(first) })
	defer reading.Wait()
	defer cancel()
	<-published.asked
	impatient, over := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer over()
	answered := make(chan error, 1)
	reading.Go(func() { _, err := s.KeySet(impatient); answered <- err })
	select {
	case err := <-answered:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it waits for who was before")
	}
}
