package client

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
)

// AnswerError is an error that the gateway answered (RFC 9457).
type AnswerError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Pointer is the member of the body that is at fault.
	Pointer string `json:"pointer"`
	// RequestID finds the call in the gateway's log.
	RequestID string `json:"request_id"`
	// Errors are the first faults of what was uploaded, ErrorCount how many there are.
	Errors     []ItemError `json:"errors"`
	ErrorCount int         `json:"error_count"`
}

// ItemError is a fault of one item of what was uploaded.
type ItemError struct {
	Line     int                        `json:"line"`  // of the body, where the item begins; the first is 1
	Index    int                        `json:"index"` // of the item; the first is 0
	Resource *struct{ Type, ID string } `json:"resource"`
	Pointer  string                     `json:"pointer"`
	Code     string                     `json:"code"`
	Detail   string                     `json:"detail"`
}

// Error renders the code and the detail.
func (p *AnswerError) Error() string {
	detail := p.Detail
	if detail == "" {
		detail = p.Title
	}
	switch {
	case p.Code == "":
		return detail
	case p.Status >= http.StatusInternalServerError:
		return fmt.Sprintf("%s (%s, request %s)", detail, p.Code, p.RequestID)
	case p.Pointer != "":
		return fmt.Sprintf("%s: %s (%s)", p.Pointer, detail, p.Code)
	}
	return fmt.Sprintf("%s (%s)", detail, p.Code)
}

// problemOf reads an answer that is not 2xx. What is no problem document did not
// come from Curfew.
func problemOf(res *http.Response, raw []byte) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	p := &AnswerError{}
	if kind == "application/problem+json" && json.Unmarshal(raw, p) == nil {
		p.Status = res.StatusCode
		return p
	}
	p = &AnswerError{Status: res.StatusCode, Detail: fmt.Sprintf(
		"the answer was %d %s, and not from Curfew: check the address", res.StatusCode, http.StatusText(res.StatusCode))}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		p.Detail = fmt.Sprintf("the address redirects (%d), which would take the token elsewhere: give the address that it leads to", res.StatusCode)
	}
	return p
}
