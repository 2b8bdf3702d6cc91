package pagerduty

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/curfew-access/curfew/connectors"
)

// What can be wrong with PagerDuty, or with how it is asked. Test with errors.Is.
var (
	ErrUnauthorised = errors.New("PagerDuty does not take the credentials")
	ErrForbidden    = errors.New("PagerDuty does not allow it")
	ErrPlan         = errors.New("the PagerDuty plan does not have it")
	ErrRateLimited  = errors.New("PagerDuty's rate limit is reached")
	ErrUnreachable  = errors.New("PagerDuty does not answer")
	ErrMalformed    = errors.New("PagerDuty's answer can not be read")
	ErrNotFound     = errors.New("PagerDuty does not have it")
	ErrRefused      = errors.New("PagerDuty refuses the request")
)

// operation is one kind of request: how it is named in an error, what an OAuth app
// must be allowed for it, and which member an answer can not be without.
type operation struct {
	name, scope, member string
	list                bool
}

var (
	listOnCalls   = operation{"GET /oncalls", "oncalls.read", "oncalls", true}
	listUsers     = operation{"GET /users", "users.read", "users", true}
	getUser       = operation{"GET /users/{id}", "users.read", "user", false}
	listIncidents = operation{"GET /incidents", "incidents.read", "incidents", true}
	getIncident   = operation{"GET /incidents/{id}", "incidents.read", "incident", false}
)

// refusal is the error of an answer that is not 2xx; what it quotes is cleaned.
func (o operation) refusal(answer connectors.Answer, cred credential) error {
	kind, hint := ErrRefused, ""
	switch status := answer.Status; {
	case status == http.StatusUnauthorized:
		kind, hint = ErrUnauthorised, cred.hint(o, status)
	case status == http.StatusPaymentRequired:
		kind = ErrPlan
	case status == http.StatusForbidden:
		kind, hint = ErrForbidden, cred.hint(o, status)
	case status == http.StatusNotFound:
		kind = ErrNotFound
	case status == http.StatusTooManyRequests:
		kind = ErrRateLimited
		if answer.RetryAfter > 0 {
			hint = fmt.Sprintf("; it asks to wait %s", answer.RetryAfter)
		}
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		kind = ErrUnreachable
	}
	return fmt.Errorf("%s: %w (status %d%s)%s", o.name, kind, answer.Status, said(answer.Body, cred.redactor()), hint)
}

// said is the message of an error's body, if it has PagerDuty's form.
func said(body []byte, redact *connectors.Redactor) string {
	var form struct {
		Error struct {
			Message string `json:"message"`
			Code    int    `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &form) != nil || form.Error.Message == "" {
		return ""
	}
	return fmt.Sprintf(", code %d: %s", form.Error.Code, redact.Clean(form.Error.Message))
}

// malformed is the error of an answer that is 2xx and not what was asked for.
func (o operation) malformed(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", o.name, ErrMalformed, fmt.Sprintf(format, args...))
}

// check reports whether a 2xx answer has the form of the operation's. go-pagerduty
// takes {} for an empty list, which would mean that nobody is on call.
func (o operation) check(body []byte) error {
	if len(body) > maxBody {
		return o.malformed("it is longer than %d MiB", maxBody>>20)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return o.malformed("it is no JSON object")
	}
	first, kind := byte('{'), "object"
	if o.list {
		first, kind = '[', "list"
	}
	if value := members[o.member]; len(value) == 0 || value[0] != first {
		return o.malformed("it holds no %s %q", kind, o.member)
	}
	if more := string(members["more"]); o.list && more != "true" && more != "false" {
		return o.malformed("it does not say whether there is more")
	}
	return nil
}
