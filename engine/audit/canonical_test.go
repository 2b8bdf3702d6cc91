package audit_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/gowebpki/jcs"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// reference is the canonical form as the library makes it of the event's JSON.
func reference(t *testing.T, e audit.Event) string {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want, err := jcs.Transform(raw)
	if err != nil {
		t.Fatal(err)
	}
	return string(want)
}

func wantCanonical(t *testing.T, e audit.Event) {
	t.Helper()
	got, err := e.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if want := reference(t, e); string(got) != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCanonicalFormIsThatOfRFC8785(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 4, 5, 60_000, time.UTC)
	why, length := access.EndRevoked, access.Duration(2*time.Hour)
	var none *time.Time
	for name, data := range map[string]map[string]any{
		"nothing":            nil,
		"an empty object":    {},
		"texts of types":     {"b": access.Present, "a": access.VerbProvision, "c": &why, "Z": audit.Text(""), "d": audit.Text("x")},
		"numbers":            {"i": 1, "j": int64(-7), "f": 1.5, "big": int64(math.MaxInt64), "e": 1e21, "u": uint8(3)},
		"times and lengths":  {"t": now, "p": &now, "n": none, "for": &length, "nilfor": (*access.Duration)(nil)},
		"flags and nothing":  {"yes": true, "no": false, "nil": nil},
		"lists and objects":  {"l": []string{"b", "a"}, "o": map[string]any{"z": 1, "a": []any{nil, "x"}}, "s": access.Subject{Type: "user", ID: "a@b.c"}},
		"characters":         {"text": "a\"b\\c\u0000\u001f\b\f\n\r\t<>&\u2028é😀\x7f"},
		"not UTF-8":          {"text": "a\xffb\xfe\xfe"},
		"names beyond ASCII": {"é": 1, "z": 2, "\U0001F600": 3, "\uFB33": 4},
	} {
		t.Run(name, func(t *testing.T) {
			x := access.Entitled{
				Subject: access.Subject{Type: "user", ID: "alice@example.com"}, Action: access.Action{Name: "debug"},
				Resource: access.ResourceRef{Type: "customer", ID: `a"cmé`},
			}
			wantCanonical(t, audit.Event{ID: "evt_1", Version: 1, Type: "a.b", Time: now, Data: data})
			wantCanonical(t, audit.Event{
				ID: "evt_1", Version: 1, Type: "a.b", Time: now, Data: data, Actor: &x.Subject, RequestID: "req_1", GrantID: "grt_1",
				BindingID: "bnd_1", DecisionID: "dec_1", Revision: "r", Channel: "api", Source: "127.0.0.1", HTTPRequestID: "x",
			}.About(x))
		})
	}
}

func FuzzCanonicalTexts(f *testing.F) {
	f.Add("a\"\\\u2028<", "ключ")
	f.Fuzz(func(t *testing.T, text, name string) {
		wantCanonical(t, audit.Event{ID: text, Type: name, Source: audit.Text(text), Data: map[string]any{name: text, "a": name}})
	})
}
