package api

import "slices"

// Where OpenID AuthZEN 1.0 puts its endpoints.
const (
	evaluationPath      = "/access/v1/evaluation"
	evaluationsPath     = "/access/v1/evaluations"
	searchSubjectPath   = "/access/v1/search/subject"
	searchResourcePath  = "/access/v1/search/resource"
	searchActionPath    = "/access/v1/search/action"
	authZENMetadataPath = "/.well-known/authzen-configuration"
)

// isAuthZEN reports whether the path is one of AuthZEN's: its way to refuse is a
// line of text, and it has any X-Request-ID echoed.
func isAuthZEN(path string) bool {
	return slices.Contains([]string{
		evaluationPath, evaluationsPath, searchSubjectPath, searchResourcePath, searchActionPath, authZENMetadataPath,
	}, path)
}
