package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/trouble"
)

// Receiver takes what PagerDuty tells.
type Receiver interface {
	// TakeIncidentEvent takes an event: the same one has one effect. fresh says that
	// it was not taken before.
	TakeIncidentEvent(context.Context, access.IncidentEvent) (fresh bool, err error)
	// RefuseHook writes down that a message to the hook was refused, and from where
	// it came.
	RefuseHook(ctx context.Context, hook, source, reason string)
}

// HookConfig is what a Hook is made of. Secrets, Receiver and Log are required.
type HookConfig struct {
	// Secrets are those of the webhook subscriptions. PagerDuty signs with one; while
	// it is being replaced, both are here.
	Secrets  []string
	Receiver Receiver
	Log      *slog.Logger
	// Now is the ledger's clock; nil: the machine's.
	Now func() time.Time
	// Poke asks for the incidents to be fetched now, because one has changed. It
	// returns at once; nil: nobody is asked.
	Poke func()
}

// What one message may take of the gateway. PagerDuty sends no more than that
// (https://developer.pagerduty.com/docs/webhooks-overview), and waits 5 s for an
// answer, whatever the ledger does.
const (
	maxHookBody   = 256 << 10
	hookReading   = 1500 * time.Millisecond
	hookPatience  = 3 * time.Second
	hookReadAhead = 64 // messages that are read at once
	hookWidth     = 16 // that the ledger is asked about at once
	hookRefusals  = 4  // refusals that are written down at once
)

// Hook answers PagerDuty's webhooks of version 3. It is an http.Handler for the
// path that the subscription names.
//
// PagerDuty drops an event for any 4xx, and disables the subscription for 24 h
// when it has dropped three in a row. So what is signed is answered 202, whether
// there is use for it or not, and 503 when it should come again.
type Hook struct {
	secrets  [][]byte
	receiver Receiver
	log      *slog.Logger
	now      func() time.Time
	poke     func()

	reading, taking, refusing chan struct{} // places
	counts                    map[hookOutcome]*atomic.Int64
	missing, wrong, other     trouble.Line
}

