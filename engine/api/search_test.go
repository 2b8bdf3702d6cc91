package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// foundPage is what a search answers.
type foundPage struct {
	Page struct {
		NextToken string `json:"next_token"`
		Count     int    `json:"count"`
	} `json:"page"`
	Results []struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"results"`
}

func (p foundPage) names() (names []string) {
	for _, r := range p.Results {
		names = append(names, r.ID+r.Name)
	}
	return names
}

func (w *world) search(path, body string) foundPage {
	w.t.Helper()
	rec := w.post(path, body)
	p := want[foundPage](w.t, rec, 200)
	if p.Page.Count != len(p.Results) || !strings.HasPrefix(rec.Body.String(), `{"page":{"next_token":`) {
		w.t.Errorf("the page is %s", rec.Body)
	}
	return p
}

// searchAll follows the tokens to the end.
func (w *world) searchAll(path, body string) (names []string, pages int) {
	w.t.Helper()
	for token := ""; ; {
		p := w.search(path, strings.TrimSuffix(body, "}")+`,"page":{"limit":2,"token":"`+token+`"}}`)
		names, pages = append(names, p.names()...), pages+1
		if token = p.Page.NextToken; token == "" {
			return names, pages
		}
		if pages > 200 {
			w.t.Fatalf("there is no end: %v", names)
		}
	}
}

func searching(subject, action, resource string) string {
	return `{"subject":` + subject + `,"action":` + action + `,"resource":` + resource + `}`
}

const (
	aUser      = `{"type":"user"}`
	theAlice   = `{"type":"user","id":"alice@example.com"}`
	toDebug    = `{"name":"debug"}`
	aCustomer  = `{"type":"customer"}`
	theAcme    = `{"type":"customer","id":"acme"}`
	whoDebugs  = `{"subject":` + aUser + `,"action":` + toDebug + `,"resource":` + theAcme + `}`
	whatAlices = `{"subject":` + theAlice + `,"action":` + toDebug + `,"resource":` + aCustomer + `}`
)

func TestSearchFindsWhatACheckAllows(t *testing.T) {
	w := newRealWorld(t, nil)
	for path, body := range map[string]string{
		searchSubjectPath: whoDebugs, searchResourcePath: whatAlices, searchActionPath: searching(theAlice, toDebug, theAcme),
	} {
		if p := w.search(path, body); len(p.Results) != 0 || p.Page.NextToken != "" {
			t.Errorf("%s found %+v before there was a grant", path, p)
		}
	}
	w.granted()
	for path, tc := range map[string]struct{ body, found string }{
		searchSubjectPath:  {whoDebugs, "alice@example.com"},
		searchResourcePath: {whatAlices, "acme"},
		searchActionPath:   {searching(theAlice, toDebug, theAcme), "debug"},
	} {
		if p := w.search(path, tc.body); !slices.Equal(p.names(), []string{tc.found}) {
			t.Errorf("%s found %+v, want %s", path, p, tc.found)
		}
	}
	if w.book.taken() == nil {
		t.Error("nothing was taken down")
	}
}

func TestSearchOfWhatIsNotKnownFindsNothing(t *testing.T) {
	w := newRealWorld(t, nil)
	w.granted()
	for name, tc := range map[string]struct{ path, body string }{
		"another type of subject":     {searchSubjectPath, searching(`{"type":"robot"}`, toDebug, theAcme)},
		"a type that can not be":      {searchSubjectPath, searching(`{"type":"us:er"}`, toDebug, theAcme)},
		"a type that holds a NUL":     {searchSubjectPath, searching(`{"type":"us\u0000er"}`, toDebug, theAcme)},
		"half a type":                 {searchSubjectPath, searching(`{"type":"use"}`, toDebug, theAcme)},
		"another action":              {searchSubjectPath, searching(aUser, `{"name":"destroy"}`, theAcme)},
		"another resource":            {searchSubjectPath, searching(aUser, toDebug, `{"type":"customer","id":"none"}`)},
		"another type of resource":    {searchResourcePath, searching(theAlice, toDebug, `{"type":"shop"}`)},
		"another subject":             {searchResourcePath, searching(`{"type":"user","id":"dave@example.com"}`, toDebug, aCustomer)},
		"a subject that can not be":   {searchResourcePath, searching(`{"type":"group","id":"x"}`, toDebug, aCustomer)},
		"a subject with a NUL":        {searchResourcePath, searching(`{"type":"user","id":"a\u0000"}`, toDebug, aCustomer)},
		"no such action anywhere":     {searchActionPath, searching(`{"type":"user","id":"dave@example.com"}`, toDebug, theAcme)},
		"no such resource anywhere":   {searchActionPath, searching(theAlice, toDebug, `{"type":"x","id":"y"}`)},
		"a resource that holds a NUL": {searchActionPath, searching(theAlice, toDebug, `{"type":"x","id":"\u0000"}`)},
	} {
		if p := w.search(tc.path, tc.body); len(p.Results) != 0 || p.Page.NextToken != "" {
			t.Errorf("%s: found %+v", name, p)
		}
	}
}

func TestSearchIgnoresTheNameOfWhatItIsFor(t *testing.T) {
	w := newRealWorld(t, nil)
	w.granted()
	for path, bodies := range map[string][]string{
		searchSubjectPath:  {whoDebugs, searching(`{"type":"user","id":"bob@example.com"}`, toDebug, theAcme), searching(`{"type":"user","id":""}`, toDebug, theAcme)},
		searchResourcePath: {whatAlices, searching(theAlice, toDebug, `{"type":"customer","id":"none"}`)},
		searchActionPath:   {`{"subject":` + theAlice + `,"resource":` + theAcme + `}`, searching(theAlice, `{"name":"destroy"}`, theAcme), searching(theAlice, `{}`, theAcme)},
	} {
		for _, body := range bodies {
			if p := w.search(path, body); len(p.Results) != 1 {
				t.Errorf("%s found %v by %s", path, p, body)
			}
		}
	}
}

func TestSearchNeedsItsOtherNames(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct{ path, body, at string }{
		"a subject search without an action":    {searchSubjectPath, `{"subject":` + aUser + `,"resource":` + theAcme + `}`, "/action/name: "},
		"a subject search without a resource":   {searchSubjectPath, searching(aUser, toDebug, aCustomer), "/resource/id: "},
		"a subject search without a type":       {searchSubjectPath, searching(`{"id":"x"}`, toDebug, theAcme), "/subject/type: "},
		"a resource search without a subject":   {searchResourcePath, searching(aUser, toDebug, aCustomer), "/subject/id: "},
		"a resource search without a type":      {searchResourcePath, searching(theAlice, toDebug, `{}`), "/resource/type: "},
		"a resource search without an action":   {searchResourcePath, `{"subject":` + theAlice + `,"resource":` + aCustomer + `}`, "/action/name: "},
		"an action search without a resource":   {searchActionPath, `{"subject":` + theAlice + `}`, "/resource/type: "},
		"an action search without its id":       {searchActionPath, searching(theAlice, toDebug, aCustomer), "/resource/id: "},
		"a page that is no object":              {searchSubjectPath, whoDebugs[:len(whoDebugs)-1] + `,"page":7}`, "/page: "},
		"a limit that is a text":                {searchSubjectPath, whoDebugs[:len(whoDebugs)-1] + `,"page":{"limit":"7"}}`, "/page/limit: "},
		"a limit of none":                       {searchSubjectPath, whoDebugs[:len(whoDebugs)-1] + `,"page":{"limit":0}}`, "/page/limit: "},
		"a limit that is negative":              {searchSubjectPath, whoDebugs[:len(whoDebugs)-1] + `,"page":{"limit":-1}}`, "/page/limit: "},
		"a limit that is not whole":             {searchSubjectPath, whoDebugs[:len(whoDebugs)-1] + `,"page":{"limit":1.5}}`, "/page/limit: "},
		"a token that is a number":              {searchSubjectPath, whoDebugs[:len(whoDebugs)-1] + `,"page":{"token":1}}`, "/page/token: "},
		"an action of another type, if it must": {searchResourcePath, searching(theAlice, `"debug"`, aCustomer), "/action: "},
	} {
		t.Run(name, func(t *testing.T) { wantPlain(t, w.post(tc.path, tc.body), 400, "invalid_evaluation: "+tc.at) })
	}
}

// catalogued puts so many resources into the catalogue and lets alice debug those
// that the predicate picks.
func (w *world) catalogued(n int, live func(int) bool) (granted []string) {
	w.t.Helper()
	offered := []access.Entitlement{{Action: "debug", Durations: []access.Duration{access.Duration(2 * 3600e9)}, Target: "box"}}
	var c access.Catalogue
	for i := range n {
		c.Resources = append(c.Resources, access.Resource{Type: "shop", ID: fmt.Sprintf("s-%04d", i), Entitlements: offered})
	}
	_, err := w.engine.SyncResources(w.t.Context(), "shops", c)
	must(w.t, err)
	for i := range n {
		if live(i) {
			id := fmt.Sprintf("s-%04d", i)
			want[engine.RequestView](w.t, w.post("/v1/requests", strings.NewReplacer("customer", "shop", "acme", id).Replace(askFor2h)), 201)
			granted = append(granted, id)
		}
	}
	return granted
}

func TestSearchPagesThroughEverythingOnce(t *testing.T) {
	w := newRealWorld(t, nil)
	granted := w.catalogued(2100, func(i int) bool { return i%300 == 7 })
	names, pages := w.searchAll(searchResourcePath, searching(theAlice, toDebug, `{"type":"shop"}`))
	if !slices.Equal(names, granted) {
		t.Errorf("found %v, want %v", names, granted)
	}
	if pages < 4 {
		t.Errorf("it took %d pages", pages)
	}
}

func TestSearchTriesWhatThePolicySuggests(t *testing.T) {
	w := newRealWorld(t, map[string]string{"check/check.rego": `package check

