// Package arch holds who may import whom, as data that a test checks on the
// real import graph.
package arch

import (
	"fmt"
	"slices"
	"strings"
)

// module is the import path that everything of ours begins with.
const module = "github.com/curfew-access/curfew"

// Package is a package with what its non-test and its test files import.
type Package struct {
	Path        string
	Imports     []string
	TestImports []string
}

// homes names, for each third-party module, the one package that may import it.
// Tests may use what their subject is made of, and what only tests need.
var homes = map[string]string{
	"github.com/gin-gonic/gin":                                 "engine/api",
	"github.com/go-json-experiment/json":                       "engine/api",
	"github.com/gowebpki/jcs":                                  "engine/audit",
	"golang.org/x/mod/sumdb":                                   "engine/audit",
	"github.com/open-policy-agent/opa":                         "engine/pdp",
	"github.com/klauspost/compress":                            "engine/decisions",
	"modernc.org/sqlite":                                       "engine/ledger/sqlite",
	"github.com/jackc/pgx":                                     "engine/ledger/postgres",
	"github.com/redis/go-redis":                                "engine/lease",
	"github.com/prometheus/client_golang":                      "engine/metrics",
	"github.com/lestrrat-go/jwx":                               "engine/denial",
	"github.com/hashicorp/go-retryablehttp":                    "connectors",
	"github.com/PagerDuty/go-pagerduty":                        "connectors/pagerduty",
	"golang.org/x/oauth2":                                      "connectors/pagerduty",
	"github.com/slack-go/slack":                                "connectors/slack",
	"github.com/gorilla/websocket":                             "connectors/slack",
	"github.com/leodido/go-syslog":                             "connectors/siem",
	"github.com/arran4/golang-ical":                            "connectors/rota",
	"github.com/teambition/rrule-go":                           "connectors/rota",
	"github.com/spf13/cobra":                                   "cmd/curfew",
	"github.com/schollz/progressbar":                           "cmd/curfew",
	"golang.org/x/time":                                        "engine/outbox",
	"github.com/spf13/pflag":                                   "cmd/curfew",
	"go.yaml.in/yaml":                                          "cmd/curfew",
	"golang.org/x/sync":                                        "cmd/curfew",
	"github.com/standard-webhooks/standard-webhooks/libraries": "examples/quickstart/receiver",
}

// inTests names third-party modules that only tests may import.
var inTests = []string{
	"github.com/rogpeppe/go-internal", "github.com/getkin/kin-openapi", "github.com/santhosh-tekuri/jsonschema",
	"github.com/standard-webhooks/standard-webhooks/libraries", "github.com/gorilla/websocket",
	"github.com/leodido/go-syslog",
}

// siblings never import each other: each is behind an interface of its user.
var siblings = []string{"engine/pdp", "engine/facts", "engine/lease", "engine/ledger", "engine/replay"}

// drivers are what the use cases must not know.
var drivers = []string{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/redis/go-redis", "github.com/open-policy-agent/opa", "github.com/gin-gonic/gin"}

// Check returns a sentence for each import that the rules forbid.
func Check(packages []Package) []string {
	var faults []string
	for _, p := range packages {
		own := local(p.Path)
		for _, imported := range p.Imports {
			if why := forbidden(own, imported); why != "" {
				faults = append(faults, fmt.Sprintf("%s imports %s: %s", p.Path, imported, why))
			}
		}
		for _, imported := range p.TestImports {
			if why := forbiddenInTests(own, imported); why != "" {
				faults = append(faults, fmt.Sprintf("the tests of %s import %s: %s", p.Path, imported, why))
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// local is a path within the module: "engine/api", or "" for what is not ours.
func local(path string) string {
	if path == module {
		return "."
	}
	own, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	return own
}

// within reports whether the path is the package or beneath it.
func within(path, pkg string) bool { return path == pkg || strings.HasPrefix(path, pkg+"/") }

func forbidden(own, imported string) string {
	if target := local(imported); target != "" {
		return forbiddenOurs(own, target)
	}
	if !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return "" // the standard library
	}
	if own == "engine/access" {
		return "the vocabulary imports only the standard library"
	}
	if own == "engine" && slices.ContainsFunc(drivers, func(d string) bool { return within(imported, d) }) {
		return "the use cases know no driver"
	}
	if within(own, "tests") && slices.ContainsFunc(inTests, func(m string) bool { return within(imported, m) }) {
		return ""
	}
	for prefix, home := range homes {
		if within(imported, prefix) {
			if own == home || home == "cmd/curfew" && within(own, home) || within(own, "tests/bench") {
				return ""
			}
			return "its one home is " + home
		}
	}
	return "it has no home; name one in tests/arch"
}

func forbiddenOurs(own, target string) string {
	connector := func(p string) bool { return strings.HasPrefix(p, "connectors/") }
	family := func(p string) string { // engine/ledger/sqlite is of the family engine/ledger
		for _, s := range siblings {
			if within(p, s) {
				return s
			}
		}
		return ""
	}
	root := func(p string) string {
		return strings.Join(strings.SplitN(p, "/", 3)[:min(2, strings.Count(p, "/")+1)], "/")
	}
	switch {
	case own == "engine/access":
		return "the vocabulary imports nothing of ours"
	case within(target, "tests") && !within(own, "tests"):
		return "only tests import tests/"
	case within(target, "cmd"):
		if within(own, "cmd") {
			return ""
		}
		return "the program is nobody's library"
	case family(own) != "" && family(target) != "" && family(own) != family(target):
		return "these never import each other"
	case within(own, "engine/api") && (slices.Contains([]string{"engine/ledger", "engine/pdp", "engine/lease"}, family(target)) || within(target, "connectors")):
		return "no rule and no store is known to the API"
	case connector(own) && connector(target) && root(own) != root(target):
		return "a connector imports no other connector"
	case within(own, "connectors") && (target == "engine" || within(target, "engine/ledger") || within(target, "engine/api")):
		return "a connector knows its vendor and the vocabulary"
	case own != "cmd/curfew" && !within(own, "tests") && !within(own, "examples") && (target == "engine/ledger/sqlite" || target == "engine/ledger/postgres"):
		return "concrete types meet in cmd/curfew only"
	}
	return ""
}

// forbiddenInTests: the tests of a package may build whatever world they need,
// of ours; of others' modules, what the project has.
func forbiddenInTests(own, imported string) string {
	if local(imported) != "" || !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return ""
	}
	if own == "engine/access" {
		return "the vocabulary imports only the standard library"
	}
	if slices.ContainsFunc(inTests, func(m string) bool { return within(imported, m) }) {
		return ""
	}
	for prefix := range homes {
		if within(imported, prefix) {
			return ""
		}
	}
	return "it has no home; name one in tests/arch"
}
