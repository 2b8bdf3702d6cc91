package pdp_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// A policy that says what it was given.
var echo = map[string]string{
	"access.rego": "package access\n" + `decision := {"effect": "deny", "reasons": [{"code": "a", "title": "A", "detail": json.marshal(input)}]}`,
	"api.rego":    "package api\n" + `allow := {"allowed": false, "reason": json.marshal(input)}`,
}

func TestPolicySeesWhatTheRecordKeeps(t *testing.T) {
	p := open(t, echo)
	zone := time.FixedZone("", 2*3600)
	for name, in := range map[string]access.Input{
		"a usual request": ask(nil),
		"nothing known":   ask(func(in *access.Input) { *in = access.Input{Context: access.InputContext{ForSeconds: new(int64(1))}} }),
		"everything known": ask(func(in *access.Input) {
			in.Resource.Properties = map[string]any{
				"nil": nil, "bool": true, "text": "<ü> \u2028 \"q\"", "int": -7, "int64": int64(math.MinInt64), "uint64": uint64(math.MaxUint64),
				"float": 0.1, "large": 1e21, "small": 1e-7, "whole": 3.0, "number": json.Number("1.50"), "time": now,
				"texts": []string{"a", "b"}, "none": []any{}, "empty": map[string]any{}, "nilmap": map[string]any(nil), "nilslice": []any(nil),
				"deep": map[string]any{"list": []any{1, "a", nil, map[string]any{"b": false}}},
			}
			in.Context = access.InputContext{
				Now: now.Add(123456789).In(zone), ForSeconds: new(int64(60)), StartsAt: new(now.In(zone)),
				Reason: "a\tb\n\x00 \U0001f525", Emergency: true, Channel: access.ChannelSlack, Phase: access.PhaseReview,
				OnCall: access.OnCall{Known: true, AgeSeconds: new(int64(12)), Shifts: []access.Shift{
					{Schedule: &access.Ref{ID: "S", Name: "Primary"}, Policy: &access.Ref{ID: "P"}, Level: 1, Start: &now, End: new(now.Add(1))},
					{Level: 2},
				}},
				Incidents: access.Incidents{Known: true, AgeSeconds: new(int64(0)), Open: []access.Incident{
					{ID: "I", Number: 42, Title: "Down", Status: "triggered", Urgency: "high", Service: access.Ref{ID: "SV"},
						EscalationPolicy: access.Ref{ID: "EP", Name: "E"}, Roles: []string{"assignee"}},
					{},
				}},
				Grants: []access.InputGrant{{ID: "grt_1", Action: access.Action{Name: "debug"},
					Resource: access.ResourceRef{Type: "customer", ID: "acme"}, StartsAt: now, ExpiresAt: now.Add(time.Hour)}},
			}
		}),
		"empty lists": ask(func(in *access.Input) {
			in.Subject.Properties.Groups = []string{}
			in.Resource.DurationsSeconds, in.Resource.While = []int64{}, []string{}
			in.Context.OnCall.Shifts, in.Context.Incidents.Open = []access.Shift{}, []access.Incident{}
			in.Context.Grants = []access.InputGrant{}
		}),
		"for as long as on call": ask(while("oncall")),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := p.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, d.Reasons[0].Detail, in)
		})
	}
}

func TestAPIPolicySeesTheInput(t *testing.T) {
	p := open(t, echo)
	alice := access.Subject{Type: "user", ID: "alice@example.com"}
	for name, in := range map[string]access.APIInput{
		"nothing known": {},
		"everything known": {
			Actor: access.InputSubject{Type: "user", ID: "alice@example.com",
				Properties: access.SubjectProperties{Groups: []string{"security"}, GroupsKnown: true}},
			Operation: "request.review",
			Object: access.APIObject{Scope: "own", Subject: &alice, Requester: &alice, Reviewer: new(false),
				Resource: &access.ResourceRef{Type: "customer", ID: "acme"}, Action: &access.Action{Name: "debug"}, Path: new("access"), Source: new("crm")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Allow(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, got.Reason, in)
		})
	}
}

func TestFactsWithoutAFormInJSONAreRefused(t *testing.T) {
	p := open(t, echo)
	for name, tc := range map[string]struct {
		change func(*access.Input)
		want   string
	}{
		"a channel":             {func(in *access.Input) { in.Resource.Properties["x"] = make(chan int) }, "resource.properties.x"},
		"keys that are no text": {func(in *access.Input) { in.Resource.Properties["x"] = []any{map[any]any{1: 2}} }, "resource.properties.x[]"},
		"not a number":          {func(in *access.Input) { in.Resource.Properties["x"] = math.NaN() }, "resource.properties.x"},
		"no number at all":      {func(in *access.Input) { in.Resource.Properties["x"] = json.Number("a lot") }, "resource.properties.x"},
		"text that is no UTF-8": {func(in *access.Input) { in.Context.Reason = "a\xffb" }, "UTF-8"},
		"name that is no UTF-8": {func(in *access.Input) { in.Resource.Properties["\xff"] = 1 }, "UTF-8"},
		"a year without a form": {func(in *access.Input) { in.Context.Now = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := p.Decide(t.Context(), ask(tc.change))
			if d.Effect != access.Deny || codes(d) != "input_malformed" {
				t.Errorf("got %s for %q", d.Effect, codes(d))
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q is not in %v", tc.want, err)
			}
		})
	}
}

func sameJSON(t *testing.T, got string, in any) {
	t.Helper()
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ast.ValueFromReader(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	seen, err := ast.ValueFromReader(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if seen.Compare(want) != 0 {
		t.Errorf("the policy saw %v\nand not        %v", seen, want)
	}
}
