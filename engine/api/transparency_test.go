package api_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/api"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// newAuditKeys makes a key that signs checkpoints.
func newAuditKeys(t testing.TB) *audit.Keys {
	t.Helper()
	signing, _, err := audit.NewKey(rand.Reader, "curfew.example.com/audit")
	must(t, err)
	keys, err := audit.NewKeys(signing)
	must(t, err)
	return keys
}

// happen commits so many events and seals them.
func (w *world) happen(n int) {
	w.t.Helper()
	must(w.t, w.ledger.Update(w.t.Context(), func(tx *ledger.Tx) error {
		for i := range n {
			if err := tx.Append(audit.Event{Type: "planted", Data: map[string]any{"n": i, "text": "<é\u2028>"}}); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := w.ledger.SealEvents(w.t.Context(), 10_000, w.keys)
	must(w.t, err)
}

// audited sends a GET and holds what is answered against the document.
func audited[T any](w *world, path, described string) T {
	w.t.Helper()
	rec := w.get(path)
	conforms(w.t, "GET", described, rec)
	return want[T](w.t, rec, 200)
}

func TestCheckpointIsSignedByTheKeyThatIsNamed(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.get("/v1/audit/checkpoint"), 409, "not_sealed_yet", "")
	w.happen(300)
	c := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	signed, err := audit.OpenCheckpoint(c.Checkpoint, c.Keys...)
	must(t, err)
	if signed.Origin != c.Origin || signed.Size != c.Size || signed.Root != c.Root || !signed.Time.Equal(c.Time) || c.Size < 300 || c.Origin != "curfew.example.com/audit" {
		t.Errorf("the answer is %+v of %+v", c, signed)
	}
	rec := w.get("/v1/audit/checkpoint?format=note")
	conforms(t, "GET", "/v1/audit/checkpoint", rec)
	if typ := rec.Header().Get("Content-Type"); rec.Body.String() != c.Checkpoint || typ != "text/plain; charset=utf-8" {
		t.Errorf("the note is %s: %s", typ, rec.Body)
	}
	keys := audited[engine.Page[engine.AuditKey]](w, "/v1/audit/keys", "/v1/audit/keys")
	if len(keys.Items) != 1 || keys.Items[0].Verifier != c.Keys[0] || !keys.Items[0].Current || keys.Items[0].FirstSize < 1 {
		t.Errorf("the keys are %+v", keys)
	}
}

func TestEventIsProvedByItsIDAndByItsNumber(t *testing.T) {
	w := newWorld(t)
	w.happen(300)
	c := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	for _, seq := range []int64{1, 17, 256, 257, c.Size} {
		p := audited[engine.AuditProof](w, fmt.Sprintf("/v1/audit/proof/%d", seq), "/v1/audit/proof/{id}")
		if audit.Hash(audit.Leaf(p.Event)) != p.Leaf || p.Seq != seq || p.Size != c.Size || *p.Checkpoint != c.Checkpoint {
			t.Errorf("event %d is proved by %+v", seq, p)
		}
		must(t, audit.CheckInclusion(p.Proof, c.Size, c.Root, seq, p.Leaf))
		var event audit.Event
		must(t, json.Unmarshal(p.Event, &event))
		byID := audited[engine.AuditProof](w, "/v1/audit/proof/"+event.ID, "/v1/audit/proof/{id}")
		if byID.Seq != seq || byID.Leaf != p.Leaf {
			t.Errorf("%s is proved by %+v", event.ID, byID)
		}
	}
}

func TestEventIsProvedInTheTreeOfAnEarlierSize(t *testing.T) {
	w := newWorld(t)
	w.happen(100)
	old := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	w.happen(100)
	p := audited[engine.AuditProof](w, fmt.Sprintf("/v1/audit/proof/7?size=%d", old.Size), "/v1/audit/proof/{id}")
	if p.Size != old.Size || p.Checkpoint == nil || *p.Checkpoint != old.Checkpoint {
		t.Errorf("the proof is %+v", p)
	}
	must(t, audit.CheckInclusion(p.Proof, old.Size, old.Root, 7, p.Leaf))
	unkept := audited[engine.AuditProof](w, "/v1/audit/proof/7?size=50", "/v1/audit/proof/{id}")
	if unkept.Size != 50 || unkept.Checkpoint != nil {
		t.Errorf("the proof of a size that no checkpoint has is %+v", unkept)
	}
}

func TestLaterCheckpointGoesOnFromAnEarlierOne(t *testing.T) {
	w := newWorld(t)
	w.happen(100)
	old := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	w.happen(400)
	now := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	for _, path := range []string{
		fmt.Sprintf("/v1/audit/consistency?from=%d", old.Size), fmt.Sprintf("/v1/audit/consistency?from=%d&to=%d", old.Size, now.Size),
	} {
		c := audited[engine.AuditConsistency](w, path, "/v1/audit/consistency")
		if c.From != old.Size || c.To != now.Size || *c.Checkpoint != now.Checkpoint {
			t.Errorf("%s answers %+v", path, c)
		}
		must(t, audit.CheckConsistency(c.Proof, old.Size, old.Root, now.Size, now.Root))
	}
	same := audited[engine.AuditConsistency](w, fmt.Sprintf("/v1/audit/consistency?from=%d&to=%d", now.Size, now.Size), "/v1/audit/consistency")
	if len(same.Proof) != 0 {
		t.Errorf("a tree goes on from itself by %v", same.Proof)
	}
}

func TestProofThatCanNotBeIsAProblem(t *testing.T) {
	w := newWorld(t)
	w.happen(10)
	unsealed := access.NewID(access.KindEvent, time.Now())
	for path, tc := range map[string]struct {
		status int
		code   string
	}{
		"/v1/audit/proof/req_1":                  {422, "invalid_event"},
		"/v1/audit/proof/0":                      {422, "invalid_event"},
		"/v1/audit/proof/-1":                     {422, "invalid_event"},
		"/v1/audit/proof/99999":                  {404, "not_found"},
		"/v1/audit/proof/" + unsealed:            {404, "not_found"},
		"/v1/audit/proof/7?size=6":               {422, "invalid_size"},
		"/v1/audit/proof/7?size=99999":           {422, "invalid_size"},
		"/v1/audit/proof/7?size=many":            {422, "invalid_size"},
		"/v1/audit/proof/7?size=0":               {422, "invalid_size"},
		"/v1/audit/consistency":                  {422, "invalid_size"},
		"/v1/audit/consistency?from=9&to=8":      {422, "invalid_size"},
		"/v1/audit/consistency?from=99999":       {422, "invalid_size"},
		"/v1/audit/consistency?from=1&to=999999": {422, "invalid_size"},
		"/v1/audit/checkpoint?format=csv":        {422, "invalid_format"},
	} {
		rec := w.get(path)
		wantProblem(t, rec, tc.status, tc.code, "")
	}
	w.policy.refuse = "audit.read"
	for _, path := range []string{"/v1/audit/checkpoint", "/v1/audit/proof/1", "/v1/audit/consistency?from=1", "/v1/audit/keys"} {
		wantProblem(t, w.get(path), 403, "not_allowed", "")
	}
}

// TestProofOfAnEventThatWasEditedIsNone: it is checked before it is answered.
func TestProofOfAnEventThatWasEditedIsNone(t *testing.T) {
	w := newWorld(t)
	w.happen(10)
	for _, query := range []string{
		`UPDATE audit_guard SET removing = 1`,
		`UPDATE audit_events SET body = '{"id":"evt_x"}' WHERE id = (SELECT event_id FROM audit_log WHERE seq = 5)`,
		`UPDATE audit_guard SET removing = 0`,
	} {
		must(t, w.db.Update(t.Context(), func(q ledger.Querier) error {
			_, err := q.ExecContext(t.Context(), query)
			return err
		}))
	}
	wantProblem(t, w.get("/v1/audit/proof/5"), 500, "internal", "")
	if log := w.log.String(); log == "" {
		t.Error("nothing of it is logged")
	}
	audited[engine.AuditProof](w, "/v1/audit/proof/6", "/v1/audit/proof/{id}")
}

func TestGatewayWithoutAKeyProvesNothingAndSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	w.happen(10)
	log := slog.New(slog.DiscardHandler)
	handler, err := api.New(api.Config{
		Engine: engine.New(engine.Config{Ledger: w.ledger, Policy: w.policy, Lease: w.lease, Log: log}),
		Tokens: []api.Token{{Name: "alice", Subject: alice, Secret: aliceSecret}}, Log: log,
	})
	must(t, err)
	for path, status := range map[string]int{
		"/v1/audit/checkpoint": 409, "/v1/audit/proof/1": 409, "/v1/audit/consistency?from=1": 409, "/v1/audit/keys": 200,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+aliceSecret)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != status {
			t.Errorf("%s answers %d: %s", path, rec.Code, rec.Body)
		}
		if status == 409 {
			wantProblem(t, rec, 409, "no_audit_key", "")
		}
	}
}
