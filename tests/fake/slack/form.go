package slack

import (
	"slices"
	"strings"
)

// View is a form that a person works with.
type View struct {
	ID string
	p  *Person
}

// Sheet is the form as it is now, also after it was closed.
func (v *View) Sheet() Sheet {
	v.p.f.mu.Lock()
	defer v.p.f.mu.Unlock()
	return v.p.f.views[v.ID].sheet()
}

// Await waits until the form is as is said, and returns it.
func (v *View) Await(what string, fits func(Sheet) bool) Sheet {
	v.p.tb.Helper()
	var found Sheet
	until(v.p.f, v.p.tb, what, func() Sheet { return v.p.f.views[v.ID].sheet() }, func(s Sheet) bool {
		found = s
		return fits(s)
	})
	return found
}

// AwaitText waits until the form says the words.
func (v *View) AwaitText(words string) Sheet {
	v.p.tb.Helper()
	return v.Await("the form says "+words, func(s Sheet) bool { return strings.Contains(s.Visible(), words) })
}

// element finds something to use; the caller holds the lock of the fake.
func (v *View) element(id string) (*view, element, bool) {
	shown := v.p.f.views[v.ID]
	e, found := find(shown.blocks(), id)
	return shown, e, found && !shown.closed
}

// put changes what an element holds, and tells the app if it wants to hear it.
func (v *View) put(id string, tell func(element) bool, change func(shown *view, e element, held map[string]any) bool) Answer {
	v.p.tb.Helper()
	f := v.p.f
	f.mu.Lock()
	shown, e, found := v.element(id)
	if !found {
		f.mu.Unlock()
		v.p.tb.Fatalf("%s sees nothing called %q in the form:\n%s", v.p.Name, id, v.Sheet().Visible())
	}
	held := map[string]any{}
	for name, value := range shown.state[e.blockID()][e.actionID()] {
		held[name] = value
	}
	if !change(shown, e, held) {
		f.mu.Unlock()
		v.p.tb.Fatalf("%s can not put that into %q", v.p.Name, id)
	}
	shown.state.set(e, held)
	f.changed.Fire()
	f.mu.Unlock()
	if !tell(e) {
		return Answer{}
	}
	return v.acted(e, held)
}

// acted tells the app what was done with an element.
func (v *View) acted(e element, held map[string]any) Answer {
	f, payload := v.p.f, v.p.common("block_actions")
	f.mu.Lock()
	shown := f.views[v.ID]
	action := map[string]any{"block_id": e.blockID(), "action_id": e.actionID(), "action_ts": f.stamp()}
	for name, value := range held {
		action[name] = value
	}
	payload["container"] = map[string]any{"type": "view", "view_id": v.ID}
	payload["trigger_id"] = f.trigger(v.p.ID)
	payload["view"], payload["actions"] = shown.payload(), []any{copied(action)}
	f.mu.Unlock()
	return v.p.send(envelope{"interactions", "block_actions", payload, f.nothing("an act in a form")})
}

// dispatches reports whether the app wants to hear at once of a change.
func dispatches(e element) bool { return e.dispatch }

// typing reports whether the app wants to hear of each letter.
func typing(e element) bool {
	config, _ := e.spec["dispatch_action_config"].(map[string]any)
	on, _ := config["trigger_actions_on"].([]any)
	return e.dispatch && slices.Contains(on, "on_character_entered")
}

// Write puts a text into a field.
func (v *View) Write(id, words string) Answer {
	v.p.tb.Helper()
	return v.put(id, typing, func(_ *view, e element, held map[string]any) bool {
		held["value"] = words
		if words == "" {
			held["value"] = nil
		}
		most := decimal(e.spec["max_length"])
		return e.kind() == "plain_text_input" && (most == 0 || len([]rune(words)) <= most)
	})
}

// Enter presses the enter key in a field.
func (v *View) Enter(id string) Answer {
	v.p.tb.Helper()
	return v.put(id, func(e element) bool { return e.dispatch && !typing(e) }, func(_ *view, e element, _ map[string]any) bool {
		return e.kind() == "plain_text_input"
	})
}

// Press presses a button of the form.
func (v *View) Press(id string) Answer {
	v.p.tb.Helper()
	f := v.p.f
	f.mu.Lock()
	_, e, found := v.element(id)
	stamp := f.stamp()
	f.mu.Unlock()
	if !found || e.kind() != "button" {
		v.p.tb.Fatalf("%s sees no button %q in the form:\n%s", v.p.Name, id, v.Sheet().Visible())
	}
	return v.acted(e, pressed(e, stamp))
}

// Submit submits the form, as far as Slack lets somebody: every field that is not
// optional must hold something.
func (v *View) Submit() Answer {
	v.p.tb.Helper()
	f, payload := v.p.f, v.p.common("view_submission")
	f.mu.Lock()
	shown := f.views[v.ID]
	missing := shown.missing()
	if !shown.closed {
		shown.errors = nil
	}
	payload["trigger_id"], payload["view"], payload["response_urls"] = f.trigger(v.p.ID), shown.payload(), []any{}
	f.mu.Unlock()
	if missing != "" {
		v.p.tb.Fatalf("%s can not submit the form: %s:\n%s", v.p.Name, missing, v.Sheet().Visible())
	}
	return v.p.send(envelope{"interactions", "view_submission", payload, f.submitted(shown)})
}

// missing says why a form can not be submitted; "": it can.
func (v *view) missing() string {
	switch {
	case v.closed:
		return "it is closed"
	case v.body["submit"] == nil:
		return "it has no button for it"
	}
	for _, e := range elements(v.blocks()) {
		held := v.state[e.blockID()][e.actionID()]
		if e.input && e.block["optional"] != true && empty(held) {
			return e.blockID() + " must be filled"
		}
		if least := decimal(e.spec["min_length"]); e.input && !empty(held) && len([]rune(text(held, "value"))) < least {
			return e.blockID() + " is too short"
		}
	}
	return ""
}

// Close closes the form. The app hears it only if it said that it wants to.
func (v *View) Close() Answer {
	f, payload := v.p.f, v.p.common("view_closed")
	f.mu.Lock()
	shown := f.views[v.ID]
	payload["view"], payload["is_cleared"] = shown.payload(), false
	wants := shown.body["notify_on_close"] == true
	f.drop(shown)
	f.mu.Unlock()
	if !wants {
		return Answer{}
	}
	return v.p.send(envelope{"interactions", "view_closed", payload, f.nothing("a closed form")})
}
