package audit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

const origin = "curfew.example.com/audit"

// taken is an export of a log, with all that it takes to take another.
type taken struct {
	format         audit.Format
	keys           *audit.Keys
	verifier       string
	log            [][]byte // the canonical events, from number 1
	lines          []string // of the export
	after, through int64
	header         audit.ProofHeader
	leaves         []audit.Hash
}

// logOf is a log of so many events.
func logOf(t testing.TB, n int) (log [][]byte) {
	t.Helper()
	actor := access.Subject{Type: "user", ID: "bob@example.com"}
	for i := range n {
		raw, err := audit.Event{
			ID: fmt.Sprintf("evt_%04d", i+1), Version: audit.Version, Type: audit.GrantEnded, Actor: &actor,
			Time: time.Date(2026, 11, 22, 3, 0, i, 0, time.UTC), Data: map[string]any{"note": "a \"text\",\nof two lines"},
		}.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, raw)
	}
	return log
}

// take exports the events behind after to through of a log.
func take(t testing.TB, format audit.Format, log [][]byte, after, through int64, notes ...int64) *taken {
	t.Helper()
	signing, verifier := newKey(t)
	k, err := audit.NewKeys(signing)
	if err != nil {
		t.Fatal(err)
	}
	x := &taken{format: format, keys: k, verifier: verifier, log: log, after: after, through: through}
	x.header = audit.ProofHeader{Origin: origin, After: after, Through: through, Edge: edgeOf(log, after).Peaks, Checkpoint: x.note(t, log, through)}
	for _, size := range notes {
		x.header.Checkpoints = append(x.header.Checkpoints, x.note(t, log, size))
	}
	for i, canonical := range log[after:through] {
		line, err := format.Append(nil, after+int64(i)+1, canonical)
		if err != nil {
			t.Fatal(err)
		}
		x.lines = append(x.lines, string(line))
		x.leaves = append(x.leaves, audit.Hash(audit.Leaf(canonical)))
	}
	return x
}

func newKey(t testing.TB) (signing, verifier string) {
	t.Helper()
	signing, verifier, err := audit.NewKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	return signing, verifier
}

func edgeOf(log [][]byte, size int64) (edge audit.Edge) {
	for _, canonical := range log[:size] {
		edge.Add(audit.Hash(audit.Leaf(canonical)), nil)
	}
	return edge
}

