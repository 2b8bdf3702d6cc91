package main

import (
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"
	"github.com/curfew-access/curfew/policies"
)

// BenchmarkQuery is a document of a policy of a hundred lines, from the bytes of
// its input to those of its answer.
func BenchmarkQuery(b *testing.B) {
	team, _, err := writePolicies(b.TempDir(), 10)
	if err != nil {
		b.Fatal(err)
	}
	p, err := pdp.Open(b.Context(), pdp.Config{Library: policies.FS, Dir: team})
	if err != nil {
		b.Fatal(err)
	}
	q := access.Query{Path: []string{"bench", "decision"}, Input: vouchedInput(1)}
	a, err := p.Query(b.Context(), q)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes, %s", len(q.Input), a.Result)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Query(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck is data.check.decision, shipped, for a live grant.
func BenchmarkCheck(b *testing.B) {
	p, err := pdp.Open(b.Context(), pdp.Config{Library: policies.FS, Dir: quickstart})
	if err != nil {
		b.Fatal(err)
	}
	in := []access.CheckInput{{
		Subject: []byte(`{"type":"user","id":"alice@example.com"}`), Action: []byte(`{"name":"debug"}`), Resource: []byte(`{"type":"customer","id":"acme"}`),
		Grants: []access.CheckGrant{{Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: "acme"}, ExpiresAt: benchNow}},
		Now:    benchNow,
	}}
	b.ReportAllocs()
	for b.Loop() {
		if a := p.Check(b.Context(), in, nil); !a[0].Decision {
			b.Fatal(a)
		}
	}
}
