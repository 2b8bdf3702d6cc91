package api

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// wireSubmission is a submission as AuthZEN's access request profile writes it.
// What it does not name is ignored.
type wireSubmission struct {
	Subject   jsontext.Value `json:"subject"`
	Resource  jsontext.Value `json:"resource"`
	Action    jsontext.Value `json:"action"`
	Context   jsontext.Value `json:"context"`
	Denial    *wireDenial    `json:"denial"`
	Requested wireWish       `json:"requested_access"`
	Client    jsontext.Value `json:"client"`
	Callback  *wireCallback  `json:"callback"`
	Items     jsontext.Value `json:"items"`
}

type wireDenial struct {
	BindingToken string     `json:"binding_token"`
	EvaluationID string     `json:"evaluation_id"`
	ExpiresAt    *time.Time `json:"expires_at"`
}

type wireWish struct {
	Until         *time.Time       `json:"requested_until"`
	Duration      *access.Duration `json:"duration"`
	While         *string          `json:"while"`
	Emergency     bool             `json:"emergency"`
	Justification string           `json:"justification"`
}

type wireCallback struct {
	Endpoint string         `json:"endpoint"`
	State    jsontext.Value `json:"state"`
	Events   []string       `json:"events"`
}

const codeInvalidAccessRequest = "invalid_access_request"

// submission reads a submission. A fault of form is as on every route; one of what
// the profile requires is 400.
func submission(in *incoming) (s engine.Submission, err error) {
	if err := in.read(); err != nil {
		return s, err
	}
	if len(in.raw) == 0 {
		return s, errEmptyBody
	}
	return readSubmission(in.raw)
}

func readSubmission(body []byte) (s engine.Submission, err error) {
	if err := checkForm(body); err != nil {
		return s, err
	}
	var w wireSubmission
	err = jsonv2.Unmarshal(body, &w, jsonv2.WithUnmarshalers(jsonv2.UnmarshalFunc(readTime)))
	if err != nil {
		return s, asInvalidAccessRequest(memberFault[wireSubmission](err))
	}
	if err := w.check(); err != nil {
		return s, err
	}
	s.Sent = engine.Sent{Subject: json.RawMessage(w.Subject), Resource: json.RawMessage(w.Resource), Action: json.RawMessage(w.Action)}
	err = errors.Join(
		nameOf(w.Subject, "/subject", "type", &s.Subject.Type), nameOf(w.Subject, "/subject", "id", &s.Subject.ID),
		nameOf(w.Resource, "/resource", "type", &s.Resource.Type), nameOf(w.Resource, "/resource", "id", &s.Resource.ID),
		nameOf(w.Action, "/action", "name", &s.Action.Name))
	if err != nil {
		return s, err
	}
	s.Denial = engine.SubmittedDenial{BindingToken: w.Denial.BindingToken, EvaluationID: w.Denial.EvaluationID, ExpiresAt: *w.Denial.ExpiresAt}
	s.Wish = engine.Wish{For: w.Requested.Duration, While: w.Requested.While, Until: w.Requested.Until, Emergency: w.Requested.Emergency}
	s.Reason, s.Client = w.reason(), objectOf(w.Client)
	if w.Callback != nil {
		s.Callback = &access.TaskCallback{Endpoint: w.Callback.Endpoint, State: json.RawMessage(w.Callback.State), Events: w.Callback.Events}
	}
	return s, nil
}

