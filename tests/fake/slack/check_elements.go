package slack

import "fmt"

// elements checks what can be acted on; an action_id is there once in its block.
func (c *checker) elements(where string, elements []any) {
	ids := map[string]bool{}
	for i, e := range elements {
		at := fmt.Sprintf("%s[%d]", where, i)
		element, ok := e.(map[string]any)
		if !ok {
			c.fault(at, "is no object")
			continue
		}
		if id := text(element, "action_id"); id != "" {
			if ids[id] {
				c.fault(at, "the action_id %q is there twice", id)
			}
			ids[id] = true
		}
		c.long(at+".action_id", element["action_id"], 255)
		c.text(at+".placeholder", element["placeholder"], 150, "plain_text", false)
		c.confirm(at+".confirm", element["confirm"])
		c.element(at, element)
	}
}

func (c *checker) element(at string, element map[string]any) {
	switch kind := text(element, "type"); kind {
	case "button":
		c.text(at+".text", element["text"], 75, "plain_text", true)
		c.long(at+".value", element["value"], 2000)
		c.long(at+".url", element["url"], 3000)
		if style := text(element, "style"); style != "" && style != "primary" && style != "danger" {
			c.fault(at, "the style %q is not known", style)
		}
	case "static_select", "multi_static_select", "overflow", "checkboxes", "radio_buttons":
		c.choices(at, kind, element)
	case "external_select", "multi_external_select":
		c.option(at+".initial_option", element["initial_option"], 75)
	case "plain_text_input":
		c.input(at, element)
	case "datepicker", "timepicker", "datetimepicker", "users_select", "conversations_select", "channels_select", "number_input", "image":
	default:
		c.fault(at, "an element of the type %q is not known here", kind)
	}
}

// input checks a field for text, and what it says at first.
func (c *checker) input(at string, element map[string]any) {
	limit := 3000
	if given, ok := element["max_length"].(float64); ok {
		limit = int(given)
		if limit < 1 || limit > 3000 {
			c.fault(at, "max_length is %d", limit)
		}
	}
	c.long(at+".initial_value", element["initial_value"], limit)
}

// choices checks a list of options, and what is picked at first.
func (c *checker) choices(at, kind string, element map[string]any) {
	most, textLimit := maxOptions, 75
	switch kind {
	case "overflow":
		most = 5
	case "checkboxes", "radio_buttons":
		most, textLimit = 10, 3000
	}
	all, _ := element["options"].([]any)
	groups, _ := element["option_groups"].([]any)
	if len(groups) == 0 {
		c.count(at+".options", len(all), 1, most)
	}
	c.count(at+".option_groups", len(groups), 0, 100)
	for i, g := range groups {
		group, _ := g.(map[string]any)
		c.text(fmt.Sprintf("%s.option_groups[%d].label", at, i), group["label"], 75, "plain_text", true)
		in, _ := group["options"].([]any)
		c.count(fmt.Sprintf("%s.option_groups[%d].options", at, i), len(in), 1, most)
		all = append(all, in...)
	}
	values := map[string]bool{}
	for i, o := range all {
		c.option(fmt.Sprintf("%s.options[%d]", at, i), o, textLimit)
		values[string(encode(o))] = true
	}
	picked, _ := element["initial_options"].([]any)
	if one := element["initial_option"]; one != nil {
		picked = append(picked, one)
	}
	for _, o := range picked {
		if !values[string(encode(o))] {
			c.fault(at, "what is picked at first is none of the options: %s", encode(o))
		}
	}
}

// option checks one option; nil is none.
func (c *checker) option(at string, o any, textLimit int) {
	if o == nil {
		return
	}
	option, ok := o.(map[string]any)
	if !ok {
		c.fault(at, "is no object")
		return
	}
	kind := "plain_text"
	if textLimit > 75 {
		kind = ""
	}
	c.text(at+".text", option["text"], textLimit, kind, true)
	c.text(at+".description", option["description"], textLimit, kind, false)
	if text(option, "value") == "" {
		c.fault(at, "has no value")
	}
	c.long(at+".value", option["value"], 150)
}

func (c *checker) confirm(at string, dialog any) {
	if dialog == nil {
		return
	}
	d, _ := dialog.(map[string]any)
	c.text(at+".title", d["title"], 100, "plain_text", true)
	c.text(at+".text", d["text"], 300, "", true)
	c.text(at+".confirm", d["confirm"], 30, "plain_text", true)
	c.text(at+".deny", d["deny"], 30, "plain_text", true)
}
