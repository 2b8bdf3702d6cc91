package ledger

import (
	"cmp"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Verified is a verification as the ledger keeps it.
type Verified struct {
	access.Verification
	BindingID string
	Claim     string // who asks, "" for nobody
	Repairs   int    // in this spell of drift
	Failures  int    // in a row
}

const verificationColumns = `SELECT binding_id, next_at, claim, answer, answered_at, verified_at, drifted_since, repairs, failures, last_error
	FROM verifications`

// Verification returns what a target said of a binding; found is false when it is
// not to be asked.
func (tx *Tx) Verification(bindingID string) (v access.Verification, found bool, err error) {
	kept, err := scanVerified(tx.row(verificationColumns+` WHERE binding_id = $1`, bindingID))
	if errors.Is(err, sql.ErrNoRows) {
		return access.Verification{Answer: access.Unknown}, false, nil
	}
	return kept.Verification, err == nil, err
}

// Verifications returns what targets said of bindings, by binding.
func (tx *Tx) Verifications(bindingIDs ...string) (map[string]Verified, error) {
	found := map[string]Verified{}
	for list := range inLists(bindingIDs) {
		w := where{}
		some, err := all(tx, scanVerified, verificationColumns+` WHERE binding_id IN (`+w.bindAll(list)+`)`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, v := range some {
			found[v.BindingID] = v
		}
	}
	return found, nil
}

// DriftedByTarget counts, for each target by its name, the bindings that are not as
// they should be by its own word. A target with none is not in it.
func (tx *Tx) DriftedByTarget() (map[string]access.Drift, error) {
	type row struct {
		target string
		drift  access.Drift
	}
	rows, err := all(tx, func(s scanner) (r row, err error) {
		var since int64
		err = s.Scan(&r.target, &r.drift.Count, &r.drift.Removals, &since)
		r.drift.Since = fromMicros(since)
		return r, err
	}, `
		SELECT b.target, COUNT(*), COUNT(CASE WHEN b.desired = 'absent' THEN 1 END), MIN(v.drifted_since)
		  FROM verifications v JOIN bindings b ON b.id = v.binding_id
		 WHERE v.drifted_since IS NOT NULL GROUP BY b.target`)
	out := map[string]access.Drift{}
	for _, r := range rows {
		out[r.target] = r.drift
	}
	return out, err
}

// Asking is when a target is to be asked about a binding.
type Asking struct {
	BindingID string
	Contract  string
	At        time.Time
}

// AskAt makes bindings be asked about at the times, whether they were asked about
// before or not: whoever asks about one now asks in vain. What targets said is kept.
// The bindings must be locked.
func (tx *Tx) AskAt(askings ...Asking) error {
	return tx.ask(askings, `DO UPDATE SET next_at = excluded.next_at, claim = NULL, failures = 0, last_error = ''`)
}

// AskFirst is AskAt of bindings that were never asked about. The others are left as
// they are.
func (tx *Tx) AskFirst(askings ...Asking) error { return tx.ask(askings, `DO NOTHING`) }

// ask inserts in the order of the ids: transactions that insert the same rows wait
// for each other, and not in a circle.
func (tx *Tx) ask(askings []Asking, otherwise string) error {
	askings = slices.SortedFunc(slices.Values(askings), func(a, b Asking) int { return cmp.Compare(a.BindingID, b.BindingID) })
	for run := range byPowers(askings) {
		args := []any{}
		for _, a := range run {
			args = append(args, a.BindingID, a.Contract, micros(a.At), string(access.Unknown), 0, 0, "")
		}
		err := tx.exec(`INSERT INTO verifications (binding_id, contract, next_at, answer, repairs, failures, last_error)
			VALUES `+placeholders(len(run), 7)+` ON CONFLICT (binding_id) `+otherwise, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// HoldUnasked holds some bindings of the contract of which the target was told and
// about which it was never to be asked, and whose ids come after the one given, in
// their order. What another transaction holds is passed over.
func (tx *Tx) HoldUnasked(contract, after string, limit int) ([]access.Binding, error) {
	return all(tx, scanBinding, bindingColumns+` WHERE `+unasked+` ORDER BY b.id LIMIT $3`+tx.skipLocked, contract, after, limit)
}

// Unasked reports whether HoldUnasked may find any.
func (tx *Tx) Unasked(contract, after string) (bool, error) {
	ids, err := all(tx, scanText, `SELECT b.id FROM bindings b WHERE `+unasked+` ORDER BY b.id LIMIT 1`, contract, after)
	return len(ids) > 0, err
}

// unasked is true of bindings that were settled once, and have no verification.
const unasked = `b.contract = $1 AND b.id > $2 AND (b.confirmed_at IS NOT NULL OR b.forced_at IS NOT NULL)
	AND NOT EXISTS (SELECT 1 FROM verifications v WHERE v.binding_id = b.id)`

// ClaimQuestions makes the owner the one who asks, until the time, about so many
// bindings of the contract about which it is time to ask, longest due first.
func (tx *Tx) ClaimQuestions(contract, owner string, until time.Time, limit int) (bindingIDs []string, err error) {
	return all(tx, scanText, `
		WITH due AS MATERIALIZED (
		  SELECT binding_id FROM verifications WHERE contract = $1 AND next_at <= $2 ORDER BY next_at LIMIT $3`+tx.skipLocked+`)
		UPDATE verifications SET claim = $4, next_at = $5 WHERE binding_id IN (SELECT binding_id FROM due) RETURNING binding_id`,
		contract, micros(tx.now), limit, owner, micros(until))
}

// NextQuestion returns when it is next time to ask about a binding of the contract;
// the zero time for never.
func (tx *Tx) NextQuestion(contract string) (time.Time, error) {
	return tx.soonest(`SELECT MIN(next_at) FROM verifications WHERE contract = $1`, contract)
}

// PutVerifications stores verifications, whoever asks. Their bindings must be locked,
// or the claims the caller's own.
func (tx *Tx) PutVerifications(verified ...Verified) error {
	types := []string{"TEXT", "BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT"}
	for run := range byPowers(verified) {
		args := []any{}
		for _, v := range run {
			args = append(args, v.BindingID, microsOrNull(v.NextAt), textOrNull(v.Claim), string(v.Answer), microsOrNull(v.AnsweredAt),
				microsOrNull(v.VerifiedAt), microsOrNull(v.DriftedSince), v.Repairs, v.Failures, v.Error)
		}
		err := tx.exec(`
			UPDATE verifications SET next_at = v.column2, claim = v.column3, answer = v.column4, answered_at = v.column5,
			       verified_at = v.column6, drifted_since = v.column7, repairs = v.column8, failures = v.column9, last_error = v.column10
			  FROM (VALUES `+placeholdersFrom(1, len(run), types)+`) AS v
			 WHERE verifications.binding_id = v.column1`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func scanVerified(row scanner) (v Verified, err error) {
	var next, answered, verified, drifted sql.NullInt64
	var claim sql.NullString
	err = row.Scan(&v.BindingID, &next, &claim, &v.Answer, &answered, &verified, &drifted, &v.Repairs, &v.Failures, &v.Error)
	v.NextAt, v.AnsweredAt, v.VerifiedAt, v.DriftedSince = timePtr(next), timePtr(answered), timePtr(verified), timePtr(drifted)
	v.Claim = claim.String
	return v, err
}

// verifyCounts counts. A target that is not asked any more has nothing that waits.
func (tx *Tx) verifyCounts(asked []string) (c access.VerifyCounts, err error) {
	if err := tx.row(`SELECT COUNT(*) FROM verifications WHERE drifted_since IS NOT NULL`).Scan(&c.Drifted); err != nil {
		return c, err
	}
	for _, contract := range asked {
		at, err := tx.NextQuestion(contract)
		if err != nil {
			return c, err
		}
		if !at.IsZero() {
			c.Oldest = max(c.Oldest, tx.now.Sub(at))
		}
	}
	return c, nil
}

// LostDrifts counts the drifts about which it has been time to ask since before the
// time, at targets that are none of those asked.
func (tx *Tx) LostDrifts(asked []string, before time.Time) (n int, err error) {
	w := lostDrifts(asked, before)
	err = tx.row(`SELECT COUNT(*) FROM verifications`+w.String(), w.args...).Scan(&n)
	return n, err
}

// LeaveDrifts forgets what LostDrifts counts, and returns how many that were.
func (tx *Tx) LeaveDrifts(asked []string, before time.Time) (int64, error) {
	w := lostDrifts(asked, before)
	return tx.affect(`UPDATE verifications SET drifted_since = NULL, repairs = 0`+w.String(), w.args...)
}

func lostDrifts(asked []string, before time.Time) *where {
	w := &where{conditions: []string{`drifted_since IS NOT NULL`}}
	w.add(true, `next_at < `, micros(before))
	if len(asked) > 0 {
		w.and(`contract NOT IN (` + w.bindAll(asked) + `)`)
	}
	return w
}
