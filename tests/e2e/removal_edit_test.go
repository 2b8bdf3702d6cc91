package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

func removed(*part) edition { return edition{} }

func renamed(p *part) edition { return p.as(p.id + "-renamed") }

func retired(p *part) edition {
	now := p.as(p.id, ", retired: true")
	now.customer["entitlements"] = []any{}
	return now
}

func withoutSecret(p *part) edition {
	p.secret = "secret-that-is-not-there"
	return p.as(p.id)
}

// rotated signs with a new secret, and with the old one.
func rotated(p *part) edition {
	p.secret, p.terms = "next-"+p.id, fmt.Sprintf("previous_secrets: [\"file:secret-%s\"]", p.id)
	p.w.secrets[p.secret] = "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
	p.w.write(p.secret, p.w.secrets[p.secret])
	return p.as(p.id)
}

// missed holds what is to be seen of access whose target is not configured as it was:
// it is over, the removal is overdue at once, and nobody is told anything.
func (p *part) missed(g access.Grant, calls int) {
	p.Helper()
	// Where there may be other gateways, they are left half a minute to have the target.
	now := p.becomesIn(2*patience, "the removal is known to be missing its target", g, func(now engine.GrantView) bool {
		return now.Binding.Overdue && strings.Contains(now.Binding.LastError, "not configured")
	})
	if now.Binding.Observed == access.Absent {
		p.Error("the access counts as closed, and nobody was told to close it")
	}
	if p.may(alice) {
		p.Error("a check says yes after the end")
	}
	if got := len(p.target.Calls()); got != calls {
		p.Errorf("the target was told %d things more", got-calls)
	}
	p.w.until(p.T, "the gateway says that it is degraded", func() error {
		said, err := p.w.readiness(0)
		if err == nil && !strings.Contains(said, "degraded") {
			err = errors.New(said)
		}
		return err
	})
}

// The target leaves the configuration, and its customer the file with it.
func targetRemoved(p *part) {
	g := p.opened(alice, hour)
	calls := len(p.target.Calls())
	p.edited()
	p.missed(g, calls)
	p.endedAs(p.sees(g), access.EndResourceGone)
}

// The target leaves the configuration; the customer is there still.
func targetLost(p *part) {
	g := p.opened(alice, hour)
	calls := len(p.target.Calls())
	p.edited()
	if now := p.sees(g); !now.Live || !p.may(alice) {
		p.Errorf("the grant is %+v; want it live still", now)
	}
	p.refused("its target is not configured")
	p.revoke(g)
	p.missed(g, calls)
}

// refused holds that nothing new is given through a target that takes nothing.
func (p *part) refused(why string) {
	p.Helper()
	status, raw, err := p.w.call(bob, http.MethodPost, "/v1/requests",
		`{"action": {"name": "debug"}, "resource": {"type": "customer", "id": "`+p.id+`"}, "for": "1h", "reason": "more"}`)
	if err != nil || status/100 == 2 && strings.Contains(string(raw), `"state":"approved"`) {
		p.Errorf("access is given although %s: %d %s, %v", why, status, raw, err)
	}
}

// What was given through the target of the old name is not closed through that of
// the new one, which may be another system. New access goes there.
func targetRenamed(p *part) {
	g := p.opened(alice, hour)
	calls := len(p.target.Calls())
	p.edited()
	if now := p.sees(g); !now.Live {
		p.Errorf("the grant is %+v; want it live still", now)
	}
	p.revoke(g)
	p.missed(g, calls)
	next := p.opened(bob, hour)
	p.revoke(next)
	p.closed(next, access.EndRevoked)
}

// No customer is to be had through the target any more.
func targetRetired(p *part) {
	g := p.opened(alice, hour)
	p.edited()
	p.refused("its target is retired")
	p.revoke(g)
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}

func secretGone(p *part) {
	g := p.opened(alice, hour)
	calls := len(p.target.Calls())
	p.edited()
	p.revoke(g)
	p.missed(g, calls)
}

// The target still knows the old secret alone; then it is started with the new one.
func secretRotated(p *part) {
	g := p.opened(alice, hour)
	p.edited()
	p.revoke(g)
	p.closed(g, access.EndRevoked)
	calls := p.calls(g, access.VerbDeprovision)
	if got := strings.Fields(calls[0].Header.Get("webhook-signature")); len(got) != 2 {
		p.Errorf("it is signed %q; want once with each secret", got)
	}
}

// The target vanishes before the access through it begins. It never does.
func targetGoneBeforeStart(p *part) {
	r := p.ask(alice, moment, map[string]any{"starts_at": time.Now().Add(8 * time.Second).UTC()})
	if r.Grant == nil || r.Grant.State != access.GrantScheduled {
		p.Fatalf("the request is %+v", r)
	}
	p.edited()
	now := p.becomes("the time of the access is over", *r.Grant, func(now engine.GrantView) bool {
		return now.State != access.GrantScheduled
	})
	p.endedAs(now, access.EndNotStarted)
	if n := len(p.target.Calls()); n != 0 {
		p.Errorf("a target that is not configured was told %d things", n)
	}
}
