package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
)

// metadata is AuthZEN's description of a policy decision point. What is not
// offered is left out.
type metadata struct {
	PolicyDecisionPoint string   `json:"policy_decision_point"`
	Evaluation          string   `json:"access_evaluation_endpoint"`
	Evaluations         string   `json:"access_evaluations_endpoint"`
	SearchSubject       string   `json:"search_subject_endpoint"`
	SearchResource      string   `json:"search_resource_endpoint"`
	SearchAction        string   `json:"search_action_endpoint"`
	AccessRequest       string   `json:"access_request_endpoint,omitempty"`
	JWKS                string   `json:"jwks_uri,omitempty"`
	Capabilities        []string `json:"capabilities,omitempty"`
}

// metadata describes this one, as others reach it.
func (s *server) metadata() metadata {
	base := strings.TrimSuffix(s.public, "/")
	m := metadata{
		PolicyDecisionPoint: s.public, // as whoever asks for this knows it
		Evaluation:          base + evaluationPath,
		Evaluations:         base + evaluationsPath,
		SearchSubject:       base + searchSubjectPath,
		SearchResource:      base + searchResourcePath,
		SearchAction:        base + searchActionPath,
	}
	if offer, ok := s.engine.AccessRequestOffer(); ok {
		m.AccessRequest, m.JWKS = offer.AccessRequestEndpoint, offer.KeySetURL
		m.Capabilities = append(m.Capabilities, engine.AccessRequestCapability)
	}
	return m
}

// authZENMetadata tells anybody where what is: no token is needed.
func (s *server) authZENMetadata(c *gin.Context) {
	if s.public == "" {
		s.noRoute(c)
		return
	}
	raw, err := encode(s.metadata())
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=300")
	write(c.Writer, http.StatusOK, "application/json", raw)
}

// line is the problem without the end of its line.
func (p Problem) line() string { return strings.TrimSuffix(p.plain(), "\n") }
