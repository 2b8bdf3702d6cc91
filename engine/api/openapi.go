package api

import (
	_ "embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// openAPIDocument describes every route. It is written by hand; tests hold it
// against the router and against real answers.
//
//go:embed openapi.json
var openAPIDocument []byte

func (s *server) openAPI(c *gin.Context) {
	write(c.Writer, http.StatusOK, "application/json; charset=utf-8", openAPIDocument)
}
