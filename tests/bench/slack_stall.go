package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// slackStall is what people see in Slack while the ledger takes long.
type slackStall struct {
	Ledger   string  `json:"ledger"`
	What     string  `json:"what"`
	People   int     `json:"people"`
	Held     float64 `json:"held_s"`   // for how long nothing can be committed
	Ack      tail    `json:"ack"`      // until they were answered anything
	Late     int     `json:"late"`     // who were answered when Slack does not wait any more
	Waiting  int     `json:"waiting"`  // who were told that it is still being saved
	Stored   int     `json:"stored"`   // what is in the ledger in the end
	Unstored int     `json:"unstored"` // who were told that it is done before it was: must be 0
}

// answerWithin is how long Slack waits for an answer.
const answerWithin = 3 * time.Second

// stalls measures each kind while the ledger can commit nothing.
func (d *slackDesk) stalls(ctx context.Context, r *report) error {
	for _, what := range []string{slackForm, slackAsk, slackApprove} {
		f, err := d.stall(ctx, what)
		if err != nil {
			return fmt.Errorf("%s, while the ledger takes long: %w", what, err)
		}
		d.stage.say("%s, %s: the slowest of %d was answered after %.0f ms", d.kind, what, f.People, f.Ack.Max)
		r.Stalled = append(r.Stalled, f)
	}
	return nil
}

func (d *slackDesk) stall(ctx context.Context, what string) (f slackStall, err error) {
	length := d.stage.opts.Pace.Held
	f = slackStall{Ledger: d.kind, What: what, People: d.size, Held: length.Seconds()}
	deeds, err := d.deeds(ctx, what)
	if err != nil {
		return f, err
	}
	release, err := hold(ctx, d.where)
	if err != nil {
		return f, err
	}
	began, done := time.Now(), make(chan error, 1)
	go func() { done <- d.together(ctx, deeds) }()
	until := began.Add(length)
	if err := pause(ctx, time.Until(until)); err != nil {
		return f, errors.Join(err, release())
	}
	released := time.Now()
	if err := errors.Join(release(), <-done); err != nil {
		return f, err
	}
	early := d.claims(deeds, released) // when nothing can have been committed
	var took []time.Duration
	for _, one := range deeds {
		if took = append(took, one.took); one.took > answerWithin {
			f.Late++
		}
	}
	f.Ack, f.Unstored = tailOf(took, 0, 0), early
	if what == slackForm {
		return f, nil
	}
	err = d.settled(ctx, what, deeds, func(seen *slackStall) error {
		f.Waiting, f.Stored, f.Unstored = seen.Waiting, seen.Stored, early+seen.Unstored
		if f.Stored != d.size {
			return fmt.Errorf("of %d, %d are in the ledger and %d were told to wait: %s", d.size, f.Stored, f.Waiting, d.voices(deeds[0]))
		}
		return nil
	})
	if err == nil && f.Unstored > 0 {
		err = fmt.Errorf("%d were told of what was not stored", f.Unstored)
	}
	return f, err
}

// hold has the ledger commit nothing until it is released.
func hold(ctx context.Context, where string) (release func() error, err error) {
	db, err := openSQL(where)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil) // on SQLite this takes the lock of the writer
	if err == nil && isURL(where) {
		_, err = tx.ExecContext(ctx, `LOCK TABLE requests IN ACCESS EXCLUSIVE MODE`) // which nothing is done without
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// requestID finds the requests that an answer names.
var requestID = regexp.MustCompile(`req_[0-9a-hjkmnp-tv-z]{26}`)

// claims counts who were told before a time that what they did is done.
func (d *slackDesk) claims(deeds []*deed, before time.Time) (n int) {
	for _, one := range deeds {
		spoken := append([]said{{one.began.Add(one.took), one.said}}, d.vendor.heard(one.told, one.message)...)
		if slices.ContainsFunc(spoken, func(s said) bool { return s.at.Before(before) && !isWaiting(s.text) && claimsDone.MatchString(s.text) }) {
			n++
		}
	}
	return n
}

// claimsDone finds what says that something is done, or will be.
var claimsDone = regexp.MustCompile(`req_|(?i)granted|approved|is saved`)

func isWaiting(text string) bool { return strings.Contains(text, "Still ") }

// voices is all that somebody was told.
func (d *slackDesk) voices(one *deed) string {
	text := one.said
	for _, s := range d.vendor.heard(one.told, one.message) {
		text += "\n" + s.text
	}
	return text
}

// settled looks at what came of what everybody did until it is as it should be.
func (d *slackDesk) settled(ctx context.Context, what string, deeds []*deed, wrong func(*slackStall) error) (err error) {
	db, err := openSQL(d.where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for end := time.Now().Add(patience); ; {
		seen, err := d.outcome(ctx, db, what, deeds)
		if err != nil {
			return err
		}
		if err = wrong(&seen); err == nil || time.Now().After(end) {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// outcome holds what everybody was told against what is in the ledger.
func (d *slackDesk) outcome(ctx context.Context, db *sql.DB, what string, deeds []*deed) (f slackStall, err error) {
	for _, one := range deeds {
		voices := d.voices(one)
		if isWaiting(voices) {
			f.Waiting++
		}
		names := requestID.FindString(voices)
		if what == slackApprove {
			names = one.request
		}
		if names == "" {
			continue
		}
		var approved int
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM requests WHERE id = $1 AND state = 'approved'`, names).Scan(&approved); err != nil {
			return f, err
		}
		if f.Stored += approved; approved == 0 && what == slackAsk {
			f.Unstored++
		}
	}
	return f, nil
}

// waiting asks for access that must be reviewed, for as many people as there are
// in the crowd, and returns the requests.
func (d *slackDesk) waiting(ctx context.Context) (ids []string, err error) {
	round := int(d.asked.Add(int64(d.size))) / d.size
	for n := range d.size {
		body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"debug"},"resource":{"type":"customer","id":%q},"for":"2h","reason":%q}`,
			subject("r", n).ID, customer(round%resources), reason)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.gateway+"/v1/requests", strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+benchToken)
		req.Header.Set("Content-Type", "application/json")
		res, err := d.client.Do(req)
		if err != nil {
			return nil, err
		}
		var made struct{ ID, State string }
		err = errors.Join(json.NewDecoder(res.Body).Decode(&made), res.Body.Close())
		if err != nil || made.State != "pending" {
			return nil, errors.Join(err, fmt.Errorf("what should wait for a review is %q", made.State))
		}
		ids = append(ids, made.ID)
	}
	return ids, nil
}
