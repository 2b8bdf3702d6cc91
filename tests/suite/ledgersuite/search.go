package ledgersuite

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// pagesOf reads names by pages of two.
func (f *fixture) pagesOf(page func(tx *ledger.Tx, after string, limit int) ([]string, error)) (names []string) {
	f.t.Helper()
	for after := ""; ; {
		var some []string
		f.view(func(tx *ledger.Tx) (err error) {
			some, err = page(tx, after, 2)
			return err
		})
		names = append(names, some...)
		if len(some) < 2 {
			return names
		}
		after = some[1]
	}
}

// searched: whoever searches finds each name of the type once, in pages.
func searched(t *testing.T, f *fixture) {
	odd := access.ResourceRef{Type: "customer", ID: "a:b 'ü%_"}
	catalogue := []access.Resource{
		{Type: "customer", ID: "acme", Entitlements: []access.Entitlement{{Action: "debug", Target: "box"}, {Action: "restart", Target: "box"}}},
		{Type: "customer", ID: "globex"}, {Type: "customers", ID: "x"}, {Type: "customer-x", ID: "x"}, {Type: "shop", ID: "acme"},
		{Type: "customer", ID: "initech"},
	}
	f.put("aws", catalogue...)
	f.put("aws", catalogue[:len(catalogue)-1]...) // the last is archived
	on := func(s access.Subject, action string, r access.ResourceRef) access.Grant {
		return f.grant(access.Entitled{Subject: s, Action: access.Action{Name: action}, Resource: r}, time.Hour)
	}
	on(alice, "debug", acme)
	on(alice, "debug", odd)
	on(alice, "look", acme)
	on(bob, "debug", acme)
	on(access.Subject{Type: "users", ID: "x"}, "debug", acme)
	ended := on(carol, "debug", acme)
	over := on(access.Subject{Type: "user", ID: "dave@example.com"}, "debug", acme)
	f.update(func(tx *ledger.Tx) error { return endOne(tx, ended, access.EndRevoked) })
	f.must(f.raw(`UPDATE grants SET starts_at = 0, expires_at = 1 WHERE id = $1`, over.ID))
	want := func(what string, got []string, names ...string) {
		t.Helper()
		slices.Sort(got)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("%s: %q, want %q", what, got, names)
		}
	}
	subjects := func(typ, action string, r access.ResourceRef) []string {
		return f.pagesOf(func(tx *ledger.Tx, after string, limit int) ([]string, error) {
			return tx.SubjectsOn(typ, access.Action{Name: action}, r, after, limit)
		})
	}
	want("who debugs acme", subjects("user", "debug", acme), alice.ID, bob.ID)
	want("which users do", subjects("users", "debug", acme), "x")
	want("nobody is half a type", subjects("use", "debug", acme))
	want("who looks", subjects("user", "look", acme), alice.ID)
	resources := func(s access.Subject, typ string) []string {
		return f.pagesOf(func(tx *ledger.Tx, after string, limit int) ([]string, error) {
			return tx.ResourcesFor(s, access.Action{Name: "debug"}, typ, after, limit)
		})
	}
	want("what may be alice's", resources(alice, "customer"), "acme", "globex", odd.ID)
	want("what may be carol's", resources(carol, "customer"), "acme", "globex")
	want("of another type", resources(alice, "shop"), "acme")
	f.view(func(tx *ledger.Tx) error {
		actions, err := tx.ActionsOn(alice, acme)
		want("what alice may do", slices.Compact(slices.Sorted(slices.Values(actions))), "debug", "look", "restart")
		return err
	})
}

// standingsAbout: the standings of many are those of each.
func standingsAbout(t *testing.T, f *fixture) {
	var about []access.Entitled
	for i := range 5 {
		x := entitled(i)
		x.Resource.ID += "'" + strconv.Itoa(i)
		if about = append(about, x); i != 3 {
			f.grant(x, time.Duration(i+1)*time.Hour)
		}
	}
	f.update(func(tx *ledger.Tx) error {
		b, err := tx.TakeBinding(access.NewID(access.KindBinding, tx.Now()), about[0], "tin", "tin-1") // a second one, with nothing on it
		if err == nil && b.ID == "" {
			err = fmt.Errorf("there is no second binding")
		}
		return err
	})
	for n := range len(about) + 1 {
		f.view(func(tx *ledger.Tx) error {
			found, err := tx.StandingsAbout(about[:n]...)
			got := map[access.Entitled]access.Standing{}
			for _, s := range found {
				got[s.Entitled] = s
			}
			for i, x := range about[:n] {
				each, err := tx.Standing(x)
				if err != nil {
					return err
				}
				if s, known := got[x]; known == (i == 3) || known && s != each {
					t.Errorf("of %d, number %d: %+v, want %+v", n, i, s, each)
				}
			}
			return err
		})
	}
}
