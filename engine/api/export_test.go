package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const exportRoute = "/v1/audit/export"

func TestExportIsWhatItsProofProves(t *testing.T) {
	w := newWorld(t)
	w.happen(700) // of which all are signed
	for _, format := range []audit.Format{audit.FormatNDJSON, audit.FormatCSV, audit.FormatOCSF} {
		for _, span := range []string{"after=0", "after=1&through=600", "after=300&through=300"} {
			rec := w.get(fmt.Sprintf("%s?format=%s&%s", exportRoute, format, span))
			if rec.Code != 200 || rec.Header().Get("Content-Type") != format.ContentType() {
				t.Fatalf("%d, %v", rec.Code, rec.Header())
			}
			link, described, _ := strings.Cut(strings.TrimPrefix(rec.Header().Get("Link"), "<"), ">; ")
			if described != `rel="describedby"` {
				t.Fatalf("the link is %q", rec.Header().Get("Link"))
			}
			proof := w.get(link)
			report, err := audit.Verify(rec.Body, format, proof.Body, audit.Trust{Keys: w.keys.Verifiers()})
			must(t, err)
			after, through := strconv.FormatInt(report.After, 10), strconv.FormatInt(report.Through, 10)
			if !report.Verified || after != rec.Header().Get("Curfew-Audit-After") || through != rec.Header().Get("Curfew-Audit-Through") {
				t.Errorf("%s of %s is %+v", format, span, report)
			}
		}
	}
	_, _, events := w.stored()
	if n := strings.Count(strings.Join(events, " "), audit.Exported); n != 9 {
		t.Errorf("of nine exports %d are said", n)
	}
}

func TestProofLeadsFromWhatWasKept(t *testing.T) {
	w := newWorld(t)
	w.happen(100)
	early := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	w.happen(200)
	export := w.get(fmt.Sprintf("%s?after=%d&through=%d", exportRoute, early.Size+10, early.Size+50)).Body.String()
	late := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	proof := w.get(fmt.Sprintf("%s?format=proof&after=%d&through=%d&since=%d,%d", exportRoute, early.Size+10, early.Size+50, early.Size, late.Size))
	report, err := audit.Verify(strings.NewReader(export), audit.FormatNDJSON, proof.Body,
		audit.Trust{Keys: w.keys.Verifiers(), Since: []string{early.Checkpoint, late.Checkpoint}})
	must(t, err)
	if !report.Verified || len(report.Since) != 2 || report.Events != 40 {
		t.Errorf("got %+v", report)
	}
	wantProblem(t, w.get(exportRoute+"?format=proof&since=100000"), 422, "invalid_since", "")
	wantProblem(t, w.get(exportRoute+"?format=proof&since="+strings.Repeat("1,", 16)+"1"), 422, "invalid_since", "")
}

func TestEventThatWasChangedInTheLedgerIsNamedByAnExportOfIt(t *testing.T) {
	w := newWorld(t)
	w.happen(300)
	w.edit(`UPDATE audit_guard SET removing = 1`, `UPDATE audit_events SET body = replace(body, '"n":77,', '"n":78,')`)
	export, proof := w.get(exportRoute), w.get(exportRoute+"?format=proof&through=300")
	report, err := audit.Verify(strings.NewReader(strings.Join(strings.SplitAfter(export.Body.String(), "\n")[:300], "")), audit.FormatNDJSON, proof.Body,
		audit.Trust{Keys: w.keys.Verifiers()})
	must(t, err)
	if report.Verified || len(report.Findings) != 1 || report.Findings[0].Kind != audit.FoundEdited {
		t.Errorf("got %+v", report)
	}
}

func TestExportBeginsWithWhatIsKept(t *testing.T) {
	w := newWorld(t)
	w.happen(600)
	w.edit(`UPDATE audit_guard SET removing = 1`, `UPDATE audit_head SET removed = 256`)
	p := wantProblem(t, w.get(exportRoute), 410, "events_removed", "")
	if !strings.Contains(p.Detail, "event 257") {
		t.Errorf("the detail is %q", p.Detail)
	}
	if rec := w.get(exportRoute + "?after=256"); rec.Code != 200 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	wantProblem(t, w.get(exportRoute+"?through=100000"), 422, "invalid_range", "")
	wantProblem(t, w.get(exportRoute+"?after=100000"), 422, "invalid_range", "")
}

