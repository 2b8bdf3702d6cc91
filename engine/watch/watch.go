// Package watch asks sources of facts what they know, and keeps what they say: in
// this node's book, in the ledger for the other nodes, and in the ends of the
// grants that depend on it.
//
// There is one Watcher for each source, and each has its own loop, so that one
// that hangs does not hold up the others. Of all nodes one asks a source: the one
// that has its duty in the ledger. The others read what it kept. The package
// knows no vendor, decides nothing about access, and opens nothing.
package watch

import (
	"context"
	"log/slog"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// Source says who is on call, or which incidents are open.
type Source interface {
	Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error)
}

// Store is what all nodes share. The engine is one.
type Store interface {
	// SourceDuty takes or keeps the duty of asking the source, for half a minute, and
	// reports whether this node has it.
	SourceDuty(ctx context.Context, source string) (mine bool, err error)
	LeaveSourceDuty(ctx context.Context, source string) error
	// SourceNews is small, and asked for every second.
	SourceNews(ctx context.Context, source string) (access.SourceNews, error)
	LastSnapshot(ctx context.Context, source string) (s access.Snapshot, found bool, err error)
	// TakeSnapshot keeps a snapshot, unless a newer one is kept.
	TakeSnapshot(ctx context.Context, s access.Snapshot) error
	SourceFailed(ctx context.Context, source string, kind access.SourceKind, cause error) error
	SourceStale(ctx context.Context, source string, kind access.SourceKind) error
	PokeSource(ctx context.Context, source string, kind access.SourceKind) error
	// WantedIncidents lists the incidents that something depends on.
	WantedIncidents(ctx context.Context) ([]string, error)
	// ClosedIncidents lists those that were told to be closed since the time.
	ClosedIncidents(ctx context.Context, since time.Time) ([]access.ClosedIncident, error)
}

// Book is what this node's decisions read. Its methods return at once.
type Book interface {
	Put(s access.Snapshot)
	// Confirm takes that the source said what it had said before.
	Confirm(source string, fetchedAt, until time.Time)
	Failing(source string, since *time.Time, why string)
	Close(incidents ...access.ClosedIncident)
}

// Follower moves the ends of grants by what a source says now, that said before
// what it said. It may be told the same again.
type Follower interface {
	FollowFacts(ctx context.Context, before, now access.Snapshot) error
}

// Observer counts polls for operators. Its method returns at once.
type Observer interface {
	Polled(source, outcome string, took time.Duration)
}

// How a poll ended.
const (
	OutcomeAnswered = "answered"
	OutcomeFailed   = "failed"   // the source could not be asked
	OutcomeNotKept  = "not_kept" // it answered, and the ledger did not take that
)

// What a Watcher takes if it is not told.
const (
	DefaultEvery      = time.Minute
	DefaultMinGap     = 5 * time.Second
	DefaultStaleAfter = 10 * time.Minute
)

// Watcher watches one source. All fields that do not say otherwise are required.
type Watcher struct {
	Name     string // of the source; Snapshot.Source
	Kind     access.SourceKind
	Source   Source
	Store    Store
	Book     Book
	Follower Follower         // nil: nothing depends on what it says
	Now      func() time.Time // the ledger's clock
	Log      *slog.Logger
	Observer Observer // nil: nobody counts

	Every      time.Duration // from one poll to the next, give or take a tenth; 0: DefaultEvery
	MinGap     time.Duration // the least rest between two polls; 0: DefaultMinGap
	Timeout    time.Duration // of a poll; 0: four times Every, from one minute to five
	StaleAfter time.Duration // after which what it said does not count; 0: DefaultStaleAfter

	poked chan struct{}
	state state
}

// state is what the loop knows. Only the loop, and Prime or Recall before it, touch it.
type state struct {
	ready bool // begun

	// kept is what the ledger has of the source, as far as this node knows: what it
	// followed and stored itself, or read. held is when what is in the book was said:
	// later than kept while the ledger does not take it.
	kept access.Snapshot
	held time.Time

	mine      bool      // the duty is this node's
	dutyAsked time.Time // when it was last asked for

	wanted   bool          // somebody wants the source to be asked soon
	next     time.Time     // when it is to be asked; zero: at once
	began    time.Time     // the last poll, as the source was asked
	ended    time.Time     // the last poll
	took     time.Duration // the last poll that answered
	failures int           // in a row
	failing  time.Time     // since when; of the first of them
	told     bool          // it was told that what the source said last is too old
	busy     chan result   // a poll that was given up and has not come back; nil: none

	deaf bool // the ledger did not answer last time, and the log says so
}

// begin fills in what was not told.
func (w *Watcher) begin() {
	if w.state.ready {
		return
	}
	w.state.ready = true
	w.Every = orElse(w.Every, DefaultEvery)
	w.MinGap = orElse(w.MinGap, DefaultMinGap)
	w.StaleAfter = orElse(w.StaleAfter, DefaultStaleAfter)
	w.Timeout = orElse(w.Timeout, min(max(4*w.Every, time.Minute), 5*time.Minute))
	w.Log = w.Log.With("source", w.Name)
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
