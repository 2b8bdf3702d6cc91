package ledger

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Recheck is a live grant that is to be evaluated again, as it was read.
type Recheck struct {
	GrantID string
	Stirred
	Since    time.Time // of the change; it grows with every one
	Failures int       // since then
}

// Stirred is what changed under a grant.
type Stirred struct {
	Cause   access.Cause
	Source  string    // of the facts; "" for none
	FactsAt time.Time // of the source: older facts do not know of it
}

// RecheckSubjects queues the live grants of people. It returns how many.
func (tx *Tx) RecheckSubjects(subjects []access.Subject, s Stirred) (queued int64, err error) {
	names := make([]string, len(subjects))
	for i, who := range subjects {
		names[i] = who.String()
	}
	for list := range inLists(names) {
		w := where{}
		w.and(`g.subject IN (` + w.bindAll(list) + `)`)
		n, err := tx.queueRechecks(w, s)
		if err != nil {
			return queued, err
		}
		queued += n
	}
	return queued, nil
}

// RecheckGrants queues those of the grants that are live. It returns how many.
func (tx *Tx) RecheckGrants(ids []string, s Stirred) (queued int64, err error) {
	for list := range inLists(ids) {
		w := where{}
		w.and(`g.id IN (` + w.bindAll(list) + `)`)
		n, err := tx.queueRechecks(w, s)
		if err != nil {
			return queued, err
		}
		queued += n
	}
	return queued, nil
}

// RecheckAll queues every live grant. It returns how many.
func (tx *Tx) RecheckAll(s Stirred) (int64, error) { return tx.queueRechecks(where{}, s) }

// queueRechecks queues the live grants that the conditions choose, in the order of
// their ids: whoever changes several rows does it in one order.
func (tx *Tx) queueRechecks(w where, s Stirred) (int64, error) {
	now := w.bind(micros(tx.now))
	w.and(`g.state = 'active'`)
	w.and(`g.expires_at > ` + now)
	if s.Cause == access.CauseOnCall { // what lasts as long as a shift follows it by itself, in its grace too
		w.and(`(g.bound IS NULL OR g.while_bound <> '` + access.WhileOnCall + `')`)
	}
	at := `CAST(` + now + ` AS BIGINT)`
	var facts int64
	if !s.FactsAt.IsZero() {
		facts = micros(s.FactsAt)
	}
	return tx.affect(`
		INSERT INTO rechecks (grant_id, cause, since, source, facts_at, failures, next_at)
		SELECT g.id, CAST(`+w.bind(string(s.Cause))+` AS TEXT), `+at+`, CAST(`+w.bind(s.Source)+` AS TEXT),
		       CAST(`+w.bind(facts)+` AS BIGINT), 0, `+at+`
		  FROM grants g`+w.String()+` ORDER BY g.id
		ON CONFLICT (grant_id, cause, source) DO UPDATE SET
		  since = CASE WHEN rechecks.since >= excluded.since THEN rechecks.since + 1 ELSE excluded.since END,
		  facts_at = excluded.facts_at, failures = 0, next_at = excluded.next_at`, w.args...)
}

// DueRechecks lists what is to be evaluated now, the oldest first.
func (tx *Tx) DueRechecks(limit int) ([]Recheck, error) {
	return all(tx, func(row scanner) (r Recheck, err error) {
		var since, facts int64
		err = row.Scan(&r.GrantID, &r.Cause, &since, &r.Source, &facts, &r.Failures)
		r.Since, r.FactsAt = fromMicros(since), fromMicros(facts)
		return r, err
	}, `SELECT grant_id, cause, since, source, facts_at, failures FROM rechecks
	     WHERE next_at <= $1 ORDER BY next_at, grant_id, cause, source LIMIT $2`, micros(tx.now), limit)
}

// NextRecheck returns the soonest time ahead at which something is evaluated
// again; the zero time when there is none.
func (tx *Tx) NextRecheck() (time.Time, error) {
	return tx.soonest(`
		SELECT MIN(n.next_at) FROM (SELECT next_at FROM rechecks WHERE next_at > $1
		 UNION ALL SELECT next_at FROM policy_verdicts WHERE verdict = '' AND next_at > $1) AS n`, micros(tx.now))
}

const thisRecheck = ` WHERE grant_id = $1 AND cause = $2 AND source = $3 AND since = $4`

func (r Recheck) key() []any { return []any{r.GrantID, string(r.Cause), r.Source, micros(r.Since)} }

// DropRecheck forgets what was evaluated. It reports false when its cause has come
// again since it was read, or another was first.
func (tx *Tx) DropRecheck(r Recheck) (bool, error) {
	n, err := tx.affect(`DELETE FROM rechecks`+thisRecheck, r.key()...)
	return n > 0, err
}

// PostponeRecheck leaves it for later, once more after a failure or not.
func (tx *Tx) PostponeRecheck(r Recheck, until time.Time, failures int) error {
	return tx.exec(`UPDATE rechecks SET next_at = $5, failures = $6`+thisRecheck, append(r.key(), micros(until), int64(failures))...)
}
