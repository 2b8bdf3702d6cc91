package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// incoming is a request as a reader sees it.
type incoming struct {
	*http.Request
	params gin.Params
	writer http.ResponseWriter // the server's own, for http.MaxBytesReader alone
	raw    []byte              // the body, once it was read
}

// reader takes out of a request what a use case wants. What is wrong with it is
// an access.Error.
type reader[In any] func(*incoming) (In, error)

// useCase is what a route calls.
type useCase[In, Out any] func(context.Context, engine.Call, In) (Out, error)

// handle is the one adapter between HTTP and the engine: who calls, what they
// send, the use case, its answer with the status.
func handle[In, Out any](s *server, status int, read reader[In], do useCase[In, Out]) gin.HandlerFunc {
	return func(c *gin.Context) {
		out, err := perform(s, c, read, do)
		if err != nil {
			s.refuse(c, err)
			return
		}
		s.answer(c, status, out)
	}
}

func perform[In, Out any](s *server, c *gin.Context, read reader[In], do useCase[In, Out]) (out Out, err error) {
	call, err := s.authenticate(c)
	if err != nil {
		return out, err
	}
	in := &incoming{Request: c.Request, params: c.Params, writer: unwrap(c.Writer)}
	input, err := read(in)
	if err != nil {
		return out, err
	}
	if call.Once, err = in.once(); err != nil {
		return out, err
	}
	return do(c.Request.Context(), call, input)
}

// unwrap returns the server's own writer: only that one can be told by
// http.MaxBytesReader to close the connection after the answer.
func unwrap(w http.ResponseWriter) http.ResponseWriter {
	for {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = u.Unwrap()
	}
}

// renderer is an answer that is not one JSON document.
type renderer interface {
	render(http.ResponseWriter, int) error
}

// outcome is an answer that has more than one status.
type outcome interface{ status(usual int) int }

// ruled is an answer that policy decided. Its revision may be "": it was not asked.
type ruled interface{ PolicyRevision() string }

// answer writes what a use case returned.
func (s *server) answer(c *gin.Context, status int, out any) {
	if r, ok := out.(ruled); ok && r.PolicyRevision() != "" {
		c.Writer.Header()[revisionHeader] = []string{r.PolicyRevision()}
	}
	if o, ok := out.(outcome); ok {
		status = o.status(status)
	}
	if r, ok := out.(renderer); ok {
		if err := r.render(c.Writer, status); err != nil {
			s.unfinished(c, err)
		}
		return
	}
	raw, err := encode(out)
	if err != nil {
		s.refuse(c, err)
		return
	}
	write(c.Writer, status, "application/json; charset=utf-8", raw)
}

// encode renders an answer. A stored text that is not UTF-8 (a target's error)
// is mended, not refused, and an audit event keeps the bytes that were hashed.
func encode(out any) ([]byte, error) {
	return json.Marshal(out, json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))
}

func write(w http.ResponseWriter, status int, contentType string, raw []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client left: nothing to do about it
}

// param returns a part of the path. The router matches it as it was sent, so an
// escaped slash in it is the value's own.
func (in *incoming) param(name string) string {
	sent := in.params.ByName(name)
	if value, err := url.PathUnescape(sent); err == nil {
		return value
	}
	return sent
}

// id reads the id in the path of a GET.
func id(in *incoming) (string, error) {
	_, err := in.query()
	return in.param("id"), err
}

// resource reads the resource in the path of a GET.
func resource(in *incoming) (access.ResourceRef, error) {
	_, err := in.query()
	return access.ResourceRef{Type: in.param("type"), ID: in.param("id")}, err
}

// object is an id in the path with what the body says of it.
type object[Body any] struct {
	id   string
	body Body
}

// about reads the id in the path and the body, which may be left out.
func about[Body any](in *incoming) (object[Body], error) {
	b, err := optionalBody[Body](in)
	return object[Body]{id: in.param("id"), body: b}, err
}

// on fits a use case about an object to its reader.
func on[Body, Out any](do func(context.Context, engine.Call, string, Body) (Out, error)) useCase[object[Body], Out] {
	return func(ctx context.Context, call engine.Call, o object[Body]) (Out, error) {
		return do(ctx, call, o.id, o.body)
	}
}

// remark is the body of withdraw and revoke.
type remark struct {
	Comment string `json:"comment"`
}

// remarked fits a use case that takes a comment to its reader.
func remarked[Out any](do func(context.Context, engine.Call, string, string) (Out, error)) useCase[object[remark], Out] {
	return func(ctx context.Context, call engine.Call, o object[remark]) (Out, error) {
		return do(ctx, call, o.id, o.body.Comment)
	}
}
