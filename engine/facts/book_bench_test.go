package facts_test

import (
	"fmt"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
)

const (
	benchPeople    = 10_000
	benchSchedules = 2_000
	benchShifts    = 5 // of each person
)

func benchSubject(i int) access.Subject {
	return access.Subject{Type: access.TypeUser, ID: fmt.Sprintf("person-%d@example.com", i)}
}

// bigSnapshot is what a large vendor says.
func bigSnapshot() access.Snapshot {
	s := onCallAt("pagerduty", 0)
	for n := range benchShifts {
		for i := range benchPeople {
			s.Shifts = append(s.Shifts, shift(benchSubject(i), fmt.Sprint("schedule-", (i+n)%benchSchedules), n*60-30, n*60+30))
		}
	}
	return s
}

// BenchmarkBookPut takes a new snapshot of all.
func BenchmarkBookPut(b *testing.B) {
	s := bigSnapshot()
	sources := []facts.BookSource{{Name: "pagerduty", Kind: access.SourceOnCall}}
	b.ReportAllocs()
	for b.Loop() {
		bookOf(sources, s)
	}
}

// BenchmarkBookShifts answers a decision.
func BenchmarkBookShifts(b *testing.B) {
	book := bookOf([]facts.BookSource{{Name: "pagerduty", Kind: access.SourceOnCall}}, bigSnapshot())
	who := benchSubject(4711)
	b.ReportAllocs()
	for b.Loop() {
		if got, err := book.Shifts(b.Context(), who, noon); !got.Known || err != nil || len(got.Shifts) != benchShifts {
			b.Fatalf("got %+v, %v", got, err)
		}
	}
}
