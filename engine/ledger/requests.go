package ledger

import (
	"database/sql"
	"slices"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const requestColumns = `SELECT r.id, r.subject, r.requester, r.action, r.resource, r.for_seconds, r.while_bound,
	r.starts_at, r.reason, r.emergency, r.channel, r.decision_id, r.lapses_at, r.created_at, r.closed_at, r.next_shift,
	r.escalated_at, r.state
	FROM requests r`

// AddRequest stores a new request. One that is already decided is stored as
// having moved there from pending.
func (tx *Tx) AddRequest(r access.Request) error {
	var prior any
	if r.State != access.RequestPending {
		prior = string(access.RequestPending)
	}
	var seconds any
	if r.For != nil {
		seconds = r.For.Seconds()
	}
	return tx.exec(`
		INSERT INTO requests (id, subject, requester, action, resource, for_seconds, while_bound, starts_at, reason,
		                      emergency, channel, decision_id, lapses_at, created_at, closed_at, next_shift, prior_state, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		r.ID, r.Subject.String(), r.Requester.String(), r.Action.Name, r.Resource.String(), seconds, ptrOrNull(r.While),
		microsOrNull(r.StartsAt), r.Reason, flag(r.Emergency), string(r.Channel), r.DecisionID,
		microsOrNull(r.LapsesAt), micros(r.CreatedAt), microsOrNull(r.ClosedAt), flag(r.NextShift), prior, string(r.State))
}

// LockRequest holds the pending request until the transaction ends, so that
// reviews are counted one after another. One that is not pending, or whose time
// for an answer is over, is ErrConflict.
func (tx *Tx) LockRequest(id string) error {
	return tx.changed(notPending(id),
		`UPDATE requests SET state = state WHERE id = $1 AND state = 'pending' AND lapses_at > $2`, id, micros(tx.now))
}

// CloseRequest moves a pending request to a final state.
func (tx *Tx) CloseRequest(id string, to access.RequestState) error {
	return tx.changed(notPending(id), `
		UPDATE requests SET prior_state = state, state = $2, lapses_at = NULL, closed_at = $3
		 WHERE id = $1 AND state = 'pending'`, id, string(to), micros(tx.now))
}

func notPending(id string) error {
	return access.Conflict("request_not_pending", "request %s is not pending any more", id)
}

// Request returns a request.
func (tx *Tx) Request(id string) (access.Request, error) {
	return one(tx, scanRequest, "request", id, requestColumns+` WHERE r.id = $1`, id)
}

// RequestsAndReviews returns requests, and the answers to them oldest first, each
// by the request's id.
func (tx *Tx) RequestsAndReviews(ids []string) (map[string]access.Request, map[string][]access.ReviewRecord, error) {
	requests, reviews := map[string]access.Request{}, map[string][]access.ReviewRecord{}
	for list := range inLists(ids) {
		w := where{}
		marks := w.bindAll(list)
		rs, err := all(tx, scanRequest, requestColumns+` WHERE r.id IN (`+marks+`)`, w.args...)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range rs {
			requests[r.ID] = r
		}
		vs, err := all(tx, scanReview, reviewColumns+` WHERE request_id IN (`+marks+`) ORDER BY created_at, reviewer`, w.args...)
		if err != nil {
			return nil, nil, err
		}
		for _, v := range vs {
			reviews[v.RequestID] = append(reviews[v.RequestID], v)
		}
	}
	return requests, reviews, nil
}

// LapsedRequests lists pending requests whose time for an answer is over, by id.
func (tx *Tx) LapsedRequests(limit int) ([]string, error) { return tx.lapsed(limit, "") }

// HoldLapsedRequests is LapsedRequests, and holds what it lists until the
// transaction ends; what another holds is passed over: it may be answered.
func (tx *Tx) HoldLapsedRequests(limit int) ([]string, error) { return tx.lapsed(limit, tx.skipLocked) }

func (tx *Tx) lapsed(limit int, hold string) ([]string, error) {
	return all(tx, scanText, `
		SELECT id FROM requests WHERE state = 'pending' AND lapses_at <= $1 ORDER BY lapses_at LIMIT $2`+hold, micros(tx.now), limit)
}

// Filter narrows a list of requests or grants. Empty members do not narrow.
type Filter struct {
	State      string
	Subject    string   // "user:alice@example.com"
	Resource   string   // "customer:acme"
	Involving  string   // subject or requester is this, or
	Principals []string // a reviewer is one of these: "group:security" (requests only)
	Before     string   // ids below this one: the cursor
	Limit      int
}

// Requests lists requests, newest first.
func (tx *Tx) Requests(f Filter) ([]access.Request, error) {
	w := where{}
	w.add(f.Before != "", `r.id < `, f.Before)
	w.add(f.State != "", `r.state = `, f.State)
	w.add(f.Subject != "", `r.subject = `, f.Subject)
	w.add(f.Resource != "", `r.resource = `, f.Resource)
	if f.Involving != "" {
		me := w.bind(f.Involving)
		mine := `SELECT id FROM requests WHERE subject = ` + me + ` UNION SELECT id FROM requests WHERE requester = ` + me
		if len(f.Principals) > 0 {
			mine += ` UNION SELECT request_id FROM request_reviewers WHERE principal IN (` + w.bindAll(f.Principals) + `)`
		}
		w.and(`r.id IN (` + mine + `)`)
	}
	return all(tx, scanRequest, requestColumns+w.String()+` ORDER BY r.id DESC LIMIT `+w.bind(f.Limit), w.args...)
}

func scanRequest(row scanner) (r access.Request, err error) {
	var subject, requester, resource string
	var seconds, startsAt, lapsesAt, closedAt, escalatedAt sql.NullInt64
	var while sql.NullString
	var emergency, createdAt, nextShift int64
	err = row.Scan(&r.ID, &subject, &requester, &r.Action.Name, &resource, &seconds, &while, &startsAt, &r.Reason,
		&emergency, &r.Channel, &r.DecisionID, &lapsesAt, &createdAt, &closedAt, &nextShift, &escalatedAt, &r.State)
	if err != nil {
		return r, err
	}
	r.Subject, r.Requester, r.Resource = subjectOf(subject), subjectOf(requester), resourceOf(resource)
	r.For, r.While, r.StartsAt = durationPtr(seconds), stringPtr(while), timePtr(startsAt)
	r.NextShift, r.EscalatedAt = nextShift == 1, timePtr(escalatedAt)
	r.Emergency, r.LapsesAt, r.CreatedAt, r.ClosedAt = emergency == 1, timePtr(lapsesAt), fromMicros(createdAt), timePtr(closedAt)
	return r, nil
}

func durationPtr(seconds sql.NullInt64) *access.Duration {
	if !seconds.Valid {
		return nil
	}
	d := access.Duration(time.Duration(seconds.Int64) * time.Second)
	return &d
}

// SetReviewers makes principals ("group:security", "user:bob@example.com") the
// ones who may answer a request.
func (tx *Tx) SetReviewers(requestID string, principals []string) error {
	if err := tx.exec(`DELETE FROM request_reviewers WHERE request_id = $1`, requestID); err != nil {
		return err
	}
	var rows [][]any
	for _, p := range slices.Compact(slices.Sorted(slices.Values(principals))) {
		rows = append(rows, []any{requestID, p})
	}
	return tx.insertAll(`INSERT INTO request_reviewers (request_id, principal) VALUES`, rows)
}

// AddReview stores a reviewer's answer. A second one by the same is ErrConflict.
func (tx *Tx) AddReview(v access.ReviewRecord) error {
	var seconds any
	if v.For != nil {
		seconds = v.For.Seconds()
	}
	return tx.changed(access.Conflict("already_reviewed", "%s has already answered request %s", v.Reviewer, v.RequestID), `
		INSERT INTO reviews (request_id, reviewer, verdict, comment, for_seconds, decision_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		v.RequestID, v.Reviewer.String(), string(v.Verdict), v.Comment, seconds, v.DecisionID, micros(v.CreatedAt))
}

// Reviews lists the answers to a request, oldest first.
func (tx *Tx) Reviews(requestID string) ([]access.ReviewRecord, error) {
	return all(tx, scanReview, reviewColumns+` WHERE request_id = $1 ORDER BY created_at, reviewer`, requestID)
}

const reviewColumns = `SELECT request_id, reviewer, verdict, comment, for_seconds, decision_id, created_at FROM reviews`

func scanReview(row scanner) (v access.ReviewRecord, err error) {
	var reviewer string
	var seconds sql.NullInt64
	var at int64
	err = row.Scan(&v.RequestID, &reviewer, &v.Verdict, &v.Comment, &seconds, &v.DecisionID, &at)
	v.Reviewer, v.For, v.CreatedAt = subjectOf(reviewer), durationPtr(seconds), fromMicros(at)
	return v, err
}

// IsReviewer reports whether any of the principals may answer the request.
func (tx *Tx) IsReviewer(requestID string, principals []string) (bool, error) {
	w := where{}
	w.add(true, `request_id = `, requestID)
	w.and(`principal IN (` + w.bindAll(principals) + `)`)
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM request_reviewers`+w.String(), w.args...).Scan(&n)
	return n > 0, err
}
