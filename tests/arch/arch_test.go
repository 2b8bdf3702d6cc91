package arch_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/tests/arch"
)

// TestImports checks the whole module.
func TestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []arch.Package
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, arch.Package{
			Path: p.ImportPath, Imports: p.Imports, TestImports: append(p.TestImports, p.XTestImports...),
		})
	}
	if len(packages) < 10 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	for _, fault := range arch.Check(packages) {
		t.Error(fault)
	}
}

const us = "github.com/curfew-access/curfew/"

// TestPlantedViolationsAreFound shows that each rule can fail.
func TestPlantedViolationsAreFound(t *testing.T) {
	cases := map[string]struct {
		own, imported string
		allowed       bool
	}{
		"the vocabulary imports the ledger":           {"engine/access", us + "engine/ledger", false},
		"the vocabulary imports a library":            {"engine/access", "github.com/google/uuid", false},
		"the vocabulary imports the standard library": {"engine/access", "net/mail", true},
		"the use cases import a driver":               {"engine", "modernc.org/sqlite", false},
		"the use cases import the ledger":             {"engine", us + "engine/ledger", true},
		"the decision point imports the ledger":       {"engine/pdp", us + "engine/ledger", false},
		"facts import the lease":                      {"engine/facts", us + "engine/lease", false},
		"a database imports its ledger":               {"engine/ledger/sqlite", us + "engine/ledger", true},
		"the API imports the ledger":                  {"engine/api", us + "engine/ledger", false},
		"the API imports a database":                  {"engine/api", us + "engine/ledger/sqlite", false},
		"the API imports a connector":                 {"engine/api", us + "connectors/rota", false},
		"the API imports the use cases":               {"engine/api", us + "engine", true},
		"a connector imports another":                 {"connectors/webhook", us + "connectors/rota", false},
		"a connector imports the shared rules":        {"connectors/webhook", us + "connectors", true},
		"a connector imports the use cases":           {"connectors/rota", us + "engine", false},
		"a connector imports the API":                 {"connectors/rota", us + "engine/api", false},
		"the program imports a database":              {"cmd/curfew", us + "engine/ledger/sqlite", true},
		"the use cases import a database":             {"engine", us + "engine/ledger/sqlite", false},
		"the program imports a fake":                  {"cmd/curfew", us + "tests/fake/target", false},
		"a suite imports a fake":                      {"tests/suite/x", us + "tests/fake/target", true},
		"OPA outside its home":                        {"engine", "github.com/open-policy-agent/opa/v1/rego", false},
		"OPA at home":                                 {"engine/pdp", "github.com/open-policy-agent/opa/v1/rego", true},
		"gin outside its home":                        {"connectors/webhook", "github.com/gin-gonic/gin", false},
		"a module that nobody has named":              {"engine/outbox", "github.com/stretchr/testify", false},
		"somebody imports the program":                {"engine", us + "cmd/curfew", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			faults := arch.Check([]arch.Package{{Path: us + tc.own, Imports: []string{tc.imported}}})
			if (len(faults) == 0) != tc.allowed {
				t.Fatalf("faults are %v, want allowed %v", faults, tc.allowed)
			}
		})
	}
}

func TestPlantedViolationInATestIsFound(t *testing.T) {
	faults := arch.Check([]arch.Package{{Path: us + "engine/outbox", TestImports: []string{"github.com/stretchr/testify/require"}}})
	if len(faults) != 1 {
		t.Fatalf("faults are %v, want one", faults)
	}
}
