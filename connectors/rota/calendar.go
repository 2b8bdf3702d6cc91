package rota

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// CalendarConfig says where a calendar is, and how its events are read. It prints
// as its id: the rest may be secret.
type CalendarConfig struct {
	ID       string                    // of the source, and of its one schedule; required
	Name     string                    // of the schedule, for people; "": what the calendar calls itself
	Level    int                       // of all its shifts; 0: 1
	Person   Person                    // where an event names who is on call; "": ByAttendee
	File     string                    // one of File and URL is required
	URL      string                    `json:"-"` // absolute http or https, without user and fragment
	Headers  map[string]string         `json:"-"` // sent to the URL
	TimeZone string                    // IANA: of whole days, and of times without a zone; "": the calendar's own, or UTC
	Users    map[string]access.Subject // by address or name, in any case of letters
	// Canonical gives the person of an email address who is known by another; nil:
	// an address is its person.
	Canonical func(access.Subject) access.Subject `json:"-"`
	LookAhead time.Duration                       // 0: the package's
	Transport http.RoundTripper                   // nil: connectors.NewTransport, also to private networks
}

// Format keeps secrets out of everything that fmt prints, whatever the verb.
func (c CalendarConfig) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "calendar "+c.ID) }

// Calendar is a calendar (RFC 5545) whose events are shifts. Its methods may be
// called at the same time.
type Calendar struct {
	cfg     CalendarConfig
	zone    *time.Location // nil: the calendar's own
	fetcher fetcher
	users   directory

	mu   sync.Mutex
	last *book // that could be read; nil: none yet
}

// fetcher gets the calendar's text: nil when it is the one whose coming was
// confirmed last.
type fetcher interface {
	fetch(ctx context.Context) ([]byte, error)
	confirm()
}

// NewCalendar returns the source, or every fault of its configuration. No fault
// holds the URL or a header.
func NewCalendar(cfg CalendarConfig) (*Calendar, error) {
	c := &Calendar{cfg: cfg, users: newDirectory(cfg)}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.cfg.Level == 0 {
		c.cfg.Level = 1
	}
	if c.cfg.LookAhead == 0 {
		c.cfg.LookAhead = LookAhead
	}
	return c, nil
}

// expandWithin bounds the work of a fetch: rules can be written that recur
// almost never, and are looked for through all the centuries.
const expandWithin = 30 * time.Second

// Fetch returns everybody's shifts that are not over and begin within the
// look-ahead. A calendar that can not be got or read is an error. An event that
// can not be read, or that names nobody, is a fault of the snapshot, and puts
// nobody on call.
func (c *Calendar) Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := c.read(ctx)
	if err != nil {
		return access.Snapshot{}, fmt.Errorf("calendar %s: %w", c.cfg.ID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, expandWithin)
	defer cancel()
	w := window{now: ask.Now, horizon: ask.Now.Add(c.cfg.LookAhead)}
	shifts, faults, err := c.shifts(ctx, b, w)
	if err != nil {
		return access.Snapshot{}, fmt.Errorf("calendar %s: %w", c.cfg.ID, err)
	}
	return access.Snapshot{
		Source: c.cfg.ID, Kind: access.SourceOnCall, FetchedAt: ask.Now, Until: w.horizon, Shifts: shifts, Faults: faults.list(),
	}, nil
}

// read gets and reads the calendar. The one that was read last is kept, for as
// long as it is not another.
func (c *Calendar) read(ctx context.Context) (*book, error) {
	raw, err := c.fetcher.fetch(ctx)
	if err != nil {
		return nil, err
	}
	if raw == nil && c.last != nil {
		return c.last, nil
	}
	b, err := readBook(raw, c.zone)
	if err != nil {
		return nil, err
	}
	c.fetcher.confirm()
	c.last = b
	return b, nil
}

// window is the time whose shifts are told.
type window struct{ now, horizon time.Time }

// holds reports whether a span is not over and begins in time.
func (w window) holds(s span) bool { return s.to.After(w.now) && !s.from.After(w.horizon) }

// shifts makes the events' occurrences one person's shifts: what touches or
// overlaps is one.
func (c *Calendar) shifts(ctx context.Context, b *book, w window) ([]access.HeldShift, *faultList, error) {
	faults := &faultList{}
	held := map[access.Subject][]turn{}
	for _, s := range b.series {
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("its events were not read to the end: %w", err)
		}
		for _, o := range s.occurrences(w, faults) {
			people, fault := c.people(o.event)
			if fault != "" {
				faults.add(o.event, fault)
			}
			for _, who := range people {
				held[who] = append(held[who], turn{o.span, who})
			}
		}
	}
	faults.addAll(b.faults)
	var shifts []access.HeldShift
	for who, turns := range held {
		for _, t := range joined(turns) {
			shifts = append(shifts, access.HeldShift{Subject: who, Shift: c.shift(b, t.span)})
		}
	}
	slices.SortFunc(shifts, compareHeld)
	return shifts, faults, nil
}

func (c *Calendar) shift(b *book, s span) access.Shift {
	name := c.cfg.Name
	if name == "" {
		name = b.name
	}
	return access.Shift{
		Source: c.cfg.ID, Schedule: &access.Ref{ID: c.cfg.ID, Name: name}, Level: c.cfg.Level, Start: s.start(), End: s.end(),
	}
}

func compareHeld(a, b access.HeldShift) int {
	if by := bySubject(a.Subject, b.Subject); by != 0 {
		return by
	}
	return compare(a.Shift, b.Shift)
}
