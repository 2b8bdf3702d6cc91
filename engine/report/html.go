package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"time"

	"github.com/curfew-access/curfew/engine"
)

//go:embed report.css
var style string

//go:embed report.tmpl
var page string

// MaxProved is how many accesses a page proves in its appendix: what proves more fills
// more paper than anybody checks. The JSON has all.
const MaxProved = 500

// SecurityPolicy is what a browser lets a report do: look as it does, and no more.
func SecurityPolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func templates() (*template.Template, error) {
	return template.New("report").Funcs(template.FuncMap{
		"instant": instant, "exact": exact, "removal": removal, "asked": asked, "reasons": reasons, "review": review, "agrees": agrees,
		"state": state, "attempts": attempts, "period": period, "filters": filters,
	}).Parse(page)
}

// writeHTML writes one page that needs nothing else.
func writeHTML(out io.Writer, d Document) (n int, err error) {
	t, err := templates()
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(out)
	if err := t.ExecuteTemplate(w, "title", d); err != nil {
		return 0, err
	}
	_, _ = w.WriteString("<style>" + style + "</style>\n") // as it is hashed; its error comes with Flush
	if err := t.ExecuteTemplate(w, "head", d); err != nil {
		return 0, err
	}
	var appendix []logged
	for a, err := range d.Items {
		if err == nil {
			n++
			err = t.ExecuteTemplate(w, "access", numbered{n, a})
		}
		if err != nil {
			return n, err
		}
		for _, e := range a.Proof.Events {
			appendix = append(appendix, logged{ProofEvent: e, Of: a.GrantID})
		}
	}
	if err := t.ExecuteTemplate(w, "foot", n); err != nil {
		return n, err
	}
	if err := prove(appendix, d, n); err != nil {
		return n, err
	}
	err = t.ExecuteTemplate(w, "appendix", proofs{d, appendix, n <= MaxProved && d.Checkpoint != nil, MaxProved})
	if err != nil {
		return n, err
	}
	return n, w.Flush()
}

// numbered is an access with its number in the report.
type numbered struct {
	N int
	engine.AccessItem
}

// Starts is from when the access was given.
func (n numbered) Starts() *time.Time { return &n.StartsAt }

// Expires is when its time is over.
func (n numbered) Expires() *time.Time { return &n.ExpiresAt }

// Loud reports whether the access is not proven gone, or was not in its time.
func (n numbered) Loud() bool {
	return n.RemovalState == engine.RemovalOpen || n.RemovalState == engine.RemovalReopened
}

// Disputed reports whether the audit log tells otherwise.
func (n numbered) Disputed() bool { return n.Proof.Agrees != nil && !*n.Proof.Agrees }

// proofs is what the appendix shows.
type proofs struct {
	Document
	Events []logged
	Proved bool // with what proves each
	Most   int  // that are proved
}

// prove reads what proves the events, unless there are too many accesses.
func prove(appendix []logged, d Document, accesses int) error {
	if accesses > MaxProved {
		return nil
	}
	var seqs []int64
	for _, e := range appendix {
		if e.Seq != nil {
			seqs = append(seqs, *e.Seq)
		}
	}
	found := map[int64]*engine.LoggedProof{}
	for p, err := range d.Proofs(seqs) {
		if err != nil {
			return err
		}
		found[p.Seq] = &p
	}
	for i, e := range appendix {
		if e.Seq != nil {
			appendix[i].Proof = found[*e.Seq]
		}
	}
	return nil
}
