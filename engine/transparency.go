package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// AuditCheckpoint is the newest signed checkpoint: a commitment to all events up to
// its size.
type AuditCheckpoint struct {
	Origin     string         `json:"origin"`
	Size       int64          `json:"size"`
	Root       audit.Hash     `json:"root"`
	Time       time.Time      `json:"time"`
	Checkpoint string         `json:"checkpoint"` // the note, as it is signed
	Keys       []string       `json:"keys"`       // that this gateway signs with, as verifier keys
	Retention  AuditRetention `json:"retention"`
}

// AuditProof proves that an event is in the tree of a size. It was checked.
type AuditProof struct {
	Seq   int64           `json:"seq"`
	Event json.RawMessage `json:"event"` // the bytes that were hashed; null: it is not kept any more
	Leaf  audit.Hash      `json:"leaf"`
	Size  int64           `json:"size"`
	Proof []audit.Hash    `json:"proof"`
	// Checkpoint is the signed note of the size; null when none of that size is kept:
	// whoever asks for it has it.
	Checkpoint *string `json:"checkpoint"`
}

// AuditConsistency proves that the tree of one size goes on from that of another. It
// was checked.
type AuditConsistency struct {
	From       int64        `json:"from"`
	To         int64        `json:"to"`
	Proof      []audit.Hash `json:"proof"`
	Checkpoint *string      `json:"checkpoint"` // the signed note of To; null when none of that size is kept
}

// noAuditKey says that this gateway signs no checkpoints.
func noAuditKey() error {
	return access.Conflict("no_audit_key", "this gateway signs no checkpoints, so there is nothing to prove events with; "+
		"make a key with curfew audit key new, and name it in audit.key of the configuration")
}

// AuditCheckpoint returns the newest signed checkpoint.
func (e *Engine) AuditCheckpoint(ctx context.Context, call Call) (c AuditCheckpoint, err error) {
	err = e.prove(ctx, call, func(tx *ledger.Tx, head ledger.AuditHead) error {
		signed, err := e.opened(tx, head.Checkpoint)
		if err != nil {
			return err
		}
		c = AuditCheckpoint{
			Origin: signed.Origin, Size: signed.Size, Root: signed.Root, Time: signed.Time,
			Checkpoint: head.Checkpoint, Keys: e.auditKeys.Verifiers(),
		}
		c.Retention, err = e.retentionOf(tx, head)
		return err
	})
	return c, err
}

// AuditProof proves an event, by its id or its number, in the tree of the size; 0:
// that of the newest checkpoint. What is not kept any more is proved by its number.
func (e *Engine) AuditProof(ctx context.Context, call Call, id string, size int64) (p AuditProof, err error) {
	seq, err := numberOf(id)
	if err != nil {
		return p, err
	}
	err = e.prove(ctx, call, func(tx *ledger.Tx, head ledger.AuditHead) error {
		at, err := e.treeAt(tx, head, "size", size)
		if err != nil {
			return err
		}
		p, err = eventOf(tx, id, seq)
		if err != nil {
			return err
		}
		if p.Size, p.Checkpoint = at.size, at.note; p.Seq > at.size {
			return notIn(p.Seq, at.size, size != 0)
		}
		if p.Proof, err = audit.ProveInclusion(tx.HashReader(), at.size, p.Seq); err != nil {
			return err
		}
		return audit.CheckInclusion(p.Proof, at.size, at.root, p.Seq, p.Leaf)
	})
	return p, err
}

// numberOf reads the name of an event: its number, or 0 for an id.
func numberOf(id string) (int64, error) {
	if seq, err := strconv.ParseInt(id, 10, 64); err == nil && seq > 0 {
		return seq, nil
	}
	if access.CheckID(access.KindEvent, id) != nil {
		return 0, access.Invalid("invalid_event", "", "%q is neither the id of an event, such as evt_…, nor its number in the log, from 1", id)
	}
	return 0, nil
}

// notIn says that an event is not in a tree: a size that was asked for is too small,
// and of the newest checkpoint one that holds the event follows.
func notIn(seq, size int64, asked bool) error {
	if asked {
		return access.Invalid("invalid_size", "", "event %d is not in the tree of %d events; ask with a size of %d at least", seq, size, seq)
	}
	return access.Conflict("not_sealed_yet", "no signed checkpoint holds event %d yet; one does within a second, try again", seq)
}

// eventOf reads the event and its leaf: of one that is there, that of what it says
// now.
func eventOf(tx *ledger.Tx, id string, seq int64) (p AuditProof, err error) {
	var found ledger.Sealed
	if seq == 0 {
		found, err = tx.SealedBy(id)
	} else {
		found, err = tx.SealedAt(seq)
	}
	if err == nil {
		return AuditProof{Seq: found.Seq, Event: found.Body, Leaf: audit.Hash(audit.Leaf(found.Body))}, nil
	}
	if seq == 0 || access.CodeOf(err) != codeEventRemoved {
		return p, err
	}
	p.Seq = seq
	p.Leaf, err = audit.LeafAt(tx.HashReader(), seq)
	return p, err
}

// codeEventRemoved is the code of an event that is not kept any more.
const codeEventRemoved = "event_removed"

