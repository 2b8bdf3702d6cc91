package pagerduty

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const maxBody = 1 << 20

// answer is a status and a body that is to be encoded.
type answer struct {
	status int
	body   any
}

func failure(status, code int, message string, details ...string) answer {
	return answer{status, map[string]any{"error": map[string]any{"message": message, "code": code, "errors": append([]string{}, details...)}}}
}

func (f *Fake) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+tokenPath, f.serveToken)
	mux.HandleFunc("POST "+enqueuePath, func(w http.ResponseWriter, r *http.Request) {
		f.met(w, r, func(*http.Request) *answer { return nil }, f.serveEvent) // its key is in the event
	})
	for pattern, h := range map[string]struct {
		scope string
		serve func(*http.Request) answer
	}{
		"GET /oncalls":                          {"oncalls.read", f.serveOnCalls},
		"GET /users":                            {"users.read", f.serveUsers},
		"GET /users/{id}":                       {"users.read", f.serveUser},
		"GET /incidents":                        {"incidents.read", f.serveIncidents},
		"GET /incidents/{id}":                   {"incidents.read", f.serveIncident},
		"POST /webhook_subscriptions":           {"webhook_subscriptions.write", f.serveSubscribe},
		"POST /webhook_subscriptions/{id}/ping": {"webhook_subscriptions.write", f.servePing},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { f.guarded(w, r, h.scope, h.serve) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		f.guarded(w, r, "", func(*http.Request) answer { return failure(http.StatusNotFound, 2100, "Not Found") })
	})
	return mux
}

// ServeHTTP takes one request. It is recorded before it is answered.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	w.Header().Set("Date", f.cfg.Now().Add(f.skew).UTC().Format(http.TimeFormat))
	f.mu.Unlock()
	f.mux.ServeHTTP(w, r)
}

// guarded is met of a request that shows who it is of.
func (f *Fake) guarded(w http.ResponseWriter, r *http.Request, scope string, serve func(*http.Request) answer) {
	f.met(w, r, func(r *http.Request) *answer { return f.refuse(r, scope) }, serve)
}

// met counts a request, meets the script, and asks who is there, in this order.
func (f *Fake) met(w http.ResponseWriter, r *http.Request, refuse func(*http.Request) *answer, serve func(*http.Request) answer) {
	f.mu.Lock()
	n := len(f.calls)
	f.calls = append(f.calls, Call{N: n + 1, At: f.cfg.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone()})
	step := f.step(r.URL.Path)
	limited := f.limit(w.Header())
	released, down := f.released, f.server.IsDown()
	f.notify()
	f.mu.Unlock()

	if f.scripted(w, r, n, step) {
		return
	}
	a := limited
	if a == nil {
		a = refuse(r)
	}
	if a == nil {
		got := serve(r)
		a = &got
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	body := encode(a.body)
	switch step.kind {
	case kindSlow:
		f.half(w, body)
		hang(r, released, down)
		_, _ = w.Write(body[len(body)/2:])
	case kindCutOff:
		f.half(w, body)
		panic(http.ErrAbortHandler)
	default:
		f.send(w, n, a.status, body)
	}
}

// scripted meets a request with a step that needs no answer to be made.
func (f *Fake) scripted(w http.ResponseWriter, r *http.Request, n int, step Step) bool {
	if step.kind != kindServe {
		w.Header().Set("X-Fake-Scripted", "yes")
	}
	if step.kind == kindClose {
		panic(http.ErrAbortHandler)
	}
	if step.kind != kindAnswer {
		return false
	}
	maps.Copy(w.Header(), step.header)
	if step.echo {
		step.body = string(encode(failure(step.status, 2000, "no access for "+r.Header.Get("Authorization")).body))
	}
	f.send(w, n, step.status, []byte(step.body))
	return true
}

// hang waits for Release, or until nobody waits any more.
func hang(r *http.Request, released, down <-chan struct{}) {
	select {
	case <-released:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-down:
		panic(http.ErrAbortHandler)
	}
}

// half sends the first half of a body whose length was told.
func (f *Fake) half(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
}

func (f *Fake) send(w http.ResponseWriter, n, status int, body []byte) {
	f.mu.Lock()
	f.calls[n].Status = status
	f.notify()
	f.mu.Unlock()
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func encode(body any) []byte {
	if body == nil {
		return nil
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return encoded
}

// limit counts a request against the minute's. The caller holds f.mu.
func (f *Fake) limit(header http.Header) *answer {
	if f.cfg.Limit == 0 {
		return nil
	}
	now := f.cfg.Now()
	if now.Sub(f.window) >= time.Minute {
		f.window, f.spent = now, 0
	}
	f.spent++
	header.Set("Ratelimit-Limit", strconv.Itoa(f.cfg.Limit))
	header.Set("Ratelimit-Remaining", strconv.Itoa(max(f.cfg.Limit-f.spent, 0)))
	header.Set("Ratelimit-Reset", strconv.Itoa(int(f.window.Add(time.Minute).Sub(now).Seconds()+0.999)))
	if f.spent <= f.cfg.Limit {
		return nil
	}
	a := failure(http.StatusTooManyRequests, 2020, "Rate Limit Exceeded")
	return &a
}

const (
	defaultPage = 25
	maxPage     = 100
	maxOffset   = 10_000
)

// page cuts the asked part out of a list, as classic paging does.
func page[T any](name string, query url.Values, all []T, show func(T) any) answer {
	limit, offset := number(query.Get("limit"), defaultPage), number(query.Get("offset"), 0)
	limit = min(limit, maxPage)
	if limit < 1 || offset < 0 || offset+limit > maxOffset {
		return failure(http.StatusBadRequest, 2001, "Invalid Input Provided", "Offset plus limit is beyond 10000.")
	}
	end := min(offset+limit, len(all))
	shown := []any{}
	for i := offset; i < end; i++ {
		shown = append(shown, show(all[i]))
	}
	var total any
	if query.Get("total") == "true" {
		total = len(all)
	}
	return answer{http.StatusOK, map[string]any{name: shown, "limit": limit, "offset": offset, "more": end < len(all), "total": total}}
}

func number(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// reference is how an object is named by others.
func reference(kind, id, summary string) map[string]any {
	plural := kind + "s"
	if kind == "escalation_policy" {
		plural = "escalation_policies"
	}
	return map[string]any{
		"id": id, "type": kind + "_reference", "summary": summary,
		"self": "https://api.pagerduty.com/" + plural + "/" + id, "html_url": "https://acme.pagerduty.com/" + plural + "/" + id,
	}
}

func decode(r *http.Request, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return json.NewDecoder(bytes.NewReader(body)).Decode(into)
}
