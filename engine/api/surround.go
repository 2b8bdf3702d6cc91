package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine/access"
)

// journey is what is known of a request beside itself.
type journey struct {
	id      string         // X-Request-ID, as UTF-8: it goes into logs and events
	caller  access.Subject // once authenticated
	authZEN bool           // the route follows AuthZEN, also in how it refuses
	opa     bool           // the route follows OPA, also in how it refuses
}

// who is the caller for the log; "" before it is known.
func (j *journey) who() string {
	if j.caller.ID == "" {
		return ""
	}
	return j.caller.String()
}

type journeyKey struct{}

// trip returns the journey that surround began.
func trip(c *gin.Context) *journey {
	if v, ok := c.Get(journeyKey{}); ok {
		return v.(*journey)
	}
	return &journey{}
}

// surround names the request, sets the headers of every answer, and logs one
// line: no body, no token, no query. A check or a query that is answered leaves
// none: there are too many of them, and metrics or the decision log count them.
func (s *server) surround(c *gin.Context) {
	began := time.Now()
	j := &journey{authZEN: isAuthZEN(c.Request.URL.Path), opa: speaksOPA(c)}
	id := requestID(c.Request.Header, j.authZEN)
	j.id = strings.ToValidUTF8(id, "\ufffd")
	c.Set(journeyKey{}, j)
	c.Header(requestIDHeader, id)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	defer func() {
		route := c.FullPath()
		if (j.authZEN || j.opa) && c.Writer.Status() == http.StatusOK {
			return
		}
		if route == "" {
			route = "none"
		}
		s.log.Info("request", "method", c.Request.Method, "route", route, "status", c.Writer.Status(),
			"duration", time.Since(began), "request_id", j.id, "caller", j.who())
	}()
	c.Next()
}

// survive turns a panic into an internal error.
func (s *server) survive(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p) // the way of net/http to drop a connection
		}
		c.Abort()
		s.log.Error("panic", "request_id", trip(c).id, "route", c.FullPath(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			internal, _ := problemOf(fmt.Errorf("panic: %v", p))
			s.writeProblem(c, internal)
		}
	}()
	c.Next()
}

// sameOrigin refuses a change that a browser sends for another site's page.
func (s *server) sameOrigin(c *gin.Context) {
	if err := s.origin.Check(c.Request); err != nil {
		c.Abort()
		s.refuse(c, access.Denied("cross_origin", "a page of another origin may not do this"))
	}
}

func (s *server) noRoute(c *gin.Context) {
	if opaOnly(c.Request) {
		s.writeProblem(c, opaNotOffered)
		return
	}
	s.refuse(c, &access.Error{Kind: access.ErrNotFound, Code: "unknown_route", Detail: "there is no such route; see /openapi.json"})
}

// noMethod answers 405. The router has set Allow.
func (s *server) noMethod(c *gin.Context) {
	s.refuse(c, access.Invalid("method_not_allowed", "", "the route takes %s", c.Writer.Header().Get("Allow")))
}
