package api_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/pdp"

	"github.com/curfew-access/curfew/policies"
)

// newRealWorld is a world that the shipped policies decide, with a team's files
// over them.
func newRealWorld(t testing.TB, files map[string]string) *world {
	t.Helper()
	dir := ""
	if len(files) > 0 {
		dir = t.TempDir()
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	p, err := pdp.Open(context.WithoutCancel(t.Context()), pdp.Config{Library: policies.FS, Dir: dir})
	must(t, err)
	w := newWorldOf(t, decided{p})
	must(t, w.engine.LoadPeople(t.Context(), "test", []access.Person{{Subject: alice, Groups: []string{"admins"}}}))
	return w
}

// decided is a policy that allows every request, and decides all else itself.
type decided struct{ engine.Policy }

func (d decided) Decide(context.Context, access.Input) (access.Decision, error) {
	return access.Decision{Effect: access.Allow, Revision: d.Revision(), Reasons: []access.Reason{{Code: "test", Title: "Test"}}}, nil
}

// book keeps the decisions that are taken down.
type book struct {
	mu     sync.Mutex
	events []access.DecisionEvent
}

func (b *book) Record(e access.DecisionEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

// taken returns what was taken down since the last time.
func (b *book) taken() []access.DecisionEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = nil
	return events
}

// granted gives alice two hours of debugging acme, and returns when they end.
func (w *world) granted() time.Time {
	w.t.Helper()
	r := want[engine.RequestView](w.t, w.post("/v1/requests", askFor2h), 201)
	w.book.taken()
	return r.Grant.ExpiresAt
}

func (w *world) asCarol(method, path, body string) *httptest.ResponseRecorder {
	return w.do(sent{method: method, path: path, body: body, header: map[string]string{"Authorization": "Bearer " + carolSecret}})
}
