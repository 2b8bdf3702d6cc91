package pagerduty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/curfew-access/curfew/connectors"
)

// credential is how the client shows who it is. It is used by one request at a
// time.
type credential interface {
	// header returns the value of Authorization.
	header(ctx context.Context) (string, error)
	// forget drops what PagerDuty refused, and reports whether asking for another
	// can help.
	forget() bool
	redactor() *connectors.Redactor
	hint(o operation, status int) string
}

// apiKey is a key of the account or of a user.
type apiKey struct {
	key    string
	redact *connectors.Redactor
}

func newAPIKey(key string) *apiKey {
	k := &apiKey{key: key, redact: &connectors.Redactor{}}
	k.redact.Hide(key)
	return k
}

func (k *apiKey) header(context.Context) (string, error) { return "Token token=" + k.key, nil }
func (k *apiKey) forget() bool                           { return false }
func (k *apiKey) redactor() *connectors.Redactor         { return k.redact }

func (k *apiKey) hint(_ operation, status int) string {
	if status == http.StatusUnauthorized {
		return "; the API key is wrong or was deleted"
	}
	return "; the API key may not read this: make a read-only key for the whole account"
}

// app is an OAuth app with the token that it has at the moment.
type app struct {
	conf   clientcredentials.Config
	http   *http.Client
	token  *oauth2.Token
	secret *connectors.Redactor // knows the app's secret
	redact *connectors.Redactor // knows the token too
}

func newApp(o OAuth, client *connectors.Client) *app {
	scopes := o.Scopes
	if len(scopes) == 0 {
		scopes = DefaultScopes
	}
	a := &app{secret: &connectors.Redactor{}, conf: clientcredentials.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, TokenURL: o.TokenURL, AuthStyle: oauth2.AuthStyleInParams,
		Scopes: append([]string{"as_account-" + o.Region + "." + o.Subdomain}, scopes...),
	}}
	if a.conf.TokenURL == "" {
		a.conf.TokenURL = DefaultTokenURL
	}
	a.secret.Hide(o.ClientSecret)
	a.redact = a.secret
	a.http = &http.Client{Transport: bridge{client, a.secret}, CheckRedirect: connectors.NoRedirects}
	return a
}

// header asks for a token when there is none that is good for a while.
func (a *app) header(ctx context.Context) (string, error) {
	if !a.token.Valid() {
		token, err := a.conf.Token(context.WithValue(ctx, oauth2.HTTPClient, a.http))
		if err != nil {
			return "", a.fault(ctx, err)
		}
		a.token, a.redact = token, a.secret.Clone()
		a.redact.Hide(token.AccessToken)
	}
	return "Bearer " + a.token.AccessToken, nil
}

// fault says why there is no token. The library's error quotes the whole answer.
func (a *app) fault(ctx context.Context, err error) error {
	const name = "asking for an OAuth token"
	var refused *oauth2.RetrieveError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: %w", name, ErrUnreachable, context.Cause(ctx))
	case errors.As(err, &refused) && refused.Response.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w", name, ErrRateLimited)
	case errors.As(err, &refused) && refused.Response.StatusCode/100 == 4:
		return fmt.Errorf("%s: %w (status %d%s); check the app's client id, secret, region, subdomain and scopes",
			name, ErrUnauthorised, refused.Response.StatusCode, strings.TrimRight(", "+a.secret.Clean(refused.ErrorCode), ", "))
	case errors.As(err, &refused) && refused.Response.StatusCode/100 == 2:
		return fmt.Errorf("%s: %w", name, ErrMalformed)
	case errors.As(err, &refused):
		return fmt.Errorf("%s: %w (status %d)", name, ErrUnreachable, refused.Response.StatusCode)
	}
	kind := ErrMalformed // the library's word for what it can not make a token of
	if inner := new(url.Error); errors.As(err, &inner) {
		kind, err = ErrUnreachable, inner.Err
	}
	return fmt.Errorf("%s: %w: %s", name, kind, a.secret.Clean(err.Error()))
}

func (a *app) forget() bool {
	a.token = nil
	return true
}

func (a *app) redactor() *connectors.Redactor { return a.redact }

func (a *app) hint(o operation, status int) string {
	if status == http.StatusUnauthorized {
		return "; the OAuth app's token is not taken"
	}
	return "; the OAuth app lacks the scope " + o.scope
}

// bridge lets the OAuth library call through ours, with its retries and bounds.
type bridge struct {
	client *connectors.Client
	redact *connectors.Redactor
}

// RoundTrip makes the call.
func (b bridge) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("the request's own body: %w", err)
		}
	}
	answer, err := b.client.Do(r.Context(), connectors.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, Redact: b.redact})
	if err != nil {
		return nil, err //nolint:wrapcheck // it is cleaned, and is wrapped by who reads it
	}
	return response(answer, r), nil
}

// response is an answer in the form of net/http.
func response(answer connectors.Answer, r *http.Request) *http.Response {
	header := answer.Header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: answer.Status, Status: http.StatusText(answer.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Request: r,
	}
}
