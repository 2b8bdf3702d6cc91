package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/curfew-access/curfew/engine/access"
)

// IsReport reports whether a document that begins so is a report of accesses.
func IsReport(begins []byte) bool {
	d := json.NewDecoder(bytes.NewReader(begins))
	open, err := d.Token()
	if err != nil || open != json.Delim('{') {
		return false
	}
	first, err := d.Token()
	return err == nil && first == "curfew_report"
}

// VerifyReport checks a report of accesses: that each event which proves one is the
// one that was signed in its place, and that each access is what its events say. It is
// read once; of each event a few words are held.
func VerifyReport(in io.Reader, trust Trust) (Report, error) {
	v := reportCheck{report: Report{Format: FormatJSON}, events: map[int64]provedEvent{}, trust: trust}
	if len(trust.Keys) == 0 {
		return v.report, ErrNoKey
	}
	d := json.NewDecoder(in)
	if err := v.members(d); err != nil && !errors.Is(err, errStop) {
		return v.report, fmt.Errorf("this is not a report such as curfew audit report writes it: %w", err)
	}
	if v.report.Checkpoint == nil && len(v.report.Findings) == 0 {
		return v.report, errors.New("the report has no checkpoint: the gateway that made it signs none, and nothing in it is proved")
	}
	if v.report.Checkpoint != nil {
		v.leftOut()
		for i, a := range v.accesses {
			v.access(i+1, a)
		}
	}
	return v.report.done(), nil
}

// errStop says that what follows need not be read.
var errStop = errors.New("enough is known")

// reportCheck is a report that is being checked.
type reportCheck struct {
	report   Report
	trust    Trust
	signed   Checkpoint
	accesses []provedAccess
	events   map[int64]provedEvent

	kept, gone int64 // the first event that is in the report, and the last that is not kept any more
}

// provedEvent is what is held of an event. One that is not kept any more has no id.
type provedEvent struct {
	leaf  Hash
	id    string
	grant string
	about access.Entitled
	said  reportedWords
}

// members reads the report's members, in the order in which they are written.
func (v *reportCheck) members(d *json.Decoder) error {
	if _, err := d.Token(); err != nil { // {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err == nil {
			err = v.member(d, name)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.Token() // }
	return err
}

func (v *reportCheck) member(d *json.Decoder, name json.Token) error {
	switch name {
	case "checkpoint":
		var note *string
		if err := d.Decode(&note); err != nil || note == nil {
			return err
		}
		return v.checkpoint(*note)
	case "accesses":
		return elements(d, func() error {
			var raw json.RawMessage
			var a provedAccess
			if err := d.Decode(&raw); err != nil {
				return err
			}
			err := errors.Join(once(raw), json.Unmarshal(raw, &a))
			v.accesses = append(v.accesses, a)
			return err
		})
	case "proofs":
		return elements(d, func() error {
			var p EventProof
			if err := d.Decode(&p); err != nil {
				return err
			}
			return v.proof(p)
		})
	}
	var other json.RawMessage
	return d.Decode(&other)
}

// elements reads a list.
func elements(d *json.Decoder, element func() error) error {
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return errors.Join(err, errors.New("a list is expected"))
	}
	for d.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := d.Token() // ]
	return err
}

// checkpoint opens what the proofs lead to.
func (v *reportCheck) checkpoint(note string) (err error) {
	v.signed, err = OpenCheckpoint(note, v.trust.Keys...)
	if kind, known := kindOfNote(err); known {
		v.report.add(Finding{Kind: kind, Text: "the report's checkpoint proves nothing: " + err.Error()})
		return errStop
	}
	if err != nil {
		return err
	}
	v.report.Checkpoint = committed(v.signed)
	return v.report.kept(v.signed, v.trust)
}

// proof checks one event.
func (v *reportCheck) proof(p EventProof) error {
	if v.report.Checkpoint == nil {
		return errors.New("its proofs come before its checkpoint")
	}
	one := Report{}
	if err := p.check(v.signed, &one); err != nil {
		return err
	}
	for _, f := range one.Findings {
		v.report.add(f)
	}
	if len(one.Findings) > 0 {
		return nil
	}
	var e Event
	if err := json.Unmarshal(p.Event, &e); err != nil { // null is an event without anything
		return err
	}
	kept := provedEvent{leaf: p.Leaf, id: e.ID, grant: string(e.GrantID), said: wordsOf(e)}
	if e.Subject != nil && e.Action != nil && e.Resource != nil {
		kept.about = access.Entitled{Subject: *e.Subject, Action: *e.Action, Resource: *e.Resource}
	}
	v.events[p.Seq] = kept
	if kept.id == "" {
		v.gone = max(v.gone, p.Seq)
	} else if v.kept == 0 || p.Seq < v.kept {
		v.kept = p.Seq
	}
	v.report.Events++
	if v.report.Through == 0 {
		v.report.After = p.Seq - 1
	}
	v.report.Through = p.Seq
	return nil
}

// leftOut finds an event that the report says is not kept any more, and an older one
// is: the oldest go first.
func (v *reportCheck) leftOut() {
	if v.kept > 0 && v.gone > v.kept {
		v.report.add(Finding{Kind: FoundRemoved, Seq: v.gone, Text: fmt.Sprintf(
			"event %d is left out of the report, as if it were not kept any more, and the older event %d is", v.gone, v.kept)})
	}
}

// access holds an access against the events that are to prove it.
func (v *reportCheck) access(n int, a provedAccess) {
	proved := false
	told := accessTold{access: a}
	for _, named := range a.Proof.Events {
		if named.Seq == nil || *named.Seq > v.signed.Size {
			told.pending = true
			continue // the checkpoint does not hold it yet
		}
		e, found := v.events[*named.Seq]
		switch {
		case !found, e.leaf != named.Leaf, e.id != "" && e.id != named.ID:
			v.report.add(Finding{Kind: FoundUnsigned, Seq: *named.Seq, Text: fmt.Sprintf(
				"access %d, %s, names the event %d, %s, which the report does not prove", n, a.GrantID, *named.Seq, named.ID)})
			return
		case e.grant == a.GrantID && e.about != a.Entitled:
			v.report.add(Finding{Kind: FoundEdited, Seq: *named.Seq, Text: fmt.Sprintf(
				"access %d, %s, is of %s, %s on %s, and its event %d says otherwise", n, a.GrantID, a.Subject, a.Action.Name, a.Resource, *named.Seq)})
			return
		case e.grant == a.GrantID, e.id == "":
			proved = true
		}
		if e.id == "" {
			told.gone = true
			continue
		}
		told.hear(*named.Seq, e.said)
	}
	if !proved {
		v.report.add(Finding{Kind: FoundInserted, Text: fmt.Sprintf("access %d, %s, is of no grant that an event of the report tells of", n, a.GrantID)})
		return
	}
	if seq, differs := told.differs(v.signed.Time); differs != "" {
		v.report.add(Finding{Kind: FoundEdited, Seq: seq, Text: fmt.Sprintf("access %d, %s: %s", n, a.GrantID, differs)})
	}
}
