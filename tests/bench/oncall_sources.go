package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/connectors"
	vendorclient "github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/connectors/rota"
	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
	"github.com/curfew-access/curfew/engine/watch"
)

// onBoard is a childConfig's OnCall of a gateway that is told who is on call.
const onBoard = "board"

// source is whom a gateway under test has it from who is on call: a rota that puts
// everybody on call, a PagerDuty, or a board. The rota is asked as cmd/curfew asks
// it; the others only when somebody says so.
type source struct {
	name    string
	book    *facts.Book
	asked   *timed
	board   *board   // nil: it is none
	counter *counter // of requests; nil: it makes none
	watcher *watch.Watcher
	follows *followed

	committed atomic.Int64 // when a transaction by facts was, in microseconds since 1970

	start chan struct{} // closed when it is first to be asked
	done  chan string   // the outcome of a poll that somebody waits for

	mu      sync.Mutex
	started bool
	waited  bool
	endless bool // polls come back to back
	made    int  // polls
}

func newSource(cfg childConfig) (*source, error) {
	s := &source{name: rota.Name, start: make(chan struct{}), done: make(chan string, 1)}
	var asked watch.Source
	var err error
	switch cfg.OnCall {
	case "":
		asked, err = rota.New(duty(cfg.Subjects))
	case onBoard:
		s.name, s.board = onBoard, &board{}
		asked = s.board
	default:
		s.name, s.counter = vendorclient.SourceOnCall, &counter{next: connectors.NewTransport(connectors.ReachPrivate, patience)}
		var client *vendorclient.Client
		if client, err = newVendorClient(cfg.OnCall, s.counter); err == nil {
			asked = client.OnCall()
		}
	}
	s.asked = &timed{Source: asked}
	s.book = facts.NewBook(facts.BookConfig{Sources: []facts.BookSource{{Name: s.name, Kind: access.SourceOnCall}}})
	return s, err
}

// watch makes the source one of the engine's. A rota is read at once.
func (s *source) watch(ctx context.Context, cfg childConfig, eng *engine.Engine, now func() time.Time, log *slog.Logger) {
	every := time.Hour
	if cfg.OnCall == "" {
		every = time.Minute
	}
	s.follows = &followed{Engine: eng, committed: &s.committed}
	s.watcher = watch.NewWatcher(watch.Watcher{
		Name: s.name, Kind: access.SourceOnCall, Source: s.asked, Store: eng, Book: s.book, Follower: s.follows, Now: now, Log: log,
		Observer: s, Every: every, MinGap: time.Nanosecond,
	})
	if cfg.OnCall == "" {
		s.watcher.Prime(ctx)
		s.started = true
		close(s.start)
	}
}

// Run watches the source from when it is first to be asked.
func (s *source) Run(ctx context.Context) error {
	select {
	case <-s.start:
		return s.watcher.Run(ctx)
	case <-ctx.Done():
		return nil
	}
}

// Polled is of watch.Observer.
func (s *source) Polled(_, outcome string, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	if s.waited {
		s.waited = false
		s.done <- outcome
	}
	if s.endless {
		s.watcher.Poke()
	}
}

// ask has the source asked soon: at the first time by starting to watch it. The
// caller holds s.mu.
func (s *source) ask() {
	if s.started {
		s.watcher.Poke()
		return
	}
	s.started = true
	close(s.start)
}

// once has the source asked, and waits until what it says is followed and kept.
func (s *source) once(ctx context.Context) error {
	s.mu.Lock()
	s.waited = true
	s.ask()
	s.mu.Unlock()
	return s.await(ctx)
}

// pollOn has the source asked again and again.
func (s *source) pollOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made, s.endless = 0, true
	s.ask()
}

