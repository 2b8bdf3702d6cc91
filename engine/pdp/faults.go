package pdp

import (
	"errors"
	"strings"
	"unicode"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The bounds of what is written down of faults.
const (
	maxFaultLines = 5
	maxFaultLine  = 256
)

// faultsOf is what is wrong with policies, a text for each fault.
func faultsOf(err error) []string {
	var all []string
	if compiled, ok := err.(ast.Errors); ok { //nolint:errorlint // what wraps it is looked at below
		for _, e := range compiled {
			all = append(all, e.Error())
		}
		return all
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			all = append(all, faultsOf(e)...)
		}
		return all
	}
	inner := errors.Unwrap(err)
	before, after := "", false
	if inner != nil {
		before, after = strings.CutSuffix(err.Error(), inner.Error())
	}
	if !after {
		return []string{err.Error()}
	}
	for _, text := range faultsOf(inner) {
		all = append(all, before+text)
	}
	return all
}

// beginnings is the first lines of the first faults: what follows them shows the
// source.
func beginnings(faults []string) []string {
	lines := []string{}
	for _, fault := range faults[:min(len(faults), maxFaultLines)] {
		line, _, _ := strings.Cut(fault, "\n")
		line = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return '?'
		}, line)
		if len(line) > maxFaultLine {
			line = strings.ToValidUTF8(line[:maxFaultLine], "") + "…"
		}
		lines = append(lines, line)
	}
	return lines
}
