// Package policies is the Rego that the gateway ships with: the policy for
// access, the policy for Curfew's own API, the library that both stand on, their
// settings, and the schemas of their inputs.
//
// It owns the rules and nothing else: engine/pdp loads them, lays a team's
// directory over them, and asks them. The files are plain, so that opa and regal
// work on this directory as it is.
package policies

import "embed"

// FS holds the files, by their path in this directory.
//
//go:embed data.yaml access api check curfew schemas
var FS embed.FS
