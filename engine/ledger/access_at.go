package ledger

import (
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// firstRung is the longest access of span 0; each further span is of four times as
// long. The last holds whatever is longer.
const (
	firstRung = 64 * time.Second
	lastSpan  = 12
	neverGave = -1 // the span of a grant that never gave access
)

// spanOf is the span of an access that lasted so long.
func spanOf(length time.Duration) int64 {
	span := int64(0)
	for longest := firstRung; span < lastSpan && length > longest; longest *= 4 {
		span++
	}
	return span
}

// AccessFilter narrows a list of accesses. Empty members do not narrow.
type AccessFilter struct {
	From, To time.Time // that could be used at a moment from the one, and before the other
	Subject  string    // "user:alice@example.com"
	Resource string    // "customer:acme"
	// Granted leaves out what could be used only because its removal was not
	// confirmed: the grant itself had ended.
	Granted bool
	Before  *AccessPlace // begins behind it; nil: at the newest
	Limit   int
}

// AccessPlace is where an access stands in the list of them: the latest start first.
type AccessPlace struct {
	StartsAt time.Time
	ID       string
	Until    *time.Time // that it could be used; nil: that is not settled
}

// Accesses lists grants that gave access in the period, or whose access could still
// be used in it, the latest start first. What ended and is not settled yet is among
// them whether it could or not: that is not in its row.
func (tx *Tx) Accesses(f AccessFilter) ([]AccessPlace, error) {
	q := accessQuery{f: f}
	var parts []string
	for span := range int64(lastSpan + 1) {
		parts = append(parts, q.settled(span))
	}
	parts = append(parts,
		q.part(`state = 'active' AND state <> 'ended'`, f.Granted, `expires_at`), // both, for each is the condition of an index
		q.part(`state = 'ended' AND span IS NULL AND prior_state = 'active'`, f.Granted, ended))
	return all(tx, func(row scanner) (p AccessPlace, err error) {
		var at int64
		var until sql.NullInt64
		err = row.Scan(&p.ID, &at, &until)
		p.StartsAt, p.Until = fromMicros(at), timePtr(until)
		return p, err
	}, strings.Join(parts, ` UNION ALL `)+` ORDER BY 2 DESC, 1 DESC LIMIT `+q.bind(f.Limit), q.args...)
}

// ended is when a grant ended that has: when its time was over, or before.
const ended = `(CASE WHEN ended_at < expires_at THEN ended_at ELSE expires_at END)`

// accessQuery gathers the arguments of the parts of Accesses, which share them.
type accessQuery struct {
	where
	f     AccessFilter
	known map[any]string
}

// once is the placeholder of an argument, the same whenever it comes.
func (q *accessQuery) once(arg any) string {
	if q.known == nil {
		q.known = map[any]string{}
	}
	if q.known[arg] == "" {
		q.known[arg] = q.bind(arg)
	}
	return q.known[arg]
}

// settled is the part of a span. Its number is in the text, so that a database knows
// which index that is.
func (q *accessQuery) settled(span int64) string {
	only := `span = ` + strconv.FormatInt(span, 10) + ` AND until_at > ` + q.once(micros(q.f.From))
	if span < lastSpan {
		longest := firstRung << (2 * span)
		only += ` AND starts_at >= ` + q.once(micros(q.f.From.Add(-longest)))
	}
	return q.part(only, q.f.Granted, ended)
}

// part lists the newest of some of the grants. Those whose end is not after the
// period's beginning are left out where that matters.
func (q *accessQuery) part(only string, byEnd bool, end string) string {
	conditions := []string{only, `starts_at < ` + q.once(micros(q.f.To))}
	if byEnd {
		conditions = append(conditions, end+` > `+q.once(micros(q.f.From)))
	}
	if q.f.Subject != "" {
		conditions = append(conditions, `subject = `+q.once(q.f.Subject))
	}
	if q.f.Resource != "" {
		conditions = append(conditions, `resource = `+q.once(q.f.Resource))
	}
	if p := q.f.Before; p != nil {
		at := q.once(micros(p.StartsAt))
		conditions = append(conditions, `starts_at <= `+at, `(starts_at, id) < (`+at+`, `+q.once(p.ID)+`)`)
	}
	return `SELECT id, starts_at, until_at FROM (SELECT id, starts_at, until_at FROM grants WHERE ` + strings.Join(conditions, ` AND `) +
		` ORDER BY starts_at DESC, id DESC LIMIT ` + q.once(int64(q.f.Limit)) + `) AS part`
}

// Settled is until when what a grant gave could be used; Never: it gave nothing.
type Settled struct {
	access.Grant
	Until time.Time
	Never bool
}

// GrantsToSettle lists grants that ended and whose removal may be settled: their
// bindings have nothing to do, or were to be open again. The longest ended come first.
func (tx *Tx) GrantsToSettle(limit int) ([]access.Grant, error) {
	return all(tx, scanGrant, grantColumns+` JOIN bindings b ON b.id = g.binding_id
		WHERE g.state = 'ended' AND g.span IS NULL AND (b.desired = 'present' OR b.next_at IS NULL) ORDER BY g.ended_at LIMIT $1`, limit)
}

// Started returns which of the grants ever were active.
func (tx *Tx) Started(grantIDs []string) (map[string]bool, error) {
	started := map[string]bool{}
	for list := range inLists(grantIDs) {
		w := where{conditions: []string{`(state = 'active' OR prior_state = 'active')`}}
		w.and(`id IN (` + w.bindAll(list) + `)`)
		ids, err := all(tx, scanText, `SELECT id FROM grants`+w.String(), w.args...)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			started[id] = true
		}
	}
	return started, nil
}

