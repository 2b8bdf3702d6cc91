package leasesuite

import (
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// announcing is what grants' ends are.
var announcing = map[string]func(*Scene){
	"a grant is announced when it is due, and not before": func(s *Scene) {
		until := s.soon(1)
		s.hold("a", until)
		s.Pass(until.Add(-s.Unit / 3))
		if s.Lease.Poke(s.Context(), "a"); len(s.Heard()) > 0 {
			s.Fatal("it was announced before it was due")
		}
		s.Pass(until)
		s.announced("a")
	},
	"a sooner end is announced before one that was held first": func(s *Scene) {
		s.hold("late", s.soon(1000))
		s.hold("soon", s.soon(1))
		s.Pass(s.soon(1))
		s.announced("soon")
	},
	"a dropped grant is not announced": func(s *Scene) {
		s.hold("dropped", s.soon(1))
		s.hold("kept", s.soon(1))
		s.must(s.Lease.Drop(s.Context(), "dropped", "never held"))
		s.Pass(s.soon(1))
		s.Lease.Poke(s.Context(), "dropped")
		s.announced("kept")
	},
	"a grant held again has its new end only": func(s *Scene) {
		later, sooner := s.soon(3), s.soon(1)
		s.hold("later", sooner)
		s.hold("later", later)
		s.hold("sooner", later)
		s.hold("sooner", sooner)
		s.Pass(sooner)
		s.Lease.Poke(s.Context(), "later")
		s.announced("sooner")
		s.Pass(later)
		s.announced("sooner", "later")
	},
	"an end that is past is announced at once": func(s *Scene) {
		s.hold("a", s.Now().Add(-time.Hour))
		s.announced("a")
	},
	"many ends at once are all announced": func(s *Scene) {
		var holds []access.Hold
		var ids []string
		until := s.soon(1)
		for i := range s.Many {
			id := access.NewID(access.KindGrant, s.Now())
			if i%2 == 1 {
				id = "odd" + strconv.Itoa(i) // any id is held
			}
			holds, ids = append(holds, access.Hold{GrantID: id, Until: until}), append(ids, id)
		}
		s.must(s.Lease.Hold(s.Context(), holds...))
		s.Pass(until)
		s.announced(ids...)
	},
	"a poke says that an end is announced": func(s *Scene) {
		s.hold("a", s.soon(1))
		s.Pass(s.soon(1))
		s.Await("the poke says so", func() bool { return s.Lease.Poke(s.Context(), "a") })
		s.Await("it is announced", func() bool { return len(s.Heard()) == 1 })
	},
}