// note is a signed checkpoint of a log.
func (x *taken) note(t testing.TB, log [][]byte, size int64) string {
	t.Helper()
	signed, err := x.keys.Sign(audit.Checkpoint{Size: size, Root: edgeOf(log, size).Root(), Time: time.Unix(1e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// proof is the proof file.
func (x *taken) proof(t testing.TB) []byte {
	t.Helper()
	raw, err := x.header.Line()
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(x.leaves, audit.TileWidth) {
		raw = audit.AppendLeaves(raw, chunk)
	}
	return raw
}

func (x *taken) file() string { return string(x.format.Header()) + strings.Join(x.lines, "") }

func (x *taken) verify(t testing.TB, since ...string) audit.Report {
	t.Helper()
	report, err := audit.Verify(strings.NewReader(x.file()), x.format, bytes.NewReader(x.proof(t)), audit.Trust{Keys: []string{x.verifier}, Since: since})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// consistency adds what leads from one size to the other.
func (x *taken) consistency(t testing.TB, from, to int64) {
	t.Helper()
	var tree stored
	for i, canonical := range x.log {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), audit.Hash(audit.Leaf(canonical)), tree)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, hashes...)
	}
	proof, err := audit.ProveConsistency(tree, from, to)
	if err != nil {
		t.Fatal(err)
	}
	x.header.Consistency = append(x.header.Consistency, audit.Consistency{From: from, To: to, Proof: proof})
}

var formats = []audit.Format{audit.FormatNDJSON, audit.FormatCSV, audit.FormatOCSF}

func TestWhatWasExportedIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	log := logOf(t, 700)
	for _, format := range formats {
		for _, span := range [][2]int64{{0, 700}, {0, 1}, {0, 0}, {1, 700}, {256, 512}, {300, 301}, {513, 700}, {700, 700}} {
			x := take(t, format, log, span[0], span[1], 1, 64, 300, 600)
			report := x.verify(t)
			if !report.Verified || report.Events != span[1]-span[0] || report.Checkpoint.Size != span[1] {
				t.Errorf("%s of %v: %+v", format, span, report)
			}
		}
	}
}

func TestExportIsProvedByACheckpointOfMore(t *testing.T) {
	t.Parallel()
	x := take(t, audit.FormatNDJSON, logOf(t, 70), 10, 40)
	x.header.Checkpoint = x.note(t, x.log, 70)
	if report := x.verify(t); report.Verified {
		t.Error("nothing leads to the checkpoint, and it is verified")
	}
	x.consistency(t, 40, 70)
	if report := x.verify(t); !report.Verified {
		t.Errorf("got %+v", report)
	}
	x.lines[3], x.leaves[3] = x.lines[4], x.leaves[4]
	if report := x.verify(t); report.Verified || report.Findings[0].Kind != audit.FoundUnsigned {
		t.Errorf("got %+v", report)
	}
}

func TestChangeOfAnExportIsNamed(t *testing.T) {
	t.Parallel()
	log := logOf(t, 30)
	stranger := logOf(t, 31)[30]
	cases := map[string]struct {
		change func(lines []string, foreign string) []string
		kind   string
		seq    int64 // the export is of the events 11 to 30
		line   int64 // without what the format begins with
		text   string
	}{
		"a word of an event is another": {
			func(l []string, _ string) []string { l[4] = strings.ReplaceAll(l[4], "two", "six"); return l }, audit.FoundEdited, 15, 5, "line",
		},
		"an event is another": {
			func(l []string, foreign string) []string { l[4] = foreign; return l }, audit.FoundEdited, 15, 5, "evt_0031",
		},
		"an event is removed": {
			func(l []string, _ string) []string { return slices.Delete(l, 4, 5) }, audit.FoundRemoved, 15, 5, "event 15 is missing: line",
		},
		"several events are removed": {
			func(l []string, _ string) []string { return slices.Delete(l, 4, 9) }, audit.FoundRemoved, 15, 5, "between evt_0014",
		},
		"the first is removed": {
			func(l []string, _ string) []string { return l[1:] }, audit.FoundRemoved, 11, 1, "before evt_0012",
		},
		"the last is removed": {
			func(l []string, _ string) []string { return l[:19] }, audit.FoundCutOff, 30, 0, "which is the last",
		},
		"the last are removed": {
			func(l []string, _ string) []string { return l[:9] }, audit.FoundCutOff, 20, 0, "events 20 to 30 are missing",
		},
		"all are removed": {
			func([]string, string) []string { return nil }, audit.FoundCutOff, 11, 0, "events 11 to 30 are missing",
		},
		"it ends in the middle of an event": {
			func(l []string, _ string) []string { l[9] = l[9][:40]; return l[:10] }, audit.FoundCutOff, 20, 10, "in the middle of event 20",
		},
		"an event is inserted": {
			func(l []string, foreign string) []string { return slices.Insert(l, 4, foreign) }, audit.FoundInserted, 15, 5, "never in the log (evt_0031",
		},
		"an event is appended": {
			func(l []string, foreign string) []string { return append(l, foreign) }, audit.FoundInserted, 31, 21, "behind the last event",
		},
		"an event stands twice": {
			func(l []string, _ string) []string { return slices.Insert(l, 5, l[4]) }, audit.FoundRepeated, 16, 6, "is event 15 again",
		},
		"an event stands again at the end": {
			func(l []string, _ string) []string { return append(l, l[4]) }, audit.FoundRepeated, 31, 21, "is event 15 again",
		},
		"an event stands before its place, too": {
			func(l []string, _ string) []string { return slices.Insert(l, 2, l[9]) }, audit.FoundRepeated, 13, 3, "is event 20 again",
		},
		"an event is replaced by one before it": {
			func(l []string, _ string) []string { l[9] = l[4]; return l }, audit.FoundRemoved, 20, 10, "is event 15 again",
		},
		"two events are swapped": {
			func(l []string, _ string) []string { l[4], l[9] = l[9], l[4]; return l }, audit.FoundReordered, 15, 5, "is event 20 (evt_0020",
		},
		"an event is moved to the front": {
			func(l []string, _ string) []string { return slices.Concat(l[9:10], l[:9], l[10:]) }, audit.FoundReordered, 11, 1, "is event 20",
		},
		"an empty line stands between": {
			func(l []string, _ string) []string { return slices.Insert(l, 4, "\n") }, audit.FoundInserted, 15, 5, "never in the log",
		},
	}
	for _, format := range formats {
		for name, tc := range cases {
			t.Run(string(format)+": "+name, func(t *testing.T) {
				x := take(t, format, log, 10, 30)
				foreign, err := format.Append(nil, 31, stranger)
				if err != nil {
					t.Fatal(err)
				}
				x.lines = tc.change(x.lines, string(foreign))
				report := x.verify(t)
				if report.Verified || len(report.Findings) != 1 {
					t.Fatalf("got %+v", report)
				}
				line := tc.line
				if line > 0 {
					line += int64(bytes.Count(format.Header(), []byte{'\n'}))
				}
				if got := report.Findings[0]; got.Kind != tc.kind || got.Seq != tc.seq || got.Line != line || !strings.Contains(got.Text, tc.text) {
					t.Errorf("got %+v", got)
				}
			})
		}
	}
}

func TestColumnThatSaysSomethingElseThanItsEventIsNamed(t *testing.T) {
	t.Parallel()
	log := logOf(t, 30)
	for name, tc := range map[string]struct {
		format   audit.Format
		old, new string
		text     string
	}{
		"an actor of CSV":  {audit.FormatCSV, "user:bob@example.com", "user:eve@example.com", `the column "actor"`},
		"a time of CSV":    {audit.FormatCSV, "2026-11-22T03:00:07Z", "2026-11-22T04:00:07Z", `the column "time"`},
		"a number of CSV":  {audit.FormatCSV, "8,", "9,", `the column "seq"`},
		"a class of OCSF":  {audit.FormatOCSF, `"class_uid":3005`, `"class_uid":3004`, "beside raw_data"},
		"a member of OCSF": {audit.FormatOCSF, `,"raw_data":`, `,"eve":1,"raw_data":`, "beside raw_data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := take(t, tc.format, log, 0, 30)
			edited := strings.Replace(x.lines[7], tc.old, tc.new, 1)
			if edited == x.lines[7] {
				t.Fatalf("there is no %s in %s", tc.old, edited)
			}
			x.lines[7] = edited
			report := x.verify(t)
			if report.Verified || len(report.Findings) != 1 || report.Findings[0].Kind != audit.FoundColumn ||
				report.Findings[0].Seq != 8 || !strings.Contains(report.Findings[0].Text, tc.text) {
				t.Errorf("got %+v", report)
			}
		})
	}
}

