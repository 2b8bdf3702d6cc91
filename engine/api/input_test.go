package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
)

// ask replaces the part of a good body after its resource.
func ask(rest string) string {
	return `{"action":{"name":"debug"},"resource":{"type":"customer","id":"acme"}` + rest + `}`
}

func TestBadInputIsRefusedWithItsOwnCodeAndNothingIsStored(t *testing.T) {
	const id = "/v1/requests/req_00000000000000000000000000"
	cases := map[string]struct {
		sent
		status        int
		code, pointer string
	}{
		"no body":                 {sent{body: ""}, 400, "empty_body", ""},
		"not JSON":                {sent{body: "for=2h"}, 400, "malformed_json", ""},
		"an object that ends":     {sent{body: `{"for":"2h"`}, 400, "malformed_json", ""},
		"a byte order mark":       {sent{body: "\ufeff" + askFor2h}, 400, "malformed_json", ""},
		"an array":                {sent{body: `[]`}, 422, "wrong_type", ""},
		"null":                    {sent{body: `null`}, 422, "wrong_type", ""},
		"two objects":             {sent{body: askFor2h + askFor2h}, 400, "trailing_data", ""},
		"an object and a brace":   {sent{body: askFor2h + "}"}, 400, "trailing_data", ""},
		"a byte that is not UTF8": {sent{body: ask(",\"for\":\"2h\",\"reason\":\"\xff\"")}, 400, "invalid_utf8", ""},
		"half a surrogate pair":   {sent{body: ask(`,"for":"2h","reason":"\ud800"`)}, 400, "invalid_utf8", ""},
		"a member twice":          {sent{body: ask(`,"for":"2h","for":"30s"`)}, 400, "duplicate_field", "/for"},
		"a member twice, escaped": {sent{body: ask(`,"for":"2h","\u0066or":"30s"`)}, 400, "duplicate_field", "/for"},
		"a nested member twice":   {sent{body: `{"action":{"name":"a","name":"b"}}`}, 400, "duplicate_field", "/action/name"},
		"deep nesting":            {sent{body: strings.Repeat(`{"action":`, 9000) + "1" + strings.Repeat("}", 6000)}, 413, "body_too_large", ""},
		"deep but small nesting":  {sent{body: strings.Repeat("[", 20000) + strings.Repeat("]", 20000)}, 400, "nesting_too_deep", ""},
		"10 MB":                   {sent{body: ask(`,"reason":"` + strings.Repeat("a", 10<<20) + `"`)}, 413, "body_too_large", ""},
		"an unknown member":       {sent{body: ask(`,"for":"2h","approved":true`)}, 422, "unknown_field", "/approved"},
		"an unknown nested one":   {sent{body: ask(`,"for":"2h","subject":{"type":"user","id":"a@b.c","groups":[]}`)}, 422, "unknown_field", "/subject/groups"},
		"another case":            {sent{body: ask(`,"For":"2h"`)}, 422, "case_variant_field", "/For"},
		"another nested case":     {sent{body: `{"action":{"Name":"debug"}}`}, 422, "case_variant_field", "/action/Name"},
		"for is a number":         {sent{body: ask(`,"for":7200`)}, 422, "wrong_type", "/for"},
		"reason is a number":      {sent{body: ask(`,"for":"2h","reason":1`)}, 422, "wrong_type", "/reason"},
		"action is a string":      {sent{body: `{"action":"debug"}`}, 422, "wrong_type", "/action"},
		"emergency is a string":   {sent{body: ask(`,"for":"2h","emergency":"yes"`)}, 422, "wrong_type", "/emergency"},
		"starts_at is a number":   {sent{body: ask(`,"for":"2h","starts_at":1700000000`)}, 422, "wrong_type", "/starts_at"},
		"starts_at is a date":     {sent{body: ask(`,"for":"2h","starts_at":"2030-01-31"`)}, 422, "invalid_time", "/starts_at"},
		"starts_at is lenient":    {sent{body: ask(`,"for":"2h","starts_at":"2030-01-31T9:00:00Z"`)}, 422, "invalid_time", "/starts_at"},
		"starts_at is a word":     {sent{body: ask(`,"for":"2h","starts_at":"NEXT_SHIFT"`)}, 422, "invalid_time", "/starts_at"},
		"starts_at is past":       {sent{body: ask(`,"for":"2h","starts_at":"2020-01-31T09:00:00Z"`)}, 422, "starts_at_out_of_range", "/starts_at"},
		"the next shift":          {sent{body: ask(`,"for":"2h","starts_at":"next_shift"`)}, 409, "oncall_unknown", ""},
		"for less than nothing":   {sent{body: ask(`,"for":"-2h"`)}, 422, "duration_not_positive", "/for"},
		"for no time":             {sent{body: ask(`,"for":"0s"`)}, 422, "duration_not_positive", "/for"},
		"for over a year":         {sent{body: ask(`,"for":"9000h"`)}, 422, "duration_out_of_range", "/for"},
		"for something":           {sent{body: ask(`,"for":"2 hours"`)}, 422, "invalid_duration", "/for"},
		"for an empty text":       {sent{body: ask(`,"for":""`)}, 422, "invalid_duration", "/for"},
		"not on offer":            {sent{body: ask(`,"for":"3h"`)}, 422, "duration_not_offered", "/for"},
		"for and while":           {sent{body: ask(`,"for":"2h","while":"oncall"`)}, 422, "for_and_while", "/while"},
		"neither":                 {sent{body: ask(``)}, 422, "for_or_while_required", "/for"},
		"neither, as nulls":       {sent{body: ask(`,"for":null,"while":null,"starts_at":null,"subject":null`)}, 422, "for_or_while_required", "/for"},
		"while asleep":            {sent{body: ask(`,"while":"asleep"`)}, 422, "invalid_while", "/while"},
		"an unknown resource":     {sent{body: strings.Replace(askFor2h, "acme", "nobody", 1)}, 422, "unknown_resource", "/resource"},
		"an unknown action":       {sent{body: strings.Replace(askFor2h, "debug", "destroy", 1)}, 422, "unknown_action", "/action/name"},
		"no resource":             {sent{body: `{"action":{"name":"debug"},"for":"2h"}`}, 422, "invalid_resource", "/resource/type"},
		"a subject without email": {sent{body: ask(`,"for":"2h","subject":{"type":"user","id":"alice"}`)}, 422, "invalid_subject", "/subject/id"},
		"a long reason":           {sent{body: ask(`,"for":"2h","reason":"` + strings.Repeat("a", 2001) + `"`)}, 422, "text_too_long", "/reason"},
		"a query on a POST":       {sent{path: "/v1/requests?force=true", body: askFor2h}, 422, "unknown_parameter", ""},
		"no content type":         {sent{body: askFor2h, header: map[string]string{"Content-Type": ""}}, 415, "unsupported_media_type", ""},
		"a form":                  {sent{body: askFor2h, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "unsupported_media_type", ""},
		"another charset":         {sent{body: askFor2h, header: map[string]string{"Content-Type": "application/json; charset=latin1"}}, 415, "unsupported_media_type", ""},
		"compressed":              {sent{body: askFor2h, header: map[string]string{"Content-Encoding": "gzip"}}, 415, "unsupported_media_type", ""},
		"a long idempotency key":  {sent{body: askFor2h, header: map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}}, 422, "invalid_idempotency_key", ""},
		"a key beyond ASCII":      {sent{body: askFor2h, header: map[string]string{"Idempotency-Key": "schlüssel"}}, 422, "invalid_idempotency_key", ""},
		"from another site":       {sent{body: askFor2h, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403, "cross_origin", ""},
		"a misspelled route":      {sent{path: "/v1/request", body: askFor2h}, 404, "unknown_route", ""},
		"a route with a slash":    {sent{path: "/v1/requests/", body: askFor2h}, 404, "unknown_route", ""},
		"a wrong method":          {sent{method: "PUT", body: askFor2h}, 405, "method_not_allowed", ""},
		"an unknown request":      {sent{path: id + "/approve"}, 404, "not_found", ""},
		"an id of another kind":   {sent{path: "/v1/requests/grt_00000000000000000000000000/deny"}, 404, "not_found", ""},
		"deny with a duration":    {sent{path: id + "/deny", body: `{"for":"30s"}`}, 422, "for_with_deny", "/for"},
		"approve with a number":   {sent{path: id + "/approve", body: `{"for":30}`}, 422, "wrong_type", "/for"},
		"withdraw with a reason":  {sent{path: id + "/withdraw", body: `{"reason":"x"}`}, 422, "unknown_field", "/reason"},
		"an unknown grant":        {sent{path: "/v1/grants/grt_00000000000000000000000000/revoke", body: `{}`}, 404, "not_found", ""},
	}
	w := newWorld(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.method == "" {
				tc.method = "POST"
			}
			if tc.path == "" {
				tc.path = "/v1/requests"
			}
			wantProblem(t, w.do(tc.sent), tc.status, tc.code, tc.pointer)
		})
	}
	if requests, grants, events := w.stored(); requests+grants+len(events) != 0 {
		t.Fatalf("%d requests, %d grants and the events %v were stored", requests, grants, events)
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		t.Fatalf("a fault of the input was logged as an error of ours:\n%s", log)
	}
}

