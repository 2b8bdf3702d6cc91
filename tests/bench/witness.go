package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// witness remembers, inside a gateway, what happened when. It is the gateway's
// log and its observer.
type witness struct {
	began   time.Time
	verbose bool

	mu   sync.Mutex
	seen testimony
	said map[string]bool // warnings that were said: each once
}

// testimony is what a witness has seen since it was asked last. Times are in
// microseconds since 1970.
type testimony struct {
	Ended     []ending // grants that were over, as the observer is told: after the commit
	Confirmed int      // removals that a target confirmed and the ledger has
	Last      int64    // when the last of them was
	Announced []int64  // when the lease announced an end
	Revoked   []int64  // when a revoke was committed
	Rebuilt   rebuilding
}

type ending struct {
	At    int64
	Late  time.Duration
	Heard bool
}

// rebuilding is the last time that the lease was written anew.
type rebuilding struct {
	Grants int64
	Took   time.Duration
	At     time.Duration // after the gateway's start
}

// Ended is of engine.Observer.
func (w *witness) Ended(late time.Duration, heard bool) {
	w.see(func(t *testimony) { t.Ended = append(t.Ended, ending{time.Now().UnixMicro(), late, heard}) })
}

// Confirmed is of engine.Observer.
func (w *witness) Confirmed(time.Duration) {
	w.see(func(t *testimony) { t.Confirmed, t.Last = t.Confirmed+1, time.Now().UnixMicro() })
}

// Mended is of engine.Observer.
func (w *witness) Mended(access.Mended) {}

// Checked is of engine.Observer.
func (w *witness) Checked(string) {}

// Asked is of engine.Observer.
func (w *witness) Asked(access.Asked) {}

func (w *witness) step(name string) {
	if name == "revoke.committed" {
		w.see(func(t *testimony) { t.Revoked = append(t.Revoked, time.Now().UnixMicro()) })
	}
}

// announced notes an announcement before it is passed on.
func (w *witness) announced(pass func(string)) func(string) {
	return func(grantID string) {
		w.see(func(t *testimony) { t.Announced = append(t.Announced, time.Now().UnixMicro()) })
		pass(grantID)
	}
}

func (w *witness) see(note func(*testimony)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	note(&w.seen)
}

// Enabled is of slog.Handler.
func (w *witness) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// WithAttrs is of slog.Handler.
func (w *witness) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup is of slog.Handler.
func (w *witness) WithGroup(string) slog.Handler { return w }

// Handle reads out of the log what nothing else says: that the lease is rebuilt.
func (w *witness) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value
		return true
	})
	if r.Message == "lease rebuilt from the ledger" {
		grants, _ := attrs["grants"].Any().(int64)
		took, _ := attrs["took"].Any().(time.Duration)
		w.see(func(t *testimony) { t.Rebuilt = rebuilding{grants, took, time.Since(w.began)} })
	}
	if w.verbose && r.Level >= slog.LevelWarn && w.first(r.Message) {
		fmt.Fprintln(os.Stderr, "gateway:", r.Message, attrs)
	}
	return nil
}

// first reports whether a warning is new.
func (w *witness) first(message string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said == nil {
		w.said = map[string]bool{}
	}
	known := w.said[message]
	w.said[message] = true
	return !known
}

// control answers what the measuring process asks.
func (w *witness) control(f *foster, s *source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /seen", func(out http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		seen := w.seen
		w.seen = testimony{Rebuilt: seen.Rebuilt}
		w.mu.Unlock()
		_ = json.NewEncoder(out).Encode(seen)
	})
	mux.HandleFunc("GET /rebuilt", func(out http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		_ = json.NewEncoder(out).Encode(w.seen.Rebuilt)
	})
	mux.HandleFunc("POST /adopt", f.adopt)
	s.control(mux, f)
	return mux
}

// late sums endings up, of those that were due from the time on: at the most so
// many, those that were due last. When an ending is noted a moment after it was
// measured, it seems to have been due a moment later than it was.
func (t testimony) late(from time.Time, most int) (all []time.Duration, heard int) {
	due := func(e ending) time.Time { return time.UnixMicro(e.At).Add(-e.Late) }
	counted := slices.DeleteFunc(slices.Clone(t.Ended), func(e ending) bool { return due(e).Before(from) })
	slices.SortFunc(counted, func(a, b ending) int { return due(b).Compare(due(a)) })
	for _, e := range counted[:min(len(counted), most)] {
		all = append(all, e.Late)
		if e.Heard {
			heard++
		}
	}
	slices.Sort(all)
	return all, heard
}
