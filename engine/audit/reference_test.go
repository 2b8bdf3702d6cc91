package audit_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// manual is the event reference of docs/audit.md, by type.
type manual map[string]referenced

// referenced is what the documents say of a type.
type referenced struct {
	when    string
	members []string // of its data
	example string
}

var (
	constantPattern = regexp.MustCompile(`(?m)^\t([A-Z]\w+) += "([a-z_]+\.[a-z_]+)"`)
	sectionPattern  = regexp.MustCompile("(?m)^#### `([a-z_.]+)`$")
	memberPattern   = regexp.MustCompile("(?m)^- `([a-z_]+)`: \\S")
	examplePattern  = regexp.MustCompile("(?ms)^```json\n(.*?)^```$")
)

func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// constants are the types of event, by the names of their constants.
func constants(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, found := range constantPattern.FindAllStringSubmatch(content(t, "event.go"), -1) {
		all[found[1]] = found[2]
	}
	if len(all) < 73 {
		t.Fatalf("there are %d types", len(all))
	}
	return all
}

func types(t *testing.T) []string {
	t.Helper()
	return slices.Sorted(maps.Values(constants(t)))
}

func readReference(t *testing.T) manual {
	t.Helper()
	out := manual{}
	document := content(t, "../../docs/audit.md")
	at := sectionPattern.FindAllStringSubmatchIndex(document, -1)
	for i, section := range at {
		name, text := document[section[2]:section[3]], document[section[1]:]
		if i+1 < len(at) {
			text = document[section[1]:at[i+1][0]]
		}
		if _, twice := out[name]; twice {
			t.Errorf("docs/audit.md has %s twice", name)
		}
		var r referenced
		r.when, _, _ = strings.Cut(strings.TrimSpace(text), "\n\n")
		for _, m := range memberPattern.FindAllStringSubmatch(text, -1) {
			r.members = append(r.members, m[1])
		}
		slices.Sort(r.members)
		if examples := examplePattern.FindAllStringSubmatch(text, -1); len(examples) == 1 {
			r.example = examples[0][1]
		}
		out[name] = r
	}
	return out
}

// decodedStrictly reads an event that has nothing else in it.
func decodedStrictly(t *testing.T, text []byte) (e audit.Event) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return e
}

// Whoever reads the audit log finds each of its types explained, with an event that is
// one.
func TestEveryEventIsInTheDocuments(t *testing.T) {
	documented, ids := readReference(t), map[string]string{}
	for _, typ := range types(t) {
		r, told := documented[typ]
		if !told || len(r.when) < 10 || strings.HasPrefix(r.when, "-") || strings.HasPrefix(r.when, "`") {
			t.Errorf("docs/audit.md does not say when there is a %s: %q", typ, r.when)
			continue
		}
		if r.example == "" {
			t.Errorf("docs/audit.md has not one example of %s", typ)
			continue
		}
		e := decodedStrictly(t, []byte(r.example))
		if e.Type != typ || e.Version != audit.Version || access.CheckID(access.KindEvent, e.ID) != nil || e.Time.IsZero() || ids[e.ID] != "" {
			t.Errorf("the example of %s is %+v", typ, e)
		}
		ids[e.ID] = typ
		var plain bytes.Buffer
		if err := json.Compact(&plain, []byte(r.example)); err != nil {
			t.Fatal(err)
		}
		if canonical := bytesOf(t, e); !bytes.Equal(canonical, plain.Bytes()) {
			t.Errorf("the example of %s is not as an event is written: got\n%s\nwant\n%s", typ, plain.Bytes(), canonical)
		}
		for member := range e.Data {
			if !slices.Contains(r.members, member) {
				t.Errorf("the example of %s has %s, which is not explained", typ, member)
			}
		}
	}
	for typ := range documented {
		if !slices.Contains(types(t), typ) {
			t.Errorf("docs/audit.md explains %s, which nothing writes", typ)
		}
	}
}

