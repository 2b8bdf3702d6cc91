package service

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

// NginxServer is an nginx.
type NginxServer struct {
	*process
	Addr string // 127.0.0.1:port
}

// Nginx starts an nginx that ends with the test. conf is what stands in its http
// block; the word LISTEN in it is replaced by the address to listen on.
func Nginx(t testing.TB, conf string) *NginxServer {
	t.Helper()
	return run(t, func(dir string) (*NginxServer, error) { return StartNginx(dir, conf) })
}

// nginxConf runs nginx in the foreground, with everything of it in its directory.
const nginxConf = `daemon off;
%suser root;
pid %[2]s/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
%[3]s
}
`

// StartNginx starts an nginx in a directory.
func StartNginx(dir, conf string) (*NginxServer, error) {
	path, err := stage.Find(context.Background(), "nginx", "nginx")
	if err != nil {
		return nil, err
	}
	ordinary := "#" // only root can name the account of the workers
	if os.Getuid() == 0 {
		ordinary = ""
	}
	s := &NginxServer{}
	file := filepath.Join(dir, "nginx.conf")
	err = onFreePort(func(port int) error {
		s.Addr = address(port)
		text := fmt.Sprintf(nginxConf, ordinary, dir, strings.ReplaceAll(conf, "LISTEN", s.Addr))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		args := []string{"-p", dir, "-c", file, "-e", "stderr"}
		s.process = &process{path: path, args: args, dir: dir, orphan: syscall.SIGTERM, ready: s.accepts}
		return s.Start()
	})
	return s, err
}

func (s *NginxServer) accepts() error {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Stop ends the server after the requests under way.
func (s *NginxServer) Stop() error { return s.stop(syscall.SIGQUIT) }

// Kill ends the server without waiting for requests. Its workers end with it.
func (s *NginxServer) Kill() error { return s.stop(syscall.SIGTERM) }
