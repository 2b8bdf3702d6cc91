package api_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/api"
)

// BenchmarkEvaluation is a check that is answered yes, beside a handler that
// decodes the same body by gin's own means and answers a constant. Neither has a
// network: what counts is the allocations.
func BenchmarkEvaluation(b *testing.B) {
	w := newWorld(b)
	want[engine.RequestView](b, w.post("/v1/requests", askFor2h), 201)
	quiet, err := api.New(api.Config{
		Engine: w.engine, Log: slog.New(slog.DiscardHandler),
		Tokens: []api.Token{{Name: "alice", Subject: alice, Secret: aliceSecret}},
	})
	must(b, err)
	b.Run("check", func(b *testing.B) { ask1(b, quiet) })
	b.Run("constant", func(b *testing.B) { ask1(b, constant()) })
}

// constant decodes an evaluation and answers yes.
func constant() http.Handler {
	router := gin.New()
	router.POST(evaluationPath, func(c *gin.Context) {
		type entity struct {
			Type string `json:"type" binding:"required"`
			ID   string `json:"id" binding:"required"`
		}
		var body struct {
			Subject entity `json:"subject"`
			Action  struct {
				Name string `json:"name" binding:"required"`
			} `json:"action"`
			Resource entity `json:"resource"`
		}
		if err := c.ShouldBindJSON(&body); err != nil {
			c.AbortWithStatus(http.StatusBadRequest)
			return
		}
		c.JSON(http.StatusOK, gin.H{"decision": true})
	})
	return router
}

func ask1(b *testing.B, h http.Handler) {
	b.ReportAllocs()
	body := strings.NewReader(asking(""))
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, evaluationPath, body)
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	r.Header.Set("Content-Type", "application/json")
	r.Body = io.NopCloser(body)
	for b.Loop() {
		body.Reset(asking(""))
		w := &blank{header: http.Header{}}
		h.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("answered %d", w.status)
		}
	}
}

// blank is a writer of nothing.
type blank struct {
	header http.Header
	status int
}

func (w *blank) Header() http.Header               { return w.header }
func (w *blank) Write(p []byte) (int, error)       { return len(p), nil }
func (w *blank) WriteString(s string) (int, error) { return len(s), nil }
func (w *blank) WriteHeader(status int)            { w.status = status }
