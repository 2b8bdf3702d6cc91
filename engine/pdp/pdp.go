package pdp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

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
	// Log hears what came into force; nil for silence. What goes wrong later is
	// returned, not logged.
	Log *slog.Logger
}

// PDP answers by the policies in force. They are swapped whole: whatever is
// under way ends with the ones that it began with. It is safe for concurrent use.
type PDP struct {
	library fs.FS
	timeout time.Duration
	log     *slog.Logger
	workers *workers
	current atomic.Pointer[Revision] // nil: there is no policy, and every answer is no
}

// Open loads and compiles the policies of the library and the directory, and
// puts them in force. It reports every fault that it finds, with file and line,
// and then gives no PDP.
func Open(ctx context.Context, cfg Config) (*PDP, error) {
	p := New(cfg)
	r, err := p.Load(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	p.Use(ctx, r)
	return p, nil
}

// New returns a PDP with no policy in force: every answer is no until Use.
func New(cfg Config) *PDP {
	p := &PDP{library: cfg.Library, timeout: cfg.Timeout, log: cfg.Log, workers: newWorkers()}
	if p.timeout == 0 {
		p.timeout = DefaultTimeout
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	return p
}

// Load compiles the library with a team's directory over it, "" for none. What
// is in force stays so.
func (p *PDP) Load(ctx context.Context, dir string) (*Revision, error) {
	c := candidate{}
	c.team, c.fault = readTeam(dir)
	return c.load(ctx, p)
}

// LoadBundle compiles the library with a bundle of OPA's over it, which takes the
// place of the team's directory. What is in force stays so.
func (p *PDP) LoadBundle(ctx context.Context, raw []byte, by *Signature) (*Revision, error) {
	return openBundle(raw, by).load(ctx, p)
}

// Use puts a revision in force: every question that is asked from now on is
// answered by it.
func (p *PDP) Use(ctx context.Context, r *Revision) {
	p.current.Store(r)
	p.log.InfoContext(ctx, "policies in force", "revision", r.Name(), "replaced", r.replaced)
}

// Revision names the policies in force: "" while there are none.
func (p *PDP) Revision() string {
	if r := p.current.Load(); r != nil {
		return r.name
	}
	return ""
}

// now returns the policies in force.
func (p *PDP) now() (*Revision, error) {
	if r := p.current.Load(); r != nil {
		return r, nil
	}
	return nil, failure{policyMissing, errors.New("no policy is in force")}
}

// Decide asks data.access.decision. The decision can always be used: when the
// policy gave none that can be, it is a denial that says so, and the error, for
// the log, says why. Only an error that wraps access.ErrBusy is no decision.
func (p *PDP) Decide(ctx context.Context, in access.Input) (access.Decision, error) {
	r, err := p.now()
	d := access.Decision{}
	if err == nil {
		d, err = p.decide(ctx, r, in)
	}
	if err != nil {
		d = access.Decision{Effect: access.Deny, Reasons: []access.Reason{reasonFor(err)}}
		err = fmt.Errorf("%s: %w", decisionEntry, err)
	}
	if r != nil {
		d.Revision = r.name
	}
	return d, err
}

func (p *PDP) decide(ctx context.Context, r *Revision, in access.Input) (access.Decision, error) {
	if err := checkInput(in); err != nil {
		return access.Decision{}, err
	}
	input, err := decisionInput(in)
	if err != nil {
		return access.Decision{}, failure{inputMalformed, err}
	}
	output, err := p.object(ctx, r.decision, input)
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
	r, err := p.now()
	if err != nil {
		return access.Permission{}, err
	}
	input, err := apiInput(in)
	if err != nil {
		return access.Permission{}, failure{inputMalformed, err}
	}
	output, err := p.object(ctx, r.allow, input)
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