// AuditConsistency proves that the tree of the size to goes on from that of from. to
// 0 is the size of the newest checkpoint.
func (e *Engine) AuditConsistency(ctx context.Context, call Call, from, to int64) (c AuditConsistency, err error) {
	err = e.prove(ctx, call, func(tx *ledger.Tx, head ledger.AuditHead) error {
		at, err := e.treeAt(tx, head, "to", to)
		if err != nil {
			return err
		}
		if from < 1 || from > at.size {
			return access.Invalid("invalid_size", "", "from is the size of a tree that this one goes on from, 1 to %d, not %d", at.size, from)
		}
		r := tx.HashReader()
		root, err := audit.RootAt(r, from)
		if err != nil {
			return err
		}
		c = AuditConsistency{From: from, To: at.size, Checkpoint: at.note}
		if c.Proof, err = audit.ProveConsistency(r, from, at.size); err != nil {
			return err
		}
		if c.Proof == nil { // of a tree with itself
			c.Proof = []audit.Hash{}
		}
		return audit.CheckConsistency(c.Proof, from, root, at.size, at.root)
	})
	return c, err
}

// prove runs read for a caller who may read the audit log, on a ledger that has a
// signed checkpoint.
func (e *Engine) prove(ctx context.Context, call Call, read func(*ledger.Tx, ledger.AuditHead) error) error {
	if err := e.authorize(ctx, call, opAudit, access.APIObject{}); err != nil {
		return err
	}
	if e.auditKeys == nil {
		return noAuditKey()
	}
	return e.ledger.View(ctx, func(tx *ledger.Tx) error {
		head, err := tx.AuditHead()
		if err != nil {
			return err
		}
		if head.Checkpoint == "" {
			return access.Conflict("not_sealed_yet", "no checkpoint is signed yet; one is within a second of the first event, try again")
		}
		return read(tx, head)
	})
}

// tree is a tree that was signed, or a beginning of it.
type tree struct {
	size int64
	root audit.Hash
	note *string // nil: none of the size is kept
}

// treeAt is the tree of a size, which the parameter names, or that of the newest
// checkpoint, with the root that the ledger has now. A root that is not the signed one
// is an error: the ledger was changed.
func (e *Engine) treeAt(tx *ledger.Tx, head ledger.AuditHead, parameter string, size int64) (t tree, err error) {
	if t.size = size; size == 0 {
		t.size = head.CheckpointSize
	}
	if t.size < 1 || t.size > head.Size {
		return t, access.Invalid("invalid_size", "", "%s is the size of a tree, 1 to %d, not %d", parameter, head.Size, t.size)
	}
	if t.root, err = audit.RootAt(tx.HashReader(), t.size); err != nil {
		return t, err
	}
	kept, err := tx.CheckpointAt(t.size)
	if errors.Is(err, access.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	signed, err := e.opened(tx, kept.Note)
	if err == nil && (signed.Size != t.size || signed.Root != t.root) {
		err = fmt.Errorf("the tree of %d in the ledger is not the one that was signed", t.size)
	}
	t.note = &kept.Note
	return t, err
}

// opened reads a signed checkpoint of the ledger's: this gateway's keys signed it, or
// keys before them did.
func (e *Engine) opened(tx *ledger.Tx, note string) (audit.Checkpoint, error) {
	c, err := e.auditKeys.Open(note)
	if !errors.Is(err, audit.ErrUnknownKey) {
		return c, err
	}
	before, err := tx.AuditKeys()
	if err != nil {
		return c, err
	}
	verifiers := make([]string, len(before))
	for i, k := range before {
		verifiers[i] = k.Verifier
	}
	return audit.OpenCheckpoint(note, verifiers...)
}

// AuditKey is a key that signed checkpoints, and which of them.
type AuditKey struct {
	Verifier  string    `json:"verifier"`
	Current   bool      `json:"current"` // this gateway signs with it
	FirstSize int64     `json:"first_size"`
	FirstAt   time.Time `json:"first_at"`
	LastSize  int64     `json:"last_size"`
	LastAt    time.Time `json:"last_at"`
}

// AuditKeys lists the keys that signed checkpoints, the newest first.
func (e *Engine) AuditKeys(ctx context.Context, call Call) (page Page[AuditKey], err error) {
	if err := e.authorize(ctx, call, opAudit, access.APIObject{}); err != nil {
		return page, err
	}
	page.Items = []AuditKey{}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		keys, err := tx.AuditKeys()
		for _, k := range keys {
			page.Items = append(page.Items, AuditKey{
				Verifier: k.Verifier, Current: slices.Contains(e.verifiers(), k.Verifier),
				FirstSize: k.FirstSize, FirstAt: k.FirstAt, LastSize: k.LastSize, LastAt: k.LastAt,
			})
		}
		return err
	})
	return page, err
}

// verifiers are those of the keys that this gateway signs with, if any.
func (e *Engine) verifiers() []string {
	if e.auditKeys == nil {
		return []string{}
	}
	return e.auditKeys.Verifiers()
}

// TellAuditKeys writes that checkpoints are signed by other keys from here on, if they
// are: at the start of a gateway, before its first checkpoint.
func (e *Engine) TellAuditKeys(ctx context.Context) error {
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		keys, err := tx.AuditKeys()
		if err != nil {
			return err
		}
		from, to := lastSigners(keys), e.verifiers()
		if sameKeys(from, to) {
			return nil
		}
		if len(from) > 0 {
			e.log.Warn("checkpoints of the audit log are signed by other keys than before", "from", from, "to", to)
		}
		return tx.Append(audit.Event{Type: audit.KeyChanged, Data: map[string]any{"from": from, "to": to}})
	})
}

// lastSigners are the keys that signed the newest checkpoint.
func lastSigners(keys []ledger.AuditKey) []string {
	var newest int64
	for _, k := range keys {
		newest = max(newest, k.LastSize)
	}
	last := []string{}
	for _, k := range keys {
		if k.LastSize == newest {
			last = append(last, k.Verifier)
		}
	}
	return last
}

// sameKeys compares two sets of keys.
func sameKeys(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
