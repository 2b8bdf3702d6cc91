package ledger

import (
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// BindingFilter narrows a list of bindings. Empty members do not narrow.
type BindingFilter struct {
	State                     access.BindingState
	Target, Subject, Resource string
	Before                    string // ids below this one: the cursor
	Limit                     int
}

// Bindings lists bindings, newest first. What has work to do, drifted or was forced
// is found by the index of that, so that the list costs what there is of it, and not
// what there are bindings.
func (tx *Tx) Bindings(f BindingFilter) ([]access.Binding, error) {
	w := where{}
	w.add(f.Before != "", `b.id < `, f.Before)
	w.add(f.Target != "", `b.target = `, f.Target)
	w.add(f.Subject != "", `b.subject = `, f.Subject)
	w.add(f.Resource != "", `b.resource = `, f.Resource)
	switch f.State {
	case access.BindingOverdue:
		w.and(`b.id IN (SELECT id FROM bindings WHERE next_at IS NOT NULL AND due_at IS NOT NULL AND (due_at < ` +
			w.bind(micros(tx.now.Add(-access.OverdueAfter))) + ` OR last_class = ` + w.bind(string(access.ClassTargetMissing)) + `))`)
	case access.BindingPending:
		w.and(`b.id IN (SELECT id FROM bindings WHERE next_at IS NOT NULL)`)
	case access.BindingDrifted:
		w.and(`b.id IN (SELECT binding_id FROM verifications WHERE drifted_since IS NOT NULL)`)
	case access.BindingForced:
		w.and(`b.forced_at IS NOT NULL`)
	case access.BindingPresent, access.BindingAbsent:
		w.add(true, `b.observed = `, string(f.State))
	}
	return all(tx, scanBinding, bindingColumns+w.String()+` ORDER BY b.id DESC LIMIT `+w.bind(f.Limit), w.args...)
}

// BindingEvent is an audit event about a binding.
type BindingEvent struct {
	Body json.RawMessage // RFC 8785 JSON
	// Order is its place among the events about the binding, for those of one time:
	// sealed ones come in their sequence, and those that are not yet after them.
	Order int64
}

// unsealed is where the order of events begins that are not sealed yet.
const unsealed = 1 << 60

// BindingEvents returns the newest events about a binding whose types are among
// those given, or are none of them when but is true; oldest first. Those that are not
// sealed yet are among them.
func (tx *Tx) BindingEvents(bindingID string, limit int, but bool, types ...string) ([]BindingEvent, error) {
	w := where{}
	w.add(true, `e.binding_id = `, bindingID)
	among := ` IN (`
	if but {
		among = ` NOT IN (`
	}
	w.and(`e.type` + among + w.bindAll(types) + `)`)
	events, err := all(tx, scanBindingEvent, `
		SELECT e.body, l.seq, p.n
		  FROM audit_events e
		  LEFT JOIN audit_log l ON l.event_id = e.id
		  LEFT JOIN audit_pending p ON p.at = e.at AND p.event_id = e.id`+w.String()+`
		 ORDER BY e.at DESC, CASE WHEN l.seq IS NULL THEN 1 ELSE 0 END DESC, l.seq DESC, p.n DESC, e.id DESC LIMIT `+w.bind(limit), w.args...)
	slices.Reverse(events)
	return events, err
}

func scanBindingEvent(row scanner) (e BindingEvent, err error) {
	var body string
	var seq, n sql.NullInt64
	err = row.Scan(&body, &seq, &n)
	e.Body, e.Order = json.RawMessage(body), seq.Int64
	if !seq.Valid {
		e.Order = unsealed + n.Int64
	}
	return e, err
}

// CountBindingEvents counts the events about a binding whose type is not the one
// given.
func (tx *Tx) CountBindingEvents(bindingID, but string) (n int, err error) {
	err = tx.row(`SELECT COUNT(*) FROM audit_events WHERE binding_id = $1 AND type <> $2`, bindingID, but).Scan(&n)
	return n, err
}

// NewestAttempts returns the newest attempts on a binding, oldest first, and how many
// there are in all.
func (tx *Tx) NewestAttempts(bindingID string, limit int) (newest []Attempt, n int, err error) {
	if err = tx.row(`SELECT COUNT(*) FROM attempts WHERE binding_id = $1`, bindingID).Scan(&n); err != nil {
		return nil, 0, err
	}
	newest, err = all(tx, scanOutcome, `
		SELECT generation, attempt, verb, started_at, finished_at, class, status, detail
		  FROM attempts WHERE binding_id = $1 ORDER BY generation DESC, attempt DESC LIMIT $2`, bindingID, limit)
	slices.Reverse(newest)
	return newest, n, err
}

func scanOutcome(row scanner) (a Attempt, err error) {
	var started int64
	var finished, status sql.NullInt64
	var class sql.NullString
	err = row.Scan(&a.Generation, &a.Number, &a.Verb, &started, &finished, &class, &status, &a.Detail)
	a.StartedAt, a.FinishedAt = fromMicros(started), timePtr(finished)
	a.Class, a.Status = access.Class(class.String), int(status.Int64)
	return a, err
}

// AttemptSpan is which attempts on a binding are counted: of the verb, at the
// generations from From and below Below, and begun by Until.
type AttemptSpan struct {
	Verb        access.Verb
	From, Below int64
	Until       time.Time
}

// CountAttempts counts attempts on a binding, and tells when the first of them began;
// nil when there is none. What was claimed and handed back unsent was none.
func (tx *Tx) CountAttempts(bindingID string, s AttemptSpan) (n int, first *time.Time, err error) {
	var began sql.NullInt64
	err = tx.row(`
		SELECT COUNT(*), MIN(started_at) FROM attempts
		 WHERE binding_id = $1 AND verb = $2 AND generation >= $3 AND generation < $4 AND started_at <= $5
		   AND (class IS NULL OR class <> $6)`,
		bindingID, string(s.Verb), s.From, s.Below, micros(s.Until), string(access.ClassUnsent)).Scan(&n, &began)
	return n, timePtr(began), err
}

// LastRequestOn returns the id of the newest request whose grant is on the binding;
// "" when there is none.
func (tx *Tx) LastRequestOn(b access.Binding) (string, error) {
	ids, err := all(tx, scanText, `SELECT request_id FROM grants WHERE subject = $1 AND binding_id = $2 ORDER BY id DESC LIMIT 1`,
		b.Subject.String(), b.ID)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}
