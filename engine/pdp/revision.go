package pdp

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/rego"
)

// The entry points: what Go asks.
const (
	decisionEntry = "data.access.decision"
	allowEntry    = "data.api.allow"
	checkEntry    = "data.check.decision"
	continueEntry = "data.access.continue" // the one that need not be there
)

// Revision is policies, compiled and ready to be asked. It never changes.
type Revision struct {
	name     string
	bundle   string
	replaced []string // the library's packages that the team's took the place of
	program  program
	decision rego.PreparedEvalQuery
	allow    rego.PreparedEvalQuery
	check    rego.PreparedEvalQuery
	queries  queries

	continues bool // there is a rule that says what becomes of live grants
	resume    rego.PreparedEvalQuery
	facts     dependencies
}

// newRevision compiles a set and prepares what is asked of it. bundle is the
// revision that its author gave it; "" without a bundle.
func newRevision(ctx context.Context, files set, bundle string) (*Revision, error) {
	program, err := compile(ctx, files)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	r := &Revision{name: nameOf(files.revision(), bundle), bundle: bundle, replaced: files.replaced, program: program}
	var faults [5]error
	r.decision, faults[0] = program.prepare(ctx, decisionEntry)
	r.allow, faults[1] = program.prepare(ctx, allowEntry)
	r.check, faults[2] = program.prepare(ctx, checkEntry)
	if r.continues = program.hasRule(continueEntry); r.continues {
		r.resume, faults[3] = program.prepare(ctx, continueEntry)
	}
	r.facts, faults[4] = dependenciesOf(files.files)
	if err := errors.Join(faults[:]...); err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	return r, nil
}

// Name is a digest of the files that were loaded: equal files in equal places
// have the same, wherever they came from. What the author of a bundle calls it
// follows after a "+". It fits into an HTTP header.
func (r *Revision) Name() string { return r.name }

// Continues reports whether the policies say what becomes of live grants when
// something changes under them. Otherwise each such change is a flag.
func (r *Revision) Continues() bool { return r.continues }

// Bundle is the revision that the author of a bundle gave it; "" without one.
func (r *Revision) Bundle() string { return r.bundle }
