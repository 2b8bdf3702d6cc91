package ledger

import (
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// AuditHead is where the sequence of events and its tree have got to.
type AuditHead struct {
	Seq            int64      // the last number given
	Size           int64      // events in the tree; below Seq only beside, or just after, a node of an older release
	Edge           audit.Edge // of the tree
	Checkpoint     string     // the newest, signed; "" without a key
	CheckpointSize int64
	Removed        int64      // events up to this number are not kept any more, only their leaves
	Confirmed      int64      // events up to this number are known to be kept outside
	PublishedAt    *time.Time // when a checkpoint last was an event itself
	BrokenAt       *time.Time // since when sealing is refused; nil while all is well
	BrokenWhy      string
}

// AuditHead reads where the sequence and its tree have got to.
func (tx *Tx) AuditHead() (AuditHead, error) {
	h, err := tx.head()
	if err != nil {
		return AuditHead{}, err
	}
	h.Edge, err = audit.ParseEdge(h.Size, h.edge)
	return h.AuditHead, err
}

// head is the row of audit_head.
type head struct {
	AuditHead
	edge string // as it is stored
}

func (tx *Tx) head() (h head, err error) {
	var published int64
	var broken sql.NullInt64
	err = tx.row(`SELECT seq, size, edge, checkpoint, checkpoint_size, removed, confirmed, published_at, broken_at, broken_why
		FROM audit_head WHERE id = 1`).Scan(
		&h.Seq, &h.Size, &h.edge, &h.Checkpoint, &h.CheckpointSize, &h.Removed, &h.Confirmed, &published, &broken, &h.BrokenWhy)
	if published != 0 {
		h.PublishedAt = timePtr(sql.NullInt64{Int64: published, Valid: true})
	}
	h.BrokenAt = timePtr(broken)
	return h, err
}

// SignedCheckpoint is a checkpoint as it was signed.
type SignedCheckpoint struct {
	Size int64
	Note string
}

func scanSigned(row scanner) (c SignedCheckpoint, err error) { return c, row.Scan(&c.Size, &c.Note) }

// CheckpointAt is the signed checkpoint of a size: one that is kept, or the newest.
func (tx *Tx) CheckpointAt(size int64) (SignedCheckpoint, error) {
	return one(tx, scanSigned, "checkpoint of size", decimal(size), `
		SELECT size, note FROM audit_checkpoints WHERE size = $1
		UNION ALL SELECT checkpoint_size, checkpoint FROM audit_head WHERE id = 1 AND checkpoint_size = $1 AND checkpoint <> '' LIMIT 1`, size)
}

// Checkpoints lists the signed checkpoints that are kept, of sizes above after, the
// smallest first.
func (tx *Tx) Checkpoints(after int64, limit int) ([]SignedCheckpoint, error) {
	return all(tx, scanSigned, `SELECT size, note FROM audit_checkpoints WHERE size > $1 ORDER BY size LIMIT $2`, after, limit)
}

// AuditKey is a key that signed checkpoints, and the first and the last that are kept
// of those.
type AuditKey struct {
	Verifier            string
	FirstSize, LastSize int64
	FirstAt, LastAt     time.Time
}

// AuditKeys lists the keys that signed, the newest first.
func (tx *Tx) AuditKeys() ([]AuditKey, error) {
	return all(tx, func(row scanner) (k AuditKey, err error) {
		var first, last int64
		err = row.Scan(&k.Verifier, &k.FirstSize, &first, &k.LastSize, &last)
		k.FirstAt, k.LastAt = fromMicros(first), fromMicros(last)
		return k, err
	}, `SELECT verifier, first_size, first_at, last_size, last_at FROM audit_keys ORDER BY first_size DESC, verifier`)
}

// notSealedYet says that an event waits for its place in the sequence.
func notSealedYet(id string) error {
	return access.Conflict("not_sealed_yet", "%s has no place in the sequence yet; it gets one within a second, try again", id)
}
