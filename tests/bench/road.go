package main

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// road is a line to a server that can be led elsewhere, and whose connections can
// go dead without anybody being told: every byte on them is dropped from then on,
// and new ones are good.
type road struct {
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	upstream string
	lines    map[*roadLine]struct{}
}

type roadLine struct {
	near, far net.Conn
	dead      atomic.Bool
}

func newRoad(upstream string) (*road, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &road{listener: listener, upstream: upstream, lines: map[*roadLine]struct{}{}}
	r.work.Go(r.accept)
	return r, nil
}

func (r *road) addr() string { return r.listener.Addr().String() }

// deaden makes every connection that there is silent.
func (r *road) deaden() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.lines {
		l.dead.Store(true)
	}
}

// lead closes every connection, and leads new ones elsewhere.
func (r *road) lead(upstream string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.upstream = upstream
	for l := range r.lines {
		l.close()
	}
}

func (r *road) close() error {
	err := r.listener.Close()
	r.lead("")
	r.work.Wait()
	return err
}

func (r *road) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.work.Go(func() { r.carry(near) })
	}
}

func (r *road) carry(near net.Conn) {
	r.mu.Lock()
	upstream := r.upstream
	r.mu.Unlock()
	far, err := net.DialTimeout("tcp", upstream, time.Second)
	if err != nil {
		near.Close()
		return
	}
	l := &roadLine{near: near, far: far}
	r.mu.Lock()
	moved := r.upstream != upstream
	r.lines[l] = struct{}{}
	r.mu.Unlock()
	if moved {
		l.close()
	}
	var both sync.WaitGroup
	both.Go(func() { l.copy(far, near) })
	both.Go(func() { l.copy(near, far) })
	both.Wait()
	r.mu.Lock()
	delete(r.lines, l)
	r.mu.Unlock()
}

// copy carries bytes one way until either side ends; on a dead line nothing is
// carried, not even an end.
func (l *roadLine) copy(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if l.dead.Load() {
			if err != nil && from == l.near {
				l.close() // who was deaf has gone: nobody is there to be told
			}
			if err != nil {
				return
			}
			continue
		}
		if n > 0 {
			if _, errTo := to.Write(buffer[:n]); errTo != nil {
				err = errTo
			}
		}
		if err != nil {
			l.close()
			return
		}
	}
}

func (l *roadLine) close() {
	l.near.Close()
	l.far.Close()
}
