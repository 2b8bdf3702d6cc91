package service_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/service"
)

var postgres = service.SharedPostgres{Settings: []string{"fsync=off"}}

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Close()
	os.Exit(code)
}

// redis sends a command and returns the first line of the answer.
func redis(addr, command string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func wantRedis(t *testing.T, addr, command, want string) {
	t.Helper()
	if got, err := redis(addr, command); got != want || err != nil {
		t.Errorf("%s is answered %q, %v; want %q", command, got, err, want)
	}
}

func TestRedisComesBackWhereItWas(t *testing.T) {
	s := service.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	for name, end := range map[string]func() error{"stopped": s.Stop, "killed": s.Kill} {
		wantRedis(t, s.Addr, "SET key "+name, "+OK")
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if _, err := redis(s.Addr, "PING"); err == nil {
			t.Errorf("%s, it answers", name)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		wantRedis(t, s.Addr, "EXISTS key", ":1")
	}
}

func TestRedisPersistsNothingUnlessAsked(t *testing.T) {
	s := service.Redis(t, "--requirepass", "open")
	wantRedis(t, s.Addr, "AUTH open\r\n", "+OK")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(s.Dir); len(names) != 1 { // the log
		t.Errorf("it left %v", names)
	}
}

func TestSentinelNamesThePrimary(t *testing.T) {
	primary := service.Redis(t)
	_, port, _ := net.SplitHostPort(primary.Addr)
	s := service.Sentinel(t, "sentinel monitor main 127.0.0.1 "+port+" 1")
	wantRedis(t, s.Addr, "SENTINEL GET-MASTER-ADDR-BY-NAME main", "*2")
}

func TestServerThatCanNotStartSaysWhy(t *testing.T) {
	s, err := service.StartRedis(service.Dir(t), "--no-such-directive", "1")
	if err == nil {
		_ = s.Kill()
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), "no-such-directive") {
		t.Errorf("the error is %v", err)
	}
}

func TestPostgresComesBackWhereItWas(t *testing.T) {
	s := service.Postgres(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Exec("postgres", "CREATE TABLE seen (what TEXT PRIMARY KEY)"))
	for name, end := range map[string]func() error{
		"fast": func() error { return s.Stop(service.Fast) }, "immediate": func() error { return s.Stop(service.Immediate) }, "killed": s.Kill,
	} {
		must(s.Exec("postgres", "INSERT INTO seen VALUES ('"+name+"')"))
		must(end())
		if err := s.Exec("postgres", "SELECT 1"); err == nil {
			t.Errorf("%s, it answers", name)
		}
		must(s.Start())
		if err := s.Exec("postgres", "INSERT INTO seen VALUES ('"+name+"')"); err == nil {
			t.Errorf("%s, it lost a row", name)
		}
	}
}

func TestEachDatabaseIsEmpty(t *testing.T) {
	for range 2 {
		url := postgres.Database(t)
		name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
		if err := postgres.Server(t).Exec(name, "CREATE TABLE mine (id BIGINT)"); err != nil {
			t.Error(err)
		}
	}
}

func TestNginxPassesRequestsOn(t *testing.T) {
	s := service.Nginx(t, `server { listen LISTEN; location / { return 200 "here"; } }`)
	res, err := http.Get("http://" + s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, _ := io.ReadAll(res.Body); string(body) != "here" {
		t.Errorf("the body is %q", body)
	}
}

func TestServerCanHang(t *testing.T) {
	s := service.Redis(t)
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr) // the system accepts for it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	wantSilence(t, conn, "PING\r\n")
	if err := s.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	wantLine(t, conn, "+PONG\r\n")
}

func wantSilence(t *testing.T, conn net.Conn, question string) {
	t.Helper()
	if _, err := fmt.Fprint(conn, question); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	var one [1]byte
	if _, err := conn.Read(one[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read: %v, want a time-out", err)
	}
}

func wantLine(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}
