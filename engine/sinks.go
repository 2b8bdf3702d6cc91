package engine

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/sinks"
)

var _ sinks.Store = (*Engine)(nil)

// Sink is what the engine must know of a place that audit events are sent to.
type Sink struct {
	Name string
	Kind string // "splunk": for people
}

// BeginSinks has sinks that are new begin with the oldest event that is kept, and those
// that are not configured any more retire. It warns of one that comes back to find that
// events it has not had are not kept any more.
func (e *Engine) BeginSinks(ctx context.Context) error {
	var names []string
	for _, s := range e.sinks {
		names = append(names, s.Name)
	}
	slices.Sort(names) // whoever changes several rows does it in one order
	var lost []access.SinkPosition
	var removed int64
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) (err error) {
		if err := tx.HoldAuditHead(); err != nil { // what is not kept any more is known, and no more goes meanwhile
			return err
		}
		if e.ledger.Alone() { // whoever sent is gone
			if err := tx.ReleaseSinks(); err != nil {
				return err
			}
		}
		if err := tx.BeginSinks(names); err != nil {
			return err
		}
		lost, removed, err = tx.SinksBehindKept()
		return err
	})
	for _, s := range lost {
		e.log.Error("events that a sink has not had are not kept any more; it is sent those behind them", "sink", s.Name, "after", s.Seq, "through", removed)
	}
	return err
}

// SinkState is how a sink is now.
func (e *Engine) SinkState(ctx context.Context, name string) (s access.SinkState, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		s, err = tx.Sink(name)
		return err
	})
	return s, err
}

// ClaimSink takes a sink, or keeps it.
func (e *Engine) ClaimSink(ctx context.Context, owner, name string, lasts time.Duration) error {
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error { return tx.ClaimSink(name, owner, tx.Now().Add(lasts)) })
	if err == nil {
		e.step("sink.claimed")
	}
	return err
}

// SinkPage is what a sink is to be sent next.
func (e *Engine) SinkPage(ctx context.Context, name string, limit int) (p sinks.Page, err error) {
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		if p.State, err = tx.Sink(name); err != nil {
			return err
		}
		events, err := tx.SinkEvents(p.State, limit)
		if err != nil {
			return err
		}
		p.Through = p.State.Head
		for _, sealed := range events {
			p.Events = append(p.Events, sinkEvent(sealed))
		}
		if len(events) == limit {
			p.Through = events[limit-1].Seq
		}
		if p.Changed, err = notSealed(tx, p.State.Seq, p.Through, events); err != nil || p.State.Wanted == 0 {
			return err
		}
		wanted, found, err := tx.WantedOfSink(name)
		if found {
			event := sinkEvent(wanted)
			p.Wanted = &event
		}
		return err
	})
	return p, err
}

// notSealed is the first of the events behind after, to through, that is not what was
// sealed, or is not there; nil: there is none such. Between those that are given are
// those that are set aside.
func notSealed(tx *ledger.Tx, after, through int64, events []ledger.Sealed) (changed, err error) {
	for _, e := range append(events, ledger.Sealed{Seq: through + 1}) {
		if e.Seq > after+1 {
			missing, err := tx.MissingBetween(after, e.Seq)
			if err != nil {
				return nil, err
			}
			if missing > 0 {
				return fmt.Errorf("of the events %d to %d, %d are not there", after+1, e.Seq-1, missing), nil
			}
		}
		if e.Seq <= through && hex.EncodeToString(audit.Leaf(e.Body)) != e.Leaf {
			return fmt.Errorf("event %d, %s, is not what was sealed", e.Seq, e.ID), nil
		}
		after = e.Seq
	}
	return nil, nil
}

func sinkEvent(s ledger.Sealed) sinks.Event {
	return sinks.Event{Seq: s.Seq, ID: s.ID, Type: s.Type, At: s.At, Body: s.Body, Own: aboutSink(s.Type, s.Body)}
}

// aboutSink reports whether an event says what became of sending events.
func aboutSink(typ string, body []byte) bool {
	if strings.HasPrefix(typ, "sink.") {
		return true
	}
	var alarm struct {
		Data struct {
			Kind access.AlarmKind `json:"kind"`
		} `json:"data"`
	}
	return strings.HasPrefix(typ, "alarm.") && json.Unmarshal(body, &alarm) == nil && alarm.Data.Kind == access.AlarmSinkBehind
}

