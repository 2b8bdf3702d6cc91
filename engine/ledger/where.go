package ledger

import (
	"strconv"
	"strings"
)

// where gathers the conditions of a query and its numbered arguments.
type where struct {
	conditions []string
	args       []any
}

// bind adds an argument and returns its placeholder.
func (w *where) bind(arg any) string {
	w.args = append(w.args, arg)
	return "$" + strconv.Itoa(len(w.args))
}

// bindAll adds arguments and returns their placeholders, comma-separated.
func (w *where) bindAll(args []string) string {
	marks := make([]string, len(args))
	for i, a := range args {
		marks[i] = w.bind(a)
	}
	return strings.Join(marks, ", ")
}

// add adds "left $n" if used is true.
func (w *where) add(used bool, left string, arg any) {
	if used {
		w.and(left + w.bind(arg))
	}
}

// and adds a condition.
func (w *where) and(condition string) { w.conditions = append(w.conditions, condition) }

// String renders the clause, or nothing when there is no condition.
func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}
