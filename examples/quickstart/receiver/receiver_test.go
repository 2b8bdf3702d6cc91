package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	other  = "whsec_Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS0xMjM="
)

// program is a receiver that runs.
type program struct {
	url   string
	lines *bufio.Scanner
	stop  func() error
}

func start(t *testing.T) program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-listen", "127.0.0.1:0", "-secret-file", file}, noEnv, write)
		_ = write.Close()
	}()
	p := program{lines: bufio.NewScanner(read), stop: func() error { cancel(); return <-ended }}
	p.url = strings.TrimPrefix(p.line(t), "listening on ")
	t.Cleanup(cancel)
	return p
}

func (p program) line(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatal("it printed nothing more")
	}
	return p.lines.Text()
}

func noEnv(string) string { return "" }

func deliver(t *testing.T, url, secret string) error {
	t.Helper()
	target, err := webhook.New(webhook.Config{Name: "quickstart", URL: url, Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	_, err = target.Deliver(t.Context(), access.Message{Type: access.VerbProvision, Timestamp: time.Now(), Data: access.MessageData{
		Binding:  access.BindingRef{ID: "bnd_1", Generation: 3},
		Subject:  access.Subject{Type: "user", ID: "alice@example.com"},
		Action:   access.Action{Name: "debug"},
		Resource: access.ResourceRef{Type: "customer", ID: "acme"}, ExpiresAt: &expires,
		Grants: []access.MessageGrant{{Reason: "ticket 7\nforged line"}},
	}})
	return err
}

func TestReceiver(t *testing.T) {
	p := start(t)
	want := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} access\.provision user:alice@example\.com debug customer:acme generation 3, ` +
		`expires_at 2026-11-22T12:00:00Z, reasons \["ticket 7\\nforged line"\], signature ok$`)

	// The program prints before it answers, into a pipe: read along.
	for _, step := range []struct {
		name, secret, suffix string
		check                func(line string, err error) bool
	}{
		{name: "a message is printed", secret: secret, check: func(line string, err error) bool { return err == nil && want.MatchString(line) }},
		{name: "a repeat is known", secret: secret, check: func(line string, err error) bool {
			return err == nil && want.MatchString(strings.TrimSuffix(line, " (seen before)")) && strings.HasSuffix(line, "(seen before)")
		}},
		{name: "a forgery is refused", secret: other, check: func(line string, err error) bool {
			return access.IsPermanent(err) && strings.Contains(line, "REFUSED") && strings.Contains(line, "no matching signature")
		}},
	} {
		answered := make(chan error, 1)
		go func() { answered <- deliver(t, p.url, step.secret) }()
		line := p.line(t)
		if err := <-answered; !step.check(line, err) {
			t.Errorf("%s: printed %q, error %v", step.name, line, err)
		}
	}
	if err := p.stop(); err != nil {
		t.Errorf("it did not stop gracefully: %v", err)
	}
}

func TestUnsignedIsRefused(t *testing.T) {
	p := start(t)
	done := make(chan int, 1)
	go func() {
		response, err := http.Post(p.url, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Error(err)
			done <- 0
			return
		}
		_ = response.Body.Close()
		done <- response.StatusCode
	}()
	if line := p.line(t); !strings.Contains(line, "REFUSED: unable to verify payload, err: missing required headers") {
		t.Errorf("printed %q", line)
	}
	if status := <-done; status != http.StatusUnauthorized {
		t.Errorf("status = %d; want 401", status)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	cases := map[string]struct {
		args []string
		env  string
		want string
	}{
		"no secret":              {want: "there is no secret"},
		"a secret that is short": {env: "whsec_c2hvcnQ=", want: "24 bytes or more"},
		"a prefix alone":         {env: "whsec_", want: "24 bytes or more"},
		"a file that is not there": {args: []string{"-secret-file", "/nonexistent/secret"}, env: secret,
			want: "no such file"},
		"an address that is none": {args: []string{"-listen", "nowhere"}, env: secret, want: "missing port"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, func(string) string { return c.env }, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v; want %q", err, c.want)
			}
		})
	}
}
