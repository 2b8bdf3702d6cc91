package service

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ProxyServer is a line to a server that can be broken in the ways that lines
// break.
type ProxyServer struct {
	Addr     string // 127.0.0.1:port
	upstream string
	swallow  atomic.Bool
	delay    atomic.Int64

	mu       sync.Mutex
	listener net.Listener // nil while cut
	lines    map[*line]struct{}
	work     sync.WaitGroup
}

// line is one connection through the proxy.
type line struct {
	near, far net.Conn
	lost      atomic.Bool // bytes of it were swallowed: it can not go on
	ended     chan struct{}
	once      sync.Once
}

// Proxy starts a proxy to a TCP address, or to the path of a socket, that ends
// with the test.
func Proxy(t testing.TB, upstream string) *ProxyServer {
	t.Helper()
	p, err := StartProxy(upstream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// StartProxy starts a proxy.
func StartProxy(upstream string) (*ProxyServer, error) {
	p := &ProxyServer{upstream: upstream, lines: map[*line]struct{}{}}
	err := onFreePort(func(port int) error {
		p.Addr = address(port)
		return p.listen()
	})
	return p, err
}

func (p *ProxyServer) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.Addr)
	if err != nil {
		return err
	}
	p.listener = listener
	p.work.Go(func() { p.accept(listener) })
	return nil
}

// Cut closes every connection and refuses new ones.
func (p *ProxyServer) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for l := range p.lines {
		l.end()
	}
}

// Swallow makes the line half-open: connections stay, and new ones are accepted,
// but every byte is dropped in both directions, and so is the end of either side.
func (p *ProxyServer) Swallow() { p.swallow.Store(true) }

// Delay makes every byte arrive so much later.
func (p *ProxyServer) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Heal makes the line whole. Connections that lost bytes are closed, because what
// would arrive on them makes no sense any more.
func (p *ProxyServer) Heal() error {
	p.swallow.Store(false)
	p.delay.Store(0)
	p.mu.Lock()
	for l := range p.lines {
		if l.lost.Load() {
			l.end()
		}
	}
	p.mu.Unlock()
	return p.listen()
}

// Connections counts those under way.
func (p *ProxyServer) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// Close ends the proxy.
func (p *ProxyServer) Close() {
	p.Cut()
	p.work.Wait()
}

func (p *ProxyServer) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.connect(near, listener) })
	}
}

func (p *ProxyServer) connect(near net.Conn, listener net.Listener) {
	network := "tcp"
	if strings.HasPrefix(p.upstream, "/") {
		network = "unix"
	}
	far, err := net.DialTimeout(network, p.upstream, 5*time.Second)
	if err != nil {
		_ = near.Close()
		return
	}
	l := &line{near: near, far: far, ended: make(chan struct{})}
	p.mu.Lock()
	if p.listener != listener { // cut meanwhile
		l.end()
	}
	p.lines[l] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.carry(l, near, far) })
	both.Go(func() { p.carry(l, far, near) })
	both.Wait()
	p.mu.Lock()
	delete(p.lines, l)
	p.mu.Unlock()
}

func (l *line) end() {
	l.once.Do(func() {
		close(l.ended)
		_ = l.near.Close()
		_ = l.far.Close()
	})
}

// parcel is bytes under way.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry takes bytes from one side to the other until either ends.
func (p *ProxyServer) carry(l *line, from, to net.Conn) {
	parcels := make(chan parcel, 1024)
	go p.deliver(l, parcels, to)
	defer close(parcels)
	for {
		buffer := make([]byte, 32<<10)
		n, err := from.Read(buffer)
		switch {
		case p.swallow.Load():
			l.lost.Store(true)
			if err != nil {
				<-l.ended // its end is not heard of on the other side
				return
			}
		case n > 0:
			parcels <- parcel{buffer[:n], time.Now().Add(time.Duration(p.delay.Load()))}
		}
		if err != nil {
			return
		}
	}
}

// deliver hands bytes over when they are due, and ends the line after the last.
func (p *ProxyServer) deliver(l *line, parcels <-chan parcel, to net.Conn) {
	defer l.end()
	for next := range parcels {
		select {
		case <-time.After(time.Until(next.due)):
		case <-l.ended:
		}
		if p.swallow.Load() {
			l.lost.Store(true)
		} else if _, err := to.Write(next.bytes); err != nil {
			l.end() // the reading side ends with it, and what is under way is lost
		}
	}
}
