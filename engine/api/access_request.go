package api

import (
	"context"
	_ "embed"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
)

// pollAfter is when a caller should ask again how its task is, in seconds.
const pollAfter = 5

// profileProblems are the problems that AuthZEN's access request profile names.
var profileProblems = map[string]bool{
	"not_requestable": true, "expired_denial": true, "invalid_denial_binding": true, "duplicate_request": true,
	"unknown_task": true, "task_expired": true, "invalid_task_state": true,
}

// problemType is the type of the problem with a code.
func problemType(code string) string {
	if profileProblems[code] {
		return "urn:openid:authzen:access-request:error:" + code
	}
	return "urn:curfew:problem:" + code
}

// taskAnswer is a task as the profile answers it.
type taskAnswer struct {
	engine.TaskView
	submitted bool
}

// status is 202 for what was submitted and waits.
func (t taskAnswer) status(usual int) int {
	if t.submitted && t.Task.Status == engine.TaskPending {
		return http.StatusAccepted
	}
	return usual
}

func (t taskAnswer) render(w http.ResponseWriter, status int) error {
	raw, err := encode(t.TaskView)
	if err != nil {
		return err
	}
	if t.submitted {
		w.Header().Set("Location", t.Task.StatusEndpoint)
	}
	if t.Task.Status == engine.TaskPending {
		w.Header().Set("Retry-After", strconv.Itoa(pollAfter))
	}
	write(w, status, "application/json", raw)
	return nil
}

// submitted fits the submission of a request to its answer.
func submitted(do useCase[engine.Submission, engine.TaskView]) useCase[engine.Submission, taskAnswer] {
	return func(ctx context.Context, call engine.Call, s engine.Submission) (taskAnswer, error) {
		v, err := do(ctx, call, s)
		return taskAnswer{v, true}, err
	}
}

// tasks fits the reading of a task to its answer.
func tasks(do useCase[string, engine.TaskView]) useCase[string, taskAnswer] {
	return func(ctx context.Context, call engine.Call, id string) (taskAnswer, error) {
		v, err := do(ctx, call, id)
		return taskAnswer{v, false}, err
	}
}

// cancelled fits the cancellation of a task to its answer.
func cancelled(do func(context.Context, engine.Call, string, string) (engine.TaskView, error)) useCase[cancellation, taskAnswer] {
	return func(ctx context.Context, call engine.Call, c cancellation) (taskAnswer, error) {
		v, err := do(ctx, call, c.id, c.comment)
		return taskAnswer{v, false}, err
	}
}

// keySet publishes what binding tokens are verified by. No token is needed: the
// keys are public.
func (s *server) keySet(c *gin.Context) {
	set, err := s.engine.KeySet(c.Request.Context())
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=300")
	write(c.Writer, http.StatusOK, "application/jwk-set+json", set)
}

// requestSchemaDocument says what a submission holds, as a JSON Schema.
//
//go:embed access_request_schema.json
var requestSchemaDocument []byte

func (s *server) requestSchema(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=3600")
	write(c.Writer, http.StatusOK, "application/schema+json", requestSchemaDocument)
}
