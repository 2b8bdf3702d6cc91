package service_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/service"
)

// echo is a server that says everything back.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func dial(t *testing.T, p *service.ProxyServer) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := fmt.Fprint(conn, text); err != nil {
		t.Fatal(err)
	}
	wantLine(t, conn, text)
}

func wantEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var one [1]byte
	if n, err := conn.Read(one[:]); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v; want the end", n, err)
	}
}

func TestCutLineIsClosedAndRefusesUntilHealed(t *testing.T) {
	p := service.Proxy(t, echo(t))
	conn := dial(t, p)
	say(t, conn, "hello")
	p.Cut()
	wantEnd(t, conn)
	if conn, err := net.Dial("tcp", p.Addr); err == nil {
		_ = conn.Close()
		t.Fatal("a cut line accepts")
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	say(t, dial(t, p), "hello again")
}

func TestSwallowedBytesAreGoneAndNobodyIsTold(t *testing.T) {
	p := service.Proxy(t, echo(t))
	idle, busy := dial(t, p), dial(t, p)
	say(t, idle, "hello")
	say(t, busy, "hello")
	p.Swallow()
	wantSilence(t, busy, "lost")
	late := dial(t, p)
	wantSilence(t, late, "lost")
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	say(t, idle, "not one byte was lost")
	wantEnd(t, busy)
	wantEnd(t, late)
}

func TestDelayedBytesArriveLaterAndInOrder(t *testing.T) {
	p := service.Proxy(t, echo(t))
	conn := dial(t, p)
	say(t, conn, "hello")
	const delay = 50 * time.Millisecond
	p.Delay(delay)
	began := time.Now()
	for _, part := range []string{"a", "b", "c"} {
		if _, err := fmt.Fprint(conn, part); err != nil {
			t.Fatal(err)
		}
	}
	wantLine(t, conn, "abc")
	if took := time.Since(began); took < 2*delay {
		t.Errorf("there and back took %s, want at least %s", took, 2*delay)
	}
}

func TestLineEndsWithEitherSide(t *testing.T) {
	p := service.Proxy(t, echo(t))
	conn := dial(t, p)
	say(t, conn, "hello")
	_ = conn.Close()
	for deadline := time.Now().Add(10 * time.Second); p.Connections() > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the proxy keeps the line")
		}
		time.Sleep(time.Millisecond)
	}
}
