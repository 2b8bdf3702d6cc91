package main

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/curfew-access/curfew/engine"
)

// newNoop is the floor under the routes: a gin handler that decodes the same
// body into the same type, with the library and the strictness of engine/api,
// and answers a constant. It asks for no token, writes no log and decides
// nothing.
func newNoop() served {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	answer := []byte(`{"effect":"allow","reasons":[{"code":"on_call","title":"On call"}]}`)
	router.POST("/noop", func(c *gin.Context) {
		raw, err := io.ReadAll(c.Request.Body)
		var ask engine.Ask
		if err == nil {
			err = json.Unmarshal(raw, &ask, json.RejectUnknownMembers(true))
		}
		if err != nil {
			c.String(http.StatusBadRequest, err.Error())
			return
		}
		c.Data(http.StatusOK, "application/json; charset=utf-8", answer)
	})
	return served{
		handler:   router,
		delivered: func() int64 { return 0 },
		close:     func() error { return nil },
	}
}
