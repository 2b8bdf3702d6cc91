package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// opaError is how OPA refuses: a code of its own for each kind, and beneath it
// what exactly is wrong, by our code.
type opaError struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Errors  []opaReason `json:"errors,omitempty"`
}

type opaReason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The codes of OPA that we use.
const (
	opaInvalid      = "invalid_parameter"
	opaUnauthorized = "unauthorized" //nolint:misspell // as OPA spells it
	opaInternal     = "internal_error"
	opaCancelled    = "eval_cancel_error"
)

// speaksOPA reports whether whoever sent the request expects OPA: it is for a
// route of OPA's, also one that is not offered.
func speaksOPA(c *gin.Context) bool {
	switch c.FullPath() {
	case dataPath, dataPath + "/*path":
		return true
	case "":
		return beneath(c.Request.URL.Path, dataPath) || opaOnly(c.Request)
	}
	return false
}

// opaOnly reports whether the request is for a route of OPA's that is not offered
// here: policies come from where the gateway is told to load them, and a query
// that is not a path could read all there is.
func opaOnly(r *http.Request) bool {
	for _, route := range []string{"/v0/data", "/v1/query", "/v1/compile", "/v1/policies", "/v1/config", "/v1/status"} {
		if beneath(r.URL.Path, route) {
			return true
		}
	}
	return r.Method == http.MethodPost && r.URL.Path == "/"
}

func beneath(path, route string) bool {
	rest, ok := strings.CutPrefix(path, route)
	return ok && (rest == "" || rest[0] == '/')
}

// opaNotOffered is what a route of OPA's that is not offered is refused with.
var opaNotOffered = problem(http.StatusNotImplemented, "not_offered",
	"this part of OPA's API is not offered; ask POST or GET "+dataPath+"/{path}")

// opaOf turns a problem into OPA's words for it.
func opaOf(p Problem) (status int, out opaError) {
	status = p.Status
	switch status {
	case http.StatusUnprocessableEntity:
		status, out.Code = http.StatusBadRequest, opaInvalid
	case http.StatusUnauthorized, http.StatusForbidden:
		out.Code = opaUnauthorized
	case http.StatusInternalServerError:
		out.Code = opaInternal
	case http.StatusServiceUnavailable, http.StatusNotImplemented:
		out.Code = p.Code
	default:
		out.Code = opaInvalid
	}
	out.Message = p.Title
	if p.Detail != "" {
		out.Message = p.Detail
	}
	if p.Pointer != "" {
		out.Message = p.Pointer + ": " + out.Message
	}
	if p.Code != out.Code {
		out.Errors = []opaReason{{p.Code, out.Message}}
	}
	return status, out
}

// opaFailure is what a failure of policy is answered with. It shows nothing of the
// policy. A time-out has OPA's own code.
func opaFailure(code string) opaError {
	reason := opaReason{code, "the policy gave no answer; the operator's log says why"}
	if code == "policy_timeout" {
		reason = opaReason{opaCancelled, "the policy took too long, and was stopped"}
	}
	return opaError{Code: opaInternal, Message: "policy failed on this query", Errors: []opaReason{reason}}
}

func writeOPA(w http.ResponseWriter, status int, e opaError) error {
	raw, err := encode(e)
	if err != nil { // a struct of strings: never
		return err
	}
	write(w, status, "application/json", append(raw, '\n'))
	return nil
}
