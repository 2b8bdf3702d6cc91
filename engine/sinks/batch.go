package sinks

import (
	"bytes"
	"slices"

	"github.com/curfew-access/curfew/engine/access"
)

// batch is what is sent at once.
type batch struct {
	records []access.AuditRecord
	events  []Event // of the records
	through int64   // whatever is up to here is in it, in doubt, or set aside
	aside   []Aside // up to there: what the sink can not be sent at all
	unfit   []Aside // what could not be put into the sink's format
}

// own reports whether all that is sent is about sinks.
func (b batch) own() bool {
	return !slices.ContainsFunc(b.events, func(e Event) bool { return !e.Own })
}

// build makes the next batch of a page, without what is in doubt.
func (f *follower) build(p Page) batch {
	b := batch{through: p.Through}
	bytes, most := 0, f.most(p.Events)
	for i, e := range p.Events {
		if f.doubts(e.Seq) {
			continue
		}
		body, err := f.body(e)
		switch {
		case err != nil:
			b.unfit = append(b.unfit, Aside{e, "it can not be written in the sink's format: " + err.Error()})
			continue
		case len(body) > f.sink.MaxRecord:
			b.aside = append(b.aside, Aside{e, tooLarge(len(body), f.sink.MaxRecord)})
			continue
		case len(b.records) == most, len(b.records) > 0 && bytes+len(body) > f.sink.MaxBytes:
			b.through = before(p, i)
			return b
		}
		bytes += len(body)
		b.events = append(b.events, e)
		b.records = append(b.records, record(e, body))
	}
	return b
}

// before is the number up to which a page has nothing but what is before an event.
func before(p Page, i int) int64 { return p.Events[i].Seq - 1 }

func record(e Event, body []byte) access.AuditRecord {
	return access.AuditRecord{Seq: e.Seq, EventID: e.ID, Type: e.Type, Time: e.At, Body: body}
}

// body is an event in the sink's format, without the end of its line.
func (f *follower) body(e Event) ([]byte, error) {
	body, err := f.sink.Format.Append(nil, e.Seq, e.Body)
	return bytes.TrimSuffix(body, []byte("\n")), err
}

// most is how many records the next batch may have. While it is in doubt whether the
// sink takes anything, that is found out with one. Of those of which one was refused,
// and it is not known which, it is half: the batch in which it is gets smaller until it
// is alone.
func (f *follower) most(events []Event) int {
	if f.refusals > 0 {
		return 1
	}
	suspects := 0
	for _, e := range events {
		if e.Seq <= f.suspects && !f.doubts(e.Seq) {
			suspects++
		}
	}
	if suspects == 0 {
		return f.sink.MaxRecords
	}
	return min((suspects+1)/2, f.sink.MaxRecords)
}

func (f *follower) doubts(seq int64) bool {
	return slices.ContainsFunc(f.doubted, func(a Aside) bool { return a.Seq == seq })
}
