package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const token = "client-token-that-is-never-printed"

// word is a callback as the gateway gets it.
type word struct {
	path, token string
	body        struct {
		Generation      int64
		Outcome, Detail string
	}
}

// program is a receiver that runs beside a gateway that takes each callback.
type program struct {
	t     *testing.T
	url   string
	words chan word
	lines *bufio.Scanner
	stop  func() error
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, words: make(chan word, 16)}
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w := word{path: r.URL.Path, token: r.Header.Get("Authorization")}
		_ = json.NewDecoder(r.Body).Decode(&w.body)
		p.words <- w
	}))
	t.Cleanup(gateway.Close)
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		env := func(string) string { return token }
		ended <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-gateway", gateway.URL}, args...), env, write)
		_ = write.Close()
	}()
	p.stop = func() error { cancel(); return <-ended }
	p.lines = bufio.NewScanner(read)
	_, p.url, _ = strings.Cut(p.line(), "listening on ")
	go func() { // what it prints must be read, or it waits
		for p.lines.Scan() {
			if strings.Contains(p.lines.Text(), token) || strings.Contains(p.lines.Text(), "cbt_") {
				t.Errorf("it prints a secret: %s", p.lines.Text())
			}
		}
	}()
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("it did not stop in good order: %v", err)
		}
	})
	return p
}

func (p *program) line() string {
	if !p.lines.Scan() {
		p.t.Fatal("it printed nothing more")
	}
	return p.lines.Text()
}

