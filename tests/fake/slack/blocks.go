package slack

import (
	"crypto/rand"
	"strconv"
	"strings"
)

// element is something in a view or a message that a person can use.
type element struct {
	block    map[string]any
	spec     map[string]any
	input    bool // in an input block: it has a label, and may be required
	dispatch bool // the app hears at once what is done with it
}

func (e element) blockID() string  { return text(e.block, "block_id") }
func (e element) actionID() string { return text(e.spec, "action_id") }
func (e element) kind() string     { return text(e.spec, "type") }

// elements lists what can be used, in its order.
func elements(blocks []any) []element {
	var all []element
	for _, b := range blocks {
		block, _ := b.(map[string]any)
		switch text(block, "type") {
		case "input":
			if spec, ok := block["element"].(map[string]any); ok {
				all = append(all, element{block, spec, true, block["dispatch_action"] == true})
			}
		case "actions":
			list, _ := block["elements"].([]any)
			for _, e := range list {
				if spec, ok := e.(map[string]any); ok {
					all = append(all, element{block, spec, false, true})
				}
			}
		case "section":
			if spec, ok := block["accessory"].(map[string]any); ok {
				all = append(all, element{block, spec, false, true})
			}
		}
	}
	return all
}

// find finds an element by its action id, "block/action", "action=value" or its
// block's id.
func find(blocks []any, id string) (element, bool) {
	for _, match := range []func(element) bool{
		func(e element) bool { return e.actionID() == id },
		func(e element) bool { return e.blockID()+"/"+e.actionID() == id },
		func(e element) bool { return e.actionID()+"="+text(e.spec, "value") == id },
		func(e element) bool { return e.blockID() == id },
	} {
		for _, e := range elements(blocks) {
			if match(e) {
				return e, true
			}
		}
	}
	return element{}, false
}

// named gives an id to each block and element that has none, as Slack does.
func named(blocks []any) []any {
	for _, b := range blocks {
		if block, ok := b.(map[string]any); ok && text(block, "block_id") == "" {
			block["block_id"] = strings.ToLower(rand.Text()[:5])
		}
	}
	for _, e := range elements(blocks) {
		if e.actionID() == "" && e.kind() != "image" {
			e.spec["action_id"] = strings.ToLower(rand.Text()[:5])
		}
	}
	return blocks
}

// Option is one of a list.
type Option struct {
	Text  string
	Value string
	raw   map[string]any
}

// options lists what an element offers.
func options(spec map[string]any) []Option {
	var all []Option
	list, _ := spec["options"].([]any)
	groups, _ := spec["option_groups"].([]any)
	for _, g := range groups {
		group, _ := g.(map[string]any)
		in, _ := group["options"].([]any)
		list = append(list, in...)
	}
	for _, o := range list {
		raw, _ := o.(map[string]any)
		label, _ := raw["text"].(map[string]any)
		all = append(all, Option{Text: readable(text(label, "text")), Value: text(raw, "value"), raw: raw})
	}
	return all
}

// values is what a person has put in: by block and action, as interactions carry it.
type values map[string]map[string]map[string]any

func (v values) set(e element, value map[string]any) {
	if v[e.blockID()] == nil {
		v[e.blockID()] = map[string]map[string]any{}
	}
	v[e.blockID()][e.actionID()] = value
}

// initial is what an element holds before anybody has used it; nil: it holds
// nothing ever, as a button.
func initial(e element) map[string]any {
	value := map[string]any{"type": e.kind()}
	switch e.kind() {
	case "plain_text_input":
		value["value"] = e.spec["initial_value"]
	case "static_select", "external_select", "radio_buttons":
		value["selected_option"] = e.spec["initial_option"]
	case "checkboxes", "multi_static_select", "multi_external_select":
		picked, _ := e.spec["initial_options"].([]any)
		value["selected_options"] = append([]any{}, picked...)
	default:
		return nil
	}
	return value
}

// filled is the state of blocks that are shown now, where some were before: what a
// person has put in stays where block and action have the same ids as before.
func filled(blocks []any, before values) values {
	now := values{}
	for _, e := range elements(blocks) {
		value := initial(e)
		if value == nil {
			continue
		}
		if old, was := before[e.blockID()][e.actionID()]; was && old["type"] == value["type"] && offered(e, old) {
			value = old
		}
		now.set(e, value)
	}
	return now
}

// offered reports whether what was picked can still be picked.
func offered(e element, value map[string]any) bool {
	picked, _ := value["selected_option"].(map[string]any)
	if e.kind() != "static_select" || picked == nil {
		return true
	}
	for _, o := range options(e.spec) {
		if o.Value == text(picked, "value") {
			return true
		}
	}
	return false
}

// empty reports whether nothing was put in.
func empty(value map[string]any) bool {
	list, _ := value["selected_options"].([]any)
	return text(value, "value") == "" && value["selected_option"] == nil && len(list) == 0
}

func secret() string { return rand.Text() }

// decimal is a number of JSON.
func decimal(value any) int {
	n, err := strconv.Atoi(strings.TrimSuffix(string(encode(value)), ".0"))
	if err != nil {
		return 0
	}
	return n
}
