package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signature is how a message to the app is signed.
type Signature int

// Signatures: one is good, the others are to be refused.
const (
	Good        Signature = iota
	Unsigned              // there is none
	Forged                // with another secret
	Old                   // ten minutes ago
	Early                 // in ten minutes
	Tampered              // and then the body was changed
	OtherScheme           // "v1="
)

// Sign returns the headers of a message that is signed at a time.
func (f *Fake) Sign(body string, at time.Time) http.Header {
	return sign(f.cfg.SigningSecret, body, at)
}

func sign(key, body string, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	return http.Header{
		"X-Slack-Request-Timestamp": {stamp}, "X-Slack-Signature": {"v0=" + hex.EncodeToString(mac.Sum(nil))},
		"Content-Type": {"application/x-www-form-urlencoded"},
	}
}

// Request makes a message to a hook of the app ("commands", "interactions" or
// "options"), signed as is said.
func (f *Fake) Request(hook, body string, how Signature) *http.Request {
	now, key := f.cfg.Now(), f.cfg.SigningSecret
	switch how {
	case Forged:
		key = "another secret"
	case Old:
		now = now.Add(-10 * time.Minute)
	case Early:
		now = now.Add(10 * time.Minute)
	case Good, Unsigned, Tampered, OtherScheme:
	}
	header := sign(key, body, now)
	switch how {
	case Unsigned:
		header.Del("X-Slack-Signature")
	case Tampered:
		body += "&text=tampered"
	case OtherScheme:
		header.Set("X-Slack-Signature", "v1="+strings.TrimPrefix(header.Get("X-Slack-Signature"), "v0="))
	case Good, Forged, Old, Early:
	}
	f.mu.Lock()
	url := f.appURL + hook
	f.mu.Unlock()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header = header
	r.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	return r
}

// Do sends a request to the app, also one that is not signed well.
func (f *Fake) Do(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	client := f.client
	f.mu.Unlock()
	return client.Do(r)
}
