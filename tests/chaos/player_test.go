package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/chaos"
)

// player makes the moves of a plan and records what came of them.
type player struct {
	w      *world
	looks  bool // whether checks are answered at all
	prefix string

	mu      sync.Mutex
	steps   []chaos.Step
	checks  []chaos.Check
	live    []held // grants that were told of, the newest last
	pending []held // requests that wait for an answer
}

// held is a grant or a request that a caller knows of.
type held struct {
	id    string
	about access.Entitled
	until time.Time
}

// atOnce bounds the calls under way: beyond it a move is left out, as a gateway
// that answers nobody must not make the tests run out of connections.
const atOnce = 128

// play makes each move at its time and returns when all are answered.
func (p *player) play(ctx context.Context, moves []chaos.Move) {
	var playing sync.WaitGroup
	places := make(chan struct{}, atOnce)
	began := time.Now()
	for i, m := range moves {
		select {
		case <-time.After(time.Until(began.Add(m.At))): // as the plan says
		case <-ctx.Done():
			return
		}
		select {
		case places <- struct{}{}:
		default:
			continue
		}
		playing.Go(func() {
			defer func() { <-places }()
			p.move(ctx, fmt.Sprintf("%s-%d", p.prefix, i), m)
		})
	}
	playing.Wait()
}

func (p *player) move(ctx context.Context, key string, m chaos.Move) {
	about := entitled(m.Who, m.What, p.w.names())
	switch m.Kind {
	case chaos.Look:
		p.look(ctx, m, about)
	case chaos.Ask:
		p.ask(ctx, key, m, about)
	case chaos.Again:
		if g, ok := p.choose(&p.live, m.Pick, false); ok {
			p.ask(ctx, key, m, g.about)
		}
	case chaos.Revoke:
		if g, ok := p.choose(&p.live, m.Pick, true); ok {
			p.step(ctx, m, holder(g.about), "/v1/grants/"+g.id+"/revoke", chaos.Step{Kind: m.Kind, Key: key, About: g.about, Object: g.id})
		}
	case chaos.Withdraw:
		if r, ok := p.choose(&p.pending, m.Pick, true); ok {
			p.step(ctx, m, holder(r.about), "/v1/requests/"+r.id+"/withdraw", chaos.Step{Kind: m.Kind, Key: key, About: r.about, Object: r.id})
		}
	case chaos.Approve, chaos.Deny:
		if r, ok := p.choose(&p.pending, m.Pick, true); ok {
			p.step(ctx, m, reviewer, "/v1/requests/"+r.id+"/"+m.Kind, chaos.Step{Kind: m.Kind, Key: key, About: r.about, Object: r.id})
		}
	}
}

func (p *player) ask(ctx context.Context, key string, m chaos.Move, about access.Entitled) {
	s := chaos.Step{Kind: chaos.Ask, Key: key, About: about, Seconds: m.Seconds}
	if m.Later {
		start := time.Now().Add(time.Second).UTC()
		s.Later = &start
	}
	p.step(ctx, m, holder(about), "/v1/requests", s)
}

// look asks about a grant that was told of, live or over for a moment, or about
// what may never have been given.
func (p *player) look(ctx context.Context, m chaos.Move, about access.Entitled) {
	if !p.looks {
		return
	}
	if g, ok := p.choose(&p.live, m.Pick, false); ok && m.Pick%4 != 0 {
		about = g.about
	}
	check := p.w.caller.check(ctx, m.Node, about)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checks = append(p.checks, check)
}

// tries is how often a step is said until it is answered.
const tries = 4

// step says a step, with its twin, and again under the same key as long as nobody
// answers, at one node after another as a client behind a balancer does.
func (p *player) step(ctx context.Context, m chaos.Move, who, path string, s chaos.Step) {
	var twin sync.WaitGroup
	body := bodyOf(s, s.Seconds)
	if at, said, ok := p.twin(m, s); ok {
		twin.Go(func() {
			call, a := p.w.caller.say(ctx, at, who, path, &s, said)
			call.Other = m.Twin == chaos.OtherBody
			p.record(&s, call, a)
		})
	}
	for try := range tries {
		call, a := p.w.caller.say(ctx, (m.Node+try)%len(p.w.nodes), who, path, &s, body)
		p.record(&s, call, a)
		if call.Status != 0 && call.Status < 500 {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond): // a client does not come back at once
		}
	}
	twin.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, s)
}

