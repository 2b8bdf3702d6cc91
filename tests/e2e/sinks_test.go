package e2e_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/service"
)

// What leaves the gateway as it is shipped, by each kind of sink: everything, in the
// order of the log, whatever happens to the gateway and to the sinks meanwhile.

func TestSinksOnSQLite(t *testing.T) {
	t.Parallel()
	followed(t, stores{ledger: func(*testing.T) string { return "sqlite:curfew.db" }})
}

func TestSinksOnPostgres(t *testing.T) {
	t.Parallel()
	postgres := service.Postgres(t, "fsync=off")
	followed(t, stores{ledger: func(t *testing.T) string { return postgres.Database(t) }})
}

// followed plays access that is given and taken away, while sinks follow: first all
// are there, then the gateway is killed, then they are away, and it is killed again.
func followed(t *testing.T, s stores) {
	w, parts := layOutRemovals(t, s, setting{name: "sinks"}, []trial{{name: "followed"}})
	all := w.outlets()
	w.startWithOutlets(parts, all)
	p := parts[0]
	p.T = t

	p.closed(p.revoked(alice), access.EndRevoked)
	var first []string
	w.until(t, "the log tells of the removal", func() error {
		if first = w.written(t); !strings.Contains(strings.Join(first, "\n"), `"type":"binding.deprovisioned"`) {
			return errors.New("it does not")
		}
		return nil
	})
	together(all, func(o outlet) { t.Run(o.name+" has what happened", func(t *testing.T) { o.has(t, w, first) }) })

	p.revoked(bob)
	w.killed(t)
	second := w.written(t)
	together(all, func(o outlet) {
		t.Run(o.name+" misses nothing of a gateway that was killed", func(t *testing.T) { o.has(t, w, second) })
	})

	for _, o := range all {
		o.down()
	}
	p.closed(p.revoked(alice), access.EndRevoked)
	w.killed(t)
	third := w.written(t)
	for _, o := range all {
		if n := len(o.distinct()); n >= len(third) {
			t.Errorf("%s has %d events while it is away", o.name, n)
		}
		o.up()
	}
	together(all, func(o outlet) { t.Run(o.name+" catches up", func(t *testing.T) { o.has(t, w, third) }) })
}

// revoked is access that was opened, and is revoked.
func (p *part) revoked(who string) access.Grant {
	p.Helper()
	g := p.opened(who, hour)
	p.revoke(g)
	return g
}

// killed kills the gateway as a crash does, and starts it again.
func (w *world) killed(t *testing.T) {
	t.Helper()
	if err := w.node(0).Kill(); err != nil {
		t.Fatal(err)
	}
	w.start(t, 0)
}