func TestBadQueryIsRefusedWithTheAllowedNames(t *testing.T) {
	cases := map[string]struct {
		query  string
		status int
		code   string
		says   string
	}{
		"an unknown parameter":  {"/v1/requests?status=pending", 422, "unknown_parameter", "limit, cursor, scope, state, subject, resource"},
		"another case":          {"/v1/requests?Scope=all", 422, "unknown_parameter", "scope"},
		"a repeated one":        {"/v1/requests?state=pending&state=denied", 422, "repeated_parameter", "each once"},
		"an empty one":          {"/v1/grants?state=", 422, "empty_parameter", "state"},
		"a broken escape":       {"/v1/grants?state=%zz", 400, "malformed_query", ""},
		"limit is a word":       {"/v1/grants?limit=ten", 422, "invalid_limit", "500"},
		"limit is nothing":      {"/v1/grants?limit=0", 422, "invalid_limit", "500"},
		"limit is too much":     {"/v1/resources?limit=501", 422, "invalid_limit", "500"},
		"a search too long":     {"/v1/resources?search=" + strings.Repeat("a", 257), 422, "invalid_search", "256"},
		"a search for nothing":  {"/v1/resources?search=", 422, "empty_parameter", "search"},
		"a cursor of ours not":  {"/v1/resources?cursor=xx", 422, "invalid_cursor", ""},
		"scope is both":         {"/v1/requests?scope=both", 422, "invalid_scope", "own or all"},
		"a state of a request":  {"/v1/grants?state=pending", 422, "invalid_state", "scheduled, active, ended"},
		"a subject, no type":    {"/v1/grants?subject=alice@example.com", 422, "invalid_subject", "subject"},
		"a resource, no type":   {"/v1/grants?resource=acme", 422, "invalid_resource", "resource"},
		"a query on an object":  {"/v1/grants/grt_00000000000000000000000000?x=1", 422, "unknown_parameter", "no query parameters"},
		"decisions as csv":      {"/v1/decisions?format=csv", 422, "format_not_offered", "as json or ndjson"},
		"an export as json":     {"/v1/audit/export?format=json", 422, "invalid_format", "ndjson, csv, ocsf or proof"},
		"an export backwards":   {"/v1/audit/export?after=2&through=1", 422, "invalid_range", ""},
		"an export after a":     {"/v1/audit/export?after=a", 422, "invalid_number", "after"},
		"an export through -1":  {"/v1/audit/export?through=-1", 422, "invalid_number", "through"},
		"since without proof":   {"/v1/audit/export?since=1", 422, "invalid_since", "format=proof"},
		"audit as xml":          {"/v1/audit/events?format=xml", 422, "invalid_format", "ndjson"},
		"newest is yes":         {"/v1/audit/events?newest=yes", 422, "invalid_newest", "true or false"},
		"audit with a bad seq":  {"/v1/audit/events?cursor=MTp4", 422, "invalid_cursor", ""},
		"audit with scope":      {"/v1/audit/events?scope=all", 422, "unknown_parameter", "format"},
		"an actor without type": {"/v1/audit/events?actor=x", 422, "invalid_subject", "actor"},
	}
	w := newWorld(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := wantProblem(t, w.get(tc.query), tc.status, tc.code, "")
			if !strings.Contains(p.Detail, tc.says) {
				t.Fatalf("detail %q does not say %q", p.Detail, tc.says)
			}
		})
	}
}