// The line and its leaf agree; the leaf is not what was signed.
func TestLeafThatWasNotSignedIsLocatedBetweenCheckpoints(t *testing.T) {
	t.Parallel()
	log := logOf(t, 600)
	for name, tc := range map[string]struct {
		notes         []int64
		from, through int64
	}{
		"without any":          {nil, 11, 600},
		"between two":          {[]int64{500, 513, 520, 590}, 514, 520},
		"behind the last":      {[]int64{64, 510}, 511, 600},
		"of this event itself": {[]int64{514, 515}, 515, 515},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := take(t, audit.FormatNDJSON, log, 10, 600, tc.notes...)
			x.lines[504] = strings.Replace(x.lines[504], "two", "six", 1)
			x.leaves[504] = audit.Hash(audit.Leaf([]byte(strings.TrimSuffix(x.lines[504], "\n"))))
			report := x.verify(t)
			if len(report.Findings) != 1 {
				t.Fatalf("got %+v", report)
			}
			if got := report.Findings[0]; got.Kind != audit.FoundUnsigned || got.Seq != tc.from || got.Through != tc.through {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestEdgeThatWasNotSignedIsSeen(t *testing.T) {
	t.Parallel()
	x := take(t, audit.FormatNDJSON, logOf(t, 60), 11, 60, 30)
	x.header.Edge[1][0] ^= 1
	report := x.verify(t)
	if len(report.Findings) != 1 || report.Findings[0].Kind != audit.FoundUnsigned || !strings.Contains(report.Findings[0].Text, "or one before them") {
		t.Errorf("got %+v", report)
	}
}

func TestLogGoesOnFromCheckpointsThatWereKept(t *testing.T) {
	t.Parallel()
	log := logOf(t, 60)
	other := slices.Clone(log)
	other[4] = logOf(t, 61)[60]
	for name, tc := range map[string]struct {
		size  int64
		leads bool // the proof does
		other bool // it was of another log
		kind  string
		fails string
	}{
		"of the export's end": {size: 50},
		"of its middle":       {size: 33},
		"of its beginning":    {size: 20},
		"from before it":      {size: 13, leads: true},
		"of more than it":     {size: 60, leads: true},
		"of nothing":          {size: 0},
		"from before it, and nothing leads there":        {size: 13, fails: "export again with --since-checkpoint"},
		"of more than it, and nothing leads there":       {size: 60, fails: "export again with --since-checkpoint"},
		"of another log, of its end":                     {size: 50, other: true, kind: audit.FoundRewritten},
		"of another log, of its middle":                  {size: 33, other: true, kind: audit.FoundRewritten},
		"of another log, from before it":                 {size: 13, other: true, leads: true, kind: audit.FoundRewritten},
		"of another log, from before what was rewritten": {size: 3, other: true, leads: true},
		"of another log, of more than it":                {size: 60, other: true, leads: true, kind: audit.FoundRewritten},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := take(t, audit.FormatNDJSON, log, 20, 50)
			kept := log
			if tc.other {
				kept = other
			}
			if tc.leads {
				near := int64(20)
				if tc.size > 50 {
					near = 50
				}
				x.consistency(t, min(tc.size, near), max(tc.size, near))
			}
			report, err := audit.Verify(strings.NewReader(x.file()), x.format, bytes.NewReader(x.proof(t)),
				audit.Trust{Keys: []string{x.verifier}, Since: []string{x.note(t, kept, tc.size)}})
			switch {
			case tc.fails != "":
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Fatalf("got %v", err)
				}
			case err != nil:
				t.Fatal(err)
			case tc.kind == "":
				if !report.Verified || !slices.Equal(report.Since, []int64{tc.size}) {
					t.Fatalf("got %+v", report)
				}
			case report.Verified || len(report.Findings) != 1 || report.Findings[0].Kind != tc.kind:
				t.Fatalf("got %+v", report)
			}
		})
	}
}

