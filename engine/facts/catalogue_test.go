package facts_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
)

var targets = map[string]bool{"okta": true, "receiver": true, "old": false}

func TestCatalogueOfTheDocumentationIsValid(t *testing.T) {
	c := decode[access.Catalogue](t, `{"resources": [
		{"type":"customer","id":"acme","name":"Acme Corp","properties":{"owner":"payments","tier":"gold","seats":[1,2.5,null,true,{"a/b":"c"}]},
		 "entitlements":[{"action":"debug","durations":["30s","PT2H","4h"],"while":["oncall","incident"],"target":"okta"},
		                 {"action":"admin","while":["oncall"],"target":"receiver"}]},
		{"type":"customer","id":"globex"}]}`)
	if err := facts.ValidateCatalogue(c, targets); err != nil {
		t.Error(err)
	}
}

type fault struct{ code, field string }

// faults lists the codes and places that err joins.
func faults(t *testing.T, err error) []fault {
	t.Helper()
	if err == nil {
		return nil
	}
	var list []fault
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		var e *access.Error
		if !errors.As(one, &e) || !errors.Is(one, access.ErrInvalid) {
			t.Fatalf("%v is not an invalid *access.Error", one)
		}
		list = append(list, fault{e.Code, e.Field})
	}
	return list
}

func TestFaultsOfACatalogue(t *testing.T) {
	entitled := func(e string) string {
		return `{"type": "customer", "id": "acme", "entitlements": [` + e + `]}`
	}
	cases := map[string]struct {
		resources string
		want      fault
	}{
		"a resource without a type":           {`{"id": "acme"}`, fault{"invalid_resource", "/resources/0/type"}},
		"a resource without an id":            {`{"type": "customer"}`, fault{"invalid_resource", "/resources/0/id"}},
		"a resource twice":                    {`{"type": "customer", "id": "acme"}, {"type": "customer", "id": "acme"}`, fault{"duplicate_resource", "/resources/1"}},
		"an action without a name":            {entitled(`{"while": ["oncall"], "target": "okta"}`), fault{"invalid_action", "/resources/0/entitlements/0/action"}},
		"an action twice":                     {entitled(`{"action": "debug", "while": ["oncall"], "target": "okta"}, {"action": "debug", "durations": ["1h"], "target": "receiver"}`), fault{"duplicate_entitlement", "/resources/0/entitlements/1/action"}},
		"nothing says how long":               {entitled(`{"action": "debug", "target": "okta"}`), fault{"no_duration", "/resources/0/entitlements/0/durations"}},
		"a duration of null":                  {entitled(`{"action": "debug", "durations": ["1h", null], "target": "okta"}`), fault{"duration_not_positive", "/resources/0/entitlements/0/durations/1"}},
		"while of something unknown":          {entitled(`{"action": "debug", "while": ["oncall", "awake"], "target": "okta"}`), fault{"invalid_while", "/resources/0/entitlements/0/while/1"}},
		"while of one incident":               {entitled(`{"action": "debug", "while": ["incident:P1"], "target": "okta"}`), fault{"invalid_while", "/resources/0/entitlements/0/while/0"}},
		"a target that is not configured":     {entitled(`{"action": "debug", "durations": ["1h"], "target": "nowhere"}`), fault{"unknown_target", "/resources/0/entitlements/0/target"}},
		"a target that is not to be used":     {entitled(`{"action": "debug", "durations": ["1h"], "target": "old"}`), fault{"unknown_target", "/resources/0/entitlements/0/target"}},
		"no target":                           {entitled(`{"action": "debug", "durations": ["1h"]}`), fault{"unknown_target", "/resources/0/entitlements/0/target"}},
		"a name that a database can not keep": {`{"type": "customer", "id": "acme", "name": "a\u0000b"}`, fault{"invalid_name", "/resources/0/name"}},
		"an integer that JSON would change":   {`{"type": "customer", "id": "acme", "properties": {"n": 9007199254740993}}`, fault{"invalid_property", "/resources/0/properties/n"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := facts.ValidateCatalogue(decode[access.Catalogue](t, `{"resources": [`+c.resources+`]}`), targets)
			if got := faults(t, err); len(got) != 1 || got[0] != c.want {
				t.Errorf("faults = %v, want %v: %v", got, c.want, err)
			}
		})
	}
}

func TestAllFaultsOfACatalogueAreListed(t *testing.T) {
	err := facts.ValidateCatalogue(decode[access.Catalogue](t, `{"resources": [
		{"type": "Customer", "id": "acme", "entitlements": [{"action": "", "target": ""}]},
		{"type": "customer", "id": ""}]}`), nil)
	if got := faults(t, err); len(got) != 5 {
		t.Errorf("faults = %v, want 5", got)
	}
}

func TestPropertiesAreWhatJSONCanHold(t *testing.T) {
	deep := any("leaf")
	for range 20 {
		deep = []any{deep}
	}
	good := map[string]any{
		"null": nil, "yes": true, "text": "gold", "largest": int64(1<<53 - 1), "negative": -1, "unsigned": uint64(1),
		"real": 0.1, "large": json.Number("1e15"), "list": []any{"a", map[string]any{"b": 1}},
	}
	bad := map[string]any{
		"a time, which YAML knows":   time.Unix(0, 0),
		"keys that are no strings":   map[any]any{1: "one"},
		"not a number":               math.NaN(),
		"infinite":                   math.Inf(1),
		"too large an int":           1 << 53,
		"too small an int":           int64(-1 << 53),
		"too large without a sign":   uint64(1 << 63),
		"too large as it was read":   json.Number("9007199254740993"),
		"a number that is none":      json.Number("one"),
		"text that is not UTF-8":     "\xff",
		"a program's type":           struct{}{},
		"nested without an end":      deep,
		"inside a list":              []any{1, math.NaN()},
		"inside an object with / ~0": map[string]any{"a/b~c": math.NaN()},
	}
	places := map[string]string{
		"inside a list":              "/resources/0/properties/p/1",
		"inside an object with / ~0": "/resources/0/properties/p/a~1b~0c",
	}
	check := func(v any) error {
		return facts.ValidateCatalogue(access.Catalogue{Resources: []access.Resource{
			{Type: "customer", ID: "acme", Properties: map[string]any{"p": v}},
		}}, targets)
	}
	for name, v := range good {
		if err := check(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, v := range bad {
		got := faults(t, check(v))
		if len(got) != 1 || got[0].code != "invalid_property" {
			t.Errorf("%s: faults = %v, want one invalid_property", name, got)
			continue
		}
		if want := places[name]; want != "" && got[0].field != want {
			t.Errorf("%s: field = %s, want %s", name, got[0].field, want)
		}
	}
}

func TestFaultsOfOneResourceAreAtPlacesWithinIt(t *testing.T) {
	err := facts.ValidateResource(decode[access.Resource](t, `{"type": "Customer", "id": "acme", "properties": {"n": 9007199254740993},
		"entitlements": [{"action": "debug", "durations": ["1h"], "target": "old"}]}`), targets)
	want := []fault{{"invalid_resource", "/type"}, {"invalid_property", "/properties/n"}, {"unknown_target", "/entitlements/0/target"}}
	if got := faults(t, err); !slices.Equal(got, want) {
		t.Errorf("faults = %v, want %v", got, want)
	}
}
