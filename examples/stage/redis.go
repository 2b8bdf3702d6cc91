package stage

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// StartRedis runs a Redis by a configuration, at an address, and returns when it
// answers. It keeps nothing: the ledger does.
func (s *Stage) StartRedis(ctx context.Context, config, address string) (*Process, error) {
	path, err := Find(ctx, "redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	dir := s.Path("redis")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p, err := s.Start(ctx, Program{
		Name: "redis", Path: path, Args: []string{config, "--bind", host, "--port", port, "--dir", dir},
		Log: s.Path("redis.log"), Show: Hide,
	})
	if err != nil {
		return nil, err
	}
	return p, Eventually(ctx, 20*time.Second, func(ctx context.Context) error { return ping(ctx, address) })
}

// ping asks a Redis whether it is there. That it wants a password is an answer.
func ping(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
		err = fmt.Errorf("redis says %q", answer)
	}
	return err
}