default decision := {"decision": false, "reason": "no"}

decision := {"decision": true, "reason": "even"} if {
	input.subject.type == "user"
	to_number(substring(input.resource.id, 2, -1)) % 2 == 0
}

candidates := {
	"subjects": [],
	"resources": array.concat(
		[{"type": "shop", "id": sprintf("s-%04d", [n])} | some n in numbers.range(4, 10)],
		[{"type": "shop", "id": "s-0004"}, {"type": "other", "id": "s-0006"}, {"type": "shop", "id": ""}],
	),
	"actions": [],
}
`})
	w.catalogued(16, func(int) bool { return false })
	names, _ := w.searchAll(searchResourcePath, searching(theAlice, toDebug, `{"type":"shop"}`))
	if want := []string{"s-0004", "s-0006", "s-0008", "s-0010", "s-0000", "s-0002", "s-0012", "s-0014"}; !slices.Equal(names, want) {
		t.Errorf("found %v, want %v", names, want)
	}
}

// A page that is full of what the policy suggests has the catalogue still ahead.
func TestSearchGoesOnBehindAThousandSuggestions(t *testing.T) {
	w := newRealWorld(t, map[string]string{"check/check.rego": `package check

decision := {"decision": input.resource.id == "acme", "reason": "name"}

candidates := {"resources": [{"type": "customer", "id": sprintf("c-%04d", [n])} | some n in numbers.range(1, 1000)]}
`})
	names, pages := w.searchAll(searchResourcePath, whatAlices)
	if !slices.Equal(names, []string{"acme"}) || pages != 2 {
		t.Errorf("found %v on %d pages", names, pages)
	}
}

func TestSearchWhosePolicySuggestsNonsenseIsAnError(t *testing.T) {
	w := newRealWorld(t, map[string]string{"check/check.rego": "package check\n\ndecision := {\"decision\": true, \"reason\": \"x\"}\n\ncandidates := {\"subjects\": 7}\n"})
	wantPlain(t, w.post(searchSubjectPath, whoDebugs), 500, "internal: ")
}

func TestSearchTokenIsOfItsSearchAlone(t *testing.T) {
	w := newRealWorld(t, nil)
	w.catalogued(4, func(int) bool { return true })
	const shops = `{"subject":{"type":"user","id":"alice@example.com"},"action":{"name":"debug"},"resource":{"type":"shop"}`
	first := w.search(searchResourcePath, shops+`,"page":{"limit":2}}`)
	token := first.Page.NextToken
	if token == "" || len(first.Results) != 2 {
		t.Fatalf("the first page is %+v", first)
	}
	paged := func(rest string) string { return `,"page":{"token":"` + token + `"` + rest + `}}` }
	for name, body := range map[string]string{
		"the same":          shops + paged(""),
		"another limit":     shops + paged(`,"limit":1000000`),
		"another spelling":  strings.Replace(strings.Replace(shops, "shop", `\u0073hop`, 1), ":", " : ", 3) + paged(""),
		"another order":     `{"resource":{"type":"shop"},"action":{"name":"debug"},"subject":{"id":"alice@example.com","type":"user"}` + paged(""),
		"with an empty one": shops + `,"page":{"token":""}}`,
	} {
		if p := w.search(searchResourcePath, body); len(p.Results) < 2 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for name, body := range map[string]string{
		"another subject":     strings.Replace(shops, "alice", "bob", 1) + paged(""),
		"another action":      strings.Replace(shops, "debug", "restart", 1) + paged(""),
		"another type":        strings.Replace(shops, "shop", "customer", 1) + paged(""),
		"a context":           shops + `,"context":{"a":1}` + paged(""),
		"another member":      shops + `,"x":1` + paged(""),
		"properties":          shops + paged(`,"properties":{"sort":"up"}`),
		"no token of ours":    shops + `,"page":{"token":"x"}}`,
		"half of one":         shops + `,"page":{"token":"` + token[:10] + `"}}`,
		"one with no place":   shops + `,"page":{"token":"` + token[:21] + `"}}`,
		"one that was turned": shops + `,"page":{"token":"` + token + `AA"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			wantPlain(t, w.post(searchResourcePath, body), 400, "invalid_page_token: /page/token: ")
		})
	}
	forged, err := base64.RawURLEncoding.DecodeString(token)
	must(t, err)
	for _, end := range []string{"\x00", "\xff"} {
		body := shops + `,"page":{"token":"` + base64.RawURLEncoding.EncodeToString(append(forged, end...)) + `"}}`
		wantPlain(t, w.post(searchResourcePath, body), 400, "invalid_page_token: ")
	}
	wantPlain(t, w.post(searchActionPath, shops[:len(shops)-1]+`,"id":"s-0001"}`+paged("")), 400, "invalid_page_token: ")
}

