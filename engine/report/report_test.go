package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/report"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) *time.Time { return new(noon.Add(d)) }

// item is an access that was approved, opened, expired and removed.
func item() engine.AccessItem {
	hour, why, response, agrees, took := access.Duration(time.Hour), access.EndExpired, engine.ByResponse, true, 1.25
	one, two := int64(1), int64(2)
	return engine.AccessItem{
		GrantID: "grt_1", State: engine.AccessGranted, StartsAt: noon, ExpiresAt: *after(time.Hour), EndsAt: after(time.Hour), EndReason: &why,
		Entitled: access.Entitled{
			Subject: access.Subject{Type: "user", ID: "alice@example.com"}, Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: "acme"},
		},
		Request: engine.AccessRequested{
			ID: "req_1", Requester: access.Subject{Type: "user", ID: "alice@example.com"}, Reason: "PD-1", For: &hour, Channel: access.ChannelAPI, AskedAt: noon,
		},
		Decision: engine.AccessDecision{ID: "dec_1", Effect: access.Review, Reasons: []access.Reason{{Code: "needs_review", Title: "Needs a review"}}, Revision: "rev-1", DecidedAt: noon},
		Reviews:  []engine.AccessReview{{Reviewer: access.Subject{Type: "user", ID: "bob@example.com"}, Verdict: access.VerdictApprove, Comment: "fine", At: noon, Revision: "rev-2"}},
		Binding:  engine.AccessBinding{ID: "bnd_1", Target: "okta"}, ProvisionedAt: after(time.Second),
		RemovalState: engine.RemovalConfirmed, RemovedAt: after(time.Hour + 1250*time.Millisecond), UsableUntil: after(time.Hour + 1250*time.Millisecond),
		Removal: &engine.Removal{Attempts: 2, ConfirmedBy: &response, ConfirmedAt: after(time.Hour + 1250*time.Millisecond), Seconds: &took},
		Proof: engine.AccessProof{Agrees: &agrees, Sealed: true, Events: []engine.ProofEvent{
			{ID: "evt_1", Type: audit.GrantStarted, Seq: &one, Time: noon, Leaf: audit.Hash{1}},
			{ID: "evt_2", Type: audit.GrantEnded, Seq: &two, Time: *after(time.Hour), Leaf: audit.Hash{2}},
			{ID: "evt_3", Type: audit.BindingDeprovisioned, Time: *after(time.Hour + time.Second), Leaf: audit.Hash{3}},
		}},
	}
}

// documentOf is a report of the accesses.
func documentOf(items ...engine.AccessItem) report.Document {
	return report.Document{
		AccessReport: &engine.AccessReport{
			From: &noon, To: after(24 * time.Hour), Resource: "customer:acme", MadeAt: *after(48 * time.Hour), MadeBy: access.Subject{Type: "user", ID: "carol@example.com"},
			Found: len(items), Checkpoint: &engine.ReportCheckpoint{
				Origin: "curfew.example.com/audit", Size: 2, Root: audit.Hash{9}, Note: "curfew.example.com/audit\n2\nroot\n\n— curfew.example.com/audit sig\n", Keys: []string{"verifier+key"},
			},
		},
		Items: func(yield func(engine.AccessItem, error) bool) {
			for _, a := range items {
				if !yield(a, nil) {
					return
				}
			}
		},
		Proofs: func(seqs []int64) iter.Seq2[engine.LoggedProof, error] {
			return func(yield func(engine.LoggedProof, error) bool) {
				for _, seq := range seqs {
					if !yield(engine.LoggedProof{Seq: seq, Event: json.RawMessage(`{"id":"evt_x"}`), Size: 2, Proof: []audit.Hash{{7}}}, nil) {
						return
					}
				}
			}
		},
	}
}

func written(t *testing.T, form string, d report.Document) string {
	t.Helper()
	f, known := report.FormOf(form)
	if !known {
		t.Fatalf("there is no form %q", form)
	}
	var out bytes.Buffer
	if _, err := f.Write(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// read is the texts of a page, and how its elements nest. A page that is not well
// formed is a fault.
func read(t *testing.T, page string) (texts string, elements map[string]int) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	elements = map[string]int{}
	var b strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(strings.Fields(b.String()), " "), elements
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v\n%s", err, page)
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
			b.WriteByte(' ')
		case xml.StartElement:
			elements[token.Name.Local]++
		}
	}
}

func TestPageSaysWhatAnAuditorAsks(t *testing.T) {
	t.Parallel()
	page := written(t, report.FormHTML, documentOf(item()))
	texts, elements := read(t, page)
	for _, text := range []string{
		"from 2026-11-22 12:00:00 UTC to 2026-11-23 12:00:00 UTC: access to customer:acme", "Made 2026-11-24 12:00:00 UTC by user:carol@example.com",
		"curfew.example.com/audit", "2 events, root CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "user:alice@example.com", "debug on customer:acme",
		"2026-11-22 13:00:00 UTC (expired)", "Reason PD-1", "review: needs_review (Needs a review)", "Policy revision rev-1",
		"user:bob@example.com: approve at 2026-11-22 12:00:00 UTC, under policy revision rev-2: \"fine\"", "okta, bnd_1 , there since 2026-11-22 12:00:01 UTC",
		"Removed: confirmed by the target’s response at 2026-11-22 13:00:01 UTC, 1.25s after the end. 2 attempts.", "The audit log says the same.",
		"1 in all.", "— curfew.example.com/audit sig", "verifier+key", "leaf AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"proof BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "no checkpoint held it yet",
	} {
		if !strings.Contains(texts, text) {
			t.Errorf("it does not say %q:\n%s", text, texts)
		}
	}
	for name, n := range map[string]int{"script": 0, "link": 0, "img": 0, "iframe": 0, "form": 0, "style": 1, "h1": 1, "main": 1, "thead": 2, "title": 1} {
		if elements[name] != n {
			t.Errorf("there are %d %s, want %d", elements[name], name, n)
		}
	}
	if strings.Contains(page, "style=") || !strings.Contains(page, `<html lang="en">`) {
		t.Error("an element has a style of its own, or the page has no language")
	}
}

