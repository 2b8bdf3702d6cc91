package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// MinSecret is the least length of a token's secret, in bytes.
const MinSecret = 16

// Token lets whoever presents its secret act as its subject.
type Token struct {
	Name    string // for people: which one it is
	Subject access.Subject
	Secret  string `json:"-"`
}

// String names the token without its secret.
func (t Token) String() string { return "token " + t.Name + " of " + t.Subject.String() }

// GoString is String, so that no verb prints the secret.
func (t Token) GoString() string { return t.String() }

// LogValue is String, so that no log holds the secret.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// tokens is who may call. Only digests of the secrets are kept.
type tokens []identity

type identity struct {
	digest  [sha256.Size]byte
	subject access.Subject
}

// newTokens reports every fault of the configured tokens together; none of the
// errors holds a secret.
func newTokens(configured []Token) (tokens, error) {
	var out tokens
	var faults []error
	names, secrets := map[string]bool{}, map[[sha256.Size]byte]int{}
	for i, t := range configured {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Errorf("token %d (%q): "+format, append([]any{i + 1, t.Name}, args...)...))
		}
		subject, err := t.Subject.Canonical()
		digest := sha256.Sum256([]byte(t.Secret))
		switch {
		case t.Name == "":
			fault("it has no name")
		case names[t.Name]:
			fault("another token has the name")
		}
		switch {
		case len(t.Secret) < MinSecret:
			fault("its secret has %d bytes; %d are the least", len(t.Secret), MinSecret)
		case !visible(t.Secret):
			fault("its secret holds a character that a header can not carry: want ASCII that can be seen")
		case secrets[digest] != 0:
			fault("it has the secret of token %d", secrets[digest])
		default:
			secrets[digest] = i + 1
		}
		if err != nil {
			fault("its subject: %w", err)
		}
		names[t.Name] = true
		out = append(out, identity{digest: digest, subject: subject})
	}
	return out, errors.Join(faults...)
}

// find returns whose secret it is. It compares with every token, whichever
// matches, so that the time taken says nothing.
func (t tokens) find(secret string) (access.Subject, bool) {
	presented := sha256.Sum256([]byte(secret))
	found := -1
	for i := range t {
		match := subtle.ConstantTimeCompare(presented[:], t[i].digest[:])
		found = subtle.ConstantTimeSelect(match, i, found)
	}
	if found < 0 {
		return access.Subject{}, false
	}
	return t[found].subject, true
}

// authenticate says who calls. A refusal is in the audit log, once a source and
// minute.
func (s *server) authenticate(c *gin.Context) (engine.Call, error) {
	call := newCall(c.Request, trip(c).id)
	secret, code, detail := bearer(c.Request.Header)
	if code == "" {
		caller, ok := s.tokens.find(secret)
		if ok {
			call.Caller, trip(c).caller = caller, caller
			return call, nil
		}
		code, detail = "token_invalid", "the bearer token is not known; ask an operator for one"
	}
	c.Header("WWW-Authenticate", "Bearer")
	// Who leaves at once is written down all the same.
	return call, s.engine.RefuseCaller(context.WithoutCancel(c.Request.Context()), call, code, detail)
}

// bearer returns the token of the Authorization header, or why there is none.
func bearer(h http.Header) (secret, code, detail string) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", "token_missing", "send Authorization: Bearer <token>"
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || !visible(secret) {
		return "", "token_malformed", "the Authorization header is not Bearer <token>, once"
	}
	return secret, "", ""
}

// visible reports whether text is ASCII that can be seen, without spaces, and
// not empty.
func visible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != ""
}
