package audit_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/audit"
)

// proofOf is what a gateway answers of one event.
func proofOf(t *testing.T, x *taken, seq int64) audit.EventProof {
	t.Helper()
	var tree stored
	for i, canonical := range x.log {
		tree.add(t, int64(i), tlog.RecordHash(canonical))
	}
	size := int64(len(x.log))
	proof, err := audit.ProveInclusion(tree, size, seq)
	if err != nil {
		t.Fatal(err)
	}
	return audit.EventProof{
		Seq: seq, Event: x.log[seq-1], Leaf: tlog.RecordHash(x.log[seq-1]), Size: size, Proof: proof, Checkpoint: x.note(t, x.log, size),
	}
}

func TestOneEventIsProvedByItself(t *testing.T) {
	t.Parallel()
	x := take(t, audit.FormatNDJSON, logOf(t, 40), 0, 40)
	other := take(t, audit.FormatNDJSON, logOf(t, 41)[1:], 0, 40)
	for name, tc := range map[string]struct {
		change func(*audit.EventProof)
		keys   []string
		since  string
		kind   string
		fails  string
	}{
		"as it was answered":                   {},
		"without the event, which was removed": {change: func(p *audit.EventProof) { p.Event = json.RawMessage("null") }},
		"laid out otherwise": {change: func(p *audit.EventProof) {
			var b bytes.Buffer
			_ = json.Indent(&b, p.Event, "", "  ")
			p.Event = b.Bytes()
		}},
		"with the event edited": {
			change: func(p *audit.EventProof) { p.Event = bytes.Replace(p.Event, []byte("two"), []byte("six"), 1) }, kind: audit.FoundEdited,
		},
		"with event and leaf edited": {change: func(p *audit.EventProof) {
			p.Event = x.log[8]
			p.Leaf = tlog.RecordHash(p.Event)
		}, kind: audit.FoundUnsigned},
		"under another number":                  {change: func(p *audit.EventProof) { p.Seq++ }, kind: audit.FoundUnsigned},
		"for another size":                      {change: func(p *audit.EventProof) { p.Size-- }, kind: audit.FoundUnsigned},
		"signed by a stranger":                  {keys: []string{other.verifier}, kind: audit.FoundUnknown},
		"with its own checkpoint kept":          {since: x.note(t, x.log, 40)},
		"with one of another log kept":          {since: x.note(t, other.log, 40), kind: audit.FoundRewritten},
		"with one of another size kept":         {since: x.note(t, x.log, 30), fails: "--size 30"},
		"by nobody that is trusted":             {keys: []string{}, fails: audit.ErrNoKey.Error()},
		"without what it says that it is about": {change: func(p *audit.EventProof) { p.Seq = 0 }, fails: "not the proof of an event"},
	} {
		t.Run(name, func(t *testing.T) {
			p := proofOf(t, x, 7)
			if tc.change != nil {
				tc.change(&p)
			}
			raw, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			trust := audit.Trust{Keys: []string{x.verifier}}
			if tc.keys != nil {
				trust.Keys = tc.keys
			}
			if tc.since != "" {
				trust.Since = []string{tc.since}
			}
			report, err := audit.VerifyOne(raw, trust)
			switch {
			case tc.fails != "":
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("got %v", err)
				}
			case err != nil:
				t.Error(err)
			case tc.kind == "" && (!report.Verified || report.Events != 1),
				tc.kind != "" && (len(report.Findings) != 1 || report.Findings[0].Kind != tc.kind):
				t.Errorf("got %+v", report)
			}
		})
	}
}

// Who reads a proof may look at the one, and what is checked is the other.
func TestProofThatSaysSomethingTwiceIsNone(t *testing.T) {
	t.Parallel()
	x := take(t, audit.FormatNDJSON, logOf(t, 40), 0, 40)
	raw, err := json.Marshal(proofOf(t, x, 7))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{`"event":{"type":"grant.ended"}`, `"EVENT":{}`, `"\u0065vent" : {}`, `"seq":8`, ` "Leaf" : ""`} {
		twice := "{" + other + "," + string(raw[1:])
		if _, err := audit.VerifyOne([]byte(twice), audit.Trust{Keys: []string{x.verifier}}); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("with %s it is %v", other, err)
		}
	}
}
