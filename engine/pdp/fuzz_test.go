package pdp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/curfew-access/curfew/engine/access"
)

// inputs are JSON, nearly JSON, and what the reader refuses of it.
var inputs = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.50`, `1e5`, `1E+05`, `1e`, `-1.5e-7`, `1e400`, `-0e0`, `1e99999999`, `1E-99999999`, `12345678901234567890`,
	`""`, `"a"`, `"é\u00e9\n\"\\\/"`, `"\ud83d\ude00"`, `"\ud800"`, `"\ude00\ud83d"`, `"\x"`, "\"\x01\"", "\"\xff\"", `"`, `"\`, `"\u12`,
	`[]`, `[ ]`, `[1,2]`, `[1,]`, `[,]`, `[1 2]`, `[`, `]`, `{}`, `{"a":1}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":}`, `{"a"}`, `{a:1}`, `{"a":1,}`,
	`{"subject":{"type":"user","id":"alice@example.com","properties":{"groups":["eng"],"n":1.50}},"now":null}`,
	`{"a":1}x`, `1 2`, "\ufeff1", "{\"a\"\t:\r\n[\ttrue , false ]}", "\x00", "[\x00]",
	`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"a":1,"b":1,"c":1,"d":1,"1":2}`,
	strings.Repeat("[", 129) + strings.Repeat("]", 129), strings.Repeat("[", 100_000), strings.Repeat("9", 401), `[` + strings.Repeat("9", 400) + `]`,
}

// FuzzReaderOfInputsGivesWhatTheStandardLibraryDoes holds the reader against
// encoding/json: what it takes is the same value, and what it does not take is no
// JSON, or JSON that it is meant to refuse.
func FuzzReaderOfInputsGivesWhatTheStandardLibraryDoes(f *testing.F) {
	for _, text := range inputs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseJSON(text)
		want, wrong := slowly(text)
		switch {
		case err != nil && wrong == nil && !meantToRefuse(text):
			t.Fatalf("refused %q: %v", text, err)
		case err != nil:
			return
		case wrong != nil:
			t.Fatalf("took %q, which is none: %v", text, wrong)
		case got.Compare(want) != 0:
			t.Fatalf("read %q as %v, want %v", text, got, want)
		}
		written, err := appendJSON(nil, ast.NewTerm(got), 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := slowly(written); err != nil || again.Compare(want) != 0 {
			t.Fatalf("wrote %q for %q: %v", written, text, err)
		}
	})
}

// slowly reads JSON by way of Go's values.
func slowly(text []byte) (ast.Value, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return ast.InterfaceToValue(v)
}

// meantToRefuse reports whether JSON has what the reader does not take: another
// encoding, deep nesting, long or large numbers, a member twice, or half of a pair.
func meantToRefuse(text []byte) bool {
	if !utf8.Valid(text) || bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) {
		return true
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	type level struct {
		names map[string]bool // nil: an array
		name  bool            // the next text is a name
	}
	var levels []level
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		in := len(levels) - 1
		switch v := token.(type) {
		case json.Delim:
			switch v {
			case '{':
				levels = append(levels, level{map[string]bool{}, true})
				continue
			case '[':
				levels = append(levels, level{})
				continue
			}
			levels = levels[:in]
			in--
		case string:
			if in >= 0 && levels[in].name {
				if levels[in].names[v] {
					return true
				}
				levels[in].names[v], levels[in].name = true, false
				continue
			}
		case json.Number:
			if _, err := ast.NumberChecked(v.String()); err != nil || len(v) > maxDigits {
				return true
			}
		}
		if len(levels) > maxNesting {
			return true
		}
		if in >= 0 && levels[in].names != nil {
			levels[in].name = true
		}
	}
}

