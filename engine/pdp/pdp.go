package pdp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/curfew-access/curfew/engine/access"
)

// DefaultTimeout is how long a policy may take over one answer when Config does
// not say.
const DefaultTimeout = time.Second

// Config says where the policies are.
type Config struct {
	// Library is the set that the gateway ships with (policies.FS). Required.
	Library fs.FS
	// Dir is the team's directory, which overlays the library; "" for none. The
	// packages in which it defines rules are wholly the team's, save for package
	// curfew and below, which stays ours. Its data is laid over the library's.
	Dir string
	// Timeout bounds one answer; 0 is DefaultTimeout.
	Timeout time.Duration
	// Log hears what was loaded; nil for silence. What goes wrong later is
	// returned, not logged.
	Log *slog.Logger
}

// PDP answers from one revision of the policies, for as long as it lives. A
// change of the files is a new PDP. It is safe for concurrent use.
type PDP struct {
	decision rego.PreparedEvalQuery
	allow    rego.PreparedEvalQuery
	timeout  time.Duration
	revision string
	workers  *workers
}

// The entry points: what Go asks.
const (
	decisionEntry = "data.access.decision"
	allowEntry    = "data.api.allow"
)

// Open loads and compiles the policies. It reports every fault that it finds,
// with file and line, and then gives no PDP.
func Open(ctx context.Context, cfg Config) (*PDP, error) {
	files, err := load(cfg.Library, cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	program, err := compile(ctx, files)
	if err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	decision, errDecision := program.prepare(ctx, decisionEntry)
	allow, errAllow := program.prepare(ctx, allowEntry)
	if err := errors.Join(errDecision, errAllow); err != nil {
		return nil, fmt.Errorf("policies: %w", err)
	}
	p := &PDP{decision: decision, allow: allow, timeout: cfg.Timeout, revision: files.revision(), workers: newWorkers()}
	if p.timeout == 0 {
		p.timeout = DefaultTimeout
	}
	if cfg.Log != nil {
		cfg.Log.InfoContext(ctx, "policies loaded", "dir", cfg.Dir, "revision", p.revision, "replaced", files.replaced)
		if files.unasked {
			cfg.Log.WarnContext(ctx, "policies: the directory defines package check, which this release does not ask yet: "+
				"a check is answered yes exactly while a grant is live", "dir", cfg.Dir)
		}
	}
	return p, nil
}

// Revision is a digest of the files that were loaded: equal files in equal
// places have the same, wherever the directory is.
func (p *PDP) Revision() string { return p.revision }

// Decide asks data.access.decision. The decision can always be used: when the
// policy gave none that can be, it is a denial that says so, and the error, for
// the log, says why.
func (p *PDP) Decide(ctx context.Context, in access.Input) (access.Decision, error) {
	d, err := p.decide(ctx, in)
	if err != nil {
		d = access.Decision{Effect: access.Deny, Reasons: []access.Reason{reasonFor(err)}}
		err = fmt.Errorf("%s: %w", decisionEntry, err)
	}
	d.Revision = p.revision
	return d, err
}

func (p *PDP) decide(ctx context.Context, in access.Input) (access.Decision, error) {
	if err := checkInput(in); err != nil {
		return access.Decision{}, err
	}
	input, err := decisionInput(in)
	if err != nil {
		return access.Decision{}, failure{inputMalformed, err}
	}
	output, err := p.ask(ctx, p.decision, input)
	if err != nil {
		return access.Decision{}, err
	}
	d, err := decodeDecision(output)
	if err != nil {
		return access.Decision{}, failure{policyMalformed, err}
	}
	if err := checkDecision(in, d); err != nil {
		return access.Decision{}, err
	}
	return bounded(in, d), nil
}

// Allow asks data.api.allow. When the policy gave no answer that can be used,
// the permission is refused and the error, for the log, says why. An undefined
// answer is a plain no, as it is for OPA's own system.authz.
func (p *PDP) Allow(ctx context.Context, in access.APIInput) (access.Permission, error) {
	permission, err := p.permit(ctx, in)
	switch {
	case is(err, policyUndefined):
		return access.Permission{Reason: "The policy does not allow this."}, nil
	case err != nil:
		return access.Permission{Reason: reasonFor(err).Detail}, fmt.Errorf("%s: %w", allowEntry, err)
	}
	return permission, nil
}

func (p *PDP) permit(ctx context.Context, in access.APIInput) (access.Permission, error) {
	input, err := apiInput(in)
	if err != nil {
		return access.Permission{}, failure{inputMalformed, err}
	}
	output, err := p.ask(ctx, p.allow, input)
	if err != nil {
		return access.Permission{}, err
	}
	permission, err := decodePermission(output)
	if err != nil {
		return access.Permission{}, failure{policyMalformed, err}
	}
	return permission, nil
}

// dirFS returns the team's directory, or nil when there is none.
func dirFS(dir string) fs.FS {
	if dir == "" {
		return nil
	}
	return os.DirFS(dir)
}
