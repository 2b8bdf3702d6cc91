package api_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
)

// BenchmarkEvaluation is a check that the shipped policy answers yes, beside a
// handler that decodes the same body by gin's own means and answers a constant.
// Neither has a network: what counts is the allocations.
func BenchmarkEvaluation(b *testing.B) {
	w := newRealWorld(b, nil)
	want[engine.RequestView](b, w.post("/v1/requests", askFor2h), 201)
	quiet, err := api.New(api.Config{
		Engine: w.engine, Log: slog.New(slog.DiscardHandler),
		Tokens: []api.Token{{Name: "alice", Subject: alice, Secret: aliceSecret}},
	})
	must(b, err)
	standing := make([]access.Standing, 20)
	for i := range standing {
		x := access.Entitled{Subject: alice, Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: fmt.Sprint("acme-", i)}}
		standing[i] = access.Standing{Entitled: x, Version: 1, Until: w.ledger.Now().Add(time.Hour), Keep: w.ledger.Now().Add(time.Hour)}
	}
	must(b, w.lease.Stand(b.Context(), standing...))
	b.Run("check", func(b *testing.B) { ask1(b, quiet, evaluationPath, asking("")) })
	b.Run("constant", func(b *testing.B) { ask1(b, constant(), evaluationPath, asking("")) })
	b.Run("20 checks at once", func(b *testing.B) { ask1(b, quiet, evaluationsPath, askingAll(20)) })
}

// askingAll is a batch of checks of alice's access to so many resources.
func askingAll(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"resource":{"type":"customer","id":"acme-%d"}}`, i)
	}
	return strings.TrimSuffix(asking(""), "}") + `,"evaluations":[` + strings.Join(items, ",") + `]}`
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

func ask1(b *testing.B, h http.Handler, path, asked string) {
	b.ReportAllocs()
	body := strings.NewReader(asked)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, body)
	r.Header.Set("Authorization", "Bearer "+aliceSecret)
	r.Header.Set("Content-Type", "application/json")
	r.Body = io.NopCloser(body)
	for b.Loop() {
		body.Reset(asked)
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
