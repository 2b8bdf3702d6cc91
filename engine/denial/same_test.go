package denial_test

import (
	"encoding/json"
	"testing"

	"github.com/curfew-access/curfew/engine/denial"
)

func TestValuesAreComparedByWhatTheySay(t *testing.T) {
	cases := map[string]struct {
		a, b string
		same bool
	}{
		"the order of members does not count": {`{"a":1,"b":[true,null]}`, `{ "b":[true,null], "a":1 }`, true},
		"numbers are equal by their value":    {`{"n":1.0}`, `{"n":1e0}`, true},
		"escapes do not count":                {`"A"`, `"\u0041"`, true},
		"case counts":                         {`{"id":"a"}`, `{"id":"A"}`, false},
		"composed and decomposed differ":      {`"\u00e9"`, `"e\u0301"`, false},
		"an absent member is no null":         {`{"a":null}`, `{}`, false},
		"the order of a list counts":          {`[1,2]`, `[2,1]`, false},
		"a number is no text":                 {`1`, `"1"`, false},
		"another property":                    {`{"properties":{"x":1}}`, `{"properties":{"x":2}}`, false},
		"what is no JSON is like nothing":     {`{`, `{`, false},
		"nor is what something follows":       {`{} {}`, `{} {}`, false},
		"nor a number beyond all doubles":     {`1e999`, `1e999`, false},
	}
	for name, tc := range cases {
		if got := denial.Same(json.RawMessage(tc.a), json.RawMessage(tc.b)); got != tc.same {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhoActsForTheSubjectDoesNotCount(t *testing.T) {
	cases := map[string]struct {
		a, b string
		same bool
	}{
		"another actor":             {`{"id":"a","properties":{"act":{"sub":"x"},"p":1}}`, `{"id":"a","properties":{"act":{"sub":"y"},"p":1}}`, true},
		"the actor moved elsewhere": {`{"id":"a","properties":{"act":{"sub":"x"}}}`, `{"id":"a"}`, true},
		"another property":          {`{"id":"a","properties":{"act":{"sub":"x"},"p":1}}`, `{"id":"a","properties":{"p":2}}`, false},
		"another subject":           {`{"id":"a"}`, `{"id":"b"}`, false},
	}
	for name, tc := range cases {
		if got := denial.SameSubject(json.RawMessage(tc.a), json.RawMessage(tc.b)); got != tc.same {
			t.Errorf("%s: %v", name, got)
		}
	}
}
