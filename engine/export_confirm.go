package engine

import (
	"context"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// ExportKept says that an export of the events up to one is kept outside.
type ExportKept struct {
	Through int64  `json:"through"`
	Root    string `json:"root"` // of the tree of that size, as whoever has the export computed it: base64
}

// ExportConfirmed is what is known of the events that are kept outside.
type ExportConfirmed struct {
	Confirmed int64     `json:"confirmed"` // up to this one
	At        time.Time `json:"at"`
}

// ConfirmExport takes down that an export is kept outside: what it holds may be removed
// here when it is old enough. Whoever says so shows, by the root, that they have the
// export.
func (e *Engine) ConfirmExport(ctx context.Context, call Call, kept ExportKept) (ExportConfirmed, error) {
	if done, found, err := replay[ExportConfirmed](ctx, e, call); found || err != nil {
		return done, err
	}
	if err := e.authorize(ctx, call, opConfirmExport, access.APIObject{}); err != nil {
		return ExportConfirmed{}, err
	}
	return once(ctx, e, call, nil, func(tx *ledger.Tx) (c ExportConfirmed, err error) {
		if err := mayConfirm(tx, kept); err != nil {
			return c, err
		}
		c.At = tx.Now()
		if c.Confirmed, err = tx.ConfirmExport(kept.Through); err != nil {
			return c, err
		}
		event := call.event(audit.ExportConfirmed)
		event.Data = map[string]any{"through": kept.Through, "root": kept.Root, "confirmed": c.Confirmed}
		return c, tx.Append(event)
	})
}

// mayConfirm holds the root against that of the ledger.
func mayConfirm(tx *ledger.Tx, kept ExportKept) error {
	head, err := tx.AuditHead()
	if err != nil {
		return err
	}
	if kept.Through < 1 || kept.Through > head.Size {
		return access.Invalid("invalid_through", "/through", "through is the number of an event of the log, 1 to %d, not %d", head.Size, kept.Through)
	}
	said, err := audit.ParseHash(kept.Root)
	if err != nil {
		return access.Invalid("invalid_root", "/root", "root is the root of the tree of %d events, in base64", kept.Through)
	}
	root, err := audit.RootAt(tx.HashReader(), kept.Through)
	if err == nil && root != said {
		err = access.Conflict("another_root", "the tree of %d events has the root %s, and not %s: the export is not of this log, or not to this event",
			kept.Through, root, said)
	}
	return err
}
