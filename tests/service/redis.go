package service

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// RedisServer is a redis-server, or a Sentinel.
type RedisServer struct {
	*process
	Addr   string // 127.0.0.1:port
	Socket string // the path of its socket
	Dir    string // where it keeps what it persists
}

// Redis starts a Redis that ends with the test. It persists nothing unless args
// say so: they are directives of redis.conf as flags, "--maxmemory", "10mb".
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	return run(t, func(dir string) (*RedisServer, error) { return StartRedis(dir, args...) })
}

// StartRedis starts a Redis in a directory.
func StartRedis(dir string, args ...string) (*RedisServer, error) {
	return startRedis(dir, func(port int, socket string) ([]string, error) {
		return append([]string{
			"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--unixsocket", socket, "--dir", dir,
			"--save", "", "--appendonly", "no",
		}, args...), nil
	})
}

// Sentinel starts a Redis Sentinel that ends with the test. Lines are those of
// its configuration: "sentinel monitor main 127.0.0.1 6379 1".
func Sentinel(t testing.TB, lines ...string) *RedisServer {
	t.Helper()
	return run(t, func(dir string) (*RedisServer, error) { return StartSentinel(dir, lines...) })
}

// StartSentinel starts a Redis Sentinel in a directory.
func StartSentinel(dir string, lines ...string) (*RedisServer, error) {
	return startRedis(dir, func(port int, socket string) ([]string, error) {
		conf := filepath.Join(dir, "sentinel.conf") // a Sentinel rewrites it
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\nunixsocket %s\ndir %s\n%s\n", port, socket, dir, strings.Join(lines, "\n"))
		return []string{conf, "--sentinel"}, os.WriteFile(conf, []byte(text), 0o600)
	})
}

func startRedis(dir string, args func(port int, socket string) ([]string, error)) (*RedisServer, error) {
	path, err := stage.Find(context.Background(), "redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	s := &RedisServer{Socket: filepath.Join(dir, "redis.sock"), Dir: dir}
	err = onFreePort(func(port int) error {
		flags, err := args(port, s.Socket)
		if err != nil {
			return err
		}
		s.Addr = address(port)
		s.process = &process{path: path, args: flags, dir: dir, orphan: syscall.SIGKILL, ready: s.ping}
		return s.Start()
	})
	return s, err
}

// ping asks on the socket, which takes neither TLS nor a port. A refusal for want
// of a password is an answer; that it is still loading is none.
func (s *RedisServer) ping() error {
	conn, err := net.DialTimeout("unix", s.Socket, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.HasPrefix(answer, "-LOADING") {
		err = fmt.Errorf("it says %q", answer)
	}
	return err
}

// Stop ends the server in good order.
func (s *RedisServer) Stop() error { return s.stop(syscall.SIGTERM) }

// Kill ends the server with SIGKILL.
func (s *RedisServer) Kill() error { return s.stop(syscall.SIGKILL) }
