package api

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine/access"
)

// maxDepth bounds how deep a body may be nested. No body of ours needs four.
const maxDepth = 16

// checkForm reports what keeps raw from being one I-JSON value (RFC 7493):
// UTF-8, well-formed, no member twice, nothing after it.
func checkForm(raw []byte) error {
	if !utf8.Valid(raw) {
		return errNotUTF8
	}
	err := walk(raw)
	if access.CodeOf(err) != "malformed_json" {
		return err
	}
	// Half of a surrogate pair, escaped, is malformed to a strict reader only.
	if lenient := walk(raw, jsontext.AllowInvalidUTF8(true)); lenient == nil || lenient.Error() != err.Error() {
		return errNotUTF8
	}
	return err
}

var (
	errNotUTF8      = access.Invalid("invalid_utf8", "", "the body is not UTF-8, or holds half of a surrogate pair")
	errTooDeep      = access.Invalid("nesting_too_deep", "", "the body is nested deeper than %d", maxDepth)
	errTrailingData = access.Invalid("trailing_data", "", "something follows the JSON object; send one object")
)

func walk(raw []byte, opts ...jsontext.Options) error {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), opts...)
	for first := true; first || dec.StackDepth() > 0; first = false {
		if _, err := dec.ReadToken(); err != nil {
			return formFault(err, len(raw))
		}
		if dec.StackDepth() > maxDepth {
			return errTooDeep
		}
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailingData
	}
	return nil
}

func formFault(err error, size int) error {
	var syntax *jsontext.SyntacticError
	switch {
	case !errors.As(err, &syntax):
		return access.Invalid("malformed_json", "", "the body is not JSON: it ends after %d bytes", size)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return access.Invalid("duplicate_field", string(syntax.JSONPointer), "the member is there twice")
	}
	return access.Invalid("malformed_json", "", "the body is not JSON: see the byte at offset %d", syntax.ByteOffset)
}

// memberFault says which member of a T is at fault and why, as an access.Error.
func memberFault[T any](err error) error {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return err
	}
	pointer := semantic.JSONPointer
	var fault *access.Error
	switch {
	case errors.As(err, &fault):
		at := *fault
		at.Field = string(pointer) + fault.Field
		return &at
	case errors.Is(err, json.ErrUnknownName):
		return unknownMember(memberNames(reflect.TypeFor[T](), pointer.Parent()), pointer)
	}
	return access.Invalid("wrong_type", string(pointer), "it is %s; want %s", kindWord(semantic.JSONKind), typeWord(semantic.GoType))
}

func unknownMember(known []string, pointer jsontext.Pointer) error {
	name := pointer.LastToken()
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return access.Invalid("case_variant_field", string(pointer), "write it %q: names differ by case", k)
		}
	}
	return access.Invalid("unknown_field", string(pointer), "there is no such member; there are %s", strings.Join(known, ", "))
}

// memberNames lists the members that the object at the pointer may have.
func memberNames(t reflect.Type, at jsontext.Pointer) (names []string) {
	for token := range at.Tokens() {
		if t = deref(t); t.Kind() == reflect.Slice { // the token is a number
			t = t.Elem()
			continue
		}
		for _, f := range reflect.VisibleFields(deref(t)) {
			if memberName(f) == token {
				t = f.Type
				break
			}
		}
	}
	for _, f := range reflect.VisibleFields(deref(t)) {
		if name := memberName(f); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func memberName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func kindWord(k jsontext.Kind) string {
	words := map[jsontext.Kind]string{
		'n': "null", 't': "a boolean", 'f': "a boolean", '"': "a string", '0': "a number", '{': "an object", '[': "an array",
	}
	return cmp.Or(words[k], "something else")
}

func typeWord(t reflect.Type) string {
	if t == nil {
		return "another type"
	}
	t = deref(t)
	text := reflect.TypeFor[encoding.TextUnmarshaler]()
	switch {
	case t == reflect.TypeFor[time.Time](), reflect.PointerTo(t).Implements(text), t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Bool:
		return "a boolean"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "an object"
	case t.Kind() == reflect.Slice:
		return "an array"
	}
	return "another type"
}
