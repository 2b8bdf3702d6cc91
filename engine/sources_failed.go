package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// maxCause bounds how much of an error is kept, in bytes.
const maxCause = 512

// SourceFailed keeps that a source could not be asked. That it begins is an audit
// event.
func (e *Engine) SourceFailed(ctx context.Context, source string, kind access.SourceKind, cause error) error {
	why := causeText(cause)
	return e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if err := tx.LockSource(lockSource, source); err != nil {
			return err
		}
		before, err := tx.SourceRecord(source)
		if err != nil || before.FailedSince != nil && before.Error == why {
			return err
		}
		if before.FailedSince != nil {
			return tx.PutSourceFailure(source, kind, *before.FailedSince, why)
		}
		event := sourceEvent(audit.SourceFailed, source, kind, before.FetchedAt)
		event.Data["error"] = why
		if err := tx.Append(event); err != nil {
			return err
		}
		return tx.PutSourceFailure(source, kind, tx.Now(), why)
	})
}

// SourceStale tells, once a gap, that what a source said last is too old to count:
// in an audit event, and in the log as an error.
func (e *Engine) SourceStale(ctx context.Context, source string, kind access.SourceKind) error {
	var told ledger.SourceRecord
	var first bool
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		if first, err = tx.TellStale(source); err != nil || !first {
			return err
		}
		if told, err = tx.SourceRecord(source); err != nil {
			return err
		}
		event := sourceEvent(audit.SourceStale, source, kind, told.FetchedAt)
		event.Data["error"], event.Data["failed_since"] = told.Error, told.FailedSince
		return tx.Append(event)
	})
	if err == nil && first {
		e.log.Error("what a source of facts said last is too old: it counts as not known, and no end moves by it", "source", source,
			"fetched_at", told.FetchedAt, "error", told.Error)
	}
	return err
}

// causeText is the first line of an error, and not all of a long one: what
// follows it, such as a stack, is for the log.
func causeText(cause error) string {
	text, _, _ := strings.Cut(cause.Error(), "\n")
	if len(text) > maxCause {
		text = strings.ToValidUTF8(text[:maxCause], "") + " …"
	}
	return text
}

// sameFaults reports whether the same sentences are there, in any order.
func sameFaults(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
