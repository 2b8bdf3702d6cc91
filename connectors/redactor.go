package connectors

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxPiece bounds, in bytes, what is shown of an answer or of a failure's cause.
const MaxPiece = 256

const (
	// runLength is the length from which a part of a secret gives it away.
	runLength = 8
	withheld  = "(withheld: it repeats a secret)"
	masked    = "***"
)

// Redactor makes text of the outside world fit to be shown and kept: one line,
// printable, short, without the secrets it was told of. The zero value knows no
// secret. A Redactor must not be used and changed at the same time.
type Redactor struct {
	runs map[string]bool // every run of runLength bytes of a secret, lower case
	cut  []string        // replaced wherever they stand
}

// Hide adds secrets. Text that repeats eight bytes in a row of one is withheld
// as a whole, whatever the case of its letters, so that a secret that comes back
// shortened or escaped (JSON, URL, HTML) is found too. A shorter secret is
// replaced where it stands. An empty one is ignored.
func (r *Redactor) Hide(secrets ...string) {
	for _, secret := range secrets {
		secret = oneLine(secret)
		if len(secret) < runLength {
			r.Cut(secret)
			continue
		}
		if r.runs == nil {
			r.runs = map[string]bool{}
		}
		for run := range windows(strings.ToLower(secret)) {
			r.runs[run] = true
		}
	}
}

// Cut adds strings that are replaced wherever they stand as a whole: for what is
// not secret by itself but has no place in an error, such as a URL's path.
func (r *Redactor) Cut(texts ...string) {
	for _, text := range texts {
		if text != "" && !slices.Contains(r.cut, text) {
			r.cut = append(r.cut, text)
		}
	}
}

// Clone returns a copy that can be changed on its own.
func (r *Redactor) Clone() *Redactor {
	c := &Redactor{runs: make(map[string]bool, len(r.runs)), cut: slices.Clone(r.cut)}
	for run := range r.runs {
		c.runs[run] = true
	}
	return c
}

// Clean returns the text's beginning in at most MaxPiece bytes: one line, what
// can not be printed shown as "?", secrets withheld or replaced.
func (r *Redactor) Clean(text string) string {
	// Longer than what is shown, so that a secret across the cut is still found.
	text = oneLine(text[:min(len(text), 8*MaxPiece)])
	for run := range windows(strings.ToLower(text)) {
		if r.runs[run] {
			return withheld
		}
	}
	for _, c := range r.cut {
		text = strings.ReplaceAll(text, c, masked)
	}
	if len(text) <= MaxPiece {
		return text
	}
	end := MaxPiece - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// windows yields every run of runLength bytes.
func windows(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i+runLength <= len(s); i++ {
			if !yield(s[i : i+runLength]) {
				return
			}
		}
	}
}

// oneLine joins words by single spaces and replaces what can not be printed,
// among it the marks that reverse the direction of text.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, s)
}