// A server's bound on writing is for a whole answer: an export is as long as it is.
func TestExportOutlastsTheTimeOfAnAnswer(t *testing.T) {
	w := newWorld(t)
	w.happen(1200)
	server := httptest.NewUnstartedServer(w.handler)
	server.Config.WriteTimeout = time.Nanosecond
	server.Start()
	defer server.Close()
	if lines := bytes.Count(fetch(t, server.URL), []byte{'\n'}); lines < 1200 {
		t.Errorf("%d lines came", lines)
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	res := begin(t, url)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return body
}

func begin(t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+exportRoute, http.NoBody)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+aliceSecret)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	return res
}

func TestExportThatFailsInTheMiddleIsCutOff(t *testing.T) {
	w := newWorld(t)
	w.happen(1200)
	w.edit(`UPDATE audit_guard SET removing = 1`, `DELETE FROM audit_log WHERE seq = 1100`)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	res := begin(t, server.URL)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || err == nil || bytes.Count(body, []byte{'\n'}) != 1000 {
		t.Errorf("%s, %d lines, %v", res.Status, bytes.Count(body, []byte{'\n'}), err)
	}
	w.edit(`UPDATE audit_guard SET removing = 1`, `DELETE FROM audit_log WHERE seq = 100`)
	if rec := w.get(exportRoute); rec.Code != 500 {
		t.Errorf("%d %s", rec.Code, rec.Header())
	}
	if _, _, events := w.stored(); strings.Contains(strings.Join(events, " "), audit.Exported) {
		t.Error("an export that was cut off is said to be made")
	}
}

func TestExportIsConfirmedByWhoeverHasIt(t *testing.T) {
	w := newWorld(t)
	w.happen(300)
	c := audited[engine.AuditCheckpoint](w, "/v1/audit/checkpoint", "/v1/audit/checkpoint")
	confirm := func(through int64, root audit.Hash) *httptest.ResponseRecorder {
		raw, err := json.Marshal(engine.ExportKept{Through: through, Root: root.String()})
		must(t, err)
		rec := w.post("/v1/audit/confirmations", string(raw))
		conforms(t, "POST", "/v1/audit/confirmations", rec)
		return rec
	}
	wantProblem(t, confirm(c.Size-1, c.Root), 409, "another_root", "")
	wantProblem(t, confirm(c.Size+1, c.Root), 422, "invalid_through", "/through")
	wantProblem(t, w.post("/v1/audit/confirmations", `{"through":1,"root":"x"}`), 422, "invalid_root", "/root")
	if got := want[engine.ExportConfirmed](t, confirm(c.Size, c.Root), 200); got.Confirmed != c.Size {
		t.Errorf("got %+v", got)
	}
	var root audit.Hash
	must(t, w.ledger.View(t.Context(), func(tx *ledger.Tx) (err error) {
		root, err = audit.RootAt(tx.HashReader(), 3)
		return err
	}))
	if got := want[engine.ExportConfirmed](t, confirm(3, root), 200); got.Confirmed != c.Size {
		t.Errorf("a smaller one moved it back: %+v", got)
	}
	_, _, events := w.stored()
	if n := strings.Count(strings.Join(events, " "), audit.ExportConfirmed); n != 2 {
		t.Errorf("%d are said", n)
	}
}

func TestEventsAreListedInEachFormat(t *testing.T) {
	w := newWorld(t)
	w.happen(5)
	all := strings.SplitAfter(w.get("/v1/audit/events?format=ndjson&type=planted").Body.String(), "\n")
	for _, format := range []audit.Format{audit.FormatCSV, audit.FormatOCSF} {
		path := fmt.Sprintf("/v1/audit/events?format=%s&type=planted&limit=3", format)
		first := w.get(path)
		rest := w.get(path + "&cursor=" + first.Header().Get("Curfew-Next-Cursor"))
		both, begins := first.Body.String()+rest.Body.String(), string(format.Header())
		if !strings.HasPrefix(both, begins) || strings.Count(both, "\n") != 5+strings.Count(begins, "\n") {
			t.Fatalf("%s is\n%s", format, both)
		}
		for i, line := range strings.SplitAfter(strings.TrimPrefix(both, begins), "\n")[:5] {
			canonical, err := format.Canonical([]byte(line))
			if err != nil || string(canonical)+"\n" != all[i] {
				t.Errorf("%s: line %d is %s: %v", format, i, canonical, err)
			}
		}
	}
}