// call calls the flow, and returns its answer.
func (p *program) call(path, with, body string) (status int, answer string, err error) {
	req, err := http.NewRequest(http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if with != "" {
		req.Header.Set("x-api-client-token", with)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, strings.TrimSpace(string(raw)), err
}

// tell tells the flow of a binding's new generation.
func (p *program) tell(kind string, generation int) {
	p.t.Helper()
	status, answer, err := p.call("/api/flo/curfew/invoke", token, messageOf(kind, generation))
	if err != nil || status != http.StatusOK || answer != `{"status":"accepted"}` {
		p.t.Fatalf("the flow answers %d %s, %v", status, answer, err)
	}
}

func messageOf(kind string, generation int) string {
	return fmt.Sprintf(`{"type":%q,"data":{"binding":{"id":"bnd_1","generation":%d},"subject":{"type":"user","id":"alice@example.com"},
		"action":{"name":"admin"},"resource":{"type":"app","id":"payments"},"callback":{"url":"https://elsewhere.example.com/","token":"cbt_%d"}}}`,
		kind, generation, generation)
}

// heard waits for the next callback.
func (p *program) heard() word {
	p.t.Helper()
	select {
	case w := <-p.words:
		return w
	case <-time.After(10 * time.Second):
		p.t.Fatal("there is no callback")
		return word{}
	}
}

// members is what the receiver shows of its groups.
func (p *program) members() string {
	res, err := http.Get(p.url + "/groups")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

func (p *program) exists() string {
	status, answer, err := p.call("/api/flo/curfew/invoke", token, messageOf(verify, 1))
	if err != nil || status != http.StatusOK {
		p.t.Fatalf("the question is answered %d %s, %v", status, answer, err)
	}
	return answer
}

func TestFlowAnswersFirstAndCallsBackWhenItIsDone(t *testing.T) {
	p := start(t, "-script", "300ms")
	before := time.Now()
	p.tell(provision, 1)
	if got := p.members(); got != "{}" || p.exists() != `{"exists":false}` {
		t.Errorf("when it answers the groups are %s", got)
	}
	w := p.heard()
	if w.path != "/v1/callbacks/bnd_1" || w.token != "Bearer cbt_1" || w.body.Generation != 1 || w.body.Outcome != "done" || time.Since(before) < 300*time.Millisecond {
		t.Errorf("the callback is %+v", w)
	}
	if got := p.members(); got != `{"app/payments admin":["alice@example.com"]}` || p.exists() != `{"exists":true}` {
		t.Errorf("then the groups are %s", got)
	}
	p.tell(deprovision, 2)
	if w := p.heard(); w.body.Generation != 2 || w.body.Outcome != "done" || p.exists() != `{"exists":false}` {
		t.Errorf("the callback is %+v, the groups are %s", w, p.members())
	}
}

func TestRunsGoWrongAsTheScriptSays(t *testing.T) {
	p := start(t, "-script", "die, fail, 1h", "-limit", "50ms")
	p.tell(provision, 1) // nobody hears of it
	p.tell(provision, 1)
	if w := p.heard(); w.body.Outcome != "failed" || w.body.Detail == "" || p.members() != "{}" {
		t.Errorf("the callback is %+v, the groups are %s", w, p.members())
	}
	p.tell(provision, 1) // still at it when the receiver ends
}

func TestConnectionIsClosedAtTheLimit(t *testing.T) {
	p := start(t, "-script", "hang", "-limit", "50ms")
	if status, answer, err := p.call("/api/flo/curfew/invoke", token, messageOf(provision, 1)); err == nil {
		t.Errorf("it answers %d %s", status, answer)
	}
	p.tell(provision, 1)
	if w := p.heard(); w.body.Outcome != "done" {
		t.Errorf("the next run calls back %+v", w)
	}
}

// A slow run of before ends after a quick one of later, and changes nothing.
func TestRunThatWasOvertakenChangesNothing(t *testing.T) {
	p := start(t, "-script", "200ms")
	p.tell(provision, 1)
	p.tell(deprovision, 2)
	for range 2 {
		if w := p.heard(); w.body.Outcome != "done" || w.body.Generation == 1 && w.body.Detail == "" {
			t.Errorf("the callback is %+v", w)
		}
	}
	if p.exists() != `{"exists":false}` {
		t.Errorf("the groups are %s", p.members())
	}
}

func TestCallsThatAreNotTaken(t *testing.T) {
	p := start(t)
	good := messageOf(provision, 1)
	for name, c := range map[string]struct {
		path, token, body string
		want              int
	}{
		"no token":                   {"/api/flo/curfew/invoke", "", good, 401},
		"a wrong token":              {"/api/flo/curfew/invoke", token + "x", good, 401},
		"a token in the URL":         {"/api/flo/curfew/invoke?clientToken=" + token, "", good, 401},
		"no token for no flow":       {"/api/flo/other/invoke", "", good, 401},
		"another flow":               {"/api/flo/other/invoke", token, good, 404},
		"another path":               {"/", token, good, 404},
		"a body that is no JSON":     {"/api/flo/curfew/invoke", token, "x", 400},
		"a message of no kind":       {"/api/flo/curfew/invoke", token, `{}`, 400},
		"a message of another kind":  {"/api/flo/curfew/invoke", token, messageOf("access.update", 1), 400},
		"a body that has no end yet": {"/api/flo/curfew/invoke", token, `"` + strings.Repeat("x", maxBody) + `"`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer, err := p.call(c.path, c.token, c.body); err != nil || status != c.want {
				t.Errorf("it is answered %d %s, %v; want %d", status, answer, err, c.want)
			}
		})
	}
	if got := p.members(); got != "{}" {
		t.Errorf("the groups are %s", got)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args        []string
		token, want string
	}{
		"no token":                {nil, "", "there is no client token"},
		"a token that is short":   {nil, "short", "16 characters or more"},
		"a script of other words": {[]string{"-script", "die, sometimes"}, token, `"sometimes" is neither`},
		"time that runs back":     {[]string{"-script", "-1s"}, token, "is neither"},
		"a gateway of no address": {[]string{"-gateway", "curfew"}, token, "-gateway"},
		"an address that is none": {[]string{"-listen", "nowhere"}, token, "missing port"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, func(string) string { return c.token }, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, context.Canceled) {
				t.Errorf("error = %v; want %q", err, c.want)
			}
		})
	}
}
