package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/ledger"
)

// A run stages what it reads in chunks: the ledger has one writer, which nobody
// holds while bytes come in slowly.
const (
	syncChunk      = 500     // resources
	syncChunkBytes = 2 << 20 // about
)

// syncRun is one run of one source.
type syncRun struct {
	engine *Engine
	call   Call
	order  SyncOrder
	quiet  bool
	id     string

	counts     access.SyncCounts
	alive      int  // of the source, when it was compared
	valid      int  // resources that were staged, and that are not faulty
	nameless   bool // there is an item of which nobody can tell which resource it is
	refused    bool
	broken     bool // the snapshot can not be read to its end
	faults     []SyncError
	faultCount int

	readFaults, readFaultCount int // of these, those that reading found

	compared bool         // with the catalogue, at least once
	found    int          // resources of which only what they are found by differs
	changes  []SyncChange // of a dry run
	refusal  *SyncRefusal // of a dry run

	chunk      []ledger.Staged
	chunked    map[string]int // where in the chunk a resource is
	chunkBytes int
}

// read stages the items, one chunk after the other. What is wrong with them is
// collected.
func (r *syncRun) read(ctx context.Context) error {
	for {
		item, err := r.order.Items.Next()
		if errors.Is(err, io.EOF) {
			return r.stage(ctx)
		}
		if err != nil {
			return err
		}
		r.counts.Received++
		if err := r.take(item); err != nil {
			return err
		}
		if item.Broken {
			r.broken = true
			return nil // refused for its fault
		}
		if len(r.chunk) >= syncChunk || r.chunkBytes >= syncChunkBytes {
			if err := r.stage(ctx); err != nil {
				return err
			}
		}
	}
}

// take puts an item into the chunk.
func (r *syncRun) take(item SyncItem) error {
	ref := item.Resource.Ref()
	unnamed := ref.Validate()
	named := unnamed == nil
	fault := cmp.Or(item.Fault, unnamed)
	if item.Fault == nil && !r.quiet { // the file was checked when it was read
		fault = facts.ValidateResource(item.Resource, r.engine.openTargets)
	}
	if fault != nil {
		r.fault(item, named, fault)
	}
	if !named {
		r.nameless = true
		return nil
	}
	if at, twice := r.chunked[ref.String()]; twice {
		r.twice(item, r.chunk[at].Line)
		if !r.chunk[at].Faulty {
			r.chunk[at].Faulty = true
			r.valid--
		}
		return nil
	}
	staged := ledger.Staged{Ref: ref, Line: item.Line, Index: item.Index, Faulty: true}
	if fault == nil {
		var err error
		if staged, err = ledger.Stage(item.Resource, item.Line, item.Index); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		r.valid++
	}
	r.chunked[ref.String()] = len(r.chunk)
	r.chunk = append(r.chunk, staged)
	r.chunkBytes += staged.Size()
	return nil
}

// fault notes what is wrong with an item: an access.Error, or several.
func (r *syncRun) fault(item SyncItem, named bool, fault error) {
	var several interface{ Unwrap() []error }
	if errors.As(fault, &several) {
		for _, err := range several.Unwrap() {
			r.fault(item, named, err)
		}
		return
	}
	if r.faultCount++; len(r.faults) == MaxSyncErrors {
		return
	}
	e := SyncError{Line: item.Line, Index: item.Index, Code: "invalid", Detail: fault.Error()}
	var known *access.Error
	if errors.As(fault, &known) {
		e.Pointer, e.Code, e.Detail = known.Field, known.Code, known.Detail
	}
	e.Pointer, e.Detail = faultText(e.Pointer), faultText(e.Detail)
	if named {
		ref := item.Resource.Ref()
		e.Resource = &ref
	}
	r.faults = append(r.faults, e)
}

// maxFaultText bounds, in bytes, what is kept of a fault's words: they may quote what
// was sent, and an item may be as long as it likes to be wrong.
const maxFaultText = 1 << 10

func faultText(text string) string {
	if len(text) <= maxFaultText {
		return text
	}
	return strings.ToValidUTF8(text[:maxFaultText], "") + "…"
}

// twice notes that a resource was on an earlier line already. Which of the two is
// true nobody can tell, so neither is taken.
func (r *syncRun) twice(item SyncItem, line int) {
	r.fault(item, true, access.Invalid("duplicate_resource", "", "%s is on line %d already", item.Resource.Ref(), line))
}

// stage writes the chunk to the ledger, in a short transaction.
func (r *syncRun) stage(ctx context.Context) error {
	if len(r.chunk) == 0 {
		return nil
	}
	chunk := r.chunk
	r.chunk, r.chunkBytes = nil, 0
	clear(r.chunked)
	var again []ledger.Staged
	var lines []int // where those were first
	spoiled := 0
	err := r.engine.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		lines, spoiled = nil, 0
		if again, err = tx.PutStaged(r.id, chunk); err != nil {
			return err
		}
		for _, s := range again {
			line, first, err := tx.SpoilStaged(r.id, s.Ref.String())
			if err != nil {
				return err
			}
			lines = append(lines, line)
			if first {
				spoiled++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.valid -= spoiled
	for i, s := range again {
		if !s.Faulty {
			r.valid--
		}
		r.twice(SyncItem{Line: s.Line, Index: s.Index, Resource: access.Resource{Type: s.Ref.Type, ID: s.Ref.ID}}, lines[i])
	}
	return nil
}

// judgeFaults refuses a snapshot with faults that may not have any.
func (r *syncRun) judgeFaults(code string) error {
	if r.faultCount == 0 || r.order.SkipInvalid && !r.broken {
		return nil
	}
	const detail = "nothing was changed: what was sent has faults (%d); errors lists the first"
	refusal := access.Invalid(code, "", detail, r.faultCount)
	if code == codeOwned {
		refusal = access.Conflict(code, detail, r.faultCount)
	}
	return &SyncFaultsError{Refusal: refusal, Errors: r.faults, Count: r.faultCount}
}

const codeOwned = "resource_owned"