// check reports what is missing, or there and not to be.
func (w *wireSubmission) check() error {
	wishes := 0
	for _, there := range [...]bool{w.Requested.Until != nil, w.Requested.Duration != nil, w.Requested.While != nil} {
		if there {
			wishes++
		}
	}
	switch {
	case w.Items != nil && w.Items.Kind() != 'n':
		return access.Invalid("items_not_offered", "/items", "several items in one request are not offered; send a request for each")
	case w.Denial == nil:
		return access.Invalid("invalid_denial_binding", "/denial", "it is missing: nothing binds the request to a denial")
	case w.Denial.BindingToken == "" && w.Denial.EvaluationID == "":
		return access.Invalid("invalid_denial_binding", "/denial/binding_token", "it is missing: nothing binds the request to a denial")
	case w.Denial.ExpiresAt == nil:
		return invalidSubmission("/denial/expires_at", "it is missing, and required")
	case wishes > 1:
		return invalidSubmission("/requested_access", "requested_until, duration and while exclude each other; send one of them")
	case w.Callback != nil && w.Callback.Endpoint == "":
		return invalidSubmission("/callback/endpoint", "it is missing, and required")
	case len(w.Client) > 0 && w.Client.Kind() != '{' && w.Client.Kind() != 'n':
		return invalidSubmission("/client", "it is no object")
	case !auditable(w.Client):
		return invalidSubmission("/client", "it holds a number beyond all doubles")
	}
	return nil
}

// auditable reports whether the value can go into the audit log, which has no form
// for a number beyond a double.
func auditable(v jsontext.Value) bool {
	var read any
	return len(v) == 0 || jsonv2.Unmarshal(v, &read) == nil
}

func invalidSubmission(pointer, why string) error {
	return access.Invalid(codeInvalidAccessRequest, pointer, "%s", why)
}

// asInvalidAccessRequest is a fault of a member under the one code of the route.
func asInvalidAccessRequest(err error) error {
	var fault *access.Error
	if errors.As(err, &fault) {
		return invalidSubmission(fault.Field, fault.Detail)
	}
	return err
}

// nameOf reads a text that an object must have.
func nameOf(object jsontext.Value, at, member string, into *string) error {
	said, found := textOf(object, member)
	if !found || said == "" {
		return invalidSubmission(at+"/"+member, "it is missing, empty or no string, and required")
	}
	*into = said
	return nil
}

// textOf is a member of an object that may be anything, if it is a text.
func textOf(object jsontext.Value, member string) (string, bool) {
	var members map[string]jsontext.Value
	if len(object) == 0 || object.Kind() != '{' || jsonv2.Unmarshal(object, &members) != nil {
		return "", false
	}
	var text string
	if v := members[member]; len(v) == 0 || v.Kind() != '"' || jsonv2.Unmarshal(v, &text) != nil {
		return "", false
	}
	return text, true
}

// reason is why the access is wanted, wherever the caller says so. The context is
// the evaluation's, with what was added for the request: it may hold anything.
func (w *wireSubmission) reason() string {
	said := []string{w.Requested.Justification}
	for _, member := range [...]string{"business_justification", "justification", "reason"} {
		t, _ := textOf(w.Context, member)
		said = append(said, t)
	}
	if i := slices.IndexFunc(said, func(s string) bool { return strings.TrimSpace(s) != "" }); i >= 0 {
		return said[i]
	}
	return ""
}

// objectOf is an object that was sent, or nil.
func objectOf(v jsontext.Value) json.RawMessage {
	if len(v) == 0 || v.Kind() != '{' {
		return nil
	}
	return json.RawMessage(v)
}

// cancellation is the body that a cancellation may carry.
type cancellation struct {
	id      string
	comment string
}

func cancelling(in *incoming) (c cancellation, err error) {
	c.id = in.param("task")
	if err := in.read(); err != nil || len(in.raw) == 0 {
		return c, err
	}
	if err := checkForm(in.raw); err != nil {
		return c, err
	}
	var said struct {
		Reason  string `json:"reason"`
		Comment string `json:"comment"`
	}
	if err := jsonv2.Unmarshal(in.raw, &said); err != nil {
		return c, asInvalidAccessRequest(memberFault[cancellation](err))
	}
	if c.comment = said.Comment; c.comment == "" {
		c.comment = said.Reason
	}
	return c, nil
}

func taskID(in *incoming) (string, error) {
	_, err := in.query()
	return in.param("task"), err
}
