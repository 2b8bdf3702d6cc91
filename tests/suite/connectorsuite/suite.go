// Package connectorsuite is what every connector that delivers to a target must
// pass. It runs in synthetic time over an in-memory network: no test sleeps, and
// time-outs are exact. Signatures are verified by the Go library of Standard
// Webhooks, which shares no code with ours.
package connectorsuite

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

// Deliverer is the connector under test.
type Deliverer interface {
	Deliver(ctx context.Context, m access.Message) (access.Receipt, error)
	Deadline() time.Duration
}

// Env is what a connector is made from.
type Env struct {
	URL       string            // with a path and a query that no error may hold
	Secrets   []string          // "whsec_…"
	Headers   map[string]string // credentials that no error may hold
	Timeout   time.Duration     // of a whole attempt
	Transport http.RoundTripper // the in-memory network
}

// Factory makes the connector under test.
type Factory func(t *testing.T, env Env) Deliverer

// Timeout is the deadline of the attempts that the suite makes.
const Timeout = 15 * time.Second

// Run runs the suite.
func Run(t *testing.T, factory Factory) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Factory){
		"statuses":  testStatuses,
		"secrets":   testSecrets,
		"context":   testContext,
		"retries":   testRetries,
		"redirects": testRedirects,
		"questions": testQuestions,
	} {
		t.Run(name, func(t *testing.T) { test(t, factory) })
	}
}

// inBubble runs the test in synthetic time against a target that answers with the
// handler.
func inBubble(t *testing.T, factory Factory, handler http.HandlerFunc, test func(t *testing.T, s *scene)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		s := newScene(t, handler)
		s.connector = factory(t, s.env())
		test(t, s)
	})
}

// message is a message with everything in it, the callback's token too.
func message() access.Message {
	now := time.Now().UTC()
	expires := now.Add(2 * time.Hour)
	return access.Message{
		Type:      access.VerbProvision,
		Timestamp: now,
		Data: access.MessageData{
			Binding:   access.BindingRef{ID: "bnd_01k9x8q2v5h7m3n4p6r8s0t2w4", Generation: 7},
			Subject:   access.Subject{Type: "user", ID: "alice@example.com"},
			Action:    access.Action{Name: "debug"},
			Resource:  access.ResourceRef{Type: "customer", ID: "acme"},
			ExpiresAt: &expires,
			Grants: []access.MessageGrant{{
				ID: "grt_01k9x8q2v5h7m3n4p6r8s0t2w4", RequestID: "req_01k9x8q2v5h7m3n4p6r8s0t2w4", Reason: "a <ticket> & more",
				ReviewedBy: []access.Subject{{Type: "user", ID: "bob@example.com"}}, ExpiresAt: expires,
			}},
			Callback: &access.Callback{URL: "https://curfew.example.com/v1/callbacks/x", Token: callbackToken, ExpiresAt: expires},
		},
	}
}
