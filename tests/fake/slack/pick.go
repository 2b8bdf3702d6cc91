package slack

import (
	"slices"
	"strings"
)

// Search types into a select that asks the app for its options, and returns what
// it then offers.
func (v *View) Search(id, typed string) []Option {
	v.p.tb.Helper()
	f, payload := v.p.f, v.p.common("block_suggestion")
	f.mu.Lock()
	shown, e, found := v.element(id)
	if !found || e.kind() != "external_select" {
		f.mu.Unlock()
		v.p.tb.Fatalf("%s can not search in %q", v.p.Name, id)
	}
	key := e.blockID() + "/" + e.actionID()
	least, given := 3, e.spec["min_query_length"]
	if given != nil {
		least = decimal(given)
	}
	delete(shown.found, key)
	payload["container"] = map[string]any{"type": "view", "view_id": v.ID}
	payload["action_id"], payload["block_id"], payload["value"], payload["view"] = e.actionID(), e.blockID(), typed, shown.payload()
	f.mu.Unlock()
	if len([]rune(typed)) < least {
		return nil
	}
	v.p.send(envelope{"options", "block_suggestion", payload, f.suggested(shown, key)})
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(shown.found[key])
}

// Pick picks an option by its value, its whole text or, failing these, a part of
// its text. In a select that asks the app, it is one that was found last; where
// nothing was, or not this, it is searched for.
func (v *View) Pick(id, choice string) Answer {
	v.p.tb.Helper()
	f := v.p.f
	f.mu.Lock()
	shown, e, found := v.element(id)
	var external, has bool
	if found && e.kind() == "external_select" {
		external = true
		_, has = pick(shown.found[e.blockID()+"/"+e.actionID()], choice)
	}
	f.mu.Unlock()
	if external && !has {
		if _, has = pick(v.Search(id, ""), choice); !has {
			v.Search(id, choice)
		}
	}
	return v.put(id, dispatches, func(shown *view, e element, held map[string]any) bool {
		offered := options(e.spec)
		if e.kind() == "external_select" {
			offered = shown.found[e.blockID()+"/"+e.actionID()]
		}
		o, ok := pick(offered, choice)
		if !ok {
			return false
		}
		if e.kind() == "checkboxes" {
			held["selected_options"] = toggled(held["selected_options"], o)
			return true
		}
		held["selected_option"] = o.raw
		return true
	})
}

func pick(offered []Option, choice string) (Option, bool) {
	for _, fits := range []func(Option) bool{
		func(o Option) bool { return o.Value == choice },
		func(o Option) bool { return o.Text == choice },
		func(o Option) bool { return strings.Contains(o.Text, choice) },
	} {
		if i := slices.IndexFunc(offered, fits); i >= 0 {
			return offered[i], true
		}
	}
	return Option{}, false
}

// toggled sets a mark, or takes it away.
func toggled(picked any, o Option) []any {
	list, _ := picked.([]any)
	for i, p := range list {
		if one, ok := p.(map[string]any); ok && text(one, "value") == o.Value {
			return slices.Delete(slices.Clone(list), i, i+1)
		}
	}
	return append(slices.Clone(list), o.raw)
}