// made is, for types that are chosen where it can not be read, the function that makes
// their events.
var made = map[string]string{
	"resource.created": "event", "resource.updated": "event", "resource.archived": "event", // "resource." and what changed
	"task.closed": "taskEvent", "task.approved": "taskEvent", // a field of what somebody does to a task
}

// never is members that a type does not have, though the function that makes its events
// can give them: it is told apart by something else than the type.
var never = map[string][]string{
	"access_request.callback_delivered": {"error"},                      // of what failed
	"request.lapsed":                    {"comment"},                    // of a person
	"resource.archived":                 {"properties", "entitlements"}, // of what is there
	"task.opened":                       {"comment"},                    // what is written then is the reason
}

// chosen is what a member can be called whose name is in a variable.
var chosen = map[string][]string{"?about": {"target", "source", "sink", "log"}}

// The members of an event's data are part of the log's format: they are explained, all
// of them, and nothing is explained that the code does not write.
func TestMembersOfEveryEventAreExplained(t *testing.T) {
	documented := readReference(t)
	source := readEventSource(t, constants(t), "../../engine", "../../cmd/curfew")
	for _, typ := range types(t) {
		want := source.names(typ)
		if f := made[typ]; f != "" {
			want = source.returned(t, "../../engine", f)
		}
		for name, names := range chosen {
			if slices.Contains(want, name) {
				want = append(slices.DeleteFunc(want, func(m string) bool { return m == name }), names...)
			}
		}
		want = slices.DeleteFunc(want, func(m string) bool { return slices.Contains(never[typ], m) })
		slices.Sort(want)
		if got := documented[typ].members; !slices.Equal(got, want) {
			t.Errorf("docs/audit.md explains of the data of %s\n%v, and the code writes\n%v", typ, got, want)
		}
		if _, written := source.made[typ]; !written && made[typ] == "" {
			t.Errorf("nothing writes %s, as far as can be seen", typ)
		}
	}
}

// What was hashed once must be hashed the same for ever: else old logs no longer fit
// their checkpoints. Lines of this file are added, and never changed.
func TestCanonicalBytesAreThoseOfBefore(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(content(t, "testdata/events.txt")), "\n")
	seen := map[string]bool{}
	for _, line := range lines {
		leaf, canonical, _ := strings.Cut(line, " ")
		e := decodedStrictly(t, []byte(canonical))
		seen[e.Type] = true
		got := bytesOf(t, e)
		if string(got) != canonical {
			t.Errorf("an event is written as\n%s\nand was\n%s", got, canonical)
		}
		if h := hex.EncodeToString(audit.Leaf([]byte(canonical))); h != leaf {
			t.Errorf("the leaf of %s is %s, and was %s", e.ID, h, leaf)
		}
	}
	for _, typ := range types(t) {
		if !seen[typ] {
			t.Errorf("testdata/events.txt has no %s: add the example of docs/audit.md, its leaf before it", typ)
		}
	}
}

// Events that are read and written again, as the ledger's readers do, are the same.
func FuzzEventIsWrittenAsItWasRead(f *testing.F) {
	f.Add(`{"id":"evt_1","version":1,"type":"a.b","time":"2026-11-22T03:00:00.5Z","data":{"é":1e21,"a":[1.0,{}],"":null}}`)
	f.Add(`{"data":{"n":-0.0,"m":9007199254740993,"t":"\u2028\ud83d\ude00\u0000"},"actor":{"id":"","type":"\\"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var e audit.Event
		if json.Unmarshal([]byte(text), &e) != nil {
			return
		}
		first, err := e.Canonical()
		if err != nil {
			return
		}
		var again audit.Event
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		if second := bytesOf(t, again); !bytes.Equal(first, second) {
			t.Fatalf("first\n%s\nthen\n%s", first, second)
		}
		for _, format := range eachFormat() {
			if line, err := format.Append(nil, 1, first); err == nil {
				if back, err := format.Canonical(line); err != nil || !bytes.Equal(back, first) {
					t.Fatalf("from %s came\n%s (%v), want\n%s", format, back, err, first)
				}
			}
		}
	})
}
