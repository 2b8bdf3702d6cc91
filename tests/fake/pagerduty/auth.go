package pagerduty

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// App is an OAuth app.
type App struct {
	Secret  string
	Account string        // "us.acme": what it may speak for
	Scopes  []string      // what it may be given
	Expiry  time.Duration // of its tokens; 0: a day
}

type token struct {
	scopes  []string
	expires time.Time
}

// AddApp adds an OAuth app, or changes it.
func (f *Fake) AddApp(clientID string, app App) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apps[clientID] = app
}

// AddKey adds an API key.
func (f *Fake) AddKey(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[key] = true
}

// RevokeKey deletes an API key.
func (f *Fake) RevokeKey(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, key)
}

// WithdrawTokens ends every OAuth token before its time.
func (f *Fake) WithdrawTokens() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.tokens)
}

const tokenPath = "/oauth/token"

// TokenURL is where an OAuth app asks for a token.
func (f *Fake) TokenURL() string { return f.URL() + tokenPath }

// serveToken gives a token for the client credentials of an app.
func (f *Fake) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	f.calls = append(f.calls, Call{N: len(f.calls) + 1, At: f.cfg.Now(), Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone()})
	n := len(f.calls) - 1
	step := f.step(r.URL.Path)
	f.mu.Unlock()
	if f.scripted(w, r, n, step) {
		return
	}
	status, body := f.give(r.PostForm)
	w.Header().Set("Content-Type", "application/json")
	f.send(w, n, status, encode(body))
}

// give makes a token for the form, or says what is wrong with it.
func (f *Fake) give(form url.Values) (status int, body map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	app, known := f.apps[form.Get("client_id")]
	scopes := strings.Fields(form.Get("scope"))
	status, body = http.StatusOK, map[string]any{}
	switch {
	case form.Get("grant_type") != "client_credentials":
		status, body["error"] = http.StatusBadRequest, "unsupported_grant_type"
	case !known || form.Get("client_secret") != app.Secret:
		status, body["error"] = http.StatusUnauthorized, "invalid_client"
	case len(scopes) == 0 || scopes[0] != "as_account-"+app.Account:
		status, body["error"] = http.StatusBadRequest, "invalid_scope"
	default:
		if app.Expiry == 0 {
			app.Expiry = 24 * time.Hour
		}
		given := slices.DeleteFunc(scopes, func(s string) bool { return !slices.Contains(app.Scopes, s) })
		text := "pdus+" + rand.Text()
		f.tokens[text] = token{given, f.cfg.Now().Add(app.Expiry)}
		body = map[string]any{"access_token": text, "token_type": "bearer", "expires_in": int(app.Expiry.Seconds()), "scope": strings.Join(given, " ")}
	}
	return status, body
}

// refuse returns what a request without the right credentials is answered.
func (f *Fake) refuse(r *http.Request, scope string) *answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	shown := r.Header.Get("Authorization")
	unauthorised, forbidden := failure(http.StatusUnauthorized, 2006, http.StatusText(http.StatusUnauthorized)), failure(http.StatusForbidden, 2010, "Access Denied")
	if key, found := strings.CutPrefix(shown, "Token token="); found && f.keys[key] {
		return nil
	}
	text, _ := strings.CutPrefix(shown, "Bearer ")
	given, known := f.tokens[text]
	switch {
	case !known || !f.cfg.Now().Before(given.expires):
		return &unauthorised
	case scope != "" && !slices.Contains(given.scopes, scope):
		return &forbidden
	}
	return nil
}