func TestUnknownMemberNamesTheKnownOnes(t *testing.T) {
	w := newWorld(t)
	p := wantProblem(t, w.post("/v1/requests", ask(`,"duration":"2h"`)), 422, "unknown_field", "/duration")
	if !strings.Contains(p.Detail, "action, emergency, for, reason, resource, starts_at, subject, while") {
		t.Fatalf("detail is %q", p.Detail)
	}
}

func TestGoodSpellingsAreTaken(t *testing.T) {
	cases := map[string]sent{
		"ISO 8601":             {body: ask(`,"for":"PT2H"`)},
		"nulls":                {body: ask(`,"for":"2h","while":null,"subject":null,"starts_at":null,"reason":null,"emergency":null`)},
		"charset":              {body: askFor2h, header: map[string]string{"Content-Type": "application/json; charset=UTF-8"}},
		"white space":          {body: "\n " + askFor2h + " \n"},
		"a subject in Alice's": {body: ask(`,"for":"2h","subject":{"type":"user","id":"Alice@Example.com"}`)},
		"scheme in lower case": {body: askFor2h, header: map[string]string{"Authorization": "bearer " + aliceSecret}},
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s.method, s.path = "POST", "/v1/requests"
			r := want[access.Request](t, w.do(s), http.StatusCreated)
			if r.Subject != alice || r.State != access.RequestApproved || r.For.String() != "2h" {
				t.Fatalf("request is %+v", r)
			}
		})
	}
}

