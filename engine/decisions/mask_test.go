package decisions_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/decisions"
)

func TestMasksErase(t *testing.T) {
	t.Parallel()
	const input = `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[{"a":1,"b":2},{"a":3}],"a/b":1,"a~b":2,"":3}`
	for name, tc := range map[string]struct {
		masks  []string
		want   string // of the input; "" for none
		erased []string
	}{
		"a member deep inside":          {[]string{"/input/subject/properties/ssn"}, `{"subject":{"id":"alice","properties":{"n":1e400,"<":">"}},"list":[{"a":1,"b":2},{"a":3}],"a/b":1,"a~b":2,"":3}`, []string{"/input/subject/properties/ssn"}},
		"a whole object":                {[]string{"/input/subject"}, `{"list":[{"a":1,"b":2},{"a":3}],"a/b":1,"a~b":2,"":3}`, []string{"/input/subject"}},
		"the whole and a part of it":    {[]string{"/input/subject/id", "/input/subject"}, `{"list":[{"a":1,"b":2},{"a":3}],"a/b":1,"a~b":2,"":3}`, []string{"/input/subject"}},
		"a name with a slash":           {[]string{"/input/a~1b"}, `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[{"a":1,"b":2},{"a":3}],"a~b":2,"":3}`, []string{"/input/a~1b"}},
		"a name with a tilde":           {[]string{"/input/a~0b"}, `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[{"a":1,"b":2},{"a":3}],"a/b":1,"":3}`, []string{"/input/a~0b"}},
		"an item of a list":             {[]string{"/input/list/0"}, `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[{"a":3}],"a/b":1,"a~b":2,"":3}`, []string{"/input/list/0"}},
		"a member of an item":           {[]string{"/input/list/0/b"}, `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[{"a":1},{"a":3}],"a/b":1,"a~b":2,"":3}`, []string{"/input/list/0/b"}},
		"a member of every item":        {[]string{"/input/list/*/a"}, `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[{"b":2},{}],"a/b":1,"a~b":2,"":3}`, []string{"/input/list/*/a"}},
		"every item, and one of them":   {[]string{"/input/list/*", "/input/list/0/a"}, `{"subject":{"id":"alice","properties":{"ssn":"123","n":1e400,"<":">"}},"list":[],"a/b":1,"a~b":2,"":3}`, []string{"/input/list/*", "/input/list/0/a"}},
		"a path that is not there":      {[]string{"/input/subject/properties/phone", "/input/nobody/there", "/input/list/7/a", "/input/list/x"}, input, nil},
		"a path through a text":         {[]string{"/input/subject/id/x"}, input, nil},
		"one that is there of several":  {[]string{"/input/nobody", "/input/subject"}, `{"list":[{"a":1,"b":2},{"a":3}],"a/b":1,"a~b":2,"":3}`, []string{"/input/subject"}},
		"the whole input":               {[]string{"/input"}, "", []string{"/input"}},
		"the result, and not the input": {[]string{"/result/reason"}, input, []string{"/result/reason"}},
	} {
		masks, err := decisions.ParseMasks(tc.masks)
		must(t, err)
		line := decisions.NewForm(nil, masks).Line(access.DecisionEvent{
			ID: "dec_01", Input: json.RawMessage(input), Result: json.RawMessage(`{"decision":true,"reason":"x"}`),
		})
		var got struct {
			Input  json.RawMessage
			Erased []string
		}
		must(t, json.Unmarshal(line, &got))
		if !equalJSON(t, string(got.Input), tc.want) || !slices.Equal(got.Erased, tc.erased) {
			t.Errorf("%s: got\n%s, erased %v, want\n%s, erased %v", name, got.Input, got.Erased, tc.want, tc.erased)
		}
	}
}

// equalJSON compares by meaning, and numbers by their digits.
func equalJSON(t *testing.T, a, b string) bool {
	t.Helper()
	if a == "" || b == "" {
		return a == b
	}
	return canonical(t, a) == canonical(t, b)
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	must(t, d.Decode(&v))
	raw, err := json.Marshal(v)
	must(t, err)
	return string(raw)
}

func TestDocumentThatCanNotBeReadIsErased(t *testing.T) {
	t.Parallel()
	masks, err := decisions.ParseMasks([]string{"/input/ssn"})
	must(t, err)
	line := decisions.NewForm(nil, masks).Line(access.DecisionEvent{ID: "dec_01", Input: json.RawMessage(`{"ssn":"123"`)})
	if got := decodeStrictly(t, line); got.Input != nil || !slices.Equal(got.Erased, []string{"/input"}) {
		t.Errorf("got %s", line)
	}
}

func TestMasksThatCanNotBe(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "input", "/", "/inputs/a", "/input/", "/subject", "/input/a~b", "/input/a~", "/input/~2"} {
		if _, err := decisions.ParseMasks([]string{"/input", path}); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
}
