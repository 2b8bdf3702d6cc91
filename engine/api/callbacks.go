package api

import (
	"bytes"
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/curfew-access/curfew/engine/access"
)

// maxWord bounds the body of a callback, in bytes: a target has one word to say.
const maxWord = 8 << 10

// callback takes a target's word of what became of a message. No token of the API
// opens it: the message held one, of one use, for this alone.
func (s *server) callback(c *gin.Context) {
	call := newCall(c.Request, trip(c).id)
	token, code, detail := bearer(c.Request.Header)
	if code != "" {
		s.refuseCallback(c, s.engine.RefuseCaller(context.WithoutCancel(c.Request.Context()), call, code, detail))
		return
	}
	word, err := confirmation(&incoming{Request: c.Request, params: c.Params, writer: unwrap(c.Writer)})
	if err != nil {
		s.refuse(c, err)
		return
	}
	view, err := s.engine.Confirm(c.Request.Context(), call, c.Param("binding"), token, word)
	if err != nil {
		s.refuseCallback(c, err)
		return
	}
	s.answer(c, http.StatusOK, view)
}

// refuseCallback answers an error. Whoever has no token, or a wrong one, is told which
// kind is wanted.
func (s *server) refuseCallback(c *gin.Context, err error) {
	if p, known := problemOf(err); known && p.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", "Bearer")
	}
	s.refuse(c, err)
}

// confirmation reads the body of a callback.
func confirmation(in *incoming) (word access.Confirmation, err error) {
	if _, err := in.query(); err != nil {
		return word, err
	}
	var buf bytes.Buffer
	if err := in.readUpTo(&buf, maxWord); err != nil {
		return word, err
	}
	if buf.Len() == 0 {
		return word, errEmptyBody
	}
	word, err = decode[access.Confirmation](buf.Bytes())
	return word, err
}