func TestTimesAreAnsweredInUTC(t *testing.T) {
	w := newWorld(t)
	rec := w.post("/v1/requests", ask(`,"for":"2h","starts_at":"`+w.ledger.Now().AddDate(0, 1, 0).Format("2006-01-02")+`T09:00:00.123456789+02:00"`))
	r := want[struct {
		ID       string `json:"id"`
		StartsAt string `json:"starts_at"`
	}](t, rec, 201)
	if !strings.HasSuffix(r.StartsAt, "T07:00:00.123456Z") {
		t.Fatalf("starts_at is %s", r.StartsAt)
	}
	again := want[struct {
		StartsAt string `json:"starts_at"`
	}](t, w.get("/v1/requests/"+r.ID), 200)
	if again.StartsAt != r.StartsAt {
		t.Fatalf("read again it is %s", again.StartsAt)
	}
}

func TestEscapedSlashIsPartOfAResourceID(t *testing.T) {
	w := newWorld(t)
	r := want[access.Resource](t, w.get("/v1/resources/customer/a%2Fb+c%20d"), 200)
	if r.ID != "a/b+c d" {
		t.Fatalf("resource is %+v", r)
	}
	wantProblem(t, w.get("/v1/resources/customer/a/b"), 404, "unknown_route", "")
}

func TestWrongMethodNamesTheAllowedOnes(t *testing.T) {
	w := newWorld(t)
	for path, allowed := range map[string][]string{
		"/v1/requests": {"GET", "POST"}, "/v1/requests/x/approve": {"POST"}, "/healthz": {"GET"},
	} {
		rec := w.do(sent{method: "DELETE", path: path})
		wantProblem(t, rec, 405, "method_not_allowed", "")
		got := strings.Split(rec.Header().Get("Allow"), ", ")
		slices.Sort(got)
		if !slices.Equal(got, allowed) {
			t.Errorf("%s: Allow is %v, want %v", path, got, allowed)
		}
	}
}

// FuzzBody holds that no body is an internal error or a panic.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{askFor2h, `{"for":7200}`, "{\"\xff\":1}", `{"subject":{"type":1}}`, `{"starts_at":"next_shift"}`, `[[[`, ``} {
		f.Add([]byte(seed))
	}
	shared := newWorld(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		w := *shared
		w.t = t
		if rec := w.post("/v1/decisions", string(raw)); rec.Code >= 500 {
			t.Fatal(fmt.Sprint(rec.Code, rec.Body))
		}
	})
}
