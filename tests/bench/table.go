package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// table is figures in rows.
type table struct {
	title string
	head  []string
	rows  [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// used tells which columns hold anything in any row.
func (t *table) used() []bool {
	used := make([]bool, len(t.head))
	for _, cells := range t.rows {
		for i, cell := range cells {
			used[i] = used[i] || cell != ""
		}
	}
	return used
}

// write renders the table, if there is anything in it.
func (t *table) write(text *strings.Builder) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(text, "\n%s\n", t.title)
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', tabwriter.AlignRight)
	used := t.used()
	for _, cells := range append([][]string{t.head}, t.rows...) {
		for i, cell := range cells {
			if used[i] {
				fmt.Fprint(w, cell, "\t")
			}
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a builder takes everything
}
