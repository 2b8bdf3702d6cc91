package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/curfew-access/curfew/engine/access"
)

// The forms of an answer.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// say prints one line.
func (c *cli) say(format string, args ...any) error {
	_, err := fmt.Fprintf(c.Out, format+"\n", args...)
	return err
}

// printJSON prints a value, or what the gateway answered, as indented JSON.
func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows under a header, in columns.
func (c *cli) table(header string, rows [][]string) error {
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	writeRow(w, strings.Fields(header))
	for _, row := range rows {
		writeRow(w, row)
	}
	return w.Flush()
}

// facts prints names and values, one a line; a value that is empty is left out.
func (c *cli) facts(pairs ...string) error {
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			writeRow(w, pairs[i:i+2])
		}
	}
	return w.Flush()
}

func writeRow(w io.Writer, cells []string) {
	for i, cell := range cells {
		if cell == "" {
			cell = "-"
		}
		cell = strings.ReplaceAll(clean(cell), "\n", "\n\t") // a line of a text is no row of its own
		if i > 0 {
			cell = "\t" + cell
		}
		_, _ = io.WriteString(w, cell) // a tabwriter's error comes with Flush
	}
	_, _ = io.WriteString(w, "\n")
}

// clean takes out what would move a terminal's cursor or a table's column: texts
// come from other people. Line ends stay, and a tab
// is a space.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			return r
		case r == '\t':
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}

// counted is a number of things: "1 target", "2 targets".
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// instant is a time as tables show it, to the second.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// exact is a time to the last digit that was answered.
func exact(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// forOrWhile is how long access was asked for.
func forOrWhile(d *access.Duration, while *string) string {
	switch {
	case d != nil:
		return d.String()
	case while != nil:
		return "while " + *while
	}
	return ""
}
