package service

import (
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

// RsyslogServer is an rsyslog that collects over TLS.
type RsyslogServer struct {
	*process
	Addr string // 127.0.0.1:port
}

// Rsyslog starts an rsyslog that ends with the test. conf is its configuration; the
// word PORT in it is replaced by the port to listen on.
func Rsyslog(t testing.TB, conf string) *RsyslogServer {
	t.Helper()
	return run(t, func(dir string) (*RsyslogServer, error) { return StartRsyslog(dir, conf) })
}

// StartRsyslog starts an rsyslog in a directory.
func StartRsyslog(dir, conf string) (*RsyslogServer, error) {
	const module = "lmnsd_ossl.so" // of TLS, and in a package of its own
	if _, err := stage.Find(context.Background(), module, "rsyslog-openssl", "/usr/lib/*/rsyslog/"+module); err != nil {
		return nil, err
	}
	path, err := stage.Find(context.Background(), "rsyslogd", "rsyslog")
	if err != nil {
		return nil, err
	}
	s := &RsyslogServer{}
	file := filepath.Join(dir, "rsyslog.conf")
	err = onFreePort(func(port int) error {
		s.Addr = address(port)
		text := fmt.Sprintf("global(workDirectory=%q)\n%s", dir, strings.ReplaceAll(conf, "PORT", strconv.Itoa(port)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		args := []string{"-n", "-f", file, "-i", filepath.Join(dir, "pid")}
		s.process = &process{path: path, args: args, dir: dir, orphan: syscall.SIGKILL, ready: s.accepts}
		return s.Start()
	})
	return s, err
}

func (s *RsyslogServer) accepts() error {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Stop ends the server after what it has read is written.
func (s *RsyslogServer) Stop() error { return s.stop(syscall.SIGTERM) }

// Kill ends the server at once.
func (s *RsyslogServer) Kill() error { return s.stop(syscall.SIGKILL) }
