package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

// DefaultPublish is how often a signed checkpoint becomes an event itself.
const DefaultPublish = time.Hour

// publishLook is how often it is looked whether one is due.
const publishLook = time.Minute

// publishLoop makes the newest signed checkpoint an event, as often as is configured:
// so each sink holds an anchor outside, which nobody who owns ledger and key can take
// back.
func (e *Engine) publishLoop(ctx context.Context) {
	look := time.NewTicker(min(publishLook, e.publish))
	defer look.Stop()
	var failures trouble.Line
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if err := e.publishCheckpoint(ctx); err != nil && ctx.Err() == nil {
			failures.Failed(e.log, "a checkpoint was not made an event; trying again", err)
		}
	}
}

// publishCheckpoint does it, if it is time and anything was sealed since.
func (e *Engine) publishCheckpoint(ctx context.Context) error {
	var head ledger.AuditHead
	var last []ledger.Sealed
	err := e.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		if head, err = tx.AuditHead(); err == nil {
			last, err = tx.Sealed(head.Seq-1, head.Seq, 1)
		}
		return err
	})
	soon := head.PublishedAt != nil && e.ledger.Now().Before(head.PublishedAt.Add(e.publish))
	if err != nil || soon || head.Checkpoint == "" || len(last) == 0 || isAnchorOfAll(last[0]) {
		return err
	}
	signed, err := e.auditKeys.Open(head.Checkpoint)
	if err != nil {
		return err
	}
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		mine, err := tx.BeginPublishing(head.PublishedAt)
		if err != nil || !mine {
			return err
		}
		return tx.Append(audit.Event{Type: audit.Checkpointed, Data: map[string]any{
			"origin": signed.Origin, "size": signed.Size, "root": signed.Root.String(), "checkpoint": head.Checkpoint,
		}})
	})
}

// isAnchorOfAll reports whether an event is a checkpoint of everything before it:
// then there is nothing to be told.
func isAnchorOfAll(last ledger.Sealed) bool {
	if last.Type != audit.Checkpointed {
		return false
	}
	var event struct {
		Data struct {
			Size int64 `json:"size"`
		} `json:"data"`
	}
	return json.Unmarshal(last.Body, &event) == nil && event.Data.Size == last.Seq-1
}
