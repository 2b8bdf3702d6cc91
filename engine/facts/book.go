package facts

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// DefaultStaleAfter is for how long what a source said counts.
const DefaultStaleAfter = 10 * time.Minute

// BookConfig is what a Book is made of.
type BookConfig struct {
	StaleAfter time.Duration // for how long what a source said counts; 0: DefaultStaleAfter
	Sources    []BookSource  // all that there are, in the order in which they are listed
}

// BookSource names a source, and what it tells.
type BookSource struct {
	Name string
	Kind access.SourceKind
}

// Book is what all sources said last, indexed by whom it is about. Who reads it
// never waits: what a source says anew is indexed first, and then takes the place
// of what it said before. What is too old is kept, and not known.
//
// It satisfies OnCall and Incidents.
type Book struct {
	staleAfter time.Duration
	shelves    []*shelf
	writing    sync.Mutex                           // one writer at a time
	closed     atomic.Pointer[map[string]time.Time] // incidents, by id: when they were said to be closed
}

// shelf is one source's place in the book.
type shelf struct {
	BookSource
	page    atomic.Pointer[page] // nil: it never answered
	failing atomic.Pointer[failure]
}

// failure is why a source could not be asked.
type failure struct {
	since time.Time
	why   string
}

// NewBook returns a book in which nothing is known yet.
func NewBook(cfg BookConfig) *Book {
	b := &Book{staleAfter: cmp.Or(cfg.StaleAfter, DefaultStaleAfter)}
	for _, s := range cfg.Sources {
		b.shelves = append(b.shelves, &shelf{BookSource: s})
	}
	return b
}

// Put takes what a source says. Something older than what it said before, and
// what no source of the book says, is ignored. The snapshot must not be changed
// afterwards.
func (b *Book) Put(s access.Snapshot) {
	sh := b.shelf(s.Source)
	if sh == nil || sh.Kind != s.Kind || sh.newerThan(s.FetchedAt) {
		return
	}
	next := newPage(s) // before the lock: it takes its time
	b.writing.Lock()
	defer b.writing.Unlock()
	if !sh.newerThan(s.FetchedAt) {
		sh.page.Store(next)
	}
}

// Confirm takes that a source, asked at the time, said what it had said before.
func (b *Book) Confirm(source string, fetchedAt, until time.Time) {
	b.writing.Lock()
	defer b.writing.Unlock()
	sh := b.shelf(source)
	if sh == nil || sh.page.Load() == nil || sh.newerThan(fetchedAt) {
		return
	}
	next := *sh.page.Load()
	next.said.FetchedAt, next.said.Until = fetchedAt, until
	sh.page.Store(&next)
}

// Failing takes since when a source could not be asked, and why; nil: it can.
func (b *Book) Failing(source string, since *time.Time, why string) {
	sh := b.shelf(source)
	switch {
	case sh == nil:
	case since == nil:
		sh.failing.Store(nil)
	default:
		sh.failing.Store(&failure{since: *since, why: why})
	}
}

// forgetClosed is how long it is remembered that an incident was closed. By then
// its sources have said so too.
const forgetClosed = 24 * time.Hour

// Close takes that incidents were closed, which their source did not say: until
// it is asked at a later time, they are not open.
func (b *Book) Close(incidents ...access.ClosedIncident) {
	if len(incidents) == 0 {
		return
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	next, newest := map[string]time.Time{}, time.Time{}
	if held := b.closed.Load(); held != nil {
		maps.Copy(next, *held)
	}
	for _, i := range incidents {
		if i.At.After(next[i.ID]) {
			next[i.ID] = i.At
		}
	}
	for _, at := range next {
		newest = later(newest, at)
	}
	maps.DeleteFunc(next, func(_ string, at time.Time) bool { return newest.Sub(at) > forgetClosed })
	b.closed.Store(&next)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Last returns what a source said last.
func (b *Book) Last(source string) (s access.Snapshot, answered bool) {
	if sh := b.shelf(source); sh != nil {
		if p := sh.page.Load(); p != nil {
			return p.said, true
		}
	}
	return s, false
}

// States returns how the sources are, in the order of the configuration.
func (b *Book) States(now time.Time) []access.SourceState {
	states := make([]access.SourceState, len(b.shelves))
	for i, sh := range b.shelves {
		states[i] = b.state(sh, now)
	}
	return states
}

func (b *Book) state(sh *shelf, now time.Time) access.SourceState {
	s := access.SourceState{Name: sh.Name, Kind: sh.Kind, Faults: []string{}}
	if p := sh.page.Load(); p != nil {
		fetchedAt, age := p.said.FetchedAt, p.age(now)
		s.Known, s.FetchedAt, s.AgeSeconds = b.fresh(p, now), &fetchedAt, &age
		if until := p.said.Until; !until.IsZero() {
			s.Until = &until
		}
		s.Faults = append(s.Faults, p.said.Faults...)
	}
	if f := sh.failing.Load(); f != nil {
		s.FailedSince, s.Error = &f.since, f.why
	}
	return s
}

func (b *Book) shelf(name string) *shelf {
	at := slices.IndexFunc(b.shelves, func(sh *shelf) bool { return sh.Name == name })
	if at < 0 {
		return nil
	}
	return b.shelves[at]
}

// newerThan reports whether the source was asked at the time, or later.
func (sh *shelf) newerThan(fetchedAt time.Time) bool {
	p := sh.page.Load()
	return p != nil && !fetchedAt.After(p.said.FetchedAt)
}

// fresh reports whether what the source said counts.
func (b *Book) fresh(p *page, now time.Time) bool {
	return p != nil && now.Sub(p.said.FetchedAt) <= b.staleAfter
}
