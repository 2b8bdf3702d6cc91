// Package bundle fetches a bundle of policies: over HTTP as OPA's own agents do,
// or from a file.
//
// It knows when there is a new one, and bounds what it takes. What a bundle is
// made of, and whether it can be trusted, is not its to know: it hands on bytes.
package bundle
