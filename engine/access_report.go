package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// MaxReport bounds how many accesses a report has: somebody is to read it.
const MaxReport = 10_000

// reportPage is how many accesses of a report are read at once.
const reportPage = 200

// AccessReport is who had access at a moment or in a period, with what proves it. It
// stays the same however long it is read.
type AccessReport struct {
	At         *time.Time // that is reported on; nil: a period
	From, To   *time.Time // nil: a moment
	Subject    string     // that it is narrowed to; "" for everybody
	Resource   string     // "" for everything
	Granted    bool       // without what could be used only because it was not removed
	MadeBy     access.Subject
	MadeAt     time.Time
	Found      int               // how many there are, or a few fewer
	Checkpoint *ReportCheckpoint // nil: the gateway signs none

	engine *Engine
	call   Call
	filter AccessFilter
	narrow ledger.AccessFilter
	places []ledger.AccessPlace
}

// ReportCheckpoint is the signed commitment to all events that a report is proved by.
type ReportCheckpoint struct {
	Origin string     `json:"origin"`
	Size   int64      `json:"size"`
	Root   audit.Hash `json:"root"`
	Note   string     `json:"-"`
	Keys   []string   `json:"keys"` // that the gateway signs with, as verifier keys
}

// AccessReport begins a report.
func (e *Engine) AccessReport(ctx context.Context, call Call, f AccessFilter) (*AccessReport, error) {
	now := e.ledger.Now()
	f.Paging = Paging{}
	lf, err := f.narrow(now)
	if err != nil {
		return nil, err
	}
	if err := e.authorize(ctx, call, opAccess, access.APIObject{}); err != nil {
		return nil, err
	}
	r := &AccessReport{
		Subject: f.Subject, Resource: f.Resource, Granted: f.Granted, MadeBy: call.Caller, MadeAt: now,
		engine: e, call: call, filter: f, narrow: lf,
	}
	if r.From, r.To = &r.filter.From, &r.filter.To; !f.At.IsZero() {
		r.At, r.From, r.To = &r.filter.At, nil, nil
	}
	return r, e.ledger.View(ctx, r.begin)
}

// begin finds out what is in the report, and which checkpoint proves it.
func (r *AccessReport) begin(tx *ledger.Tx) (err error) {
	lf := r.narrow
	lf.Limit = MaxReport + 1
	if r.places, err = tx.Accesses(lf); err != nil {
		return err
	}
	if r.Found = len(r.places); r.Found > MaxReport {
		return access.Invalid("report_too_large", "", "there are more than %d accesses in it; take a shorter period, one subject or one resource", MaxReport)
	}
	if r.engine.auditKeys == nil {
		return nil
	}
	head, err := tx.AuditHead()
	if err != nil || head.Checkpoint == "" {
		return err
	}
	t, err := r.engine.treeAt(tx, head, "size", head.CheckpointSize)
	if err == nil {
		r.Checkpoint = &ReportCheckpoint{
			Origin: r.engine.auditKeys.Origin(), Size: t.size, Root: t.root, Note: head.Checkpoint, Keys: r.engine.auditKeys.Verifiers(),
		}
	}
	return err
}

