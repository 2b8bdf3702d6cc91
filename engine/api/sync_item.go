package api

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// readItem reads one resource of a snapshot, as strictly as any body. Of one with
// faults it reads the name, if there is no doubt about it.
func readItem(raw []byte, line, index int) engine.SyncItem {
	item := engine.SyncItem{Line: line, Index: index}
	resource, err := readResource(raw)
	if err == nil {
		item.Resource = resource
		return item
	}
	item.Fault = itemFault(err)
	item.Resource.Type, item.Resource.ID = readName(raw)
	return item
}

func readResource(raw []byte) (r access.Resource, err error) {
	if err := checkForm(raw); err != nil {
		return r, err
	}
	if kind := jsontext.Value(raw).Kind(); kind != '{' {
		return r, access.Invalid("wrong_type", "", "it is %s; want an object", kindWord(kind))
	}
	if err := json.Unmarshal(raw, &r, json.RejectUnknownMembers(true)); err != nil {
		return r, memberFault[access.Resource](err)
	}
	return r, nil
}

// itemFault words what is wrong with the form of a body for one item of it.
func itemFault(err error) error {
	words := map[string]string{
		"malformed_json":   "the item is not JSON",
		"invalid_utf8":     "the item is not UTF-8, or holds half of a surrogate pair",
		"nesting_too_deep": "the item is nested too deep",
		"trailing_data":    "something follows the object on its line; write one on each",
	}
	var fault *access.Error
	if errors.As(err, &fault) && words[fault.Code] != "" {
		return access.Invalid(fault.Code, fault.Field, "%s", words[fault.Code])
	}
	return err
}

// readName reads the type and the id of what may be no resource. An item that says
// either twice, or in another case, or behind which another begins, has none: it may
// be any.
func readName(raw []byte) (typ, id string) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if begin, err := dec.ReadToken(); err != nil || begin.Kind() != '{' {
		return "", ""
	}
	name := map[string]string{}
	for dec.PeekKind() != '}' {
		if !readNamePart(dec, name) {
			return "", ""
		}
	}
	_, ended := dec.ReadToken()
	if _, err := dec.ReadToken(); ended != nil || !errors.Is(err, io.EOF) || len(name) != 2 {
		return "", ""
	}
	return name["type"], name["id"]
}

// readNamePart reads a member, and keeps it if it is the type or the id. It reports
// false if there is a doubt about either.
func readNamePart(dec *jsontext.Decoder, name map[string]string) bool {
	token, err := dec.ReadToken()
	if err != nil {
		return false
	}
	member := token.String()
	value, err := dec.ReadValue()
	if err != nil {
		return false
	}
	part := strings.ToLower(member)
	if part != "type" && part != "id" {
		return true
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if _, twice := name[part]; err != nil || twice || part != member {
		return false
	}
	name[part] = string(text)
	return true
}
