package policies_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/curfew-access/curfew/policies"
)

func TestRegoTestsPassAndCoverEveryLine(t *testing.T) {
	for name, root := range map[string]string{
		"everything": ".",
		// A team runs the library's tests beside its own, without the shipped policies
		// that it replaces, and its coverage counts the library's lines too.
		"the library by itself": "curfew",
	} {
		t.Run(name, func(t *testing.T) { testRego(t, root) })
	}
}

func testRego(t *testing.T, root string) {
	modules, store := load(t, root)
	coverage := cover.New()
	for _, result := range run(t, modules, store, coverage) {
		if !result.Pass() {
			t.Errorf("%s.%s (%s): %v\n%s", result.Package, result.Name, result.Location, failed(result), result.Output)
		}
	}
	report := coverage.Report(modules)
	for _, file := range slices.Sorted(maps.Keys(report.Files)) {
		for _, lines := range report.Files[file].NotCovered {
			t.Errorf("%s:%d-%d: no test comes here", file, lines.Start.Row, lines.End.Row)
		}
	}
	if report.Coverage != 100 {
		t.Errorf("the tests cover %.2f %% of the lines, not all", report.Coverage)
	}
}

// With full coverage every rule that gives a reason is run; here, each code is
// also named by a test beside it, as what the test expects.
func TestEveryReasonCodeIsExpectedByATest(t *testing.T) {
	modules, _ := load(t, ".")
	tests := map[string]string{} // directory: the text of its tests
	for file := range modules {
		if strings.HasSuffix(file, "_test.rego") {
			text, err := fs.ReadFile(policies.FS, file)
			if err != nil {
				t.Fatal(err)
			}
			tests[path.Dir(file)] += string(text)
		}
	}
	seen := map[string]string{}
	for file, module := range modules {
		if strings.HasSuffix(file, "_test.rego") {
			continue
		}
		for _, a := range module.Annotations {
			code, ok := a.Custom["code"].(string)
			if !ok {
				continue
			}
			if first, twice := seen[code]; twice {
				t.Errorf("%s: the code %s is declared in %s as well", a.Location, code, first)
			}
			seen[code] = a.Location.String()
			if a.Title == "" {
				t.Errorf("%s: the code %s has no title", a.Location, code)
			}
			if !strings.Contains(tests[path.Dir(file)], `"`+code+`"`) {
				t.Errorf("%s: no test in %s expects the code %s", a.Location, path.Dir(file), code)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("no rule declares a code")
	}
}

func TestMisspelledInputIsACompileError(t *testing.T) {
	for name, rule := range map[string]string{
		"schema.access":   "x if input.subject.propertys.groups_known",
		"schema.api":      "x if input.object.requestor",
		"schema.check":    "x if input.grant",
		"schema.continue": "x if input.grant.expires",
	} {
		text := "# METADATA\n# schemas:\n#   - input: " + name + "\npackage misspelled\n\n" + rule
		module, err := ast.ParseModuleWithOpts("misspelled.rego", text, ast.ParserOptions{ProcessAnnotation: true})
		if err != nil {
			t.Fatal(err)
		}
		compiler := compiler(t)
		compiler.Compile(map[string]*ast.Module{"misspelled.rego": module})
		if !compiler.Failed() {
			t.Errorf("%q compiles under %s", rule, name)
		}
	}
}

// The input of continue is that of a decision, and the grant.
func TestSchemaOfContinueIsThatOfADecisionWithTheGrant(t *testing.T) {
	read := func(name string) (schema map[string]any) {
		text, err := fs.ReadFile(policies.FS, "schemas/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		delete(schema, "title")
		return schema
	}
	decided, continued := read("access.jsonschema"), read("continue.jsonschema")
	properties, ok := continued["properties"].(map[string]any)
	if !ok || properties["grant"] == nil {
		t.Fatal("there is no grant")
	}
	delete(properties, "grant")
	if !reflect.DeepEqual(decided, continued) {
		t.Error("without the grant, schemas/continue.jsonschema is not schemas/access.jsonschema")
	}
}

// Each rule that gives or reviews access says which facts it depends on.
func TestEveryReasonOfADecisionDeclaresItsFacts(t *testing.T) {
	modules, _ := load(t, ".")
	for file, module := range modules {
		if module.Package.Path.String() != "data.access" {
			continue
		}
		for _, a := range module.Annotations {
			if code, ok := a.Custom["code"].(string); ok && a.Custom["facts"] == nil {
				t.Errorf("%s: the rule with the code %s has no facts (%s)", a.Location, code, file)
			}
		}
	}
}

// load reads the embedded files as `opa test policies` reads the directory.
func load(t *testing.T, paths ...string) (map[string]*ast.Module, storage.Store) {
	t.Helper()
	loaded, err := loader.NewFileLoader().WithFS(policies.FS).WithProcessAnnotation(true).
		Filtered(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := loaded.Store()
	if err != nil {
		t.Fatal(err)
	}
	return loaded.ParsedModules(), store
}

// compiler checks what `opa check --strict -s policies/schemas` checks.
func compiler(t *testing.T) *ast.Compiler {
	t.Helper()
	schemas, err := loader.Schemas("schemas")
	if err != nil {
		t.Fatal(err)
	}
	return ast.NewCompiler().WithStrict(true).WithSchemas(schemas).WithUseTypeCheckAnnotations(true)
}

func run(t *testing.T, modules map[string]*ast.Module, store storage.Store, coverage *cover.Cover) []*tester.Result {
	t.Helper()
	ctx := context.Background()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(ctx, txn)
	results, err := tester.NewRunner().
		SetCompiler(compiler(t)).
		SetStore(store).
		SetModules(modules).
		SetCoverageQueryTracer(coverage).
		CapturePrintOutput(true).
		RaiseBuiltinErrors(true).
		SetTimeout(time.Minute).
		RunTests(ctx, txn)
	if err != nil {
		t.Fatal(err)
	}
	all := []*tester.Result{}
	for result := range results {
		all = append(all, result)
	}
	if len(all) == 0 {
		t.Fatal("there are no tests")
	}
	return all
}

// failed names the cases of a table that failed, or says what went wrong.
func failed(result *tester.Result) []string {
	if result.Error != nil {
		return []string{result.Error.Error()}
	}
	names := []string{}
	for name, sub := range result.SubResults {
		if sub.Fail {
			names = append(names, name)
		}
	}
	return names
}
