package pdp

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// program is a compiled set.
type program struct {
	compiler *ast.Compiler
	store    storage.Store
}

// compiling is held by whoever compiles policies, or a query of them. OPA's type
// checker is not safe for two at once: where one rule has three definitions, of which
// two are results of object.union, it widens the result type that object.union
// declares in place, and all compilers of the process share that (v1.22.2).
var compiling sync.Mutex //nolint:gochecknoglobals // it guards what is global in OPA

// compile checks the set strictly: unused and shadowing names, deprecated and
// forbidden built-ins, what the schemas of the inputs know, and data in the
// place of a rule.
func compile(ctx context.Context, s set) (program, error) {
	modules := map[string]*ast.Module{}
	for _, f := range s.files {
		if f.module != nil {
			modules[f.module.Package.Location.File] = f.module
		}
	}
	// Values are read as the evaluator's own, which saves a conversion each time.
	store := inmem.NewFromObjectWithOpts(s.data, inmem.OptReturnASTValuesOnRead(true))
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return program{}, err
	}
	defer store.Abort(ctx, txn)
	compiler := ast.NewCompiler().
		SetErrorLimit(0). // list them all
		WithStrict(true).
		WithCapabilities(capabilities()).
		WithEnablePrintStatements(false).
		WithSchemas(schemas(s)).
		WithUseTypeCheckAnnotations(true).
		WithPathConflictsCheck(storage.NonEmpty(ctx, store, txn))
	compileAll(compiler, modules)
	if compiler.Failed() {
		return program{}, compiler.Errors
	}
	return program{compiler, store}, nil
}

func compileAll(compiler *ast.Compiler, modules map[string]*ast.Module) {
	compiling.Lock()
	defer compiling.Unlock() // also if it panics
	compiler.Compile(modules)
}

// prepare makes a query of an entry point, which must be a rule: data in its
// place would decide for everybody alike.
func (p program) prepare(ctx context.Context, entry string) (rego.PreparedEvalQuery, error) {
	if len(p.compiler.GetRulesExact(ast.MustParseRef(entry))) == 0 {
		return rego.PreparedEvalQuery{}, fmt.Errorf("there is no rule %s", entry)
	}
	query, err := ready(ctx, rego.New(
		rego.Query(entry),
		rego.Compiler(p.compiler),
		rego.Capabilities(capabilities()),
		rego.Store(p.store),
		// An error in a built-in ends the evaluation. As undefined, which it is
		// otherwise, it would make a negation true.
		rego.StrictBuiltinErrors(true),
	))
	if err != nil {
		return query, fmt.Errorf("%s: %w", entry, err)
	}
	return query, nil
}

// ready compiles a query.
func ready(ctx context.Context, query *rego.Rego) (rego.PreparedEvalQuery, error) {
	compiling.Lock()
	defer compiling.Unlock()
	return query.PrepareForEval(ctx)
}

// schemas returns the schemas of both sets by name. The library's win: the
// inputs are the gateway's, whatever a team's copy of their schemas says.
func schemas(s set) *ast.SchemaSet {
	out := ast.NewSchemaSet()
	for _, origin := range []string{"team", "library"} {
		for _, f := range s.files {
			if f.schema == nil || f.origin != origin {
				continue
			}
			ref := ast.Ref{ast.SchemaRootDocument}
			name := strings.TrimSuffix(strings.TrimPrefix(f.path, schemasDir+"/"), path.Ext(f.path))
			for part := range strings.SplitSeq(name, "/") {
				ref = append(ref, ast.StringTerm(part))
			}
			out.Put(ref, f.schema)
		}
	}
	return out
}

// ambient names the built-ins that OPA does not mark as non-deterministic and
// whose result still depends on the clock or the environment of the machine.
var ambient = []string{
	"io.jwt.decode_verify",
	"crypto.x509.parse_and_verify_certificates",
	"crypto.x509.parse_and_verify_certificates_with_options",
}

// capabilities is what policies may use: OPA's own built-ins, none that is
// registered beside them, none whose result is not a function of its arguments,
// and no network for the references of a schema.
func capabilities() *ast.Capabilities {
	own := ast.DefaultBuiltins[:]
	all := ast.CapabilitiesForThisVersion()
	all.Builtins = slices.DeleteFunc(all.Builtins, func(b *ast.Builtin) bool {
		return b.Nondeterministic || slices.Contains(ambient, b.Name) || !slices.Contains(own, b)
	})
	all.AllowNet = []string{}
	return all
}
