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
	router.POST("/noop-check", noopCheck)
	router.POST("/noop-bind", noopBind)
	return served{
		handler:   router,
		delivered: func() int64 { return 0 },
		close:     func() error { return nil },
	}
}

// evaluation is the body of a check, as far as it is looked at.
type evaluation struct {
	Subject  entity `json:"subject"`
	Resource entity `json:"resource"`
	Action   struct {
		Name string `json:"name" binding:"required"`
	} `json:"action"`
}

type entity struct {
	Type string `json:"type" binding:"required"`
	ID   string `json:"id" binding:"required"`
}

// noopCheck is the floor under the check, with the API's JSON library.
func noopCheck(c *gin.Context) {
	raw, err := io.ReadAll(c.Request.Body)
	var e evaluation
	if err == nil {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		c.String(http.StatusBadRequest, err.Error())
		return
	}
	c.Data(http.StatusOK, "application/json", []byte(`{"decision":true}`))
}

// noopBind is the same with gin's own means.
func noopBind(c *gin.Context) {
	var e evaluation
	if err := c.ShouldBindJSON(&e); err != nil {
		c.String(http.StatusBadRequest, err.Error())
		return
	}
	c.JSON(http.StatusOK, gin.H{"decision": true})
}
