package api_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

type page struct {
	Items []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

// pages follows the cursor of a list to its end.
func (w *world) pages(path string) (ids []string) {
	w.t.Helper()
	next := ""
	for range 100 {
		p := want[page](w.t, w.get(path+next), 200)
		for _, item := range p.Items {
			ids = append(ids, item.ID)
		}
		if p.NextCursor == nil {
			return ids
		}
		next = "&cursor=" + url.QueryEscape(*p.NextCursor)
	}
	w.t.Fatal("the list does not end")
	return nil
}

func TestPagesAreTheWholeListOnce(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		want[access.Request](t, w.post("/v1/requests", askFor2h), 201)
	}
	for _, path := range []string{"/v1/requests", "/v1/grants"} {
		whole := w.pages(path + "?limit=500")
		if len(whole) != 5 || !slices.Equal(w.pages(path+"?limit=2"), whole) {
			t.Fatalf("%s: pages of two are not the whole list %v", path, whole)
		}
	}
	if got := w.pages("/v1/resources?limit=1"); !slices.Equal(got, []string{"a/b+c d", "acme"}) {
		t.Fatalf("resources are %v", got)
	}
}

func TestResourcesAreSearched(t *testing.T) {
	w := newWorld(t)
	for query, ids := range map[string][]string{
		"search=ACM": {"acme"}, "search=customer": {"a/b+c d", "acme"}, "search=c": {"a/b+c d", "acme"}, "search=initech": nil,
		"search=customer/a": {"a/b+c d", "acme"}, "search=%25": nil,
	} {
		if got := w.pages("/v1/resources?limit=1&" + query); !slices.Equal(got, ids) {
			t.Errorf("%s: %v, want %v", query, got, ids)
		}
	}
}

func TestListsAreNarrowed(t *testing.T) {
	w := newWorld(t)
	want[access.Request](t, w.post("/v1/requests", askFor2h), 201)
	w.policy.set(access.Deny)
	want[access.Request](t, w.post("/v1/requests", askFor2h), 201)
	for query, n := range map[string]int{
		"": 2, "state=denied": 1, "state=lapsed": 0, "subject=user:ALICE@example.com": 2, "subject=user:bob@example.com": 0,
		"resource=customer:acme&scope=all": 2, "resource=customer:other": 0,
	} {
		if p := want[page](t, w.get("/v1/requests?"+query), 200); len(p.Items) != n {
			t.Errorf("%q: %d requests, want %d", query, len(p.Items), n)
		}
	}
	if p := want[page](t, w.asBob("GET", "/v1/requests", ""), 200); len(p.Items) != 0 || p.Items == nil {
		t.Errorf("Bob's own list is %+v, want an empty one", p)
	}
	if p := want[page](t, w.asBob("GET", "/v1/requests?scope=all", ""), 200); len(p.Items) != 2 {
		t.Errorf("the whole list is %+v", p)
	}
}

func TestAuditEventsAsJSONAndNDJSON(t *testing.T) {
	w := newWorld(t)
	r := want[access.Request](t, w.post("/v1/requests", strings.Replace(askFor2h, "PD-1", "<b>é\u2028", 1)), 201)
	w.stored()
	asJSON := want[struct {
		Items      []json.RawMessage `json:"items"`
		NextCursor string            `json:"next_cursor"`
	}](t, w.get("/v1/audit/events?request_id="+r.ID), 200)
	rec := w.get("/v1/audit/events?format=ndjson&request_id=" + r.ID)
	if got := rec.Header().Get("Content-Type"); rec.Code != 200 || got != "application/x-ndjson; charset=utf-8" {
		t.Fatalf("%d, content type %q", rec.Code, got)
	}
	lines := strings.Split(strings.TrimSuffix(rec.Body.String(), "\n"), "\n")
	if len(lines) < 3 || len(lines) != len(asJSON.Items) {
		t.Fatalf("%d lines and %d items", len(lines), len(asJSON.Items))
	}
	for i, line := range lines {
		if line != string(asJSON.Items[i]) {
			t.Errorf("line %d is\n%s\nand the item is\n%s", i, line, asJSON.Items[i])
		}
	}
	cursor := rec.Header().Get("Curfew-Next-Cursor")
	if cursor == "" || cursor != asJSON.NextCursor {
		t.Fatalf("cursor %q, as JSON %q", cursor, asJSON.NextCursor)
	}
	if rest := want[page](t, w.get("/v1/audit/events?request_id="+r.ID+"&cursor="+cursor), 200); len(rest.Items) != 0 || rest.NextCursor == nil {
		t.Fatalf("after the end there is %+v", rest)
	}
	newest := want[page](t, w.get("/v1/audit/events?newest=true&limit=1&request_id="+r.ID), 200)
	if first := want[page](t, w.get("/v1/audit/events?limit=1&request_id="+r.ID), 200); newest.Items[0].ID == first.Items[0].ID {
		t.Fatal("the newest event is the first")
	}
}

func TestManyEventsAreStreamed(t *testing.T) {
	w := newWorld(t)
	for range 120 {
		want[access.Request](t, w.post("/v1/requests", strings.Replace(askFor2h, "PD-1", strings.Repeat("x", 1500), 1)), 201)
	}
	w.stored()
	rec := w.get("/v1/audit/events?format=ndjson&limit=500&type=request.submitted")
	if n := strings.Count(rec.Body.String(), "\n"); n != 120 || !rec.Flushed {
		t.Fatalf("%d lines (flushed: %v), want 120", n, rec.Flushed)
	}
}
