package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/curfew-access/curfew/tests/chaos"
	fake "github.com/curfew-access/curfew/tests/fake/target"
	"github.com/curfew-access/curfew/tests/service"
)

// nemesis makes the faults of a plan.
type nemesis struct {
	w *world

	mu     sync.Mutex
	dark   []chaos.Window
	deaf   []chaos.Window
	made   map[string]int
	faults []error // of its own: a fault that could not be made, or healed
}

// run makes each fault at its time and heals it when it is over. It returns when
// all are healed.
func (m *nemesis) run(ctx context.Context, faults []chaos.Fault) {
	m.made = map[string]int{}
	var running sync.WaitGroup
	began := time.Now()
	for _, f := range faults {
		running.Go(func() {
			if !wait(ctx, time.Until(began.Add(f.At))) {
				return
			}
			from := time.Now()
			heal, err := m.apply(f)
			if err == nil {
				wait(ctx, f.For)
			}
			if err := errors.Join(err, heal()); err != nil {
				m.note(f, err)
			}
			m.remember(f, from)
		})
	}
	running.Wait()
}

// findsAgain is how long a node may take until it reads the ledger once its line
// is whole again.
const findsAgain = 5 * time.Second

// remember counts a fault, and notes which nodes could not read the ledger for it.
func (m *nemesis) remember(f chaos.Fault, from time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made[f.Kind]++
	for n := range m.w.nodes {
		switch f.Kind {
		case chaos.KillNode, chaos.StopNode, chaos.CutPostgres, chaos.SwallowPostgres, chaos.Blackout:
			if f.Node != n {
				continue
			}
		case chaos.KillPostgres:
		default:
			continue
		}
		m.deaf = append(m.deaf, chaos.Window{Node: n, From: from, To: time.Now().Add(findsAgain)})
	}
}

// wait lasts as long as the plan says; false when the run ends before.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *nemesis) note(f chaos.Fault, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, fmt.Errorf("%s: %w", f, err))
}

// apply makes a fault and returns what heals it.
func (m *nemesis) apply(f chaos.Fault) (heal func() error, err error) {
	if f.Target != "" {
		return m.misbehave(f)
	}
	switch f.Kind {
	case chaos.KillNode:
		return m.stopNode(f.Node, syscall.SIGKILL)
	case chaos.StopNode:
		return m.stopNode(f.Node, syscall.SIGTERM)
	case chaos.KillRedis:
		return m.w.redis.Start, m.w.redis.Kill()
	case chaos.FlushRedis:
		return healed, m.flush()
	case chaos.KillPostgres:
		return m.w.postgres.Start, m.w.postgres.Stop(service.Immediate)
	case chaos.CutRedis:
		return cut(m.w.toRedis[f.Node])
	case chaos.SwallowRedis:
		return swallow(m.w.toRedis[f.Node])
	case chaos.CutPostgres:
		return cut(m.w.toPostgres[f.Node])
	case chaos.SwallowPostgres:
		return swallow(m.w.toPostgres[f.Node])
	case chaos.Blackout:
		return m.blackout(f.Node)
	}
	return healed, errors.New("there is no such fault")
}

func healed() error { return nil }

func cut(p *service.ProxyServer) (func() error, error) {
	p.Cut()
	return p.Heal, nil
}

func swallow(p *service.ProxyServer) (func() error, error) {
	p.Swallow()
	return p.Heal, nil
}

func (m *nemesis) stopNode(n int, signal syscall.Signal) (func() error, error) {
	target := m.w.nodes[n]
	return func() error {
		target.release()
		return nil
	}, target.hold(signal)
}

// blackout takes every store from a node, and remembers when it had none.
func (m *nemesis) blackout(n int) (func() error, error) {
	lines := []*service.ProxyServer{m.w.toPostgres[n]}
	if m.w.redis != nil {
		lines = append(lines, m.w.toRedis[n])
	}
	for _, line := range lines {
		line.Cut()
	}
	from := time.Now()
	return func() error {
		m.mu.Lock()
		m.dark = append(m.dark, chaos.Window{Node: n, From: from, To: time.Now()})
		m.mu.Unlock()
		var faults []error
		for _, line := range lines {
			faults = append(faults, line.Heal())
		}
		return errors.Join(faults...)
	}, nil
}

// flush empties Redis. One that is down is empty.
func (m *nemesis) flush() error {
	conn, err := net.DialTimeout("tcp", m.w.redis.Addr, time.Second)
	if err != nil {
		return nil // it persists nothing, and comes back empty
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		return nil // the same
	}
	if said, err := bufio.NewReader(conn).ReadString('\n'); err == nil && !strings.HasPrefix(said, "+OK") {
		return errors.New(said)
	}
	return nil
}

// misbehave makes a target answer as it should not, or not at all.
func (m *nemesis) misbehave(f chaos.Fault) (heal func() error, err error) {
	tgt, door := m.w.targets[f.Target], m.w.doors[f.Target]
	switch f.Kind {
	case chaos.Vanish:
		tgt.Down()
		return tgt.Up, nil
	case chaos.CutTarget:
		return cut(door)
	case chaos.SwallowTarget:
		return swallow(door)
	}
	step, ok := map[string]fake.Step{
		chaos.Refuse:       fake.Answer(http.StatusInternalServerError),
		chaos.RefuseActing: fake.Answer(http.StatusInternalServerError).Acting(),
		chaos.Busy:         fake.Answer(http.StatusTooManyRequests).With("Retry-After", "1"),
		chaos.Hang:         fake.Hang(),
		chaos.HangActing:   fake.Hang().Acting(),
		chaos.Garble:       fake.Garbage(),
		chaos.GarbleActing: fake.Garbage().Acting(),
		chaos.Hangup:       fake.Close().Acting(),
	}[f.Kind]
	if !ok {
		return healed, errors.New("there is no such fault")
	}
	tgt.Otherwise(step)
	return func() error {
		tgt.Otherwise(fake.Step{})
		tgt.Release() // who hung acts now, late
		return nil
	}, nil
}
