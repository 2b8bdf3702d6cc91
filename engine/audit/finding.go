package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

// The kinds of a finding: in which way a log, or a copy of it, is not what was
// signed.
const (
	FoundEdited    = "edited"             // an event says something else
	FoundRemoved   = "removed"            // an event is not there
	FoundInserted  = "inserted"           // an event is there that never was in the log
	FoundRepeated  = "repeated"           // an event is there twice
	FoundReordered = "reordered"          // an event is not in its place
	FoundCutOff    = "cut_off"            // the last ones are missing
	FoundColumn    = "column_edited"      // what is shown beside an event is not what the event says
	FoundUnsigned  = "unsigned"           // the hashes of events are not those that were signed
	FoundUnknown   = "unknown_key"        // a checkpoint is signed by none of the keys that are trusted
	FoundForged    = "forged"             // a checkpoint is not what its key signed
	FoundRewritten = "rewritten"          // the log does not go on from a checkpoint that was kept
	FoundTree      = "tree_edited"        // what is stored of the tree does not follow from the events
	FoundUnsealed  = "unsealed"           // an event has no place in the sequence, and waits for none
	FoundMissing   = "checkpoint_missing" // a checkpoint that must be kept is not there
)

// EventRef names an event, as far as a file has it.
type EventRef struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
}

// String is the event in a few words.
func (r *EventRef) String() string {
	if r == nil || r.ID == "" {
		return "an event that can not be read"
	}
	return fmt.Sprintf("%s %s of %s", r.ID, r.Type, r.Time.UTC().Format(time.RFC3339Nano))
}

// refOf reads the name of an event; nil when it has none.
func refOf(canonical []byte) *EventRef {
	var r EventRef
	if json.Unmarshal(canonical, &r) != nil || r.ID == "" {
		return nil
	}
	return &r
}

// Finding is one way in which a log, or a copy of it, is not what was signed.
type Finding struct {
	Kind    string    `json:"kind"`
	Seq     int64     `json:"seq,omitempty"`     // of the event: its number in the log
	Through int64     `json:"through,omitempty"` // it is one of the events from Seq to this one
	Line    int64     `json:"line,omitempty"`    // of the file, from 1
	Event   *EventRef `json:"event,omitempty"`   // which it is about, as the file has it
	Before  *EventRef `json:"before,omitempty"`  // its neighbours, as they are there
	After   *EventRef `json:"after,omitempty"`
	Text    string    `json:"text"` // all of it, for people
}

// neighbours is what stands around the place, for people.
func neighbours(before, after *EventRef) string {
	switch {
	case before != nil && after != nil:
		return fmt.Sprintf("; it is between %s and %s", before, after)
	case before != nil:
		return fmt.Sprintf("; it is behind %s", before)
	case after != nil:
		return fmt.Sprintf("; it is before %s", after)
	}
	return ""
}
