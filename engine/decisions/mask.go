package decisions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Masks are the parts of inputs and results that are not logged.
type Masks struct{ input, result *eraser }

// eraser is a part of a document: to be erased, or with parts that are.
type eraser struct {
	path  string // as it was configured, if it is to be erased; "" when only parts of it are
	parts map[string]*eraser
}

// ParseMasks reads masks as OPA writes them: JSON pointers that begin with /input
// or /result. A part that is * stands for every item of a list.
func ParseMasks(paths []string) (m Masks, err error) {
	var faults []error
	for _, path := range paths {
		if fault := CheckMask(path); fault != nil {
			faults = append(faults, fault)
			continue
		}
		parts := strings.Split(path[1:], "/")
		document := &m.input
		if parts[0] == "result" {
			document = &m.result
		}
		if *document == nil {
			*document = &eraser{}
		}
		(*document).add(path, parts[1:])
	}
	return m, errors.Join(faults...)
}

// CheckMask reports why a text is no mask.
func CheckMask(path string) error {
	const want = "want a JSON pointer into the input or the result of a decision, such as /input/subject/properties/phone"
	first, rest, deep := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case !strings.HasPrefix(path, "/"), first != "input" && first != "result", deep && rest == "":
		return fmt.Errorf("%q: %s", path, want)
	}
	for _, part := range strings.Split(rest, "/") {
		for i := strings.IndexByte(part, '~'); i >= 0; i = strings.IndexByte(part, '~') {
			if i+1 == len(part) || part[i+1] != '0' && part[i+1] != '1' {
				return fmt.Errorf("%q: after ~ comes 0 (for ~) or 1 (for /); %s", path, want)
			}
			part = part[i+2:]
		}
	}
	return nil
}

func (e *eraser) add(path string, parts []string) {
	if len(parts) == 0 {
		e.path = path
		return
	}
	if e.parts == nil {
		e.parts = map[string]*eraser{}
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[0])
	if e.parts[name] == nil {
		e.parts[name] = &eraser{}
	}
	e.parts[name].add(path, parts[1:])
}

func (m Masks) some() bool { return m.input != nil || m.result != nil }

// apply erases what is masked and says what that was, each mask once.
func (m Masks) apply(input, result json.RawMessage) (maskedInput, maskedResult json.RawMessage, erased []string) {
	input, first := m.input.document("/input", input)
	result, second := m.result.document("/result", result)
	erased = append(first, second...)
	slices.Sort(erased)
	return input, result, slices.Compact(erased)
}

// document erases parts of a whole document. One that can not be read is erased
// as a whole: what is to be hidden may be in it.
func (e *eraser) document(path string, raw json.RawMessage) (json.RawMessage, []string) {
	if e == nil || raw == nil {
		return raw, nil
	}
	masked, erased, err := e.apply(raw)
	if err != nil {
		return nil, []string{path}
	}
	return masked, erased
}

// apply erases; a nil result is nothing at all.
func (e *eraser) apply(raw json.RawMessage) (masked json.RawMessage, erased []string, err error) {
	if e.path != "" {
		return nil, []string{e.path}, nil
	}
	switch begin := bytes.TrimLeft(raw, " \t\r\n"); {
	case len(begin) > 0 && begin[0] == '{':
		return e.object(raw)
	case len(begin) > 0 && begin[0] == '[':
		return e.list(raw)
	}
	return raw, nil, nil
}

func (e *eraser) object(raw json.RawMessage) (json.RawMessage, []string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, nil, err
	}
	var erased []string
	for _, name := range slices.Sorted(maps.Keys(e.parts)) {
		value, there := members[name]
		if !there {
			continue
		}
		left, some, err := e.parts[name].apply(value)
		if err != nil {
			return nil, nil, err
		}
		if erased = append(erased, some...); left == nil {
			delete(members, name)
		} else {
			members[name] = left
		}
	}
	if len(erased) == 0 {
		return raw, nil, nil
	}
	masked, err := json.Marshal(members)
	return masked, erased, err
}

func (e *eraser) list(raw json.RawMessage) (json.RawMessage, []string, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, nil, err
	}
	var erased []string
	kept := make([]json.RawMessage, 0, len(items))
	for i, item := range items {
		for _, name := range [...]string{strconv.Itoa(i), "*"} {
			part := e.parts[name]
			if part == nil || item == nil {
				continue
			}
			left, some, err := part.apply(item)
			if err != nil {
				return nil, nil, err
			}
			item, erased = left, append(erased, some...)
		}
		if item != nil {
			kept = append(kept, item)
		}
	}
	if len(erased) == 0 {
		return raw, nil, nil
	}
	masked, err := json.Marshal(kept)
	return masked, erased, err
}