// RecordSink writes down what came of a turn of a claimed sink, with its events.
func (e *Engine) RecordSink(ctx context.Context, owner string, s access.SinkState, r sinks.Result) error {
	name := ""
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		switch {
		case r.Leave:
			name = "sink.left"
			return tx.LeaveSink(s.Name, owner)
		case r.Failed != nil:
			name = "sink.failed"
			return sinkFailed(tx, owner, s, *r.Failed)
		case r.Resent != nil:
			name = "sink.resent"
			return sinkResent(tx, owner, s, *r.Resent)
		case r.Took != nil && r.Took.Receipt != "":
			name = "sink.receipt"
			return sinkTook(tx, owner, s, *r.Took)
		case r.Took != nil:
			name = "sink.moved"
			return sinkTook(tx, owner, s, *r.Took)
		}
		return errors.New("nothing came of the turn of a sink")
	})
	if err == nil {
		e.step(name)
	}
	return err
}

// sinkTook moves a sink's cursor, or keeps the receipt that it moves by later.
func sinkTook(tx *ledger.Tx, owner string, s access.SinkState, t sinks.Took) error {
	var err error
	if t.Receipt != "" {
		err = tx.SinkGaveReceipt(s, owner, t.Through, t.Receipt)
	} else {
		err = tx.SinkTook(s, owner, t.Through, t.Taken)
	}
	if err != nil {
		return err
	}
	for _, a := range t.Aside {
		if err := setAside(tx, s.Name, a); err != nil {
			return err
		}
	}
	if t.Receipt != "" || !t.Taken {
		return nil
	}
	return sinkRecovered(tx, s)
}

// sinkRecovered tells that a sink takes events again, if it was told that it did not.
func sinkRecovered(tx *ledger.Tx, s access.SinkState) error {
	if !s.Told {
		return nil
	}
	return tx.Append(audit.Event{Type: audit.SinkRecovered, Data: map[string]any{
		"sink": s.Name, "failing_since": s.FailingSince, "attempts": s.Failures, "error": s.LastError,
	}})
}

// setAside keeps what a sink would not take. That is an event, unless it is about
// sinks itself.
func setAside(tx *ledger.Tx, sink string, a sinks.Aside) error {
	reason := cutText(a.Reason)
	first, err := tx.SetAside(sink, access.SetAside{Seq: a.Seq, EventID: a.ID, Reason: reason})
	if err != nil || !first || a.Own {
		return err
	}
	return tx.Append(audit.Event{Type: audit.SinkSetAside, Data: map[string]any{
		"sink": sink, "seq": a.Seq, "event_id": a.ID, "event_type": a.Type, "reason": reason,
	}})
}

// sinkFailed keeps that a sink did not take what it was sent. That is one event a gap,
// and none as long as only what is about sinks waits: a sink that takes every second
// batch would be told of itself for ever.
func sinkFailed(tx *ledger.Tx, owner string, s access.SinkState, f sinks.Failure) error {
	tell := !s.Told && !f.Own
	f.Why = cutText(f.Why)
	if err := tx.SinkFailed(s, owner, f.SinkFailure, s.Told || tell, tx.Now().Add(f.Wait)); err != nil || !tell {
		return err
	}
	since := tx.Now()
	if s.FailingSince != nil {
		since = *s.FailingSince
	}
	return tx.Append(audit.Event{Type: audit.SinkFailed, Data: map[string]any{
		"sink": s.Name, "failing_since": since, "misconfigured": f.Misconfigured, "error": f.Why, "seq": s.Seq,
	}})
}

// sinkResent keeps what came of sending an event again that was set aside. Nothing is
// left to fail once that was the last that waited.
func sinkResent(tx *ledger.Tx, owner string, s access.SinkState, r sinks.Resent) error {
	taken := r.Refused == "" || s.Head <= s.Seq
	if err := tx.SinkTook(s, owner, s.Seq, taken); err != nil {
		return err
	}
	if taken {
		if err := sinkRecovered(tx, s); err != nil {
			return err
		}
	}
	if r.Refused != "" {
		return tx.RefusedAgain(s.Name, r.Seq, cutText(r.Refused))
	}
	return errors.Join(tx.Resent(s.Name, r.Seq), tx.Append(audit.Event{Type: audit.SinkResent, Data: map[string]any{
		"sink": s.Name, "seq": r.Seq, "event_id": r.ID, "event_type": r.Type,
	}}))
}