func (p *player) twin(m chaos.Move, s chaos.Step) (at int, body map[string]any, ok bool) {
	body = bodyOf(s, s.Seconds)
	switch m.Twin {
	case chaos.Alone:
	case chaos.SameNode:
		return m.Node, body, true
	case chaos.OtherNode:
		return (m.Node + 1) % len(p.w.nodes), body, true
	case chaos.OtherBody:
		return (m.Node + 1) % len(p.w.nodes), bodyOf(s, s.Seconds%3+1), s.Kind == chaos.Ask && s.Seconds != s.Seconds%3+1
	}
	return 0, nil, false
}

func bodyOf(s chaos.Step, seconds int) map[string]any {
	if s.Kind != chaos.Ask {
		return map[string]any{"comment": s.Key}
	}
	return map[string]any{
		"action": s.About.Action, "resource": s.About.Resource, "for": fmt.Sprintf("%ds", seconds), "starts_at": s.Later, "reason": s.Key,
	}
}

// record keeps a call, and what it told of.
func (p *player) record(s *chaos.Step, call chaos.Call, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Calls = append(s.Calls, call)
	switch {
	case !call.Done() || s.Kind == chaos.Revoke:
	case a.Grant != nil && a.Grant.State != access.GrantEnded && !p.knows(a.Grant.ID):
		p.live = append(p.live, held{a.Grant.ID, s.About, a.Grant.ExpiresAt})
	case s.Kind == chaos.Ask && a.State == access.RequestPending:
		p.pending = append(p.pending, held{a.ID, s.About, call.Ended.Add(time.Hour)})
	}
}

func (p *player) knows(id string) bool {
	return slices.ContainsFunc(p.live, func(h held) bool { return h.id == id })
}

// justOver is how long a grant that is over is still asked about.
const justOver = 2 * time.Second

// choose picks one of those that are not long over. One that is taken is not
// picked again.
func (p *player) choose(from *[]held, pick uint32, take bool) (held, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	over := time.Now().Add(-justOver)
	*from = slices.DeleteFunc(*from, func(h held) bool { return h.until.Before(over) })
	if len(*from) == 0 {
		return held{}, false
	}
	i := int(pick % uint32(len(*from)))
	chosen := (*from)[i]
	if take && from == &p.pending {
		*from = slices.Delete(*from, i, i+1)
	}
	return chosen, true
}

// repeat says steps once more under their keys, now that everything is healed:
// what was done is answered as it was, and nothing is done twice.
func (p *player) repeat(ctx context.Context, most int) {
	steps := p.steps
	for i := len(steps) - 1; i >= 0 && most > 0; i, most = i-1, most-1 {
		s, n := &steps[i], i%len(p.w.nodes)
		path, who := "/v1/requests", holder(s.About)
		switch s.Kind {
		case chaos.Ask:
		case chaos.Revoke:
			path = "/v1/grants/" + s.Object + "/revoke"
		case chaos.Withdraw:
			path += "/" + s.Object + "/withdraw"
		default:
			path, who = path+"/"+s.Object+"/"+s.Kind, reviewer
		}
		call, a := p.w.caller.say(ctx, n, who, path, s, bodyOf(*s, s.Seconds))
		p.record(s, call, a)
	}
}

// clearUp withdraws what nobody answered, so that everything comes to rest.
func (p *player) clearUp(ctx context.Context) {
	for _, r := range p.pending {
		p.w.caller.send(ctx, 0, holder(r.about), http.MethodPost, "/v1/requests/"+r.id+"/withdraw", "", map[string]any{})
	}
}

// holder is who a subject is among the callers.
func holder(about access.Entitled) string {
	for i := range chaos.People + chaos.Teammates {
		if subject(person(i)) == about.Subject {
			return person(i)
		}
	}
	return ""
}
