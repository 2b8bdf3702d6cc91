package report

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// head is a report without its accesses. What proves it comes by the names that
// curfew audit verify knows.
type head struct {
	Version    int                      `json:"curfew_report"`
	MadeAt     time.Time                `json:"made_at"`
	MadeBy     access.Subject           `json:"made_by"`
	At         *time.Time               `json:"at"`
	From       *time.Time               `json:"from"`
	To         *time.Time               `json:"to"`
	Subject    *string                  `json:"subject"`
	Resource   *string                  `json:"resource"`
	Granted    bool                     `json:"granted_only"`
	Signed     *engine.ReportCheckpoint `json:"signed"`
	Checkpoint *string                  `json:"checkpoint"`
}

// version of the report's JSON.
const version = 1

// writeJSON writes the report as one object, an access and a proof a line.
func writeJSON(out io.Writer, d Document) (n int, err error) {
	h := head{
		Version: version, MadeAt: d.MadeAt, MadeBy: d.MadeBy, At: d.At, From: d.From, To: d.To, Granted: d.Granted,
		Subject: orNull(d.Subject), Resource: orNull(d.Resource), Signed: d.Checkpoint,
	}
	if h.Signed != nil {
		h.Checkpoint = &h.Signed.Note
	}
	raw, err := json.Marshal(h)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(out)
	_, _ = w.Write(raw[:len(raw)-1]) // its errors come with Flush
	_, _ = w.WriteString(",\n\"accesses\":[")
	var seqs []int64
	for a, err := range d.Items {
		if err == nil {
			err = element(w, n, a)
		}
		if err != nil {
			return n, err
		}
		seqs = append(seqs, sealed(a.Proof.Events)...)
		n++
	}
	_, _ = w.WriteString("\n],\n\"proofs\":[")
	proved := 0
	for p, err := range d.Proofs(seqs) {
		if err == nil {
			err = element(w, proved, p)
		}
		if err != nil {
			return n, err
		}
		proved++
	}
	_, _ = w.WriteString("\n]}\n")
	return n, w.Flush()
}

// element writes the nth element of a list.
func element(w *bufio.Writer, n int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if n > 0 {
		_ = w.WriteByte(',')
	}
	_ = w.WriteByte('\n')
	_, err = w.Write(raw)
	return err
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
