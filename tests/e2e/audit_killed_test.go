package e2e_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	manyEvents = 2500
	someBytes  = 300 << 10 // of their export, which is of more than a megabyte
)

// TestExportOutlivesAGatewayThatIsKilled kills the gateway in the middle of an export.
// The export goes on when it is back, and is what was signed.
func TestExportOutlivesAGatewayThatIsKilled(t *testing.T) {
	t.Parallel()
	onEach(t, 1, func(a *audited) {
		resources := make([]any, manyEvents)
		for i := range resources {
			resources[i] = map[string]any{"type": "host", "id": fmt.Sprintf("h%04d", i), "name": fmt.Sprintf("Host %d", i)}
		}
		a.sync(true, resources...)
		a.w.until(a.T, "all of it is signed", func() error { return a.signedUpTo(manyEvents) })

		var restarted sync.WaitGroup
		passage := newPassage(a.T, a.w.addrs[0], someBytes, func() {
			if err := a.w.node(0).Kill(); err != nil {
				a.Error(err)
			}
			restarted.Go(func() { a.w.start(a.T, 0) })
		})
		a.runs(0, "audit", "export", "events.ndjson", "--key", a.pub, "--url", "http://"+passage.address)
		restarted.Wait()
		if calls := passage.calls.Load(); calls < 2 {
			a.Errorf("the export made %d connections; want one to each life of the gateway", calls)
		}
		r := a.verifies(0, "events.ndjson", "--key", a.pub)
		if lines := strings.Count(a.read("events.ndjson"), "\n"); r.Events < manyEvents || int64(lines) != r.Events {
			a.Errorf("%d lines are written, and the report is %+v", lines, r)
		}
	})
}

// passage leads to a gateway, and once, after so many bytes from there, breaks off.
type passage struct {
	address  string
	upstream string
	calls    atomic.Int64
	left     atomic.Int64
	broken   func()
	once     sync.Once
}

func newPassage(t *testing.T, upstream string, bytes int64, broken func()) *passage {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p := &passage{address: listener.Addr().String(), upstream: upstream, broken: broken}
	p.left.Store(bytes)
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(near)
		}
	}()
	return p
}

// carry carries one connection.
func (p *passage) carry(near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := net.DialTimeout("tcp", p.upstream, time.Second)
	if err != nil {
		return // there is no gateway
	}
	defer func() { _ = far.Close() }()
	p.calls.Add(1)
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	for buf := make([]byte, 16<<10); ; {
		n, err := far.Read(buf)
		if p.left.Add(-int64(n)) <= 0 {
			first := false
			p.once.Do(func() { first = true })
			if first {
				p.broken()
				return
			}
		}
		if _, lost := near.Write(buf[:n]); err != nil || lost != nil {
			return
		}
	}
}
