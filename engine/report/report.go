// Package report writes who had access as a document that an auditor keeps: a page
// that prints well, a table for a spreadsheet, and JSON with what proves each word of
// it. It decides nothing: what is in a report is the engine's to say.
package report

import (
	"io"
	"iter"
	"time"

	"github.com/curfew-access/curfew/engine"
)

// Document is a report that is to be written.
type Document struct {
	*engine.AccessReport
	Items  iter.Seq2[engine.AccessItem, error]                     // the latest start first
	Proofs func(seqs []int64) iter.Seq2[engine.LoggedProof, error] // of events, by their numbers
}

// Made is when the report was made.
func (d Document) Made() *time.Time { return &d.MadeAt }

// Form is how a report is written.
type Form struct {
	ContentType string
	Extension   string // of a file
	// Write writes the document, and tells how many accesses there were. An error is in
	// the middle of it: what was written is not whole.
	Write func(io.Writer, Document) (n int, err error)
}

// The names of the forms.
const (
	FormHTML = "html"
	FormCSV  = "csv"
	FormJSON = "report"
)

// FormOf is the form of the name; ok is false when there is none.
func FormOf(name string) (f Form, ok bool) {
	switch name {
	case FormHTML:
		return Form{"text/html; charset=utf-8", "html", writeHTML}, true
	case FormCSV:
		return Form{"text/csv; charset=utf-8; header=present", "csv", writeCSV}, true
	case FormJSON:
		return Form{"application/json; charset=utf-8", "json", writeJSON}, true
	}
	return Form{}, false
}

// logged is an event of the appendix.
type logged struct {
	engine.ProofEvent
	Of    string // the grant that it tells of
	Proof *engine.LoggedProof
}

// At is when it happened.
func (l logged) At() *time.Time { return &l.Time }

// sealed is the numbers of the events that have one.
func sealed(events []engine.ProofEvent) (seqs []int64) {
	for _, e := range events {
		if e.Seq != nil {
			seqs = append(seqs, *e.Seq)
		}
	}
	return seqs
}

// instant is a time as a report shows it. One that is absent is empty.
func instant(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// exact is a time to its last digit.
func exact(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
