package slack

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxBody = 1 << 20

// refusal is an answer that is not ok.
type refusal struct {
	code  string
	more  map[string]any // beside "ok" and "error"
	after int            // 429, with so many seconds to wait
}

func (r refusal) Error() string { return r.code }

// invalid refuses what is not as Slack has published it: the test that sent it
// fails too.
func (f *Fake) invalid(code, what string, faults []string) error {
	f.fault("%s: %s: %s", what, code, strings.Join(faults, "; "))
	messages := make([]string, len(faults))
	for i, fault := range faults {
		messages[i] = "[ERROR] " + fault
	}
	return refusal{code: code, more: map[string]any{"errors": messages, "response_metadata": map[string]any{"messages": messages}}}
}

// method is one of the Web API. Its serve holds no lock.
type method struct {
	scopes []string // any one; none: every token may
	app    bool     // wants the token of the app
	serve  func(f *Fake, args map[string]any) (map[string]any, error)
}

var methods = map[string]method{
	"auth.test":             {serve: (*Fake).authTest},
	"users.info":            {scopes: []string{"users:read"}, serve: (*Fake).usersInfo},
	"users.lookupByEmail":   {scopes: []string{"users:read.email"}, serve: (*Fake).usersLookup},
	"conversations.open":    {scopes: []string{"im:write"}, serve: (*Fake).conversationsOpen},
	"chat.postMessage":      {scopes: []string{"chat:write"}, serve: (*Fake).chatPost},
	"chat.postEphemeral":    {scopes: []string{"chat:write"}, serve: (*Fake).chatPostEphemeral},
	"chat.update":           {scopes: []string{"chat:write"}, serve: (*Fake).chatUpdate},
	"chat.delete":           {scopes: []string{"chat:write"}, serve: (*Fake).chatDelete},
	"views.open":            {serve: (*Fake).viewsOpen},
	"views.push":            {serve: (*Fake).viewsPush},
	"views.update":          {serve: (*Fake).viewsUpdate},
	"apps.connections.open": {scopes: []string{"connections:write"}, app: true, serve: (*Fake).connectionsOpen},
}

// Needed lists the scopes that a method of the Web API needs, any one of which
// will do.
func Needed(name string) []string { return slices.Clone(methods[name].scopes) }

// ServeHTTP takes one request to the Web API, a response URL or the socket.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		f.serveAPI(w, r, strings.TrimPrefix(r.URL.Path, "/api/"))
	case strings.HasPrefix(r.URL.Path, replyPath):
		f.serveReply(w, r)
	case r.URL.Path == socketPath:
		f.serveSocket(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (f *Fake) serveAPI(w http.ResponseWriter, r *http.Request, name string) {
	args, shown, err := arguments(w, r)
	n, step, held := f.arrived(name, args)
	serve := func() (map[string]any, error) {
		if err != nil {
			return nil, err
		}
		return f.serve(w.Header(), name, shown, args)
	}
	if f.meet(w, r, n, step, held, func() { _, _ = serve() }) {
		return
	}
	if f.cfg.Latency > 0 {
		pause(r, f.cfg.Latency)
	}
	answered, refused := serve()
	f.answer(w, n, answered, refused)
}

// held are the moments at which an answer that hangs goes on, or ends.
type held struct{ released, down <-chan struct{} }

// arrived records a request before it is answered.
func (f *Fake) arrived(name string, args map[string]any) (n int, step Step, h held) {
	down := f.server.IsDown()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, Call{N: len(f.calls) + 1, At: f.cfg.Now(), Method: name, Args: args})
	f.changed.Fire()
	return len(f.calls) - 1, f.step(name), held{f.released, down}
}

// meet meets a request as the script says. It returns true when nothing is left to
// be answered.
func (f *Fake) meet(w http.ResponseWriter, r *http.Request, n int, step Step, h held, act func()) bool {
	if step.acting {
		act()
	}
	switch step.kind {
	case kindClose:
		panic(http.ErrAbortHandler)
	case kindAnswer:
		maps.Copy(w.Header(), step.header)
		f.sent(n, step.status, "scripted")
		w.WriteHeader(step.status)
		_, _ = io.WriteString(w, step.body)
		return true
	case kindHang:
		select {
		case <-h.released:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		case <-h.down:
			panic(http.ErrAbortHandler)
		}
	case kindServe:
	}
	return false
}

// serve asks who is there, and then the method.
func (f *Fake) serve(header http.Header, name, shown string, args map[string]any) (map[string]any, error) {
	m, known := methods[name]
	if !known {
		f.fault("there is no method %s", name)
		return nil, refusal{code: "unknown_method"}
	}
	f.mu.Lock()
	t, found := f.tokens[shown]
	f.mu.Unlock()
	if found {
		header.Set("X-OAuth-Scopes", strings.Join(t.scopes, ","))
		header.Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
	}
	switch {
	case shown == "":
		return nil, refusal{code: "not_authed"}
	case !found:
		return nil, refusal{code: "invalid_auth"}
	case t.revoked:
		return nil, refusal{code: "token_revoked"}
	case m.app != t.app:
		return nil, refusal{code: "not_allowed_token_type"}
	case !may(t, m.scopes):
		return nil, refusal{code: "missing_scope", more: map[string]any{"needed": strings.Join(m.scopes, ","), "provided": strings.Join(t.scopes, ",")}}
	}
	return m.serve(f, args)
}

func may(t token, scopes []string) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(t.scopes, s) })
}

// scoped reports whether the bot token has a scope.
func (f *Fake) scoped(scope string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.tokens[f.cfg.BotToken].scopes, scope)
}

// answer sends what a method returned.
func (f *Fake) answer(w http.ResponseWriter, n int, body map[string]any, err error) {
	status, code := http.StatusOK, ""
	if err != nil {
		var r refusal
		if !errors.As(err, &r) {
			r = refusal{code: "fatal_error"}
		}
		code, body = r.code, map[string]any{"ok": false, "error": r.code}
		for name, value := range r.more {
			body[name] = value
		}
		if r.after > 0 {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", number(r.after))
		}
	} else {
		if body == nil {
			body = map[string]any{}
		}
		body["ok"] = true
	}
	encoded := encode(body)
	f.sent(n, status, code)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encoded)
}

func (f *Fake) sent(n, status int, code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[n].Status, f.calls[n].Error = status, code
	f.changed.Fire()
}

// pause waits, as a network does.
func pause(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}
