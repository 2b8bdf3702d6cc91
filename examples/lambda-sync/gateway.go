package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// Report is what a snapshot changed: the gateway's answer, and the function's own.
type Report struct {
	Source      string `json:"source"`
	RunID       string `json:"run_id"`
	Received    int    `json:"received"`
	Created     int    `json:"created"`
	Updated     int    `json:"updated"`
	Unchanged   int    `json:"unchanged"`
	Archived    int    `json:"archived"`
	GrantsEnded int    `json:"grants_ended"`
	Skipped     int    `json:"skipped_customers"` // listed by the directory, and not active
}

// RefusedError is a snapshot that the gateway does not take. Nothing has changed then.
type RefusedError struct {
	Status      int    `json:"-"`
	Code        string `json:"code"`
	Detail      string `json:"detail"`
	FaultsCount int    `json:"error_count"`
	Faults      []struct {
		Index    int                        `json:"index"`
		Resource *struct{ Type, ID string } `json:"resource"` // if it could be read
		Pointer  string                     `json:"pointer"`
		Code     string                     `json:"code"`
		Detail   string                     `json:"detail"`
	} `json:"errors"`
}

// Error says why, and the first fault of many.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the gateway refuses the snapshot: %d %s: %s", e.Status, e.Code, e.Detail)
	if len(e.Faults) > 0 {
		f := e.Faults[0]
		what := fmt.Sprintf("item %d", f.Index)
		if f.Resource != nil {
			what = f.Resource.Type + "/" + f.Resource.ID
		}
		text += fmt.Sprintf("; of %d faults the first: %s %s: %s (%s)", max(e.FaultsCount, len(e.Faults)), what, f.Pointer, f.Detail, f.Code)
	}
	return text
}

const maxAnswer = 1 << 20

// put makes the source's catalogue what the snapshot says. Sent twice, it changes
// nothing the second time.
func put(ctx context.Context, client *http.Client, gateway *url.URL, source, token string, s snapshot) (r Report, err error) {
	address := gateway.JoinPath("v1", "sources", url.PathEscape(source), "resources")
	// The body is whole, so its length is said: one that is cut off is not taken
	// for a shorter catalogue.
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address.String(), bytes.NewReader(s.body))
	if err != nil {
		return r, errors.New("the gateway can not be called")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Content-Encoding", "gzip")
	res, err := client.Do(req)
	if err != nil {
		return r, fmt.Errorf("the gateway does not answer; whether the snapshot is in force is not known: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return r, fmt.Errorf("the gateway's answer ends early: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return r, refusal(res, raw)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, errors.New("the gateway's answer is no report")
	}
	if r.Received != s.active {
		return r, fmt.Errorf("the gateway took %d customers of %d", r.Received, s.active)
	}
	r.Skipped = s.skipped
	return r, nil
}

// refusal reads a problem document. What is none did not come from a gateway, and
// is not repeated.
func refusal(res *http.Response, raw []byte) error {
	e := &RefusedError{}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(raw, e) != nil {
		e = &RefusedError{Code: "no_problem_document", Detail: "the answer is not from Curfew: check the address"}
	}
	e.Status = res.StatusCode
	return e
}
