package denial

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
)

// Same compares two JSON values by what they say: numbers by their value, texts
// code point for code point, lists in order, and objects by their members, an
// absent member being another thing than a null.
func Same(a, b json.RawMessage) bool {
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && reflect.DeepEqual(x, y)
}

// SameSubject is Same for two subjects. Who acts for the subject (properties.act)
// does not count: a caller may say that elsewhere in its submission.
func SameSubject(a, b json.RawMessage) bool {
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && reflect.DeepEqual(withoutActor(x), withoutActor(y))
}

func withoutActor(subject any) any {
	object, _ := subject.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	if _, acts := properties["act"]; !acts {
		return subject
	}
	delete(properties, "act")
	if len(properties) == 0 {
		delete(object, "properties") // there was nothing else in it
	}
	return object
}

// decode reads one JSON value. A number beyond a double is none: RFC 8785 has no
// form for it.
func decode(raw json.RawMessage) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&v); err != nil {
		return nil, false
	}
	_, err := dec.Token()
	return v, err == io.EOF
}
