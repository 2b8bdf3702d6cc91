package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Shape is what a plan is made for.
type Shape struct {
	For      time.Duration
	Nodes    int
	Redis    bool // whether the nodes share a Redis
	Postgres bool // whether the ledger is PostgreSQL, behind connections that can be cut
	Targets  []string
}

// Plan is all that is random about a run: who does what when, and what fails when.
// The same seed and shape make the same plan.
type Plan struct {
	Seed   uint64
	Moves  []Move
	Faults []Fault
}

// Again is a move: an Ask for what is live already.
const Again = "again"

// Look is a move: a check.
const Look = "look"

// Move is one step of a caller. What it is about is settled when it is made, as it
// depends on what there is then: Pick chooses among that.
type Move struct {
	At      time.Duration
	Kind    string
	Who     int
	What    int
	Seconds int    // how long an Ask is for
	Later   bool   // it is to begin a moment later
	Node    int    // where it is said first
	Pick    uint32 // which of the candidates
	Twin    Twin
}

// Twin is how a call is said a second time under its key, at the same moment.
type Twin int

// The kinds of Twin.
const (
	Alone     Twin = iota
	SameNode       // to the node of the first
	OtherNode      // to the next node
	OtherBody      // with another body, which must have no effect of its own
)

// The kinds of Fault. Each lasts for a while and is healed then.
const (
	KillNode        = "kill -9 of node"
	StopNode        = "SIGTERM to node"
	KillRedis       = "kill -9 of redis"
	FlushRedis      = "FLUSHALL of redis"
	CutRedis        = "cut between redis and node"
	SwallowRedis    = "half-open connections between redis and node"
	KillPostgres    = "immediate shutdown of postgres"
	CutPostgres     = "cut between postgres and node"
	SwallowPostgres = "half-open connections between postgres and node"
	Blackout        = "cut between both stores and node"
	Refuse          = "500 from"              // the target answers so
	RefuseActing    = "500 after acting from" // and does it all the same
	Busy            = "429 with Retry-After from"
	Hang            = "late acts of" // calls are held, time out, and are acted on at the end
	HangActing      = "no answer after acting from"
	Garble          = "garbage from"
	GarbleActing    = "garbage after acting from"
	Hangup          = "closed connections of"
	Vanish          = "connections refused by"
	CutTarget       = "cut before"
	SwallowTarget   = "half-open connections to"
)

// Fault is something that fails for a while.
type Fault struct {
	At, For time.Duration
	Kind    string
	Node    int
	Target  string
}

// String renders the fault in a line.
func (f Fault) String() string {
	what := f.Target
	if strings.HasSuffix(f.Kind, " node") {
		what = fmt.Sprint(f.Node)
	}
	return fmt.Sprintf("%7.3fs for %.3fs: %s %s", f.At.Seconds(), f.For.Seconds(), f.Kind, what)
}

// track is a part that fails in one way at a time.
type track struct {
	kinds   []string // one that is there twice comes twice as often
	every   time.Duration
	longest time.Duration
	node    int
	target  string
}

func tracks(s Shape) (all []track) {
	for n := range s.Nodes {
		all = append(all, track{kinds: []string{KillNode, KillNode, KillNode, StopNode}, every: 5 * time.Second, longest: time.Second, node: n})
	}
	for n := range s.Nodes {
		var links []string
		if s.Redis {
			links = append(links, CutRedis, SwallowRedis, SwallowRedis)
		}
		if s.Postgres {
			links = append(links, CutPostgres, SwallowPostgres)
		}
		if s.Postgres {
			links = append(links, Blackout)
		}
		if len(links) > 0 {
			all = append(all, track{kinds: links, every: 4 * time.Second, longest: 3 * time.Second, node: n})
		}
	}
	if s.Redis {
		all = append(all, track{kinds: []string{KillRedis, FlushRedis, FlushRedis}, every: 4 * time.Second, longest: 2 * time.Second})
	}
	if s.Postgres {
		all = append(all, track{kinds: []string{KillPostgres}, every: 8 * time.Second, longest: time.Second})
	}
	for _, name := range s.Targets {
		all = append(all,
			track{kinds: []string{Refuse, RefuseActing, Busy, Hang, HangActing, Garble, GarbleActing, Hangup}, every: time.Second, longest: 2 * time.Second, target: name},
			track{kinds: []string{Vanish, CutTarget, SwallowTarget}, every: 4 * time.Second, longest: time.Second, target: name})
	}
	return all
}

// How much is asked of a gateway.
const (
	People    = 4 // who are on call, and given what they ask for
	Teammates = 2 // who need a reviewer
	Resources = 2 // at each target
)

// pace is the average pause between two moves, and lookPace that between two
// checks.
const (
	pace     = 60 * time.Millisecond
	lookPace = 25 * time.Millisecond
)

// NewPlan draws the plan of a seed.
func NewPlan(seed uint64, s Shape) Plan {
	p := Plan{Seed: seed}
	for i, t := range tracks(s) {
		p.Faults = append(p.Faults, t.draw(source(seed, uint64(i)+100), s.For)...)
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	moves, looks := source(seed, 1), source(seed, 2)
	for at := time.Duration(0); at < s.For; at += wait(moves, pace) {
		p.Moves = append(p.Moves, draw(moves, at, s))
	}
	for at := time.Duration(0); at < s.For; at += wait(looks, lookPace) {
		m := draw(looks, at, s)
		m.Kind, m.Twin = Look, Alone
		p.Moves = append(p.Moves, m)
	}
	slices.SortStableFunc(p.Moves, func(a, b Move) int { return cmp.Compare(a.At, b.At) })
	return p
}

// source is a stream of its own for each part of a plan, so that a change of one
// leaves the others as they were.
func source(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// draw lays faults one after another, with pauses between them. Each is over
// before the run is.
func (t track) draw(r *rand.Rand, limit time.Duration) (faults []Fault) {
	for at := wait(r, t.every); ; {
		f := Fault{At: at, Kind: pick(r, t.kinds), Node: t.node, Target: t.target}
		f.For = 100*time.Millisecond + time.Duration(r.Int64N(int64(t.longest)))
		if f.At+f.For >= limit {
			return faults
		}
		faults = append(faults, f)
		at += f.For + wait(r, t.every)
	}
}

func draw(r *rand.Rand, at time.Duration, s Shape) Move {
	kinds := []string{Ask, Ask, Ask, Again, Again, Revoke, Revoke, Approve, Approve, Withdraw, Deny}
	return Move{
		At: at, Kind: pick(r, kinds),
		Who: r.IntN(People + Teammates), What: r.IntN(Resources * max(len(s.Targets), 1)),
		Seconds: pick(r, []int{1, 1, 2, 3, 5}), Later: r.IntN(6) == 0, Node: r.IntN(s.Nodes), Pick: r.Uint32(),
		Twin: pick(r, []Twin{Alone, Alone, Alone, SameNode, OtherNode, OtherNode, OtherBody}),
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// wait is a random pause of the average length, never longer than four of it.
func wait(r *rand.Rand, average time.Duration) time.Duration {
	return time.Duration(min(r.ExpFloat64(), 4) * float64(average))
}