// outputs are what a policy could answer: right, and nearly right.
var outputs = []string{
	`true`, `false`, `null`, `"allow"`, `"true"`, `1`, `[]`, `[true]`, `{}`,
	`{"allowed":true}`, `{"allowed":"true"}`, `{"allowed":true,"reason":"r"}`, `{"allowed":true,"reason":1}`, `{"allowed":null}`, `{"Allowed":true}`,
	`{"allowed":true,"allow":true}`, `{"decision":true,"reason":"r"}`, `{"decision":true,"reason":""}`, `{"decision":"true","reason":"r"}`,
	`{"decision":true,"reason":"r","x":null}`, `{"decision":1,"reason":"r"}`, `{"decision":true}`,
	`{"effect":"allow","reasons":[{"code":"a","title":"A"}]}`, `{"effect":"ALLOW","reasons":[{"code":"a","title":"A"}]}`,
	`{"effect":"allow","reasons":[]}`, `{"effect":"allow","reasons":[{"code":"a"}]}`, `{"effect":"allow","reasons":"x"}`,
	`{"effect":"allow","reasons":[{"code":"a","title":"A"}],"max_seconds":-1}`, `{"effect":"allow","reasons":[{"code":"a","title":"A"}],"max_seconds":1e400}`,
	`{"effect":"allow","reasons":[{"code":"a","title":"A"}],"max_seconds":"60"}`, `{"effect":"allow","reasons":[{"code":"a","title":"A"}],"x":1}`,
	`{"effect":"allow","reasons":[{"code":"a","title":"A"}],"reviewers":{"groups":["g"],"quorum":1}}`,
	`{"effect":"allow","reasons":[{"code":"a","title":"A"}],"reviewers":{"groups":[],"quorum":1},"obligations":{"notify":["#a"],"after_review":true}}`,
	`{"effect":"allow","reasons":[{"code":"a","title":"A"}],"until":{"oncall":[{"schedule":"s","level":1}],"incident":null,"grace_seconds":0}}`,
	`{"effect":"review","reasons":[{"code":"a","title":"A"}],"reviewers":{"subjects":[{"type":"user","id":"b@example.com"}],"quorum":2}}`,
}

// FuzzOutputThatIsNotExactlyAYesIsNone puts any JSON in the place of a policy's
// answer. What a yes is, is said here a second time.
func FuzzOutputThatIsNotExactlyAYesIsNone(f *testing.F) {
	for _, text := range outputs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseJSON(text)
		if err != nil {
			return
		}
		value, err := ast.JSON(parsed)
		if err != nil {
			return
		}
		if p, err := decodePermission(value); (err == nil && p.Allowed) != isPermission(value) || err != nil && p.Allowed {
			t.Errorf("%s gives %+v, %v", text, p, err)
		}
		if yes, reason, err := decodeVerdict(ast.NewTerm(parsed)); (err == nil && yes) != isVerdict(value) || err != nil && (yes || reason != "") {
			t.Errorf("%s gives %v %q, %v", text, yes, reason, err)
		}
		length := int64(60)
		in := access.Input{Context: access.InputContext{ForSeconds: &length}}
		d, err := decodeDecision(value)
		if err == nil {
			err = checkDecision(in, d)
		}
		if err == nil && d.Effect == access.Allow && !mayAllow(value) {
			t.Errorf("%s gives %+v", text, d)
		}
		if err == nil && d.Effect != access.Deny {
			if b := bounded(in, d); b.Effect != access.Deny && (d.MaxSeconds == nil || *d.MaxSeconds < length) {
				t.Errorf("%s gives %+v for %d s", text, b, length)
			}
		}
	})
}

func isPermission(v any) bool {
	if yes, ok := v.(bool); ok {
		return yes
	}
	o, _ := v.(map[string]any)
	_, isText := o["reason"].(string)
	return o["allowed"] == true && only(o, "allowed", "reason") && (o["reason"] == nil || isText)
}

func isVerdict(v any) bool {
	o, _ := v.(map[string]any)
	reason, _ := o["reason"].(string)
	return o["decision"] == true && reason != "" && len(o) == 2
}

// mayAllow reports whether the value is an allow in what every allow has.
func mayAllow(v any) bool {
	o, _ := v.(map[string]any)
	reasons, _ := o["reasons"].([]any)
	for _, r := range reasons {
		reason, _ := r.(map[string]any)
		code, _ := reason["code"].(string)
		title, _ := reason["title"].(string)
		if code == "" || title == "" || !only(reason, "code", "title", "detail") {
			return false
		}
	}
	most, isNumber := o["max_seconds"].(json.Number)
	n, err := most.Int64()
	return o["effect"] == "allow" && len(reasons) > 0 && namesNothing(o["until"]) &&
		only(o, "effect", "reasons", "max_seconds", "lapse_seconds", "until", "reviewers", "obligations") &&
		(o["max_seconds"] == nil || isNumber && err == nil && n > 0)
}

// namesNothing reports whether an `until` names no shift and no incident.
func namesNothing(v any) bool {
	o, _ := v.(map[string]any)
	shifts, _ := o["oncall"].([]any)
	return len(shifts) == 0 && (o["incident"] == nil || o["incident"] == "")
}

func only(o map[string]any, names ...string) bool {
	for name := range maps.Keys(o) {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}