// Items are the accesses, the latest start first. An error is the last.
func (r *AccessReport) Items(ctx context.Context) iter.Seq2[AccessItem, error] {
	return func(yield func(AccessItem, error) bool) {
		for places := range slices.Chunk(r.places, reportPage) {
			var items []AccessItem
			err := r.engine.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
				items, err = r.engine.accessItems(tx, r.filter, r.narrow, places)
				return err
			})
			if err != nil {
				yield(AccessItem{}, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// LoggedProof proves an event of a report by the report's checkpoint.
type LoggedProof struct {
	Seq   int64           `json:"seq"`
	Event json.RawMessage `json:"event"` // the bytes that were hashed; null: it is not kept any more
	Leaf  audit.Hash      `json:"leaf"`
	Size  int64           `json:"size"`
	Proof []audit.Hash    `json:"proof"`
	// Fault says that the event is not the one that was sealed; "" when it is.
	Fault string `json:"fault,omitzero"`
}

// Proofs prove the events, in their sequence, once each. Those that the checkpoint does
// not hold yet are not among them. An error is the last.
func (r *AccessReport) Proofs(ctx context.Context, seqs []int64) iter.Seq2[LoggedProof, error] {
	return func(yield func(LoggedProof, error) bool) {
		if r.Checkpoint == nil {
			return
		}
		seqs = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(seqs))), func(seq int64) bool { return seq > r.Checkpoint.Size })
		for some := range slices.Chunk(seqs, reportPage) {
			var proofs []LoggedProof
			err := r.engine.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
				proofs, err = r.prove(tx, some)
				return err
			})
			if err != nil {
				yield(LoggedProof{}, err)
				return
			}
			for _, p := range proofs {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

func (r *AccessReport) prove(tx *ledger.Tx, seqs []int64) ([]LoggedProof, error) {
	events, err := tx.SealedAmong(seqs)
	if err != nil {
		return nil, err
	}
	reader, err := readAhead(tx.HashReader(), r.Checkpoint.Size, seqs)
	if err != nil {
		return nil, err
	}
	proofs := make([]LoggedProof, len(seqs))
	for i, seq := range seqs {
		p := LoggedProof{Seq: seq, Size: r.Checkpoint.Size}
		if e, kept := events[seq]; kept {
			p.Event, p.Leaf = e.Body, audit.Hash(audit.Leaf(e.Body))
		} else if p.Leaf, err = audit.LeafAt(tx.HashReader(), seq); err != nil {
			return nil, err
		}
		if p.Proof, err = audit.ProveInclusion(reader, p.Size, seq); err != nil {
			return nil, err
		}
		if audit.CheckInclusion(p.Proof, p.Size, r.Checkpoint.Root, seq, p.Leaf) != nil {
			p.Fault = "it is not the event that was sealed in its place"
		}
		proofs[i] = p
	}
	return proofs, nil
}

// hashes are some of a tree, by their index.
type hashes map[int64]audit.Hash

// ReadHashes satisfies audit.Reader.
func (h hashes) ReadHashes(indexes []int64) ([]audit.Hash, error) {
	out := make([]audit.Hash, len(indexes))
	for i, index := range indexes {
		found, there := h[index]
		if !there {
			return nil, fmt.Errorf("hash %d of the tree was not read", index)
		}
		out[i] = found
	}
	return out, nil
}

// wanted notes which hashes are asked for, and has none.
type wanted map[int64]bool

// ReadHashes satisfies audit.Reader.
func (w wanted) ReadHashes(indexes []int64) ([]audit.Hash, error) {
	for _, index := range indexes {
		w[index] = true
	}
	return make([]audit.Hash, len(indexes)), nil
}

// readAhead reads what proofs of the events take, at once: neighbours share most of
// it.
func readAhead(r audit.Reader, size int64, seqs []int64) (audit.Reader, error) {
	want := wanted{}
	for _, seq := range seqs {
		if _, err := audit.ProveInclusion(want, size, seq); err != nil {
			return nil, err
		}
	}
	var indexes []int64
	for index := range want {
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	read, err := r.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	known := hashes{}
	for i, index := range indexes {
		known[index] = read[i]
	}
	return known, nil
}

// Taken writes down that somebody took the report out, in a form. Who can not be told
// of so does not get its end.
func (r *AccessReport) Taken(ctx context.Context, format string, n int) error {
	event := r.call.event(audit.Exported)
	event.Data = map[string]any{
		"what": "access", "format": format, "accesses": n, "at": r.At, "from": r.From, "to": r.To,
		"of_subject": audit.Text(r.Subject), "of_resource": audit.Text(r.Resource),
	}
	return r.engine.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.Append(event) })
}
