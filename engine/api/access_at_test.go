package api_test

import (
	"encoding/csv"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/report"
)

// held is a grant that was given, opened at its target, revoked, and removed there if
// it is closed; and a moment while it was live.
func (w *world) held(closed bool) (g access.Grant, during time.Time) {
	w.t.Helper()
	agrees := func(access.Delivery) error { return nil }
	g = *want[engine.RequestView](w.t, w.post("/v1/requests", askFor2h), 201).Grant
	w.deliver(agrees)
	during = w.ledger.Now()
	want[engine.Revocation](w.t, w.post("/v1/grants/"+g.ID+"/revoke", ""), 200)
	if closed {
		w.deliver(agrees)
	}
	w.happen(1)
	return g, during
}

// edit changes the ledger past every rule.
func (w *world) edit(statements ...string) {
	w.t.Helper()
	must(w.t, w.db.Update(w.t.Context(), func(q ledger.Querier) error {
		for _, s := range statements {
			if _, err := q.ExecContext(w.t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	}))
}

func atTime(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339Nano)) }

func TestWhoHadAccessIsAnsweredAsTheDocumentSays(t *testing.T) {
	w := newWorld(t)
	began := w.ledger.Now().Add(-time.Second)
	g, during := w.held(true)
	const path = "/v1/audit/access"
	page := audited[engine.AccessPage](w, path+"?at="+atTime(during), path)
	if len(page.Items) != 1 || page.Items[0].GrantID != g.ID || !page.Items[0].Live || page.Items[0].RemovedAt == nil || !*page.Items[0].Proof.Agrees {
		t.Fatalf("at the time there is %+v", page)
	}
	period := "?from=" + atTime(began) + "&to=" + atTime(w.ledger.Now().Add(time.Minute))
	for query, n := range map[string]int{
		"": 1, "&subject=user:ALICE@example.com": 1, "&subject=user:bob@example.com": 0, "&resource=customer:acme": 1, "&include=granted": 1, "&limit=1": 1,
	} {
		if got := audited[engine.AccessPage](w, path+period+query, path); len(got.Items) != n || got.At != nil || got.From == nil {
			t.Errorf("%q: %+v, want %d", query, got, n)
		}
	}
	for query, code := range map[string]string{
		"?at=yesterday": "invalid_time", "?at=" + atTime(w.ledger.Now().Add(time.Hour)): "time_ahead", "": "period_missing",
		"?from=" + atTime(during) + "&to=" + atTime(began): "invalid_period", period + "&include=all": "invalid_include",
		period + "&format=ocsf": "invalid_format", period + "&format=html&limit=3": "invalid_limit", period + "&cursor=x": "invalid_cursor",
		"?at=" + atTime(began) + strings.Replace(period, "?", "&", 1): "period_ambiguous",
	} {
		rec := w.get(path + query)
		conforms(t, "GET", path, rec)
		wantProblem(t, rec, 422, code, "")
	}
	w.policy.refuse = "audit.access"
	wantProblem(t, w.get(path+period), 403, "not_allowed", "")
	wantProblem(t, w.get(path+period+"&format=html"), 403, "not_allowed", "")
}

func TestReportOfAccessCanBeChecked(t *testing.T) {
	w := newWorld(t)
	began := w.ledger.Now().Add(-time.Second)
	g, _ := w.held(true)
	const path = "/v1/audit/access"
	query := path + "?from=" + atTime(began) + "&to=" + atTime(w.ledger.Now().Add(time.Minute)) + "&format="
	var r struct {
		Checkpoint string
		Signed     engine.ReportCheckpoint
		Accesses   []engine.AccessItem
		Proofs     []engine.LoggedProof
	}
	rec := w.get(query + "report")
	conforms(t, "GET", path, rec)
	must(t, json.Unmarshal(rec.Body.Bytes(), &r))
	signed, err := audit.OpenCheckpoint(r.Checkpoint, w.keys.Verifiers()...)
	must(t, err)
	if len(r.Accesses) != 1 || r.Accesses[0].GrantID != g.ID || len(r.Proofs) != len(r.Accesses[0].Proof.Events) || signed.Size != r.Signed.Size {
		t.Fatalf("the report is %s", rec.Body)
	}
	for i, p := range r.Proofs {
		if err := audit.CheckInclusion(p.Proof, signed.Size, signed.Root, p.Seq, p.Leaf); err != nil || p.Fault != "" {
			t.Errorf("event %d: %v %s", p.Seq, err, p.Fault)
		}
		if e := r.Accesses[0].Proof.Events[i]; *e.Seq != p.Seq || e.Leaf != p.Leaf {
			t.Errorf("proof %d is of %d, and the access names %d", i, p.Seq, *e.Seq)
		}
	}
	rec = w.get(query + "html")
	conforms(t, "GET", path, rec)
	if got := rec.Header().Get("Content-Security-Policy"); got != report.SecurityPolicy() || !strings.Contains(rec.Body.String(), r.Checkpoint[:20]) {
		t.Errorf("the page, with the policy %q, is %s", got, rec.Body)
	}
	rec = w.get(query + "csv")
	conforms(t, "GET", path, rec)
	if rows, err := csv.NewReader(rec.Body).ReadAll(); err != nil || len(rows) != 2 || rows[1][0] != g.ID {
		t.Errorf("the table is %q: %v", rows, err)
	}
	_, _, events := w.stored()
	if n := strings.Count(strings.Join(events, " "), audit.Exported); n != 3 {
		t.Errorf("that somebody took it is said %d times: %v", n, events)
	}
}

func TestReportNamesAnEventThatIsNotWhatWasSealed(t *testing.T) {
	w := newWorld(t)
	began := w.ledger.Now().Add(-time.Second)
	w.held(true)
	w.edit(`UPDATE audit_guard SET removing = 1`, `UPDATE audit_events SET body = replace(body, 'PD-1', 'PD-2') WHERE type = 'request.submitted'`)
	query := "/v1/audit/access?from=" + atTime(began) + "&to=" + atTime(w.ledger.Now()) + "&format="
	var r struct{ Proofs []engine.LoggedProof }
	must(t, json.Unmarshal(w.get(query+"report").Body.Bytes(), &r))
	faults := 0
	for _, p := range r.Proofs {
		if p.Fault != "" {
			faults++
		}
	}
	if page := w.get(query + "html").Body.String(); faults != 1 || !strings.Contains(page, "DOES NOT AGREE") || !strings.Contains(page, "not the event that was sealed") {
		t.Errorf("%d faults are named, and the page is %s", faults, page)
	}
}
