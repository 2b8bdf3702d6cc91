package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/lease"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/pdp"
)

// needsFor is how long an answer about needed targets is kept: a probe asks
// often, and the answer moves slowly.
const needsFor = 5 * time.Second

// needs tells which targets bindings need that are not configured.
type needs struct {
	ledger *ledger.Ledger
	have   []engine.Target

	mu      sync.Mutex
	until   time.Time
	missing []string
	said    []string // the missing targets that the log has
}

// news reports whether these missing targets are others than when it was asked
// before.
func (n *needs) news(missing []string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	same := slices.Equal(missing, n.said)
	n.said = missing
	return !same
}

// unmet names each target that a binding needs as it was when access was given,
// and that is not configured so any more.
func (n *needs) unmet(ctx context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Now().Before(n.until) {
		return n.missing, nil
	}
	var needed map[string][]string
	err := n.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		needed, err = tx.Contracts()
		return err
	})
	if err != nil {
		return nil, err
	}
	n.missing, n.until = unmet(needed, n.have), time.Now().Add(needsFor)
	return n.missing, nil
}

// unmet is the names of needed targets whose contracts are not all among have.
func unmet(needed map[string][]string, have []engine.Target) []string {
	contracts := map[string]string{}
	for _, t := range have {
		contracts[t.Name] = t.Contract
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		contract, known := contracts[name]
		if !known || slices.ContainsFunc(needed[name], func(c string) bool { return c != contract }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// readyWithin bounds how long a probe waits for the ledger.
const readyWithin = 2 * time.Second

// ready tells whether the gateway can do its work: unavailable when the ledger
// does not answer or no policy is in force; degraded when the newest policies are
// not, when there is access that it can not take away, when it does without Redis
// or Slack, when the audit log is not what was sealed, when a sink does not take audit
// events, and when its clock is off. Anybody may ask, so that what it says names no
// person, no resource and no target.
func (g *gateway) ready(ctx context.Context) api.Readiness {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	checks := []api.Check{
		g.ledgerCheck(ctx),
		leaseCheck(g.lease.State()),
		clockCheck(g.ledger.Uncertainty()),
		policyCheck(g.delivery.State()),
		g.targetCheck(ctx),
		g.sourceCheck(),
		g.auditCheck(ctx),
	}
	checks = slices.Concat(checks, g.slackChecks(), g.alertChecks(), g.sinksReady(ctx))
	r := api.Readiness{Status: api.StatusOK, Checks: checks}
	for _, c := range checks {
		if c.Status == api.StatusUnavailable || r.Status == api.StatusOK {
			r.Status = c.Status
		}
	}
	return r
}

// leaseCheck never says unavailable: the ledger does all of the lease's work.
func leaseCheck(s lease.State) api.Check {
	c := api.Check{Name: "lease", Status: api.StatusOK, Detail: s.Kind}
	switch {
	case !s.Connected:
		c.Status = api.StatusDegraded
		c.Detail += ": it can not be used; the ledger ends grants and answers checks in its place"
	case s.ReadOnly:
		c.Status = api.StatusDegraded
		c.Detail += ": it refuses writes; the ledger is asked for what can not be written"
	}
	if n := len(s.Warnings); n > 0 {
		c.Detail += "; the log has " + counted(n, "warning", "warnings")
	}
	return c
}

// maxUncertainty is how far the clock may be off before checks ask the ledger.
const maxUncertainty = 500 * time.Millisecond

func clockCheck(uncertainty time.Duration) api.Check {
	if uncertainty > maxUncertainty {
		return api.Check{Name: "clock", Status: api.StatusDegraded,
			Detail: "it may be off by " + uncertainty.Round(time.Millisecond).String() + "; checks ask the ledger"}
	}
	return api.Check{Name: "clock", Status: api.StatusOK}
}

// policyCheck says unavailable only when everything is denied.
func policyCheck(s pdp.DeliveryState) api.Check {
	c := api.Check{Name: "policies", Status: api.StatusOK, Detail: "revision " + short(s.Revision)}
	if s.Revision == "" {
		c.Status, c.Detail = api.StatusUnavailable, "policy_missing: no policy is in force and everything is denied"
	}
	for _, trouble := range []struct {
		is   bool
		says string
	}{
		{s.Refused, "the newest was refused, and the log says why"},
		{s.Waiting, "the newest waits for the ledger"},
		{s.Silent, "where they come from does not answer"},
		{s.Recalled && s.Silent, "they are those that were kept from before the start"},
		{s.Elsewhere, "another revision is active for all nodes"},
	} {
		if !trouble.is {
			continue
		}
		c.Detail += "; " + trouble.says
		if c.Status == api.StatusOK {
			c.Status = api.StatusDegraded
		}
	}
	return c
}

func (g *gateway) ledgerCheck(ctx context.Context) api.Check {
	if err := g.ledger.Ping(ctx); err != nil {
		g.log.Error("the ledger does not answer", "error", err)
		return api.Check{Name: "ledger", Status: api.StatusUnavailable, Detail: "it does not answer"}
	}
	return api.Check{Name: "ledger", Status: api.StatusOK}
}

func (g *gateway) targetCheck(ctx context.Context) api.Check {
	missing, err := g.needs.unmet(ctx)
	if err != nil {
		return api.Check{Name: "targets", Status: api.StatusDegraded, Detail: "not known: the ledger does not answer"}
	}
	if g.needs.news(missing) && len(missing) > 0 {
		g.log.Warn("target_missing: access was given through targets that are not configured as they were then", "targets", missing)
	}
	switch {
	case len(missing) > 0:
		return api.Check{Name: "targets", Status: api.StatusDegraded, Detail: "target_missing: access was given through " +
			counted(len(missing), "target that is", "targets that are") + " not configured as then; the log has the names"}
	case len(g.cfg.Missing) > 0:
		return api.Check{Name: "targets", Status: api.StatusDegraded, Detail: "target_missing: a target has no secret"}
	}
	return api.Check{Name: "targets", Status: api.StatusOK}
}

// short is the beginning of a policy revision: enough to tell two apart.
func short(revision string) string { return revision[:min(len(revision), 12)] }