func TestPageIsLoudAboutWhatIsWrong(t *testing.T) {
	t.Parallel()
	open, disagrees, forced := item(), false, engine.ByForce
	open.State, open.RemovalState, open.RemovedAt, open.UsableUntil = engine.AccessUnremoved, engine.RemovalOpen, nil, nil
	open.Removal.ConfirmedAt, open.Removal.ConfirmedBy, open.Removal.Seconds = nil, nil, nil
	edited := item()
	edited.Proof.Agrees, edited.Proof.Differs = &disagrees, []engine.AccessDifference{{What: "starts_at", Row: "a", Log: "b"}}
	declared := item()
	declared.RemovalState, declared.Removal.ConfirmedBy = engine.RemovalForced, &forced
	page := written(t, report.FormHTML, documentOf(open, edited, declared))
	texts, _ := read(t, page)
	for _, text := range []string{"NOT PROVEN GONE", "NOT REMOVED after its grant", `DOES NOT AGREE with the audit log: starts_at is "a", and the log says "b"`, "Declared gone by two persons"} {
		if !strings.Contains(texts, text) {
			t.Errorf("it does not say %q:\n%s", text, texts)
		}
	}
	if n := strings.Count(page, `class="loud"`); n != 2 {
		t.Errorf("%d places are loud, want 2", n)
	}
}

func TestTextsOfPeopleStayTexts(t *testing.T) {
	t.Parallel()
	a := item()
	a.Request.Reason = `=HYPERLINK("https://evil")</dd><script>alert(1)</script>`
	a.Reviews[0].Comment = "＝1+1"
	a.Subject.ID = "</th><img src=x onerror=alert(1)>"
	page := written(t, report.FormHTML, documentOf(a))
	if _, elements := read(t, page); elements["script"]+elements["img"] != 0 {
		t.Errorf("the page is %s", page)
	}
	rows, err := csv.NewReader(strings.NewReader(written(t, report.FormCSV, documentOf(a)))).ReadAll()
	if err != nil || len(rows) != 2 || len(rows[0]) != len(rows[1]) {
		t.Fatalf("the table is %q: %v", rows, err)
	}
	for i, cell := range rows[1] {
		if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
			t.Errorf("the cell %s is %q", rows[0][i], cell)
		}
	}
	if got := rows[1][12]; got != "'"+a.Request.Reason {
		t.Errorf("the reason is %q", got)
	}
}

// Auditors read who approved: a comment is not to look like an answer of somebody else.
func TestACommentIsNotTakenForAReview(t *testing.T) {
	t.Parallel()
	a := item()
	a.Reviews[0].Comment = "fine\"\nuser:ceo@example.com: approve at 2026-11-22 12:00:00 UTC\u202e"
	for _, form := range []string{report.FormHTML, report.FormCSV} {
		text := html.UnescapeString(written(t, form, documentOf(a)))
		if strings.Contains(text, "\nuser:ceo@example.com") || strings.ContainsRune(text, '\u202e') {
			t.Errorf("as %s it has a line for the review of somebody who gave none:\n%s", form, text)
		}
		if !strings.Contains(strings.ReplaceAll(text, `""`, `"`), `rev-2: "fine\"\nuser:ceo@example.com: approve at`) {
			t.Errorf("as %s it does not have the comment as one text:\n%s", form, text)
		}
	}
}

func TestReportOfNobodySaysSo(t *testing.T) {
	t.Parallel()
	d := documentOf()
	d.Checkpoint = nil
	texts, _ := read(t, written(t, report.FormHTML, d))
	if !strings.Contains(texts, "Nobody.") || !strings.Contains(texts, "nothing in this report can be proved") {
		t.Errorf("it says %s", texts)
	}
}

func TestManyAccessesAreProvedAsJSONAlone(t *testing.T) {
	t.Parallel()
	items := make([]engine.AccessItem, report.MaxProved+1)
	for i := range items {
		items[i] = item()
	}
	page := written(t, report.FormHTML, documentOf(items...))
	if strings.Contains(page, "<br />proof") || !strings.Contains(page, "take it as JSON") {
		t.Error("the page proves more than anybody checks, or does not say what does")
	}
	var r struct {
		Accesses []engine.AccessItem
		Proofs   []engine.LoggedProof
	}
	if err := json.Unmarshal([]byte(written(t, report.FormJSON, documentOf(items...))), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Accesses) != len(items) || len(r.Proofs) != 2*len(items) {
		t.Errorf("there are %d accesses with %d proofs", len(r.Accesses), len(r.Proofs))
	}
}

func TestReportThatFailsInItsMiddleIsAnError(t *testing.T) {
	t.Parallel()
	for _, form := range []string{report.FormHTML, report.FormCSV, report.FormJSON} {
		f, _ := report.FormOf(form)
		broken := errors.New("the ledger went away")
		d := documentOf()
		d.Items = func(yield func(engine.AccessItem, error) bool) {
			_ = yield(item(), nil) && yield(engine.AccessItem{}, broken)
		}
		if _, err := f.Write(io.Discard, d); !errors.Is(err, broken) {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestSecurityPolicyAllowsTheStyleOfThePage(t *testing.T) {
	t.Parallel()
	page := written(t, report.FormHTML, documentOf(item()))
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(report.SecurityPolicy(), hash) {
		t.Errorf("the style is %s, and the policy %s", hash, report.SecurityPolicy())
	}
}
