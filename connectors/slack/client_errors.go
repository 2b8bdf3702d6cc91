package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// refused is an answer of Slack's that is no.
type refused struct {
	method string
	code   string // Slack's own: "channel_not_found"
	more   string // what it said besides, and what would help
}

// Error names the method, Slack's word for it and the fix.
func (r *refused) Error() string { return fmt.Sprintf("slack: %s: %s%s", r.method, r.code, r.more) }

// refusedAs reports whether Slack refused with the code.
func refusedAs(err error, code string) bool {
	var r *refused
	return errors.As(err, &r) && r.code == code
}

// Codes by which Slack says that the same call may well succeed in a moment. All
// others stay until somebody changes something.
var passing = map[string]bool{
	"ratelimited": true, "rate_limited": true, "message_limit_exceeded": true,
	"internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true,
	"team_added_to_org": true, "accesslimited": true,
}

// fixes is what an operator does about a code.
var fixes = map[string]string{
	"channel_not_found": "there is no such channel, or it is private and the bot is not in it: check its name, or invite the bot (/invite) to it",
	"not_in_channel":    "the bot is not in the channel: invite it there (/invite)",
	"is_archived":       "the channel is archived: name another one",
	"user_not_found":    "there is no such account",
	"users_not_found":   "nobody has that address at Slack",
	"invalid_auth":      "the token is not taken: check that it is the one of the installed app",
	"not_authed":        "there was no token",
	"token_revoked":     "the token was revoked: install the app again and configure the new token",
	"token_expired":     "the token has expired: switch token rotation off for the app, and configure its new token",
	"account_inactive":  "the app was removed from the workspace, or whoever installed it left: install it again",
	"no_permission":     "the app may not do this in the workspace: an administrator of Slack can allow it",
	"ekm_access_denied": "an administrator has suspended that the app may post",
	"restricted_action": "a setting of the workspace forbids it: an administrator of Slack can allow it",

	"not_allowed_token_type":  "the token is of the wrong kind: bot_token begins with xoxb-, app_token with xapp-",
	"cannot_dm_bot":           "the account is a bot's",
	"messages_tab_disabled":   "the app can not be written with: switch its Messages tab on (App Home)",
	"invalid_blocks":          "Slack does not take the form of the message, which is a fault of the gateway",
	"msg_too_long":            "the message is too long, which is a fault of the gateway",
	"message_not_found":       "the message was deleted",
	"cant_update_message":     "the message is another app's, or of the app before it was installed anew",
	"edit_window_closed":      "the workspace does not let messages be changed after so long",
	"expired_trigger_id":      "it came more than three seconds after the click",
	"exchanged_trigger_id":    "a form was opened by the click already",
	"hash_conflict":           "the form has changed meanwhile",
	"method_not_supported":    "the URL of the Web API is not Slack's",
	"org_login_required":      "the workspace is moving into an organisation: install the app there",
	"team_access_not_granted": "the app is not installed in that workspace",
}

// said is what all answers of the Web API have in common.
type said struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"`
	Provided string `json:"provided"`
	Metadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

// refusal is the error of an answer that is not well; what it quotes is cleaned.
func refusal(method string, answer connectors.Answer, redact *connectors.Redactor) error {
	if answer.Status == http.StatusTooManyRequests {
		return later(method, answer)
	}
	if answer.Status != http.StatusOK {
		err := error(&refused{method: method, code: fmt.Sprintf("status %d", answer.Status)})
		if answer.Status < http.StatusInternalServerError && answer.Status != http.StatusRequestTimeout {
			err = access.Permanent(err)
		}
		return &access.DeliveryError{Class: access.ClassRefused, Status: answer.Status, Open: answer.Open, RetryAfter: answer.RetryAfter, Err: err}
	}
	var s said
	if err := json.Unmarshal(answer.Body, &s); err != nil {
		return malformed(method, "it is no JSON object of the Web API's")
	}
	switch {
	case s.OK:
		return nil
	case s.Error == "":
		return malformed(method, "it says neither yes nor no")
	case s.Error == "ratelimited" || s.Error == "rate_limited":
		return later(method, answer)
	}
	err := error(&refused{method: method, code: redact.Clean(s.Error), more: s.more(redact)})
	if !passing[s.Error] {
		err = access.Permanent(err)
	}
	return err
}

// later is the error of a call that Slack wants at another time.
func later(method string, answer connectors.Answer) error {
	err := &refused{method: method, code: "ratelimited", more: ": Slack wants it later"}
	return &access.DeliveryError{Class: access.ClassRefused, Status: answer.Status, RetryAfter: answer.RetryAfter, Err: err}
}

// more is what would help, and what Slack says of where the fault is.
func (s said) more(redact *connectors.Redactor) string {
	more := ""
	if fix := fixes[s.Error]; fix != "" {
		more = ": " + fix
	}
	if s.Error == "missing_scope" {
		more = fmt.Sprintf(": the app lacks the scope %s (it has %s): add it and install the app again",
			redact.Clean(s.Needed), redact.Clean(s.Provided))
	}
	if len(s.Metadata.Messages) > 0 {
		more += " (" + redact.Clean(strings.Join(s.Metadata.Messages, "; ")) + ")"
	}
	return more
}

// malformed is the error of an answer that can not be read. Slack may have acted.
func malformed(method, why string) error {
	return &access.DeliveryError{Class: access.ClassRefused, Status: http.StatusOK, Open: true,
		Err: fmt.Errorf("slack: %s: the answer can not be read: %s", method, why)}
}