// pollOff ends that, and says how many polls there were. The one under way is
// waited for: it is no part of what comes next.
func (s *source) pollOff(ctx context.Context) (made int, err error) {
	s.mu.Lock()
	s.waited, s.endless = true, false
	s.mu.Unlock()
	err = s.await(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made, err
}

func (s *source) await(ctx context.Context) error {
	select {
	case outcome := <-s.done:
		if outcome != watch.OutcomeAnswered {
			return fmt.Errorf("the poll ended as %s", outcome)
		}
		return nil
	case <-time.After(10 * patience):
		return errors.New("the poll does not end")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// timed is a source that says how long it took.
type timed struct {
	watch.Source
	mu    sync.Mutex
	began time.Time
	seen  time.Time // when it had answered
	said  int       // shifts
}

// Fetch is of watch.Source.
func (t *timed) Fetch(ctx context.Context, ask access.SourceAsk) (access.Snapshot, error) {
	began := time.Now()
	said, err := t.Source.Fetch(ctx, ask)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began, t.seen, t.said = began, time.Now(), len(said.Shifts)
	return said, err
}

func (t *timed) last() (began, seen time.Time, said int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.began, t.seen, t.said
}

// followed notes when grants had followed what a source says.
type followed struct {
	*engine.Engine
	at        atomic.Int64 // microseconds since 1970
	committed *atomic.Int64
}

// FollowFacts is of watch.Follower.
func (f *followed) FollowFacts(ctx context.Context, before, now access.Snapshot) error {
	err := f.Engine.FollowFacts(ctx, before, now)
	f.at.Store(time.Now().UnixMicro())
	return err
}

// counter counts requests and the bytes of their answers.
type counter struct {
	next     http.RoundTripper
	requests atomic.Int64
	bytes    atomic.Int64
}

// RoundTrip is of http.RoundTripper.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	res, err := c.next.RoundTrip(r)
	if err == nil {
		res.Body = &countedBody{res.Body, &c.bytes}
	}
	return res, err
}

type countedBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (b *countedBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.bytes.Add(int64(n))
	return n, err
}

// polled is what one poll took of the gateway.
type polled struct {
	Wall       float64 `json:"wall_s"`  // until it was followed and kept
	Fetch      float64 `json:"fetch_s"` // of it: until the connector had the snapshot
	CPU        float64 `json:"cpu_s"`
	Allocs     uint64  `json:"allocs"`
	AllocBytes uint64  `json:"alloc_bytes"`
	Requests   int     `json:"requests"`
	BodyBytes  int64   `json:"body_bytes"`
	Shifts     int     `json:"shifts"`
	Peak       int64   `json:"peak_bytes"` // resident, above what was before
	Kept       int64   `json:"kept_bytes"` // of the heap, after garbage was collected, above what was before
	Heap       int64   `json:"heap_bytes"` // after that, in all
	Resident   int64   `json:"resident_bytes"`
}

// poll has the source asked once, and says what that took.
func (c *child) poll(ctx context.Context) (p polled, err error) {
	raw, err := c.give(ctx, "/more/poll", nil)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	return p, err
}

func (s *source) measure(ctx context.Context) (p polled, err error) {
	self := os.Getpid()
	before := collected()
	requests, bytes := s.counter.requests.Load(), s.counter.bytes.Load()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil { // the peak counts from here
		return p, err
	}
	resident := memoryOf(self, "VmRSS:")
	cpu, began := ownCPU(), time.Now()
	if err := s.once(ctx); err != nil {
		return p, err
	}
	p.Wall, p.CPU = time.Since(began).Seconds(), (ownCPU() - cpu).Seconds()
	p.Peak = memoryOf(self, "VmHWM:") - resident
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	p.Allocs, p.AllocBytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	asked, seen, said := s.asked.last()
	p.Fetch, p.Shifts = seen.Sub(asked).Seconds(), said
	p.Requests, p.BodyBytes = int(s.counter.requests.Load()-requests), s.counter.bytes.Load()-bytes
	after = collected()
	p.Heap, p.Kept = int64(after.HeapAlloc), int64(after.HeapAlloc)-int64(before.HeapAlloc)
	p.Resident = memoryOf(self, "VmRSS:")
	return p, nil
}

// collected collects garbage, gives it back, and says what is left.
func collected() (stats runtime.MemStats) {
	runtime.GC()
	debug.FreeOSMemory() // collects once more
	runtime.ReadMemStats(&stats)
	return stats
}

// ownCPU is how much processor time this process has used.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it only fails for arguments that are wrong
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// control answers what the measuring process asks about the source.
func (s *source) control(mux *http.ServeMux, f *foster) {
	mux.HandleFunc("POST /board", func(w http.ResponseWriter, r *http.Request) {
		var e edit
		err := json.NewDecoder(r.Body).Decode(&e)
		if err == nil {
			err = s.put(r.Context(), e)
		}
		answerWith(w, nil, err)
	})
	mux.HandleFunc("POST /edit", func(w http.ResponseWriter, r *http.Request) {
		var e edit
		var came followedEdit
		err := json.NewDecoder(r.Body).Decode(&e)
		if err == nil {
			came, err = s.edit(r.Context(), e, f)
		}
		answerWith(w, came, err)
	})
	mux.HandleFunc("POST /poll", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.measure(r.Context())
		answerWith(w, p, err)
	})
	mux.HandleFunc("POST /polling", func(http.ResponseWriter, *http.Request) { s.pollOn() })
	mux.HandleFunc("GET /polling/stop", func(w http.ResponseWriter, r *http.Request) {
		made, err := s.pollOff(r.Context())
		answerWith(w, made, err)
	})
}

func answerWith(w http.ResponseWriter, value any, err error) {
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(value)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(raw) // the caller knows if it is cut off
}

// step notes the transactions by facts before it passes a step on.
func (s *source) step(pass func(string)) func(string) {
	return func(name string) {
		if name == "facts.committed" {
			s.committed.Store(time.Now().UnixMicro())
		}
		pass(name)
	}
}
