package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// responseMethod is what answering by a response URL is called in errors.
const responseMethod = "response_url"

// respondBody is what a response URL takes.
type respondBody struct {
	Type    string           `json:"response_type,omitempty"`
	Text    string           `json:"text"`
	Blocks  []slackapi.Block `json:"blocks,omitempty"`
	Replace bool             `json:"replace_original"`
}

// Respond answers by a response URL. Whoever has the URL can write there, so that
// no part of it is shown.
func (c *client) Respond(ctx context.Context, responseURL string, m response) error {
	address, err := url.Parse(responseURL)
	if err != nil || !c.respondTo(address) {
		return access.Permanent(errors.New("slack: response_url: it does not lead to Slack; nothing was sent there"))
	}
	body := respondBody{Text: m.Text, Blocks: m.Blocks, Replace: m.Replace}
	if !m.Replace {
		body.Type = slackapi.ResponseTypeEphemeral
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return access.Permanent(fmt.Errorf("slack: response_url: %w", err))
	}
	redact := c.redact.Clone()
	redact.Hide(address.Path, address.RawQuery)
	answer, err := c.calls.Do(ctx, connectors.Request{Method: http.MethodPost, URL: address, Body: encoded, Redact: redact,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}})
	switch {
	case err != nil:
		return &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: fmt.Errorf("slack: response_url: %w", err)}
	case answer.Status/100 == 2:
		return nil
	case answer.Status == http.StatusTooManyRequests:
		return later(responseMethod, answer)
	}
	err = &refused{method: responseMethod, code: fmt.Sprintf("status %d", answer.Status), more: ": " + redact.Clean(answer.Detail)}
	if answer.Status < http.StatusInternalServerError {
		err = access.Permanent(err) // used five times, or half an hour old
	}
	return &access.DeliveryError{Class: access.ClassRefused, Status: answer.Status, Err: err}
}

// responseHosts says where a response URL may lead: to Slack's host for them, or,
// if the Web API is not Slack's, to where that is.
func responseHosts(base *url.URL) func(*url.URL) bool {
	return func(to *url.URL) bool {
		if to.User != nil || to.Fragment != "" {
			return false
		}
		if host := base.Hostname(); isSlack(host) {
			return to.Scheme == "https" && strings.EqualFold(to.Host, "hooks."+host)
		}
		return to.Scheme == base.Scheme && strings.EqualFold(to.Host, base.Host)
	}
}

// isSlack reports whether a host is Slack's own, or that of its service for
// governments.
func isSlack(host string) bool { return host == "slack.com" || host == "slack-gov.com" }
