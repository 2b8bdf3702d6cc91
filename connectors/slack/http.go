package slack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/connectors"
)

// What one message may take of the gateway. What Slack sends is well below: a view
// has 250 KB at most when it is opened, and comes back once.
const (
	maxBody     = 256 << 10
	readingIn   = time.Second
	maxReading  = 64
	maxRefusing = 4 // refusals that are written down at once
)

// Handler answers what Slack sends over HTTP. It is for paths that end in
// /commands, /interactions and /options.
func (a *App) Handler() http.Handler { return http.HandlerFunc(a.serve) }

func (a *App) serve(w http.ResponseWriter, r *http.Request) {
	ctx := arriving(r.Context(), arrival{at: time.Now(), source: connectors.SourceOf(r), hookID: newHookID()})
	answer, became := a.receive(ctx, w, r)
	body, err := encode(answer)
	if err != nil {
		a.lines.other.Failed(a.cfg.Log, "the answer to a message of Slack's can not be written", err)
		body, became = nil, outcomeFailed
	}
	a.tally.add(became)
	switch status := outcomeStatus[became]; status {
	case http.StatusOK:
		if len(body) > 0 {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		_, _ = w.Write(body)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(status)
	default:
		w.WriteHeader(status)
	}
}

// encode is a reply's body; nothing for an empty one.
func encode(r reply) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return json.Marshal(r.Body) //nolint:wrapcheck // the callers say of what
}

// receive reads a message and checks whose it is before anything else is asked.
func (a *App) receive(ctx context.Context, w http.ResponseWriter, r *http.Request) (reply, outcome) {
	if r.Method != http.MethodPost {
		return reply{}, outcomeNotPost
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return reply{}, outcomeNotForm
	}
	body, failed := a.read(w, r)
	if failed != "" {
		return reply{}, failed
	}
	if isCertificateCheck(body) {
		return reply{}, outcomeChecked
	}
	if failed := a.verify(ctx, r.Header, body); failed != "" {
		return reply{}, failed
	}
	switch path.Base(r.URL.Path) {
	case "commands":
		return a.receiveCommand(ctx, body)
	case "interactions", "options":
		return a.receiveInteraction(ctx, body)
	}
	return reply{}, outcomeNotFound
}

// read reads the body as it was sent; an outcome says why it could not.
func (a *App) read(w http.ResponseWriter, r *http.Request) ([]byte, outcome) {
	select {
	case a.reading <- struct{}{}:
		defer func() { <-a.reading }()
	default:
		return nil, outcomeBusy
	}
	body, err := connectors.ReadBody(w, r, maxBody, readingIn)
	switch {
	case errors.Is(err, connectors.ErrBodyTooLarge):
		return nil, outcomeTooLarge
	case err != nil:
		return nil, outcomeUnread
	}
	return body, ""
}

// isCertificateCheck reports whether Slack only looks at the certificate of a
// command's address. It does not sign that; and nothing comes of it.
func isCertificateCheck(body []byte) bool {
	form, err := url.ParseQuery(string(body))
	return err == nil && form.Get("ssl_check") == "1"
}

// receiveCommand reads a command out of the body, and nothing out of the address,
// which is not signed.
func (a *App) receiveCommand(ctx context.Context, body []byte) (reply, outcome) {
	c, err := slackapi.SlashCommandParse(posted(ctx, body))
	if err != nil || !wholeCommand(c) {
		return a.unreadable(err)
	}
	return a.attend(ctx, a.ofCommand(c))
}

// wholeCommand reports whether a command says who gave it, and which one it is: by
// that it is done once, and another is not taken for it.
func wholeCommand(c slackapi.SlashCommand) bool {
	return c.Command != "" && c.UserID != "" && c.TriggerID != ""
}

// wholeInteraction reports the same of what somebody did. A form is known by its id.
func wholeInteraction(cb *slackapi.InteractionCallback) bool {
	return cb.Type != "" && cb.User.ID != "" && (cb.Type != slackapi.InteractionTypeViewSubmission || cb.View.ID != "")
}

// receiveInteraction reads what somebody did out of the body.
func (a *App) receiveInteraction(ctx context.Context, body []byte) (reply, outcome) {
	cb, err := slackapi.InteractionCallbackParse(posted(ctx, body))
	if err != nil || !wholeInteraction(&cb) {
		return a.unreadable(err)
	}
	return a.interact(ctx, &cb)
}

// interact does what somebody did, if there is use for it.
func (a *App) interact(ctx context.Context, cb *slackapi.InteractionCallback) (reply, outcome) {
	j, known := a.ofInteraction(cb)
	if !known {
		return reply{}, outcomeIgnored
	}
	return a.attend(ctx, j)
}

// unreadable tells of a message that is Slack's and can not be read. What is in it
// is not told: it has URLs and triggers that whoever reads the log could use.
func (a *App) unreadable(err error) (reply, outcome) {
	why := errIncomplete
	if err != nil {
		why = errNotSlacks
	}
	a.lines.other.Failed(a.cfg.Log, "Slack sent a message that can not be read; it has no effect", why)
	return reply{}, outcomeMalformed
}

var (
	errNotSlacks  = errors.New("it is not of the form that Slack gives messages")
	errIncomplete = errors.New("it does not say what was done, or by whom")
)

// posted is a request that has the body and nothing else, for the SDK to read.
func posted(ctx context.Context, body []byte) *http.Request {
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{}, Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	return r.WithContext(ctx)
}

// newHookID names a message, for traces.
func newHookID() string { return "slack-" + rand.Text() }
