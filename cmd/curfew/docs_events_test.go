package main

import (
	"regexp"
	"strings"
	"testing"
)

var (
	eventConstant = regexp.MustCompile(`(?m)^\t[A-Z]\w+ += "([a-z_]+\.[a-z_]+)"`)
	firstCell     = regexp.MustCompile("(?m)^\\| (`[^|]+)\\|")
	quoted        = regexp.MustCompile("`([a-z_]*\\.[a-z_]+)`")
)

// Whoever reads the audit log finds each of its types explained.
func TestEveryEventIsInTheDocuments(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	for _, cell := range firstCell.FindAllStringSubmatch(read("../../docs/operations.md"), -1) {
		noun := ""
		for _, name := range quoted.FindAllStringSubmatch(cell[1], -1) {
			before, verb, _ := strings.Cut(name[1], ".")
			if before != "" {
				noun = before
			}
			told[noun+"."+verb] = true
		}
	}
	types := eventConstant.FindAllStringSubmatch(read("../../engine/audit/event.go"), -1)
	if len(types) < 50 {
		t.Fatalf("only %d types were found", len(types))
	}
	for _, typ := range types {
		if !told[typ[1]] {
			t.Errorf("docs/operations.md does not explain %s", typ[1])
		}
	}
}
