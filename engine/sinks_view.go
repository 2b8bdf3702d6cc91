package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// What data.api.allow is asked about before somebody sees where audit events are sent,
// or does something about it.
const (
	opSinks     = "sink.list"
	opRetrySink = "sink.retry"
)

// SinkView is a sink as operators see it.
type SinkView struct {
	Name           string     `json:"name"`
	Kind           string     `json:"kind"`  // "splunk"; "" of one that is not configured any more
	State          string     `json:"state"` // ok, behind, failing, misconfigured or retired
	Seq            int64      `json:"seq"`   // whatever is up to here is safe there, or set aside
	Head           int64      `json:"head"`  // of the sequence
	LagEvents      int64      `json:"lag_events"`
	LagSeconds     int64      `json:"lag_seconds"` // how old the first event is that it has not
	FailingSince   *time.Time `json:"failing_since"`
	LastError      *string    `json:"last_error"`
	NextAt         *time.Time `json:"next_at"`         // when it is tried again
	SentAt         *time.Time `json:"sent_at"`         // when it took something last
	WaitingReceipt bool       `json:"waiting_receipt"` // it has taken events, and they are not known to be safe
	SetAside       int64      `json:"set_aside"`       // how many events it would not take
}

// SinkItem is a sink with the first of what it would not take.
type SinkItem struct {
	SinkView
	Events []SetAsideView `json:"set_aside_events"`
}

// SetAsideView is an event that a sink would not take.
type SetAsideView struct {
	Seq      int64           `json:"seq"`
	EventID  string          `json:"event_id"`
	Reason   string          `json:"reason"`
	At       time.Time       `json:"at"`
	Retried  int             `json:"retried"`   // how often it was sent again, and refused
	WantedAt *time.Time      `json:"wanted_at"` // since when it is to be sent again
	WantedBy *access.Subject `json:"wanted_by"`
}

// maxSetAside is how many of the events that a sink would not take are shown with it.
const maxSetAside = 100

// Sinks lists where audit events are sent, and where they were, by name.
func (e *Engine) Sinks(ctx context.Context, call Call, p Paging) (page Page[SinkView], err error) {
	after, limit, err := p.page()
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opSinks, access.APIObject{}); err != nil {
		return page, err
	}
	states, err := e.SinkStates(ctx)
	if err != nil {
		return page, err
	}
	begin, found := slices.BinarySearchFunc(states, after, func(s access.SinkState, name string) int { return strings.Compare(s.Name, name) })
	if found {
		begin++
	}
	var views []SinkView
	for _, s := range states[begin:] {
		views = append(views, e.sinkView(s, e.ledger.Now()))
	}
	return cutPage(views, limit, func(v SinkView) string { return v.Name }), nil
}

// SinkStates is how all sinks are, by name: for figures and probes too.
func (e *Engine) SinkStates(ctx context.Context) (states []access.SinkState, err error) {
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		states, err = tx.Sinks()
		return err
	})
	slices.SortFunc(states, func(a, b access.SinkState) int { return strings.Compare(a.Name, b.Name) }) // as Go orders texts
	return states, err
}

// Sink is one of them, with the first of what it would not take.
func (e *Engine) Sink(ctx context.Context, call Call, name string) (item SinkItem, err error) {
	if err := e.authorize(ctx, call, opSinks, access.APIObject{}); err != nil {
		return item, err
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		item, err = e.sinkItem(tx, name)
		return err
	})
	return item, err
}

// RetrySink has a sink tried at once, and what it would not take sent to it again, each
// event by itself: for whoever has mended what was in its way.
func (e *Engine) RetrySink(ctx context.Context, call Call, name, comment string) (SinkItem, error) {
	if kept, found, err := replay[SinkItem](ctx, e, call); found || err != nil {
		return kept, err
	}
	if err := checkText("/comment", comment); err != nil {
		return SinkItem{}, err
	}
	if err := e.authorize(ctx, call, opRetrySink, access.APIObject{}); err != nil {
		return SinkItem{}, err
	}
	return once(ctx, e, call, nil, func(tx *ledger.Tx) (SinkItem, error) {
		before, err := tx.Sink(name)
		if err != nil {
			return SinkItem{}, err
		}
		if before.RetiredAt != nil {
			return SinkItem{}, access.Conflict("sink_retired", "the sink %s is not configured any more: put it back into the configuration first", name)
		}
		if err := tx.RetrySink(name, call.Caller.String()); err != nil {
			return SinkItem{}, err
		}
		event := call.event(audit.SinkRetried)
		event.Data = map[string]any{"sink": name, "set_aside": before.SetAside}
		if comment = strings.TrimSpace(comment); comment != "" {
			event.Data["comment"] = comment
		}
		if err := tx.Append(event); err != nil {
			return SinkItem{}, err
		}
		return e.sinkItem(tx, name)
	})
}

func (e *Engine) sinkItem(tx *ledger.Tx, name string) (SinkItem, error) {
	s, err := tx.Sink(name)
	if err != nil {
		return SinkItem{}, err
	}
	item := SinkItem{SinkView: e.sinkView(s, tx.Now()), Events: []SetAsideView{}}
	aside, err := tx.SetAsideOf(name, maxSetAside)
	for _, a := range aside {
		v := SetAsideView{Seq: a.Seq, EventID: a.EventID, Reason: a.Reason, At: a.At, Retried: a.Retried, WantedAt: a.WantedAt}
		if a.WantedBy != "" {
			by, err := access.ParseSubject(a.WantedBy)
			if err != nil {
				return SinkItem{}, err
			}
			v.WantedBy = &by
		}
		item.Events = append(item.Events, v)
	}
	return item, err
}

func (e *Engine) sinkView(s access.SinkState, now time.Time) SinkView {
	v := SinkView{
		Name: s.Name, State: s.Standing(now), Seq: s.Seq, Head: s.Head, LagEvents: max(s.Head-s.Seq, 0), LagSeconds: int64(s.Lag(now) / time.Second),
		FailingSince: s.FailingSince, SentAt: s.SentAt, WaitingReceipt: s.Receipt != "", SetAside: s.SetAside,
	}
	if i := slices.IndexFunc(e.sinks, func(x Sink) bool { return x.Name == s.Name }); i >= 0 {
		v.Kind = e.sinks[i].Kind
	}
	if s.LastError != "" {
		v.LastError = &s.LastError
	}
	if s.FailingSince != nil {
		v.NextAt = &s.NextAt
	}
	return v
}
