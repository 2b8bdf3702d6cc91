package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/chaos"
)

// patience is how long a caller waits for an answer.
const patience = 4 * time.Second

// caller calls the nodes and reads what they answer.
type caller struct {
	nodes   []*node
	secrets map[string]string
	client  *http.Client
}

func newCaller(nodes []*node, secrets map[string]string) *caller {
	return &caller{nodes: nodes, secrets: secrets, client: &http.Client{Timeout: patience}}
}

// answer is what is read of any answer: of a request, a grant, a check or a
// problem.
type answer struct {
	ID          string              `json:"id"`
	State       access.RequestState `json:"state"`
	RequestID   string              `json:"request_id"`
	Grant       *access.Grant       `json:"grant"`
	ExpiresAt   time.Time           `json:"expires_at"`
	Code        string              `json:"code"`
	Propagating bool                `json:"propagating"`
	Decision    json.RawMessage     `json:"decision"`
}

// send makes one call. Status 0 says that there was no answer.
func (c *caller) send(ctx context.Context, n int, who, method, path, key string, body any) (status int, raw []byte) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // of structs and strings: never
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.nodes[n].url+path, reader)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.secrets[who])
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	if raw, err = io.ReadAll(response.Body); err != nil {
		return 0, nil
	}
	return response.StatusCode, raw
}

// say makes one call of a step.
func (c *caller) say(ctx context.Context, n int, who, path string, step *chaos.Step, body map[string]any) (chaos.Call, answer) {
	call := chaos.Call{Node: n, Began: time.Now()}
	status, raw := c.send(ctx, n, who, http.MethodPost, path, step.Key, body)
	call.Ended = time.Now()
	var a answer
	if status == 0 || json.Unmarshal(raw, &a) != nil {
		return call, a
	}
	call.Status, call.Code, call.Propagating = status, a.Code, a.Propagating
	switch {
	case !call.Done():
	case step.Kind == chaos.Revoke:
		call.GrantID, call.RequestID = a.ID, a.RequestID
	default:
		call.RequestID = a.ID
		if a.Grant != nil {
			call.GrantID, call.Live = a.Grant.ID, a.Grant.State == access.GrantActive
		}
	}
	return call, a
}

// check asks whether somebody may do something now.
func (c *caller) check(ctx context.Context, n int, about access.Entitled) chaos.Check {
	check := chaos.Check{Node: n, About: about, Began: time.Now()}
	status, raw := c.send(ctx, n, operator, http.MethodPost, "/access/v1/evaluation", "", map[string]any{
		"subject": about.Subject, "action": about.Action, "resource": about.Resource,
	})
	check.Ended, check.Status = time.Now(), status
	var a struct{ Decision bool }
	if status == http.StatusOK && json.Unmarshal(raw, &a) == nil {
		check.Yes = a.Decision
	}
	return check
}

// events lists every sealed audit event, byte for byte.
func (c *caller) events(ctx context.Context, n int) (all []string, err error) {
	for cursor := ""; ; {
		var page engine.Page[json.RawMessage]
		status, raw := c.send(ctx, n, operator, http.MethodGet, "/v1/audit/events?limit=500"+cursor, "", nil)
		if status != http.StatusOK {
			return nil, fmt.Errorf("events: %d %s", status, raw)
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, err
		}
		if len(page.Items) == 0 {
			return all, nil
		}
		for _, e := range page.Items {
			all = append(all, string(e))
		}
		if page.NextCursor == nil {
			return nil, errors.New("events: no cursor to go on with")
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}