func TestSearchIsAsPolicyAllowsIt(t *testing.T) {
	w := newRealWorld(t, nil) // in which bob may ask about everybody, and carol about herself
	mine := `{"type":"user","id":"Carol@example.com"}`
	for name, tc := range map[string]struct {
		path, body string
		status     int
	}{
		"what may I do":        {searchActionPath, searching(mine, toDebug, theAcme), 200},
		"on what may I":        {searchResourcePath, searching(mine, toDebug, aCustomer), 200},
		"on what may she":      {searchResourcePath, whatAlices, 403},
		"what may she do":      {searchActionPath, searching(theAlice, toDebug, theAcme), 403},
		"who may":              {searchSubjectPath, whoDebugs, 403},
		"am I one of who may?": {searchSubjectPath, searching(mine, toDebug, theAcme), 403},
	} {
		if rec := w.asCarol("POST", tc.path, tc.body); rec.Code != tc.status {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if rec := w.asBob("POST", tc.path, tc.body); rec.Code != 200 {
			t.Errorf("%s, by bob: %d %s", name, rec.Code, rec.Body)
		}
	}
}

// FuzzSearchIsReadAsJSON holds the reader of searches against one made by
// reflection: what is answered is what that would have read.
func FuzzSearchIsReadAsJSON(f *testing.F) {
	f.Add(whoDebugs)
	f.Add(whatAlices[:len(whatAlices)-1] + `,"page":{"limit":3,"token":"","properties":{"a":[1]}},"context":{"x":{}}}`)
	f.Add(`{"subject":{"type":"us\u0000er"},"action":{"name":"\ud83d\ude00"},"resource":{"id":"a","type":"b:c"},"page":null}`)
	f.Add(`{"page":{"token":"AAAAAAAAAAAAAAAAAAAAAGs","limit":1e2}}`)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{searchSubjectPath, searchResourcePath, searchActionPath} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+aliceSecret)
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, r)
			var x struct {
				Subject, Resource struct{ Type string }
				Page              struct{ Limit float64 }
			}
			switch err := json.Unmarshal([]byte(body), &x, json.MatchCaseInsensitiveNames(true)); {
			case rec.Code == http.StatusOK && (err != nil || x.Subject.Type == "" || x.Resource.Type == ""):
				t.Fatalf("%s answered %s to %q, which is read as %+v, %v", path, rec.Body, body, x, err)
			case rec.Code != http.StatusOK && rec.Code != http.StatusBadRequest && rec.Code != http.StatusRequestEntityTooLarge:
				t.Fatalf("%s answered %d %s to %q", path, rec.Code, rec.Body, body)
			}
		}
	})
}
