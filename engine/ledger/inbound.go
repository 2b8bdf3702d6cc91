package ledger

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// TakeInbound notes an event that came from outside. It reports false when the
// same event was noted before: a twin that is being taken is waited for.
func (tx *Tx) TakeInbound(e access.IncidentEvent) (fresh bool, err error) {
	n, err := tx.affect(`
		INSERT INTO inbound_events (source, id, type, object, occurred_at, received_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source, id) DO NOTHING`,
		e.Source, e.ID, e.Type, e.Incident, micros(e.OccurredAt), micros(tx.now))
	return n == 1, err
}

// ReturnInbound forgets an event that this transaction has taken, because not all
// that follows from it is done yet.
func (tx *Tx) ReturnInbound(e access.IncidentEvent) error {
	return tx.exec(`DELETE FROM inbound_events WHERE source = $1 AND id = $2`, e.Source, e.ID)
}

// LockIncident keeps who gives access for the incident waiting until this
// transaction ends, and who is told of it. It must come before any row's lock.
func (tx *Tx) LockIncident(id string) error { return tx.lockAll(Lock{Name: incidentLock(id)}) }

// HoldIncident keeps who is told of the incident waiting until this transaction
// ends. It returns when the incident was last told to be resolved, unless it was
// told to be reopened after that.
func (tx *Tx) HoldIncident(id string) (closed *access.ClosedIncident, err error) {
	if err := tx.lockAll(Lock{Name: incidentLock(id), Shared: true}); err != nil {
		return nil, err
	}
	found, err := all(tx, scanClosed, resolved+` AND r.object = $1 GROUP BY r.object`, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

func incidentLock(id string) string { return "incident " + id }

// ForgetInbound drops events that were received before the time. One that says it
// occurred later than that stays: it would still be taken if it came again.
func (tx *Tx) ForgetInbound(before time.Time) error {
	return tx.exec(`DELETE FROM inbound_events WHERE received_at < $1 AND occurred_at < $1`, micros(before))
}

// ClosedIncidents lists incidents that were told to be resolved since the time,
// and not told to be reopened after that, by id.
func (tx *Tx) ClosedIncidents(since time.Time) ([]access.ClosedIncident, error) {
	return all(tx, scanClosed, resolved+` AND r.received_at >= $1 GROUP BY r.object ORDER BY r.object`, micros(since))
}

// resolved is the incidents that were told to be resolved, and not to be reopened
// after that, and when they were.
const resolved = `
	SELECT r.object, MAX(r.received_at) FROM inbound_events r
	 WHERE r.type = '` + access.IncidentResolved + `'
	   AND NOT EXISTS (SELECT 1 FROM inbound_events o
	                    WHERE o.object = r.object AND o.type = '` + access.IncidentReopened + `'
	                      AND o.source = r.source AND o.occurred_at > r.occurred_at)`

func scanClosed(row scanner) (c access.ClosedIncident, err error) {
	var at int64
	err = row.Scan(&c.ID, &at)
	c.At = fromMicros(at)
	return c, err
}

// UnendedGrantsWhile lists grants that are bound to one of the things, as they
// were asked for ("incident:PGR0VU2"), and have not ended.
func (tx *Tx) UnendedGrantsWhile(bounds []string, limit int) ([]access.Grant, error) {
	w := where{conditions: []string{`g.bound IS NOT NULL`, `g.state <> 'ended'`}}
	w.and(`g.while_bound IN (` + w.bindAll(bounds) + `)`)
	return all(tx, scanGrant, grantColumns+w.String()+` ORDER BY g.id LIMIT `+w.bind(limit), w.args...)
}
