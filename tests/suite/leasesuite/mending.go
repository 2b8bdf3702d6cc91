package leasesuite

import (
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// mending is how a lease comes to hold what the ledger says.
var mending = map[string]func(*Scene){
	"what is missing is found and put there": func(s *Scene) {
		until := s.soon(1000)
		s.mends(access.Mended{Missing: 3}, []access.Hold{{GrantID: "a", Until: until}, {GrantID: "b", Until: until}},
			[]access.Standing{s.Stands("alice", 3, until)})
		s.stands("alice", 3, until)
		if all := s.pages(); len(all.Grants) != 2 || len(all.Bindings) != 1 {
			s.Fatalf("%+v is held", all)
		}
	},
	"what is right is left": func(s *Scene) {
		holds, standings := []access.Hold{{GrantID: "a", Until: s.soon(1000)}}, []access.Standing{s.Stands("alice", 3, s.soon(1000))}
		s.must(s.Lease.Hold(s.Context(), holds...))
		s.stand(standings...)
		s.mends(access.Mended{}, holds, standings)
	},
	"a grant with another end is put right": func(s *Scene) {
		until := s.soon(2000)
		s.hold("a", s.soon(1000))
		s.mends(access.Mended{Wrong: 1}, []access.Hold{{GrantID: "a", Until: until}}, nil)
		s.mends(access.Mended{}, []access.Hold{{GrantID: "a", Until: until}}, nil)
	},
	"a grant that is not to be held is found and dropped": func(s *Scene) {
		s.hold("a", s.soon(1000))
		s.mends(access.Mended{Extra: 1}, []access.Hold{{GrantID: "a"}, {GrantID: "b"}}, nil)
		if all := s.pages(); len(all.Grants) != 0 {
			s.Fatalf("%+v is held", all)
		}
	},
	"a grant that is over is not held again": func(s *Scene) {
		s.mends(access.Mended{}, []access.Hold{{GrantID: "a", Until: s.Now().Add(-time.Hour)}}, nil)
		if len(s.Heard()) > 0 {
			s.Fatal("it was announced")
		}
	},
	"an older standing is put right": func(s *Scene) {
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.mends(access.Mended{Wrong: 1}, nil, []access.Standing{s.Stands("alice", 4, time.Time{})})
		s.stands("alice", 4, time.Time{})
	},
	"a standing of the version with another end is put right": func(s *Scene) {
		until := s.soon(2000)
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.mends(access.Mended{Wrong: 1}, nil, []access.Standing{s.Stands("alice", 3, until)})
		s.stands("alice", 3, until)
	},
	"a lost tombstone is put right though it need not be kept any more": func(s *Scene) {
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.mends(access.Mended{Wrong: 1}, nil, []access.Standing{{Entitled: Of("alice"), BindingID: "bnd_alice", Version: 4}})
		s.stands("alice", 4, time.Time{})
	},
	"a tombstone that need not be kept is not missed": func(s *Scene) {
		s.mends(access.Mended{}, nil, []access.Standing{{Entitled: Of("alice"), BindingID: "bnd_alice", Version: 4}})
	},
	"what is ahead is left, and named": func(s *Scene) {
		until := s.soon(2000)
		s.stand(s.Stands("alice", 9, until))
		ahead := s.mends(access.Mended{Missing: 1}, nil, []access.Standing{s.Stands("alice", 3, s.soon(1000)), s.Stands("bob", 1, until)})
		if len(ahead) != 1 || ahead[0].Entitled != Of("alice") || ahead[0].Version != 9 || ahead[0].BindingID != "bnd_alice" {
			s.Fatalf("%+v is ahead", ahead)
		}
		s.stands("alice", 9, until)
	},
	"what is ahead is replaced by force, as it was seen": func(s *Scene) {
		right := s.Stands("alice", 3, s.soon(1000))
		s.stand(s.Stands("alice", 9, s.soon(2000)))
		ahead := s.mends(access.Mended{}, nil, []access.Standing{right})
		s.forces(1, ahead, right)
		s.stands("alice", 3, right.Until)
		s.forces(0, ahead, right)
	},
	"what changed since it was seen is not replaced": func(s *Scene) {
		right, newer := s.Stands("alice", 3, s.soon(1000)), s.soon(3000)
		s.stand(s.Stands("alice", 9, s.soon(2000)))
		ahead := s.mends(access.Mended{}, nil, []access.Standing{right})
		s.stand(s.Stands("alice", 10, newer))
		s.forces(0, ahead, right)
		s.stands("alice", 10, newer)
	},
	"what was not seen is not replaced": func(s *Scene) {
		until := s.soon(1000)
		s.stand(s.Stands("alice", 9, until))
		s.forces(0, nil, s.Stands("alice", 3, until))
		s.stands("alice", 9, until)
	},
	"pages hold everything": func(s *Scene) {
		var holds []access.Hold
		var standings []access.Standing
		var grants, bindings []string
		for i := range s.Many {
			id := access.NewID(access.KindGrant, s.Now())
			holds, grants = append(holds, access.Hold{GrantID: id, Until: s.soon(1000)}), append(grants, id)
			standings, bindings = append(standings, s.Stands(number(i), 1, s.soon(1000))), append(bindings, "bnd_"+number(i))
		}
		s.must(s.Lease.Hold(s.Context(), holds...))
		s.stand(standings...)
		all := s.pages()
		same(s, "grants", all.Grants, grants)
		same(s, "bindings", all.Bindings, bindings)
		same(s, "unknown", all.Unknown, nil)
	},
	"a cursor that is not one is refused": func(s *Scene) {
		for _, cursor := range []string{"x", "g:", "g:-1", "1:2:3:4", "999999:0:0", ":::"} {
			if _, err := s.Lease.Page(s.Context(), cursor); err == nil {
				s.Errorf("%q is taken", cursor)
			}
		}
	},
}

func (s *Scene) mends(want access.Mended, holds []access.Hold, standings []access.Standing) []access.Ahead {
	s.Helper()
	got, ahead, err := s.Lease.Mend(s.Context(), holds, standings)
	s.must(err)
	if got != want {
		s.Fatalf("mended %+v, want %+v", got, want)
	}
	return ahead
}

func (s *Scene) forces(want int, seen []access.Ahead, right ...access.Standing) {
	s.Helper()
	n, err := s.Lease.Force(s.Context(), seen, right)
	s.must(err)
	if n != want {
		s.Fatalf("%d were replaced, want %d", n, want)
	}
}

// same sees that the two have the same members, in any order and number.
func same(s *Scene, what string, got, want []string) {
	s.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		s.Errorf("%d %s are held, want %d", len(got), what, len(want))
	}
}
