package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Trust is what somebody knows of a log who checks it, and did not learn from what
// is checked.
type Trust struct {
	Keys  []string // verifier keys
	Since []string // signed checkpoints that were kept: the log must go on from each
}

// Report is what a check found out.
type Report struct {
	Verified   bool       `json:"verified"`
	Format     Format     `json:"format,omitempty"`
	After      int64      `json:"after"`   // what was checked begins behind this event
	Through    int64      `json:"through"` // and ends with this one
	Events     int64      `json:"events"`  // that were found to be what was signed
	Root       *Hash      `json:"root"`    // of the tree of Through, when it was found to be what was signed
	Checkpoint *Committed `json:"checkpoint"`
	Since      []int64    `json:"since,omitempty"` // sizes of the kept checkpoints that the log goes on from
	Findings   []Finding  `json:"findings"`
	More       int        `json:"more,omitempty"` // findings than these
}

// Committed is a checkpoint whose signature holds.
type Committed struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Root   Hash      `json:"root"`
	Time   time.Time `json:"time"`
}

func committed(c Checkpoint) *Committed {
	return &Committed{Origin: c.Origin, Size: c.Size, Root: c.Root, Time: c.Time}
}

// maxFindings is how many findings are listed.
const maxFindings = 100

// add takes a finding down.
func (r *Report) add(f Finding) {
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

// done closes the report.
func (r *Report) done() Report {
	r.Verified = len(r.Findings) == 0
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return *r
}

// Guess is the format that an export seems to be in, by how it begins.
func Guess(begins []byte) Format {
	switch {
	case bytes.HasPrefix(begins, bytes.TrimRight(FormatCSV.Header(), "\r\n")):
		return FormatCSV
	case bytes.Contains(begins, []byte(`"class_uid":`)) && !bytes.HasPrefix(begins, []byte(`{"action":`)):
		return FormatOCSF
	}
	return FormatNDJSON
}

// ErrNoKey says that nobody said which key is trusted.
var ErrNoKey = errors.New("no key is trusted")

// Verify checks an export by its proof: that the proof leads to a checkpoint which a
// trusted key signed, that each event is the one whose hash the proof has in its
// place, and that the log goes on from the checkpoints that were kept. The first event
// that is not what was signed is found. An error says that nothing could be checked.
//
// Both are read once, from their beginnings to their ends. Eight bytes an event are
// held, to tell a repeat from what never was in the log.
func Verify(events io.Reader, format Format, proof io.Reader, trust Trust) (Report, error) {
	report := Report{Format: format}
	p, err := openProof(proof)
	if err != nil {
		return report, err
	}
	report.After, report.Through = p.After, p.Through
	v := verification{proof: p, report: &report, edge: p.edge()}
	if ok, err := v.trust(trust); err != nil || !ok {
		return report.done(), err
	}
	compared, err := newComparison(events, format, p.After)
	if err != nil {
		return report, err
	}
	if err := v.leaves(compared); err != nil {
		return report, err
	}
	if err := compared.finish(); err != nil {
		return report, err
	}
	if err := v.beyond(); err != nil {
		return report, err
	}
	if report.Events = compared.matched; !v.broken {
		root := v.edge.Root()
		report.Root = &root
	}
	if f := compared.finding(); f != nil {
		report.add(*f)
	}
	return report.done(), nil
}

// verification is the proof's half of a check: its leaves, and what is signed.
type verification struct {
	proof   *proofReader
	report  *Report
	edge    Edge // of the leaves so far
	newest  Checkpoint
	marks   []mark // roots that are signed, by size, of trees among the leaves
	outside []mark // roots that are signed of other trees
	holds   int64  // up to here the leaves are those that were signed
	broken  bool
}

// mark is a tree whose root is signed.
type mark struct {
	Checkpoint
	kept bool // outside, by who checks
}

// trust reads what is signed. It reports whether there is a trusted checkpoint at all.
func (v *verification) trust(trust Trust) (bool, error) {
	if len(trust.Keys) == 0 {
		return false, ErrNoKey
	}
	for _, note := range trust.Since {
		c, err := OpenCheckpoint(note, trust.Keys...)
		if err != nil {
			return false, fmt.Errorf("the checkpoint that was kept: %w", err)
		}
		v.mark(mark{c, true})
	}
	c, err := OpenCheckpoint(v.proof.Checkpoint, trust.Keys...)
	if err != nil {
		kind, _ := kindOfNote(err)
		if kind == "" {
			return false, err
		}
		v.report.add(Finding{Kind: kind, Text: "the proof's checkpoint proves nothing: " + err.Error()})
		return false, nil
	}
	if c.Size < v.proof.Through {
		return false, fmt.Errorf("the proof's checkpoint is of %d events, and the export goes to %d", c.Size, v.proof.Through)
	}
	v.newest, v.report.Checkpoint = c, committed(c)
	v.mark(mark{c, false})
	for _, note := range v.proof.Checkpoints {
		if c, err := OpenCheckpoint(note, trust.Keys...); err == nil { // others tell nothing
			v.mark(mark{c, false})
		}
	}
	slices.SortStableFunc(v.marks, func(a, b mark) int { return int(a.Size - b.Size) })
	return true, nil
}

// kindOfNote is the kind of finding that a note is which can not be opened.
func kindOfNote(err error) (kind string, known bool) {
	switch {
	case errors.Is(err, ErrUnknownKey):
		return FoundUnknown, true
	case errors.Is(err, errForged):
		return FoundForged, true
	}
	return "", false
}

func (v *verification) mark(m mark) {
	if m.Size >= v.proof.After && m.Size <= v.proof.Through {
		v.marks = append(v.marks, m)
		return
	}
	v.outside = append(v.outside, m)
}

// leaves grows the tree with the leaves of the proof, and gives each to who has the
// events.
func (v *verification) leaves(to *comparison) error {
	v.holds = v.proof.After
	v.compare()
	for {
		leaf, err := v.proof.leaf()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		v.edge.Add(leaf, nil)
		v.compare()
		if err := to.leaf(leaf); err != nil {
			return err
		}
	}
}

// compare holds the tree so far against what is signed of its size.
func (v *verification) compare() {
	for ; len(v.marks) > 0 && v.marks[0].Size == v.edge.Size; v.marks = v.marks[1:] {
		m := v.marks[0]
		if v.edge.Root() == m.Root {
			if m.kept {
				v.report.Since = append(v.report.Since, m.Size)
			}
			if !v.broken {
				v.holds = m.Size
			}
			continue
		}
		v.differs(m)
	}
}

// differs tells that the tree is not the one that was signed: of the first time only,
// for from there on no tree is.
func (v *verification) differs(m mark) {
	if m.kept {
		v.report.add(rewritten(m.Size))
	}
	if v.broken || m.kept {
		return
	}
	v.broken = true
	v.report.add(unsigned(v.holds+1, m.Size, v.holds == v.proof.After && v.proof.After > 0))
}

func rewritten(size int64) Finding {
	return Finding{Kind: FoundRewritten, Through: size, Text: fmt.Sprintf(
		"the log does not go on from the checkpoint of %d that was kept: something among its first %d events is not what it was then", size, size)}
}

// unsigned is the finding that leaves are not those that were signed. Before the first
// of them there may be others, of which only the tree's edge is known.
func unsigned(from, through int64, orEdge bool) Finding {
	which := fmt.Sprintf("of the events %d to %d one is", from, through)
	switch {
	case through < from:
		from = through
		which = fmt.Sprintf("of the events to %d one is", through)
	case through == from:
		which = fmt.Sprintf("the event %d is", from)
	}
	if orEdge && through >= from {
		which += " (or one before them is)"
	}
	return Finding{Kind: FoundUnsigned, Seq: from, Through: through, Text: which + " not what was signed: the hashes do not lead to the signed root"}
}

// beyond checks what is signed of trees that are not among the leaves.
func (v *verification) beyond() error {
	before, end := v.proof.edge(), v.edge
	for _, m := range v.outside {
		near := end
		if m.Size < v.proof.After {
			near = before
		}
		proof, there := v.consistency(m.Size, near.Size)
		if !there && m.kept {
			return fmt.Errorf("the proof does not lead from the checkpoint of %d to the export, which has the events %d to %d: "+
				"export again with --since-checkpoint, or from event %d on", m.Size, v.proof.After+1, v.proof.Through, min(m.Size, v.proof.After)+1)
		}
		switch {
		case there && connected(proof, m.Checkpoint, near):
			if m.kept {
				v.report.Since = append(v.report.Since, m.Size)
			}
		case m.kept:
			v.report.add(rewritten(m.Size))
		case m.Checkpoint == v.newest && !v.broken:
			v.broken = true
			v.report.add(unsigned(v.holds+1, v.proof.Through, v.holds == v.proof.After && v.holds > 0))
		}
	}
	return nil
}

// consistency finds what leads from one size to the other, whichever is the smaller.
func (v *verification) consistency(a, b int64) ([]Hash, bool) {
	from, to := min(a, b), max(a, b)
	for _, c := range v.proof.Consistency {
		if c.From == from && c.To == to {
			return c.Proof, true
		}
	}
	return []Hash{}, from == 0 // every tree goes on from the empty one
}

func connected(proof []Hash, c Checkpoint, e Edge) bool {
	if c.Size < e.Size {
		return CheckConsistency(proof, c.Size, c.Root, e.Size, e.Root()) == nil
	}
	return CheckConsistency(proof, e.Size, e.Root(), c.Size, c.Root) == nil
}
