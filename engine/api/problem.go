package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// Problem is what every error is answered with (RFC 9457).
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      string `json:"code"`              // stable, for programs
	Pointer   string `json:"pointer,omitempty"` // of the body's member at fault
	RequestID string `json:"request_id"`
	// Of a snapshot whose items have faults: the first of them, and how many there are.
	Errors     []engine.SyncError `json:"errors,omitempty"`
	ErrorCount int                `json:"error_count,omitzero"`
}

// codeStatus is the status of the codes whose status is not their kind's.
var codeStatus = map[string]int{
	// The body is not I-JSON, or the query is not one.
	"malformed_json":   http.StatusBadRequest,
	"invalid_utf8":     http.StatusBadRequest,
	"duplicate_field":  http.StatusBadRequest,
	"trailing_data":    http.StatusBadRequest,
	"nesting_too_deep": http.StatusBadRequest,
	"empty_body":       http.StatusBadRequest,
	"unreadable_body":  http.StatusBadRequest,
	"body_broke_off":   http.StatusBadRequest,
	"malformed_query":  http.StatusBadRequest,
	// The body is not what AuthZEN describes, whose word for that is 400.
	codeInvalidEvaluation:  http.StatusBadRequest,
	"too_many_evaluations": http.StatusBadRequest,
	"invalid_page_token":   http.StatusBadRequest,
	// The statuses that AuthZEN's access request profile gives, and what it leaves open.
	"not_requestable":        http.StatusBadRequest,
	"invalid_denial_binding": http.StatusBadRequest,
	"expired_denial":         http.StatusGone,
	"task_expired":           http.StatusGone,
	codeInvalidAccessRequest: http.StatusBadRequest,
	"items_not_offered":      http.StatusBadRequest,
	"callback_not_offered":   http.StatusBadRequest,
	"invalid_callback":       http.StatusBadRequest,
	// Retention took them; they do not come back.
	"events_removed": http.StatusGone,
	// Who are you?
	"token_missing":   http.StatusUnauthorized,
	"token_malformed": http.StatusUnauthorized,
	"token_invalid":   http.StatusUnauthorized,
	// HTTP.
	"method_not_allowed":     http.StatusMethodNotAllowed,
	"body_too_large":         http.StatusRequestEntityTooLarge,
	"too_many_resources":     http.StatusRequestEntityTooLarge,
	"unsupported_media_type": http.StatusUnsupportedMediaType,
}

// kinds is the status of every other error that wraps one of access's kinds, and
// the code of one that has none.
var kinds = []struct {
	kind   error
	status int
	code   string
}{
	{access.ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
	{access.ErrDenied, http.StatusForbidden, "denied"},
	{access.ErrNotFound, http.StatusNotFound, "not_found"},
	{access.ErrConflict, http.StatusConflict, "conflict"},
	{access.ErrBusy, http.StatusServiceUnavailable, codeTooBusy},
}

// codeTooBusy is the code of a refusal that Retry-After goes with.
const codeTooBusy = "too_busy"

// problemOf turns an error into its problem, of several the first. ok is false
// for one that is not in the tables: nothing of it is shown.
func problemOf(err error) (p Problem, ok bool) {
	internal := problem(http.StatusInternalServerError, "internal", "something failed inside; the operator's log has it under the request id")
	if unexpected(err) {
		return internal, false
	}
	kind := err
	var fault *access.Error
	if errors.As(err, &fault) {
		kind = fault.Kind
	}
	for _, k := range kinds {
		switch {
		case !errors.Is(kind, k.kind):
			continue
		case fault == nil:
			return problem(k.status, k.code, ""), true
		}
		status := k.status
		if s, listed := codeStatus[fault.Code]; listed {
			status = s
		}
		p := problem(status, fault.Code, fault.Detail)
		p.Pointer = fault.Field
		var faults *engine.SyncFaultsError
		if errors.As(err, &faults) {
			p.Errors, p.ErrorCount = faults.Errors, faults.Count
		}
		return p, true
	}
	return internal, false
}

// unexpected reports whether any leaf of the error's tree is none of access's.
// A refusal that could not be written down is such an error too.
func unexpected(err error) bool {
	switch err := err.(type) { //nolint:errorlint // this walks the tree itself
	case *access.Error:
		return false
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			if unexpected(e) {
				return true
			}
		}
		return false
	case interface{ Unwrap() error }:
		return err.Unwrap() == nil || unexpected(err.Unwrap())
	}
	for _, k := range kinds {
		if err == k.kind { //nolint:errorlint // err is a leaf
			return false
		}
	}
	return true
}

func problem(status int, code, detail string) Problem {
	title := strings.ReplaceAll(code, "_", " ")
	return Problem{
		Type: problemType(code), Title: strings.ToUpper(title[:1]) + title[1:],
		Status: status, Code: code, Detail: detail,
	}
}

// refuse answers an error. One that is not in the tables is logged.
func (s *server) refuse(c *gin.Context, err error) {
	p, known := problemOf(err)
	switch {
	case known:
	case c.Request.Context().Err() != nil && errors.Is(err, context.Cause(c.Request.Context())):
		p = problem(http.StatusServiceUnavailable, "interrupted", "the request ended before its answer; ask again")
	default:
		s.log.Error("internal error", "request_id", trip(c).id, "route", c.FullPath(), "error", err)
	}
	s.writeProblem(c, p)
}

func (s *server) writeProblem(c *gin.Context, p Problem) {
	p.RequestID = trip(c).id
	if p.Code == codeTooBusy {
		c.Header("Retry-After", "1")
	}
	if trip(c).opa {
		status, said := opaOf(p)
		_ = writeOPA(c.Writer, status, said) // texts alone: always JSON
		return
	}
	if trip(c).authZEN && plainIn(p.Status) {
		write(c.Writer, p.Status, "text/plain; charset=utf-8", []byte(p.plain()))
		return
	}
	raw, err := encode(p)
	if err != nil { // a struct of strings: never
		s.log.Error("internal error", "request_id", p.RequestID, "error", err)
	}
	write(c.Writer, p.Status, "application/problem+json", raw)
}

// plainIn reports whether AuthZEN says what the body of an error with the status
// is: a text. It leaves every other status open.
func plainIn(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError:
		return true
	}
	return false
}

// plain is the problem as one line: its code, the member at fault, the detail.
func (p Problem) plain() string {
	parts := []string{p.Code}
	for _, more := range []string{p.Pointer, p.Detail} {
		if more != "" {
			parts = append(parts, more)
		}
	}
	return strings.Join(parts, ": ") + "\n"
}
