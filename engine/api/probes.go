package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// What a Readiness can be.
const (
	StatusOK          = "ok"
	StatusDegraded    = "degraded"    // it serves, and an operator should look
	StatusUnavailable = "unavailable" // it can not serve
)

// Readiness is how the gateway is.
type Readiness struct {
	Status string  `json:"status"`
	Checks []Check `json:"checks"`
}

// Check is how one part of it is.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"` // for people; anybody may read it
}

type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// healthz says that the process answers.
func (s *server) healthz(c *gin.Context) {
	s.answer(c, http.StatusOK, health{Status: StatusOK, Version: s.version})
}

// readyz says whether requests should be sent here: 503 when they should not.
func (s *server) readyz(c *gin.Context) {
	ready := s.ready(c.Request.Context())
	status := http.StatusServiceUnavailable
	if ready.Status == StatusOK || ready.Status == StatusDegraded {
		status = http.StatusOK
	}
	s.answer(c, status, ready)
}

// figures answers Prometheus.
func (s *server) figures(c *gin.Context) {
	if s.metrics == nil {
		s.noRoute(c)
		return
	}
	s.metrics.ServeHTTP(c.Writer, c.Request)
}
