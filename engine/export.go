package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What data.api.allow is asked about before the log is taken out, and before somebody
// says that a copy of it is kept.
const (
	opExport        = "audit.export"
	opConfirmExport = "audit.confirm"
)

// ExportFilter says which events are taken out, and how.
type ExportFilter struct {
	Format  audit.Format
	After   int64   // events behind this one
	Through *int64  // to this one; nil: to the newest that is signed
	Proof   bool    // not the events, but what proves them
	Since   []int64 // sizes of trees that the proof is to lead from, or to
}

// Export is a run of sealed events, or what proves them, ready to be read. It stays
// the same however long that takes, and is the same to whoever asks again.
type Export struct {
	After, Through int64

	engine *Engine
	call   Call
	filter ExportFilter
	header []byte // before the first page
}

// Format is that of the events.
func (x *Export) Format() audit.Format { return x.filter.Format }

// IsProof reports whether it is what proves the events.
func (x *Export) IsProof() bool { return x.filter.Proof }

// Export begins to take events out.
func (e *Engine) Export(ctx context.Context, call Call, f ExportFilter) (*Export, error) {
	if f.After < 0 || f.Through != nil && *f.Through < f.After {
		return nil, access.Invalid("invalid_range", "", "after and through are numbers of events, 0 and up, through no less than after")
	}
	if err := e.authorize(ctx, call, opExport, access.APIObject{}); err != nil {
		return nil, err
	}
	if f.Proof && e.auditKeys == nil {
		return nil, noAuditKey()
	}
	x := &Export{engine: e, call: call, filter: f, After: f.After}
	return x, e.ledger.View(ctx, func(tx *ledger.Tx) error { return x.begin(tx) })
}

// begin finds out where the export ends, once and for all.
func (x *Export) begin(tx *ledger.Tx) error {
	head, err := tx.AuditHead()
	if err != nil {
		return err
	}
	signed := head.CheckpointSize
	if x.engine.auditKeys == nil {
		signed = head.Seq
	}
	if x.Through = max(signed, x.After); x.filter.Through != nil {
		x.Through = *x.filter.Through
	}
	switch {
	case x.After > head.Seq, x.Through > head.Seq:
		return access.Invalid("invalid_range", "", "the log has %d events, and %d to %d are asked for", head.Seq, x.After+1, x.Through)
	case x.filter.Proof && x.Through > signed:
		return notIn(x.Through, signed, false)
	case x.filter.Proof:
		return x.beginProof(tx, head)
	case x.After < head.Removed:
		return &access.Error{Kind: access.ErrNotFound, Code: "events_removed", Detail: fmt.Sprintf(
			"the events up to %d are not kept any more; export after %d, which begins with event %d", head.Removed, head.Removed, head.Removed+1)}
	}
	x.header = x.filter.Format.Header()
	return nil
}

// exportPage is how many events are read at once: a reader of the ledger is not held
// for longer.
const exportPage = 500

// Pages are the bytes of the export, one piece after the other. Each is used up before
// the next is asked for. An error is the last.
func (x *Export) Pages(ctx context.Context) iter.Seq2[[]byte, error] {
	if x.filter.Proof {
		return x.proofPages(ctx)
	}
	return func(yield func([]byte, error) bool) {
		buf := append([]byte(nil), x.header...)
		for after := x.After; after < x.Through; {
			var events []ledger.Sealed
			err := x.engine.ledger.Look(ctx, func(tx *ledger.Tx) (err error) {
				events, err = tx.Sealed(after, x.Through, exportPage)
				return err
			})
			if err == nil {
				buf, err = x.render(buf, after, events)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if after = events[len(events)-1].Seq; !yield(buf, nil) {
				return
			}
			buf = buf[:0]
		}
		if len(buf) > 0 && !yield(buf, nil) {
			return
		}
		if err := x.record(ctx); err != nil {
			yield(nil, err)
		}
	}
}

// render writes a page. A page with a hole is an error: what follows it would be taken
// for what belongs there.
func (x *Export) render(buf []byte, after int64, events []ledger.Sealed) (_ []byte, err error) {
	if want := min(exportPage, x.Through-after); int64(len(events)) != want {
		return nil, fmt.Errorf("of the events %d to %d the ledger has %d", after+1, after+want, len(events))
	}
	for i, e := range events {
		if e.Seq != after+int64(i)+1 {
			return nil, fmt.Errorf("event %d is missing", after+int64(i)+1)
		}
		if buf, err = x.filter.Format.Append(buf, e.Seq, e.Body); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// record writes down that somebody took the events out. Who can not be told of so
// does not get the end of them.
func (x *Export) record(ctx context.Context) error {
	event := x.call.event(audit.Exported)
	event.Data = map[string]any{"format": string(x.filter.Format), "after": x.After, "through": x.Through}
	return x.engine.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.Append(event) })
}