// Settle notes until when grants could be used. Those that are noted already stay as
// they are, and so do those whose bindings have something to do by now.
func (tx *Tx) Settle(settled []Settled) error {
	slices.SortFunc(settled, func(a, b Settled) int { return strings.Compare(a.ID, b.ID) })
	for run := range byPowers(settled) {
		var args []any
		for _, s := range run {
			span := spanOf(s.Until.Sub(s.StartsAt))
			if s.Never {
				span = neverGave
			}
			args = append(args, s.ID, micros(s.Until), span)
		}
		err := tx.exec(`UPDATE grants SET until_at = v.column2, span = v.column3
			  FROM (VALUES `+placeholdersFrom(1, len(run), []string{"TEXT", "BIGINT", "BIGINT"})+`) AS v
			 WHERE grants.id = v.column1 AND grants.state = 'ended' AND grants.span IS NULL
			   AND EXISTS (SELECT 1 FROM bindings b WHERE b.id = grants.binding_id AND (b.desired = 'present' OR b.next_at IS NULL))`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Unsettle forgets until when the grants that ended on a binding could be used: what
// was confirmed may have been undone.
func (tx *Tx) Unsettle(b access.Binding) error {
	return tx.exec(`UPDATE grants SET until_at = NULL, span = NULL
		 WHERE subject = $1 AND binding_id = $2 AND state = 'ended' AND span >= 0`, b.Subject.String(), b.ID)
}

// LoggedEvent is an event with its place in the log, if it has one yet.
type LoggedEvent struct {
	BindingEvent
	Seq  int64  // 0: not sealed yet
	Leaf string // hex; "" when it is not sealed
}

const loggedColumns = `e.body, l.seq, p.n, l.leaf FROM audit_events e
	LEFT JOIN audit_log l ON l.event_id = e.id
	LEFT JOIN audit_pending p ON p.at = e.at AND p.event_id = e.id`

func scanLogged(row scanner) (e LoggedEvent, err error) {
	var leaf *string
	e.BindingEvent, err = scanBindingEvent(withLast{row, &leaf})
	if e.Order < unsealed {
		e.Seq = e.Order
	}
	if leaf != nil {
		e.Leaf = *leaf
	}
	return e, err
}

// withLast is a row with one column more than its reader knows.
type withLast struct {
	scanner
	last any
}

func (w withLast) Scan(dest ...any) error { return w.scanner.Scan(append(dest, w.last)...) }

// EventsOfRequests returns the events of the types that are of the requests, oldest
// first.
func (tx *Tx) EventsOfRequests(requestIDs []string, types ...string) ([]LoggedEvent, error) {
	var found []LoggedEvent
	for list := range inLists(requestIDs) {
		w := where{}
		w.and(`e.request_id IN (` + w.bindAll(list) + `)`)
		w.and(`e.type IN (` + w.bindAll(types) + `)`)
		some, err := all(tx, scanLogged, `SELECT `+loggedColumns+w.String()+` ORDER BY e.at, l.seq, p.n`, w.args...)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// Window is a stretch of what happened to a binding.
type Window struct {
	BindingID string
	From, To  time.Time // both included
}

// byWhole splits rows into runs of at most maxRows, each filled up to a power of two
// with rows that nothing is found for: one query, where byPowers takes several.
func byWhole[T any](rows []T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for run := range slices.Chunk(rows, maxRows) {
			size := 1
			for size < len(run) {
				size *= 2
			}
			if !yield(append(slices.Clone(run), make([]T, size-len(run))...)) {
				return
			}
		}
	}
}

// EventsDuring returns, for each of the windows, the events of the types about its
// binding, oldest first. The CROSS JOIN has SQLite go from each window to its events:
// with a hundred windows and more it would read all events, and look each up among them.
func (tx *Tx) EventsDuring(windows []Window, types ...string) ([][]LoggedEvent, error) {
	found := make([][]LoggedEvent, len(windows))
	done := 0
	for run := range byWhole(windows) {
		w := where{}
		only := w.bindAll(types)
		for i, d := range run {
			w.args = append(w.args, i, d.BindingID, micros(d.From), micros(d.To))
		}
		type placed struct {
			LoggedEvent
			window int
		}
		some, err := all(tx, func(row scanner) (n placed, err error) {
			n.LoggedEvent, err = scanLogged(withLast{row, &n.window})
			return n, err
		}, `SELECT e.body, l.seq, p.n, l.leaf, v.column1
			  FROM (VALUES `+placeholdersFrom(len(types)+1, len(run), []string{"BIGINT", "TEXT", "BIGINT", "BIGINT"})+`) AS v
			  CROSS JOIN audit_events e
			  LEFT JOIN audit_log l ON l.event_id = e.id
			  LEFT JOIN audit_pending p ON p.at = e.at AND p.event_id = e.id
			 WHERE e.binding_id = v.column2 AND e.at >= v.column3 AND e.at <= v.column4 AND e.type IN (`+only+`)
			 ORDER BY e.at, CASE WHEN l.seq IS NULL THEN 1 ELSE 0 END, l.seq, p.n, e.id`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, n := range some {
			found[done+n.window] = append(found[done+n.window], n.LoggedEvent)
		}
		done += len(run)
	}
	return found, nil
}

// LastBefore returns the newest event of the type about each window's binding that is
// not after the window's beginning; none for a binding without one.
func (tx *Tx) LastBefore(windows []Window, typ string) (map[int]LoggedEvent, error) {
	found := map[int]LoggedEvent{}
	done := 0
	for run := range byWhole(windows) {
		args := []any{typ}
		for i, d := range run {
			args = append(args, done+i, d.BindingID, micros(d.From))
		}
		type placed struct {
			LoggedEvent
			window int
		}
		some, err := all(tx, func(row scanner) (n placed, err error) {
			n.LoggedEvent, err = scanLogged(withLast{row, &n.window})
			return n, err
		}, `SELECT e.body, l.seq, p.n, l.leaf, v.column1
			  FROM (VALUES `+placeholdersFrom(2, len(run), []string{"BIGINT", "TEXT", "BIGINT"})+`) AS v
			  JOIN audit_events e ON e.type = $1 AND e.id = (
			       SELECT b.id FROM audit_events b WHERE b.binding_id = v.column2 AND b.at <= v.column3 AND b.type = $1 ORDER BY b.at DESC LIMIT 1)
			  LEFT JOIN audit_log l ON l.event_id = e.id
			  LEFT JOIN audit_pending p ON p.at = e.at AND p.event_id = e.id`, args...)
		if err != nil {
			return nil, err
		}
		for _, n := range some {
			found[n.window] = n.LoggedEvent
		}
		done += len(run)
	}
	return found, nil
}

// Tried is how often something was attempted, and when first; nil: never.
type Tried struct {
	Times int
	First *time.Time
}

// CountManyAttempts is CountAttempts of many bindings: each span with its binding.
func (tx *Tx) CountManyAttempts(bindingIDs []string, spans []AttemptSpan) ([]Tried, error) {
	if len(bindingIDs) != len(spans) {
		return nil, fmt.Errorf("%d bindings and %d spans", len(bindingIDs), len(spans))
	}
	type row struct {
		binding string
		AttemptSpan
	}
	rows := make([]row, len(spans))
	for i, s := range spans {
		rows[i] = row{bindingIDs[i], s}
	}
	tried := make([]Tried, len(rows))
	done := 0
	for run := range byWhole(rows) {
		args := []any{string(access.ClassUnsent)}
		for i, r := range run {
			args = append(args, i, r.binding, string(r.Verb), r.From, r.Below, micros(r.Until))
		}
		_, err := all(tx, func(row scanner) (none struct{}, err error) {
			var at, first int64
			var n int
			err = row.Scan(&at, &n, &first)
			began := fromMicros(first)
			tried[done+int(at)] = Tried{n, &began}
			return none, err
		}, `SELECT v.column1, COUNT(*), MIN(a.started_at)
			  FROM (VALUES `+placeholdersFrom(2, len(run), []string{"BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT"})+`) AS v
			  CROSS JOIN attempts a
			 WHERE a.binding_id = v.column2 AND a.verb = v.column3 AND a.generation >= v.column4
			   AND a.generation < v.column5 AND a.started_at <= v.column6
			   AND (a.class IS NULL OR a.class <> $1) GROUP BY v.column1`, args...)
		if err != nil {
			return nil, err
		}
		done += len(run)
	}
	return tried, nil
}

// DecisionBrief is what a decision answered, without what it was asked.
type DecisionBrief struct {
	ID, Revision string
	Output       []byte // JSON
	DecidedAt    time.Time
}

// DecisionBriefs returns decisions by their ids.
func (tx *Tx) DecisionBriefs(ids []string) (map[string]DecisionBrief, error) {
	found := map[string]DecisionBrief{}
	for list := range inLists(ids) {
		w := where{}
		some, err := all(tx, func(row scanner) (d DecisionBrief, err error) {
			var at int64
			err = row.Scan(&d.ID, &d.Revision, &d.Output, &at)
			d.DecidedAt = fromMicros(at)
			return d, err
		}, `SELECT id, revision, output, decided_at FROM decisions WHERE id IN (`+w.bindAll(list)+`)`, w.args...)
		if err != nil {
			return nil, err
		}
		for _, d := range some {
			found[d.ID] = d
		}
	}
	return found, nil
}

// SealedAmong returns the sealed events with the numbers, by number; one that is not
// kept any more is not among them.
func (tx *Tx) SealedAmong(seqs []int64) (map[int64]Sealed, error) {
	found := map[int64]Sealed{}
	for run := range byPowers(seqs) {
		args := make([]any, len(run))
		for i, seq := range run {
			args[i] = seq
		}
		some, err := all(tx, func(s scanner) (e Sealed, err error) {
			var at int64
			err = s.Scan(&e.Seq, &e.ID, &e.Type, &at, &e.Leaf, &e.Body)
			e.At = fromMicros(at)
			return e, err
		}, `SELECT l.seq, e.id, e.type, e.at, l.leaf, e.body FROM audit_log l JOIN audit_events e ON e.id = l.event_id
			WHERE l.seq IN `+placeholders(1, len(run)), args...)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			found[e.Seq] = e
		}
	}
	return found, nil
}
