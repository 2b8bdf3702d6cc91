package leasesuite

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// standing is what checks are told.
var standing = map[string]func(*Scene){
	"what was never written is not known": func(s *Scene) { s.unknown("alice") },
	"what was written stands": func(s *Scene) {
		until := s.soon(1000)
		s.stand(s.Stands("alice", 3, until))
		s.stands("alice", 3, until)
		s.unknown("bob")
	},
	"a newer version takes the place of an older one": func(s *Scene) {
		later := s.soon(2000)
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.stand(s.Stands("alice", 4, later))
		s.stands("alice", 4, later)
	},
	"a tombstone is known, and beats a delayed write": func(s *Scene) {
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.stand(s.Stands("alice", 4, time.Time{}))
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.stands("alice", 4, time.Time{})
	},
	"a tombstone stands where nothing stood": func(s *Scene) {
		s.stand(s.Stands("alice", 4, time.Time{}))
		s.stand(s.Stands("alice", 3, s.soon(1000)))
		s.stands("alice", 4, time.Time{})
	},
	"a tombstone that need not be kept is kept a moment": func(s *Scene) {
		s.stand(access.Standing{Entitled: Of("alice"), BindingID: "bnd_alice", Version: 4})
		s.stands("alice", 4, time.Time{})
	},
	"the same version again changes nothing": func(s *Scene) {
		until := s.soon(1000)
		s.stand(s.Stands("alice", 3, until), s.Stands("alice", 3, until))
		s.stand(s.Stands("alice", 3, until))
		s.stands("alice", 3, until)
	},
	"many are written at once": func(s *Scene) {
		var all []access.Standing
		for i := range s.Many {
			all = append(all, s.Stands(number(i), int64(i), s.soon(1000)))
		}
		s.stand(all...)
		for i := range s.Many {
			s.stands(number(i), int64(i), all[i].Until)
		}
	},
	"threes whose parts make the same text together are others": func(s *Scene) {
		x, y := Of("alice"), Of("alice")
		x.Action.Name, x.Resource.Type = "debug", "customer"
		y.Action.Name, y.Resource.Type = "debugc", "ustomer"
		s.stand(access.Standing{Entitled: x, BindingID: "bnd_x", Version: 1, Until: s.soon(1000)})
		if got, known := s.Lease.Standing(s.Context(), y); known {
			s.Fatalf("%+v stands", got)
		}
	},
	"of writers that overtake each other the newest stands": func(s *Scene) {
		until := s.soon(1000)
		var writers sync.WaitGroup
		for _, version := range rand.Perm(50) {
			writers.Go(func() { s.stand(s.Stands("alice", int64(version), until)) })
		}
		writers.Wait()
		s.stands("alice", 49, until)
	},
}

func number(i int) string {
	return string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
}