// NewHook returns a hook, or all that is wrong with the configuration.
func NewHook(cfg HookConfig) (*Hook, error) {
	secrets, err := hookSecrets(cfg.Secrets)
	if cfg.Receiver == nil {
		err = errors.Join(err, errors.New("pagerduty: the webhook has no receiver"))
	}
	if cfg.Log == nil {
		err = errors.Join(err, errors.New("pagerduty: the webhook has no log"))
	}
	if err != nil {
		return nil, err
	}
	h := &Hook{
		secrets: secrets, receiver: cfg.Receiver, log: cfg.Log, now: cfg.Now, poke: cfg.Poke,
		reading: make(chan struct{}, hookReadAhead), taking: make(chan struct{}, hookWidth), refusing: make(chan struct{}, hookRefusals),
		counts: map[hookOutcome]*atomic.Int64{},
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.poke == nil {
		h.poke = func() {}
	}
	for o := range hookStatus {
		h.counts[o] = &atomic.Int64{}
	}
	return h, nil
}

// hookOutcome is what became of a message.
type hookOutcome string

const (
	hookTaken       hookOutcome = "taken"
	hookRepeated    hookOutcome = "repeated"    // it was taken before
	hookIgnored     hookOutcome = "ignored"     // there is no use for what it tells
	hookMalformed   hookOutcome = "malformed"   // signed, but not as PagerDuty writes
	hookTooOld      hookOutcome = "too_old"     // PagerDuty does not try for so long
	hookRefused     hookOutcome = "refused"     // not signed by a secret of ours
	hookTooLarge    hookOutcome = "too_large"   // larger than PagerDuty sends
	hookNotPost     hookOutcome = "not_post"    // no message at all
	hookUnread      hookOutcome = "unread"      // it did not come whole, or not in time
	hookBusy        hookOutcome = "busy"        // too many at once
	hookUnavailable hookOutcome = "unavailable" // the ledger did not take it, or not in time
)

var hookStatus = map[hookOutcome]int{
	hookTaken: http.StatusAccepted, hookRepeated: http.StatusAccepted, hookIgnored: http.StatusAccepted,
	hookMalformed: http.StatusAccepted, hookTooOld: http.StatusAccepted,
	hookRefused: http.StatusForbidden, hookTooLarge: http.StatusRequestEntityTooLarge, hookNotPost: http.StatusMethodNotAllowed,
	hookUnread: http.StatusServiceUnavailable, hookBusy: http.StatusServiceUnavailable, hookUnavailable: http.StatusServiceUnavailable,
}

// Counts is how many messages there were since the start, by what became of
// them. Each outcome is in it from the beginning.
func (h *Hook) Counts() map[string]int64 {
	counts := map[string]int64{}
	for o, n := range h.counts {
		counts[string(o)] = n.Load()
	}
	return counts
}

// ServeHTTP answers one message. The answer has no body: its status says all that
// PagerDuty acts upon.
func (h *Hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	outcome := h.receive(w, r)
	h.counts[outcome].Add(1)
	status := hookStatus[outcome]
	switch status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	w.WriteHeader(status)
}

// receive reads a message and checks whose it is before anything else is asked.
func (h *Hook) receive(w http.ResponseWriter, r *http.Request) hookOutcome {
	if r.Method != http.MethodPost {
		return hookNotPost
	}
	if !enter(h.reading) {
		return hookBusy
	}
	defer leave(h.reading)
	body, outcome := readHookBody(w, r)
	if outcome != "" {
		return outcome
	}
	if err := h.verify(r.Header, body); err != nil {
		h.refuse(r, err)
		return hookRefused
	}
	e, err := readHookEvent(body)
	if err != nil {
		h.other.Failed(h.log, "PagerDuty sent a message that is signed and can not be read; it is dropped, and has no effect", err)
		return hookMalformed
	}
	if e.Type == hookPing {
		h.log.Info("PagerDuty's test message arrived, signed by a secret that is configured")
	}
	if !hookTypes[e.Type] {
		return hookIgnored
	}
	if h.tooOld(e) {
		return hookTooOld
	}
	e.From = connectors.SourceOf(r)
	return h.take(r.Context(), e)
}

// readHookBody reads the body as it was sent; an outcome says why it could not.
func readHookBody(w http.ResponseWriter, r *http.Request) ([]byte, hookOutcome) {
	body, err := connectors.ReadBody(w, r, maxHookBody, hookReading)
	switch {
	case errors.Is(err, connectors.ErrBodyTooLarge):
		return nil, hookTooLarge
	case err != nil:
		return nil, hookUnread
	}
	return body, ""
}

// refuse alerts, and has it written down, once a source and minute. The answer
// does not depend on whether that worked.
func (h *Hook) refuse(r *http.Request, why error) {
	source := connectors.SourceOf(r)
	line, reason := &h.wrong, "signature_wrong"
	if errors.Is(why, errNoSignature) {
		line, reason = &h.missing, "signature_missing"
	}
	line.Failed(h.log.With("source", source), "REFUSED: a message to PagerDuty's webhook is not signed by a secret that is configured. "+
		"If PagerDuty sent it: three refusals in a row disable the subscription for 24 h, and its events are lost. "+
		"Configure the subscription's secret (PagerDuty shows it only when the subscription is created; else create another), "+
		"and enable the subscription again", why)
	_, _ = h.aside(r.Context(), h.refusing, func(ctx context.Context) (bool, error) {
		h.receiver.RefuseHook(ctx, "pagerduty", source, reason)
		return true, nil
	})
}

// Events are taken for as long as PagerDuty tries to deliver them, so that one
// that is replayed after its id is forgotten has no effect.
const (
	maxHookAge  = 48 * time.Hour
	maxHookSkew = 5 * time.Minute
)

// tooOld reports whether the event is too old to be taken. One from the future is
// taken: only the clocks are at fault, and it may end access.
func (h *Hook) tooOld(e access.IncidentEvent) bool {
	age := h.now().Sub(e.OccurredAt)
	if age < -maxHookSkew {
		h.log.Warn("PagerDuty's clock and the gateway's differ; the event is taken all the same",
			"event", e.ID, "type", e.Type, "occurred_at", e.OccurredAt, "ahead", -age)
	}
	if age <= maxHookAge {
		return false
	}
	h.log.Warn("PagerDuty sent an event that is older than it tries to deliver one; it is dropped",
		"event", e.ID, "type", e.Type, "occurred_at", e.OccurredAt)
	return true
}

// take hands the event to the receiver.
func (h *Hook) take(ctx context.Context, e access.IncidentEvent) hookOutcome {
	fresh, err := h.aside(ctx, h.taking, func(ctx context.Context) (bool, error) {
		fresh, err := h.receiver.TakeIncidentEvent(ctx, e)
		if fresh && err == nil {
			h.log.Info("PagerDuty told of an incident", "type", e.Type, "incident", e.Incident, "event", e.ID)
			h.poke()
		}
		return fresh, err
	})
	switch {
	case errors.Is(err, errHookBusy):
		return hookBusy
	case err != nil:
		h.other.Failed(h.log, "an event of PagerDuty was not taken; PagerDuty brings it again", err)
		return hookUnavailable
	case fresh:
		return hookTaken
	}
	return hookRepeated
}

var (
	errHookBusy = errors.New("too many messages at once")
	errHookLate = errors.New("the ledger did not answer in time")
)

// aside does the work in a place of its own and waits for it only so long: a
// transaction that has begun does not end with its caller. What is done after
// nobody waits any more keeps its place until then, and does no harm: the event
// comes again, and is known.
func (h *Hook) aside(ctx context.Context, places chan struct{}, work func(context.Context) (bool, error)) (bool, error) {
	if !enter(places) {
		return false, errHookBusy
	}
	type answer struct {
		fresh bool
		err   error
	}
	// That PagerDuty hangs up does not undo what it told.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hookPatience)
	answered := make(chan answer, 1)
	go func() {
		defer leave(places)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				answered <- answer{err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
			}
		}()
		fresh, err := work(ctx)
		answered <- answer{fresh, err}
	}()
	select {
	case a := <-answered:
		return a.fresh, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-answered: // at the same moment
		return a.fresh, a.err
	default:
		return false, errHookLate
	}
}

// enter takes one of the places, if one is free.
func enter(places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		return false
	}
}

func leave(places chan struct{}) { <-places }
