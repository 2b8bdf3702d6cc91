package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// LeaseEpoch returns the epoch of the lease's store. It satisfies lease.Epochs.
func (l *Ledger) LeaseEpoch(ctx context.Context) (epoch access.LeaseEpoch, err error) {
	err = l.Look(ctx, func(tx *Tx) error {
		epoch, err = tx.leaseEpoch()
		return err
	})
	return epoch, err
}

// NewLeaseEpoch begins the epoch after the one given, on the server, unless
// another node was first: then it returns the one that this began.
func (l *Ledger) NewLeaseEpoch(ctx context.Context, after int64, server string) (epoch access.LeaseEpoch, err error) {
	err = l.Update(ctx, func(tx *Tx) error {
		err := tx.exec(`UPDATE lease_epoch SET number = number + 1, server = $2, since = $3 WHERE id = 1 AND number = $1`,
			after, server, micros(tx.now))
		if err != nil {
			return err
		}
		epoch, err = tx.leaseEpoch()
		return err
	})
	return epoch, err
}

func (tx *Tx) leaseEpoch() (e access.LeaseEpoch, err error) {
	var since int64
	err = tx.row(`SELECT number, server, since FROM lease_epoch WHERE id = 1`).Scan(&e.Number, &e.Server, &since)
	e.Since = fromMicros(since)
	return e, err
}

// standingOf selects what a subject, an action and a resource have, over all of
// their bindings. Versions only grow and bindings are never deleted, so that the
// sum of the versions grows with every change, and one statement reads a sum that
// belongs to its end. Each part is looked up by itself: joined, the planner takes
// the three columns for independent and reads the whole table.
func standingOf(subject, action, resource string) string {
	these := `FROM bindings b WHERE b.subject = ` + subject + ` AND b.action = ` + action + ` AND b.resource = ` + resource
	return `SELECT ` + subject + `, ` + action + `, ` + resource + `,
	(SELECT MIN(b.id) ` + these + `),
	(SELECT CAST(SUM(b.version) AS BIGINT) ` + these + `),
	(SELECT MAX((SELECT MAX(g.expires_at) FROM grants g WHERE g.binding_id = b.id AND g.state = 'active' AND g.expires_at > $1)) ` + these + `)`
}

// standing is standingOf each binding's three.
var standing = standingOf("t.subject", "t.action", "t.resource") + ` FROM bindings t`

// Standing returns until when there is access, over all bindings of the three:
// one with Version 0 when there was never any.
func (tx *Tx) Standing(x access.Entitled) (access.Standing, error) {
	found, err := all(tx, scanStanding, standing+` WHERE t.subject = $2 AND t.action = $3 AND t.resource = $4 LIMIT 1`,
		micros(tx.now), x.Subject.String(), x.Action.Name, x.Resource.String())
	if err != nil || len(found) == 0 {
		return access.Standing{Entitled: x}, err
	}
	return found[0], nil
}

// StandingsAbout returns the standings of the threes, in one statement. Of one
// that there was never any access for there is none; the last may be there more
// than once.
func (tx *Tx) StandingsAbout(about ...access.Entitled) ([]access.Standing, error) {
	if len(about) == 0 {
		return nil, nil
	}
	size := 1
	for size < len(about) {
		size *= 2
	}
	args := make([]any, 0, 1+3*size)
	args = append(args, micros(tx.now))
	for i := range size { // filled up by repeating the last: see inLists
		x := about[min(i, len(about)-1)]
		args = append(args, x.Subject.String(), x.Action.Name, x.Resource.String())
	}
	return all(tx, scanStanding, standingOf("v.column1", "v.column2", "v.column3")+`
		FROM (VALUES `+placeholdersFrom(2, size, []string{"TEXT", "TEXT", "TEXT"})+`) AS v
		WHERE EXISTS (SELECT 1 FROM bindings b WHERE b.subject = v.column1 AND b.action = v.column2 AND b.resource = v.column3)`, args...)
}

// Standings returns the standings of the subjects, actions and resources that
// the bindings are of, each once.
func (tx *Tx) Standings(bindingIDs ...string) ([]access.Standing, error) {
	var out []access.Standing
	seen := map[access.Entitled]bool{}
	for ids := range inLists(bindingIDs) {
		w := where{args: []any{micros(tx.now)}}
		some, err := all(tx, scanStanding, standing+` WHERE t.id IN (`+w.bindAll(ids)+`)`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, s := range some {
			if !seen[s.Entitled] {
				seen[s.Entitled] = true
				out = append(out, s)
			}
		}
	}
	return out, nil
}

func scanStanding(row scanner) (s access.Standing, err error) {
	var subject, resource string
	var until sql.NullInt64
	if err = row.Scan(&subject, &s.Action.Name, &resource, &s.BindingID, &s.Version, &until); err != nil {
		return s, err
	}
	s.Subject, s.Resource = subjectOf(subject), resourceOf(resource)
	if until.Valid {
		s.Until = fromMicros(until.Int64)
	}
	return s, nil
}

// Unsaid is a binding of which the lease may not know that a grant on it ended
// before its time.
type Unsaid struct {
	access.Entitled
	BindingID string
	Version   int64     // of the binding when it was noted last
	Keep      time.Time // the latest end that the lease may still hold
}

// MarkUnsaid notes that a grant on the binding ended before the time that it was
// given until. The binding must be locked.
func (tx *Tx) MarkUnsaid(bindingID string, until time.Time) error {
	return tx.exec(`
		INSERT INTO lease_unsaid (binding_id, version, keep_until) SELECT id, version, CAST($2 AS BIGINT) FROM bindings WHERE id = $1
		ON CONFLICT (binding_id) DO UPDATE SET version = excluded.version, keep_until = CASE
		   WHEN lease_unsaid.keep_until > excluded.keep_until THEN lease_unsaid.keep_until ELSE excluded.keep_until END`,
		bindingID, micros(until))
}

// Unsaid lists what the lease may not know of.
func (tx *Tx) Unsaid() ([]Unsaid, error) {
	return all(tx, func(row scanner) (u Unsaid, err error) {
		var subject, resource string
		var keep int64
		err = row.Scan(&u.BindingID, &subject, &u.Action.Name, &resource, &u.Version, &keep)
		u.Subject, u.Resource, u.Keep = subjectOf(subject), resourceOf(resource), fromMicros(keep)
		return u, err
	}, `SELECT u.binding_id, b.subject, b.action, b.resource, u.version, u.keep_until
	      FROM lease_unsaid u JOIN bindings b ON b.id = u.binding_id ORDER BY u.binding_id`)
}

// DropUnsaid forgets what the lease has been told, as it was read.
func (tx *Tx) DropUnsaid(said []Unsaid) error {
	for _, u := range said {
		if err := tx.exec(`DELETE FROM lease_unsaid WHERE binding_id = $1 AND version = $2`, u.BindingID, u.Version); err != nil {
			return err
		}
	}
	return nil
}

// TakeDuty makes the owner the one that does the duty until the time, unless
// another is. It reports whether it is.
func (tx *Tx) TakeDuty(name, owner string, until time.Time) (bool, error) {
	n, err := tx.affect(`
		INSERT INTO duties (name, owner, until) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
		 WHERE duties.owner = excluded.owner OR duties.until <= $4`, name, owner, micros(until), micros(tx.now))
	return n > 0, err
}

// LeaveDuties hands back what the owner does for all.
func (tx *Tx) LeaveDuties(owner string) error {
	return tx.exec(`DELETE FROM duties WHERE owner = $1`, owner)
}