func TestCheckpointThatNobodyTrustsProvesNothing(t *testing.T) {
	t.Parallel()
	x := take(t, audit.FormatNDJSON, logOf(t, 20), 0, 20)
	verify := func(keys ...string) (audit.Report, error) {
		return audit.Verify(strings.NewReader(x.file()), x.format, bytes.NewReader(x.proof(t)), audit.Trust{Keys: keys})
	}
	_, other := newKey(t)
	if report, err := verify(other); err != nil || report.Verified || report.Findings[0].Kind != audit.FoundUnknown {
		t.Errorf("got %+v, %v", report, err)
	}
	if _, err := verify(); !errors.Is(err, audit.ErrNoKey) {
		t.Errorf("got %v", err)
	}
	if _, err := verify("hunter2"); err == nil {
		t.Error("what is no key is taken")
	}
	x.header.Checkpoint = strings.Replace(x.header.Checkpoint, "\n20\n", "\n21\n", 1)
	if report, err := verify(x.verifier); err != nil || report.Verified || report.Findings[0].Kind != audit.FoundForged {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestProofFileThatCanNotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	x := take(t, audit.FormatNDJSON, logOf(t, 600), 3, 600)
	good := string(x.proof(t))
	lines := strings.SplitAfter(good, "\n")
	for name, proof := range map[string]string{
		"nothing":             "",
		"the export":          x.file(),
		"another version":     strings.Replace(good, `"curfew_proof":1`, `"curfew_proof":2`, 1),
		"too few hashes":      strings.Replace(good, `"after":3`, `"after":4`, 1),
		"an end before":       strings.Replace(good, `"through":600`, `"through":2`, 1),
		"a line less":         strings.Join(lines[:len(lines)-2], ""),
		"a line more":         good + lines[1],
		"a line of no base64": lines[0] + "\"%\"\n",
		"a line of no text":   lines[0] + "7\n",
		"an empty line":       lines[0] + "\n",
		"half a hash":         lines[0] + "\"QUJD\"\n",
	} {
		if report, err := audit.Verify(strings.NewReader(x.file()), x.format, strings.NewReader(proof), audit.Trust{Keys: []string{x.verifier}}); err == nil {
			t.Errorf("%s: got %+v", name, report)
		}
	}
}
