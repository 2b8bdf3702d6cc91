package ledger

import (
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const bindingFields = `id, subject, action, resource, target, contract, desired, observed, version, generation, attempts,
	next_at, due_at, end_reason, last_class, last_error, confirmed_at, reported_at, provision_open_until,
	deprovision_open_until, callback_by, told_until, renewing, forced_at, claim`

const bindingColumns = `SELECT ` + bindingFields + ` FROM bindings b`

// Claimed is a binding with who holds the attempt under way, "" for nobody.
type Claimed struct {
	access.Binding
	Claim string
}

// TakeBinding returns the binding of subject, action, resource, target and
// contract, locked as by LockBindings; newID is what it gets if there is none yet.
func (tx *Tx) TakeBinding(newID string, x access.Entitled, target, contract string) (Claimed, error) {
	return scanClaimed(tx.row(`
		INSERT INTO bindings (id, subject, action, resource, target, contract, desired, observed, version, generation,
		                      attempts, last_error, provision_open_until, deprovision_open_until)
		VALUES ($1, $2, $3, $4, $5, $6, 'absent', 'absent', 1, 0, 0, '', 0, 0)
		ON CONFLICT (subject, action, resource, target, contract) DO UPDATE SET version = bindings.version + 1
		RETURNING `+bindingFields, newID, x.Subject.String(), x.Action.Name, x.Resource.String(), target, contract))
}

// LockBindings bumps the version of each binding, in id order, and so holds
// them until the transaction ends. Whoever adds, moves or ends grants calls it
// first; what is then read of the bindings' grants is the truth.
func (tx *Tx) LockBindings(ids ...string) error {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for list := range inLists(ids) {
		if err := tx.lockRows(list); err != nil {
			return err
		}
		if err := tx.bump(list); err != nil {
			return err
		}
	}
	return nil
}

// lockRows holds bindings in id order, where several transactions write at once:
// an UPDATE of many rows takes them in whatever order it meets them.
func (tx *Tx) lockRows(ids []string) error {
	if tx.forUpdate() == "" || len(ids) == 1 {
		return nil
	}
	w := where{}
	_, err := all(tx, scanText, `SELECT id FROM bindings WHERE id IN (`+w.bindAll(ids)+`) ORDER BY id`+tx.forUpdate(), w.args...)
	return err
}

// bump raises the version of bindings that no other transaction can be at.
func (tx *Tx) bump(ids []string) error {
	w := where{}
	n, err := tx.affect(`UPDATE bindings SET version = version + 1 WHERE id IN (`+w.bindAll(ids)+`)`, w.args...)
	if want := int64(len(slices.Compact(slices.Clone(ids)))); err == nil && n != want {
		err = tx.failed(fmt.Errorf("%d of %d bindings: %w", n, want, access.NotFound("binding", ids[0])))
	}
	return err
}

// Binding returns a binding.
func (tx *Tx) Binding(id string) (access.Binding, error) {
	return one(tx, scanBinding, "binding", id, bindingColumns+` WHERE b.id = $1`, id)
}

// Claimed returns bindings with their claims, by id.
func (tx *Tx) Claimed(ids ...string) (map[string]Claimed, error) { return tx.claimed(ids, "") }

// HoldClaimed is Claimed, and holds the bindings until the transaction ends: for
// whoever changes their state and none of their grants.
func (tx *Tx) HoldClaimed(ids ...string) (map[string]Claimed, error) {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return tx.claimed(slices.Compact(sorted), ` ORDER BY b.id`+tx.forUpdate())
}

// forUpdate is what a SELECT of rows to hold ends with, where several
// transactions write at once.
func (tx *Tx) forUpdate() string {
	if tx.skipLocked == "" {
		return ""
	}
	return ` FOR UPDATE`
}

func (tx *Tx) claimed(ids []string, order string) (map[string]Claimed, error) {
	found := map[string]Claimed{}
	for list := range inLists(ids) {
		w := where{}
		some, err := all(tx, scanClaimed, bindingColumns+` WHERE b.id IN (`+w.bindAll(list)+`)`+order, w.args...)
		if err != nil {
			return nil, err
		}
		for _, b := range some {
			found[b.ID] = b
		}
	}
	return found, nil
}

// putTypes are the SQL types of what PutBindings stores, in its order.
var putTypes = []string{ //nolint:gochecknoglobals // a constant
	"TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT",
	"BIGINT", "BIGINT", "BIGINT", "BIGINT",
}

// PutBindings stores what may change of bindings besides their versions: what is
// desired and observed, the generation and the schedule, and who holds the
// attempt under way. The bindings must be locked.
func (tx *Tx) PutBindings(bindings ...Claimed) error { return tx.putBindings(bindings, "") }

// TurnBindings is PutBindings for whoever holds the bindings, has changed their
// grants and has not bumped their versions yet: it does. others are bindings of
// which that is true and that stay as they are.
func (tx *Tx) TurnBindings(bindings []Claimed, others ...string) error {
	for list := range inLists(others) {
		if err := tx.bump(list); err != nil {
			return err
		}
	}
	return tx.putBindings(bindings, "version = version + 1, ")
}

func (tx *Tx) putBindings(bindings []Claimed, set string) error {
	for run := range byPowers(bindings) {
		args := []any{}
		for _, b := range run {
			args = append(args, b.ID, string(b.Desired), string(b.Observed), b.Generation, b.Attempts, microsOrNull(b.NextAt),
				microsOrNull(b.DueAt), ptrOrNull((*string)(b.EndReason)), textOrNull(string(b.LastClass)), b.LastError,
				microsOrNull(b.ConfirmedAt), microsOrNull(b.ReportedAt), openMicros(b.ProvisionOpenUntil),
				openMicros(b.DeprovisionOpenUntil), textOrNull(b.Claim), microsOrNull(b.CallbackBy), microsOrNull(b.ToldUntil),
				flag(b.Renewing), microsOrNull(b.ForcedAt))
		}
		err := tx.exec(`
			UPDATE bindings SET `+set+`desired = v.column2, observed = v.column3, generation = v.column4, attempts = v.column5,
			       next_at = v.column6, due_at = v.column7, end_reason = v.column8, last_class = v.column9, last_error = v.column10,
			       confirmed_at = v.column11, reported_at = v.column12, provision_open_until = v.column13,
			       deprovision_open_until = v.column14, claim = v.column15,
			       callback_by = v.column16, told_until = v.column17, renewing = v.column18, forced_at = v.column19,
			       alerted_at = CASE WHEN generation = v.column4 THEN alerted_at END
			  FROM (VALUES `+placeholdersFrom(1, len(run), putTypes)+`) AS v
			 WHERE bindings.id = v.column1`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// deliverable is what may be delivered at a contract: its next attempt is due.
// A binding that is to be present is passed over when no live grant is on it any
// more: the sweep is about to turn it.
const deliverable = `
	WHERE b.contract = $1 AND b.next_at <= $2 AND (b.desired = 'absent' OR EXISTS (
	      SELECT 1 FROM grants g WHERE g.binding_id = b.id AND ` + live + `))`

// Deliverable lists what may be delivered at the contract, longest due first.
func (tx *Tx) Deliverable(contract string, limit int) ([]access.Binding, error) {
	return all(tx, scanBinding, bindingColumns+deliverable+` ORDER BY b.next_at LIMIT $3`, contract, micros(tx.now), limit)
}

// HoldDeliverable is Deliverable, and holds what it lists until the transaction
// ends; what another holds is passed over. What is to be closed comes first,
// however long it is that others are to be opened.
//
// Where there is room for one alone, which may be because the target is in trouble, one
// that was never tried comes before those that failed: the trouble may be theirs.
func (tx *Tx) HoldDeliverable(contract string, limit int) ([]access.Binding, error) {
	if limit == 1 {
		untried, err := tx.holdDeliverable(access.Absent, contract, 1, ` AND b.attempts = 0 AND b.desired = 'absent'`)
		if err != nil || len(untried) == 1 {
			return untried, err
		}
	}
	closing, err := tx.holdDeliverable(access.Absent, contract, limit, "")
	if err != nil || len(closing) == limit {
		return closing, err
	}
	opening, err := tx.holdDeliverable(access.Present, contract, limit-len(closing), "")
	return append(closing, opening...), err
}

func (tx *Tx) holdDeliverable(desired access.Presence, contract string, limit int, only string) ([]access.Binding, error) {
	return all(tx, scanBinding, bindingColumns+deliverable+` AND b.desired = $3`+only+` ORDER BY b.next_at LIMIT $4`+tx.skipLocked,
		contract, micros(tx.now), string(desired), limit)
}

// HoldOneDeliverable is HoldDeliverable of one binding: none or one.
func (tx *Tx) HoldOneDeliverable(contract, id string) ([]access.Binding, error) {
	return all(tx, scanBinding, bindingColumns+deliverable+` AND b.id = $3`+tx.skipLocked, contract, micros(tx.now), id)
}

// NextDelivery returns when the next attempt at the contract is due; the zero
// time for never.
func (tx *Tx) NextDelivery(contract string) (time.Time, error) {
	return tx.soonest(`SELECT MIN(next_at) FROM bindings WHERE contract = $1 AND next_at IS NOT NULL`, contract)
}

// BindingsWithoutTarget lists bindings that have been due since the time, whose
// contract is none of those known, and of which that is not noted.
func (tx *Tx) BindingsWithoutTarget(known []string, dueSince time.Time, limit int) ([]Claimed, error) {
	return tx.withoutTarget(known, dueSince, limit, "")
}

// HoldBindingsWithoutTarget is BindingsWithoutTarget, and holds what it lists
// until the transaction ends; what another holds is passed over.
func (tx *Tx) HoldBindingsWithoutTarget(known []string, dueSince time.Time, limit int) ([]Claimed, error) {
	return tx.withoutTarget(known, dueSince, limit, tx.skipLocked)
}

func (tx *Tx) withoutTarget(known []string, dueSince time.Time, limit int, hold string) ([]Claimed, error) {
	w := where{}
	w.add(true, `b.next_at <= `, micros(dueSince))
	w.and(`(b.last_class IS NULL OR b.last_class <> ` + w.bind(string(access.ClassTargetMissing)) + `)`)
	if len(known) > 0 {
		w.and(`b.contract NOT IN (` + w.bindAll(known) + `)`)
	}
	return all(tx, scanClaimed, bindingColumns+w.String()+` ORDER BY b.next_at LIMIT `+w.bind(limit)+hold, w.args...)
}

// ReleaseClaims hands back every claimed attempt: for a process that knows that
// no other can hold one. What a target has accepted it leaves: the target's word may
// still come.
func (tx *Tx) ReleaseClaims() error {
	return tx.exec(`UPDATE bindings SET claim = NULL, next_at = $1 WHERE claim IS NOT NULL AND callback_by IS NULL`, micros(tx.now))
}

// PutOff makes the next attempt at a binding due at the time, if one is due now
// and nobody is at it.
func (tx *Tx) PutOff(id string, until time.Time) error {
	return tx.exec(`UPDATE bindings SET next_at = $2 WHERE id = $1 AND next_at <= $3`, id, micros(until), micros(tx.now))
}

// BindingsToAlert lists bindings that have been wrong since before the time, or
// whose target is missing, and of which that has not been said.
func (tx *Tx) BindingsToAlert(wrongSince time.Time, limit int) ([]access.Binding, error) {
	return tx.toAlert(wrongSince, limit, "")
}

// HoldBindingsToAlert is BindingsToAlert, and holds what it lists until the
// transaction ends; what another holds is passed over.
func (tx *Tx) HoldBindingsToAlert(wrongSince time.Time, limit int) ([]access.Binding, error) {
	return tx.toAlert(wrongSince, limit, tx.skipLocked)
}

func (tx *Tx) toAlert(wrongSince time.Time, limit int, hold string) ([]access.Binding, error) {
	return all(tx, scanBinding, bindingColumns+`
		WHERE b.due_at IS NOT NULL AND b.alerted_at IS NULL AND (b.due_at < $1 OR b.last_class = $2)
		ORDER BY b.due_at LIMIT $3`+hold, micros(wrongSince), string(access.ClassTargetMissing), limit)
}

// MarkAlerted records that a binding's being overdue was said.
func (tx *Tx) MarkAlerted(id string) error {
	return tx.changed(access.Conflict("already_alerted", "binding %s was alerted by another", id),
		`UPDATE bindings SET alerted_at = $2 WHERE id = $1 AND alerted_at IS NULL`, id, micros(tx.now))
}

// Contracts lists the targets, with their contracts, that access depends on:
// bindings with work to do or something present, and grants that are to start.
func (tx *Tx) Contracts() (map[string][]string, error) {
	type pair struct{ target, contract string }
	pairs, err := all(tx, func(row scanner) (p pair, err error) { return p, row.Scan(&p.target, &p.contract) }, `
		SELECT target, contract FROM bindings
		 WHERE next_at IS NOT NULL OR desired = 'present' OR observed <> 'absent'
		 UNION SELECT b.target, b.contract FROM grants g JOIN bindings b ON b.id = g.binding_id WHERE g.state = 'scheduled'`)
	out := map[string][]string{}
	for _, p := range pairs {
		out[p.target] = append(out[p.target], p.contract)
	}
	return out, err
}

func scanBinding(row scanner) (access.Binding, error) {
	b, err := scanClaimed(row)
	return b.Binding, err
}

func scanClaimed(row scanner) (b Claimed, err error) {
	var subject, resource string
	var nextAt, dueAt, confirmedAt, reportedAt, callbackBy, toldUntil, forcedAt sql.NullInt64
	var reason, class, claim sql.NullString
	var provision, deprovision, renewing int64
	err = row.Scan(&b.ID, &subject, &b.Action.Name, &resource, &b.Target, &b.Contract, &b.Desired, &b.Observed, &b.Version,
		&b.Generation, &b.Attempts, &nextAt, &dueAt, &reason, &class, &b.LastError, &confirmedAt, &reportedAt, &provision, &deprovision,
		&callbackBy, &toldUntil, &renewing, &forcedAt, &claim)
	if err != nil {
		return b, err
	}
	b.Subject, b.Resource = subjectOf(subject), resourceOf(resource)
	b.NextAt, b.DueAt, b.ConfirmedAt, b.ReportedAt = timePtr(nextAt), timePtr(dueAt), timePtr(confirmedAt), timePtr(reportedAt)
	b.CallbackBy, b.ToldUntil, b.ForcedAt, b.Renewing = timePtr(callbackBy), timePtr(toldUntil), timePtr(forcedAt), renewing != 0
	b.EndReason, b.LastClass = (*access.EndReason)(stringPtr(reason)), access.Class(class.String)
	b.Claim = claim.String
	b.ProvisionOpenUntil, b.DeprovisionOpenUntil = openTime(provision), openTime(deprovision)
	return b, nil
}

// openMicros is how "no attempt is open" (the zero time) is stored: as 0.
func openMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func openTime(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us)
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
