package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"
)

// EventProof is what proves one event: the answer of the gateway that is asked for it.
type EventProof struct {
	Seq        int64           `json:"seq"`
	Event      json.RawMessage `json:"event"` // null: it is not kept any more
	Leaf       Hash            `json:"leaf"`
	Size       int64           `json:"size"` // of the tree that it is in
	Proof      []Hash          `json:"proof"`
	Checkpoint string          `json:"checkpoint"` // of that tree
}

// UnmarshalJSON refuses a proof in which a member is there twice, however it is spelt:
// who reads it may look at the one, and what is checked is the other.
func (p *EventProof) UnmarshalJSON(raw []byte) error {
	if err := once(raw); err != nil {
		return err
	}
	type plain EventProof
	return json.Unmarshal(raw, (*plain)(p))
}

// once reports a member of an object, which is JSON, that is there twice.
func once(raw []byte) error {
	var names []string
	object := skip(raw, ' ')
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	for name, _, rest := next(object[1:]); name != nil; name, _, rest = next(rest) {
		var text string
		if err := json.Unmarshal(slices.Concat([]byte{'"'}, name, []byte{'"'}), &text); err != nil {
			return err
		}
		if slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, text) }) {
			return fmt.Errorf("it has %q twice", text)
		}
		names = append(names, text)
	}
	return nil
}

// IsEventProof reports whether a document is the proof of one event.
func IsEventProof(raw []byte) bool {
	var p struct {
		Seq        int64            `json:"seq"`
		Leaf       string           `json:"leaf"`
		Checkpoint *json.RawMessage `json:"checkpoint"`
	}
	return json.Unmarshal(raw, &p) == nil && p.Seq > 0 && p.Leaf != "" && p.Checkpoint != nil
}

// VerifyOne checks the proof of one event. How its JSON is laid out does not matter.
func VerifyOne(raw []byte, trust Trust) (Report, error) {
	var p EventProof
	if err := json.Unmarshal(raw, &p); err != nil || p.Seq < 1 || p.Checkpoint == "" {
		return Report{}, errors.Join(errors.New("this is not the proof of an event such as curfew audit proof prints it"), err)
	}
	report := Report{Format: FormatJSON, After: p.Seq - 1, Through: p.Seq}
	if len(trust.Keys) == 0 {
		return report.done(), ErrNoKey
	}
	c, err := OpenCheckpoint(p.Checkpoint, trust.Keys...)
	if kind, known := kindOfNote(err); known {
		report.add(Finding{Kind: kind, Text: "the proof's checkpoint proves nothing: " + err.Error()})
		return report.done(), nil
	}
	if err != nil {
		return report.done(), err
	}
	report.Checkpoint = committed(c)
	if err := report.kept(c, trust); err != nil {
		return report.done(), err
	}
	if err := p.check(c, &report); err != nil {
		return report.done(), err
	}
	return report.done(), nil
}

// check holds the event against its leaf, and the leaf against the tree.
func (p EventProof) check(c Checkpoint, report *Report) error {
	found := Finding{Seq: p.Seq}
	canonical, err := p.canonical()
	if err != nil {
		return err
	}
	found.Event = refOf(canonical)
	switch {
	case canonical != nil && !bytes.Equal(Leaf(canonical), p.Leaf[:]):
		found.Kind, found.Text = FoundEdited, fmt.Sprintf("event %d is not as it was signed: it says %s", p.Seq, found.Event)
		report.add(found)
	case !p.holds(c):
		found.Kind, found.Text = FoundUnsigned, fmt.Sprintf("event %d is not what was signed in its place: the proof does not lead to the signed root", p.Seq)
		report.add(found)
	default:
		report.Events = 1
	}
	return nil
}

func (p EventProof) holds(c Checkpoint) bool {
	return p.Size == c.Size && CheckInclusion(p.Proof, c.Size, c.Root, p.Seq, p.Leaf) == nil
}

// canonical is the event as it is hashed; nil when it is not kept any more.
func (p EventProof) canonical() ([]byte, error) {
	event := bytes.TrimSpace(p.Event)
	if len(event) == 0 || bytes.Equal(event, []byte("null")) {
		return nil, nil
	}
	canonical, err := jcs.Transform(event)
	if err != nil {
		return nil, fmt.Errorf("the event can not be read: %w", err)
	}
	return canonical, nil
}

// kept holds the checkpoint of one event against those that were kept. One event does
// not lead from one size to another.
func (r *Report) kept(c Checkpoint, trust Trust) error {
	for _, note := range trust.Since {
		k, err := OpenCheckpoint(note, trust.Keys...)
		switch {
		case err != nil:
			return fmt.Errorf("the checkpoint that was kept: %w", err)
		case k.Size != c.Size:
			return fmt.Errorf("the proof of one event is of a tree of %d, and does not lead to the checkpoint of %d that was kept: "+
				"ask for it with --size %d, or verify an export", c.Size, k.Size, k.Size)
		case k.Root != c.Root:
			r.add(rewritten(k.Size))
		default:
			r.Since = append(r.Since, k.Size)
		}
	}
	return nil
}
