package ledger

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Statements over many rows come in few sizes, so that a database that keeps
// statements prepared meets few texts.
const (
	maxList = 512 // ids in one IN list
	maxRows = 256 // rows in one VALUES list
)

// inLists splits ids into lists of at most maxList, each filled up to a power of
// two by repeating its last id.
func inLists(ids []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for chunk := range slices.Chunk(ids, maxList) {
			if !yield(filled(chunk)) {
				return
			}
		}
	}
}

func filled(ids []string) []string {
	size := 1
	for size < len(ids) {
		size *= 2
	}
	out := slices.Grow(slices.Clone(ids), size-len(ids))
	for len(out) < size {
		out = append(out, ids[len(ids)-1])
	}
	return out
}

// byPowers splits rows into runs of at most maxRows whose lengths are powers of
// two.
func byPowers[T any](rows []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for size := maxRows; size > 0; size /= 2 {
			for len(rows) >= size {
				if !yield(rows[:size]) {
					return
				}
				rows = rows[size:]
			}
		}
	}
}

// deleteAll deletes the rows of a table whose column is one of the ids.
func (tx *Tx) deleteAll(table, column string, ids []string) error {
	for list := range inLists(ids) {
		w := where{}
		w.and(column + ` IN (` + w.bindAll(list) + `)`)
		if err := tx.exec(`DELETE FROM `+table+w.String(), w.args...); err != nil {
			return err
		}
	}
	return nil
}

// insertAll runs "INSERT INTO table (columns) VALUES" for the rows. All have one
// length.
func (tx *Tx) insertAll(insert string, rows [][]any) error {
	for run := range byPowers(rows) {
		if err := tx.exec(insert+" "+placeholders(len(run), len(run[0])), slices.Concat(run...)...); err != nil {
			return err
		}
	}
	return nil
}

// placeholders renders "($1, $2), ($3, $4)".
func placeholders(rows, columns int) string { return numbered(1, rows, columns, nil) }

// placeholdersFrom is placeholders whose first number is given, each cast to its type.
func placeholdersFrom(first, rows int, types []string) string {
	return numbered(first, rows, len(types), types)
}

func numbered(first, rows, columns int, types []string) string {
	var b strings.Builder
	n := first - 1
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for column := range columns {
			if column > 0 {
				b.WriteString(", ")
			}
			n++
			mark := "$" + strconv.Itoa(n)
			if types != nil {
				mark = "CAST(" + mark + " AS " + types[column] + ")"
			}
			b.WriteString(mark)
		}
		b.WriteByte(')')
	}
	return b.String()
}

func scanText(row scanner) (text string, err error) { return text, row.Scan(&text) }
