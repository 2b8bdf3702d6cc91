package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// Violation is a guarantee that did not hold, with what shows it.
type Violation struct {
	Guarantee string // G1 to G6, as in the design
	What      string
	Evidence  []string
}

// String renders the violation with its evidence beneath it.
func (v Violation) String() string {
	return strings.Join(append([]string{v.Guarantee + ": " + v.What}, v.Evidence...), "\n    ")
}

// Verify runs every checker over the history and returns all that they find.
func Verify(h History) []Violation {
	x := newIndex(h)
	return slices.Concat(
		checkDeprovisioned(x), checkSettled(x),
		checkAgainstLive(x), checkOrder(x), checkFinalState(x), checkClaimed(x),
		checkAnswers(x),
		checkLog(x), checkTree(x), checkSink(x), checkRequestEvents(x), checkGrantEvents(x), checkBindingEvents(x), checkAcknowledged(x),
		checkOnce(x),
	)
}

// Report renders violations, the seed first: it is what repeats the run.
func Report(seed uint64, found []Violation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d violations with SEED=%d", len(found), seed)
	for _, v := range found {
		b.WriteString("\n" + v.String())
	}
	return b.String()
}

// verdict collects violations of one guarantee.
type verdict struct {
	guarantee string
	found     []Violation
}

func (v *verdict) add(evidence []string, format string, args ...any) {
	v.found = append(v.found, Violation{Guarantee: v.guarantee, What: fmt.Sprintf(format, args...), Evidence: evidence})
}
