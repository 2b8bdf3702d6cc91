package main

import (
	"fmt"
	"time"
)

// pollTable is polls, and a second row for the first of each process.
func pollTable(figures []pollFigure) table {
	t := table{
		title: "A poll of PagerDuty, and bare reading of the same bodies",
		head: []string{
			"people", "turns of", "shifts", "requests", "body MB", "", "wall s", "", "of it fetch", "CPU s", "peak MB", "kept MB", "k allocs",
			"bare wall s", "ratio", "", "bare CPU s", "ratio", "decoding s", "bare k allocs", "ratio",
		},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.People), days(f.Turn), fmt.Sprint(f.First.Shifts), fmt.Sprint(f.First.Requests), fmt.Sprintf("%.1f", mega(f.First.BodyBytes)), "the first",
			sec(f.First.Wall), "", sec(f.First.Fetch), sec(f.First.CPU), fmt.Sprintf("%.0f", mega(f.First.Peak)), fmt.Sprintf("%.1f", mega(f.First.Kept)),
			thousands(float64(f.First.Allocs)), "", "", "", "", "", "", "", "")
		t.row(fmt.Sprint(f.People), days(f.Turn), fmt.Sprint(f.Rows), fmt.Sprint(f.Requests), fmt.Sprintf("%.1f", mega(f.Bytes)), "later",
			sec(f.Wall.Median), span("[%.2f to %.2f]", &f.Wall), sec(f.Fetch.Median), sec(f.CPU.Median), fmt.Sprintf("%.0f", f.Peak.Median/1e6), "",
			thousands(f.Alloc.Median), sec(f.Bare.Median), sec(f.OfBare.Median), span("[%.2f to %.2f]", &f.OfBare),
			sec(f.BareCPU.Median), sec(f.CPUOfBare.Median), sec(f.Decoding.Median), thousands(f.BareAlloc.Median), sec(f.AllocsOfBare.Median))
	}
	return t
}

func days(d time.Duration) string { return fmt.Sprintf("%.0f d", d.Hours()/24) }

func thousands(v float64) string { return fmt.Sprintf("%.0f", v/1000) }

func busyTable(figures []busyFigure) table {
	t := table{
		title: "Decisions while polls are applied",
		head:  []string{"callers", "", "polls", "per s", "", "p50 us", "p99 us", "per s of quiet", "", "p50", "p99", ""},
	}
	for _, f := range figures {
		row := []string{
			fmt.Sprint(f.Callers), f.Name, "", fmt.Sprintf("%.0f", f.PerSecond.Median), span("[%.0f to %.0f]", &f.PerSecond),
			fmt.Sprintf("%.0f", f.P50Micros.Median), fmt.Sprintf("%.0f", f.P99Micros.Median), "", "", "", "", "",
		}
		if len(f.OfQuiet.Rounds) > 0 {
			row[2] = fmt.Sprint(f.Polls)
			copy(row[7:], []string{
				sec(f.OfQuiet.Median), span("[%.2f to %.2f]", &f.OfQuiet), sec(f.P50.Median), sec(f.P99.Median), span("[%.2f to %.2f]", &f.P99),
			})
		}
		t.row(row...)
	}
	return t
}

func movedTable(figures []movedFigure) table {
	t := table{
		title: "Bound grants after one edit of their schedule: seconds from when the poll has seen it",
		head:  []string{"grants", "", "", "edit", "committed", "in ledger and lease", "", "CPU s", "of PostgreSQL", "late", "told", "confirmed", ""},
	}
	for _, f := range figures {
		t.row(fmt.Sprint(f.Grants), f.Ledger, f.Lease, f.Edit, orNone(f.Committed.Median), sec(f.Right.Median), span("[%.2f to %.2f]", &f.Right),
			sec(f.CPU.Median), median("%.2f", f.Database), fmt.Sprint(f.Late), median("%.2f", f.Told), median("%.2f", f.Confirmed), span("[%.2f to %.2f]", f.Confirmed))
	}
	return t
}
