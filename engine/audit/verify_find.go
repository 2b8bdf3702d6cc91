package audit

import "fmt"

// finding says what was done at the place where lines and leaves part; nil when they
// do not.
func (c *comparison) finding() *Finding {
	f := c.fault
	if f == nil {
		return nil
	}
	got := refOf(f.got.canonical)
	found := &Finding{Seq: f.seq, Line: f.line, Event: got, Before: f.before, After: f.after}
	switch {
	case f.column != "":
		found.Kind = FoundColumn
		found.Text = fmt.Sprintf("line %d, event %d (%s): %s is not what the event says", f.line, f.seq, got, f.column)
		return found
	case f.over:
		f.cutOff(found)
	case f.beyond:
		f.appended(found)
	case f.wantLine > 0:
		f.displaced(found, got)
	default:
		f.gone(found, got)
	}
	found.Text += neighbours(found.Before, found.After)
	return found
}

// cutOff: there are no more lines.
func (f *fault) cutOff(found *Finding) {
	found.Kind, found.Through, found.Line = FoundCutOff, f.seq+f.leaves, 0
	found.Text = fmt.Sprintf("the events %d to %d are missing: the file ends with line %d", f.seq, found.Through, f.line)
	if f.leaves == 0 {
		found.Text = fmt.Sprintf("the event %d is missing, which is the last: the file ends with line %d", f.seq, f.line)
	}
}

// appended: there are no more leaves.
func (f *fault) appended(found *Finding) {
	found.Kind = FoundInserted
	found.Text = fmt.Sprintf("line %d is behind the last event that was signed (%s), and was never in the log", f.line, found.Event)
	if f.gotBefore > 0 {
		found.Kind = FoundRepeated
		found.Text = fmt.Sprintf("line %d, behind the last event, is event %d again (%s)", f.line, f.gotBefore, found.Event)
	}
}

// displaced: the event that belongs here stands further on.
func (f *fault) displaced(found *Finding, got *EventRef) {
	switch {
	case f.gotBefore > 0, f.gotBehind > 0 && f.gotAgain:
		found.Kind = FoundRepeated
		found.Text = fmt.Sprintf("line %d is event %d again (%s), where event %d belongs", f.line, f.gotBefore+f.gotBehind, got, f.seq)
	case f.gotBehind > 0:
		found.Kind = FoundReordered
		found.Text = fmt.Sprintf("line %d is event %d (%s), where event %d belongs (%s), which is line %d", f.line, f.gotBehind, got, f.seq, f.wantRef, f.wantLine)
	default:
		found.Kind = FoundInserted
		found.Text = fmt.Sprintf("line %d was never in the log (%s): it stands before event %d", f.line, got, f.seq)
	}
}

// gone: the event that belongs here is not in the rest of the file.
func (f *fault) gone(found *Finding, got *EventRef) {
	switch {
	case f.gotBefore > 0:
		found.Kind = FoundRemoved
		found.Text = fmt.Sprintf("event %d is missing: in its place line %d is event %d again (%s)", f.seq, f.line, f.gotBefore, got)
	case f.gotBehind > 0:
		found.Kind, found.Through, found.Event, found.After = FoundRemoved, f.gotBehind-1, nil, got
		found.Text = fmt.Sprintf("event %d is missing: line %d is event %d", f.seq, f.line, f.gotBehind)
	case f.lines == 0 && (f.leaves > 0 || f.got.bad != nil):
		found.Kind, found.Through = FoundCutOff, f.seq+f.leaves
		found.Text = fmt.Sprintf("the file ends in the middle of event %d, or with another: %d of its events are missing", f.seq, f.leaves+1)
	default:
		found.Kind = FoundEdited
		found.Text = fmt.Sprintf("line %d is not event %d as it was signed: it says %s", f.line, f.seq, got)
		if f.got.bad != nil {
			found.Text += fmt.Sprintf(" (%s)", f.got.bad)
		}
	}
}
