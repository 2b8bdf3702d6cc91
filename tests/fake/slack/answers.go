package slack

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// nothing is for messages whose answer Slack shows to nobody.
func (f *Fake) nothing(kind string) func(Answer) {
	return func(a Answer) {
		if len(a.Body) > 0 && string(a.Body) != "{}" {
			f.fault("the answer to %s is shown to nobody: %.200s", kind, a.Body)
		}
	}
}

// told takes the answer to a command: a message, or nothing.
func (f *Fake) told(user string, in *Channel) func(Answer) {
	return func(a Answer) {
		if len(a.Body) == 0 || string(a.Body) == "{}" {
			return
		}
		args := map[string]any{}
		if json.Unmarshal(a.Body, &args) != nil {
			args = map[string]any{"text": string(a.Body)}
		}
		m, err := f.content("the answer to a command", args)
		if err != nil {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if cmp.Or(text(args, "response_type"), "ephemeral") == "ephemeral" {
			m.To = user
		}
		f.post(&m, in)
	}
}

// submitted takes the answer to a submission.
func (f *Fake) submitted(v *view) func(Answer) {
	return func(a Answer) {
		var said struct {
			Action string            `json:"response_action"`
			View   map[string]any    `json:"view"`
			Errors map[string]string `json:"errors"`
		}
		if len(a.Body) > 0 {
			if err := json.Unmarshal(a.Body, &said); err != nil {
				f.fault("the answer to a submission is no JSON: %.200s", a.Body)
				return
			}
		}
		if (said.Action == "update" || said.Action == "push") && f.refused(said.View) {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		switch said.Action {
		case "":
			f.drop(v)
		case "clear":
			if screen := f.screens[v.user]; len(screen) > 0 {
				f.drop(screen[0])
			}
		case "update":
			f.redraw(v, copied(said.View))
		case "push":
			if len(f.screens[v.user]) < maxStack {
				f.show(v.user, copied(said.View))
			} else {
				f.faults = append(f.faults, "a submission pushes a fourth view")
			}
		case "errors":
			f.wrong(v, said.Errors)
		default:
			f.faults = append(f.faults, fmt.Sprintf("a submission was answered with %q", said.Action))
		}
	}
}

// refused records what Slack would not take of a view in an answer.
func (f *Fake) refused(v map[string]any) bool {
	faults := CheckView(v)
	if len(faults) > 0 {
		_ = f.invalid("invalid_arguments", "the answer to a submission", faults)
	}
	return len(faults) > 0
}

// wrong shows errors at inputs; elsewhere they can not be shown, and a person reads
// that there was trouble. The caller holds f.mu.
func (f *Fake) wrong(v *view, errors map[string]string) {
	if len(errors) == 0 {
		f.faults = append(f.faults, "a submission was answered with errors, and none is there")
	}
	for id, message := range errors {
		e, found := find(v.blocks(), id)
		if !found || !e.input || e.blockID() != id || message == "" {
			f.faults = append(f.faults, fmt.Sprintf("the error %q is not at an input block: %q", message, id))
		}
	}
	v.errors = errors
	f.changed.Fire()
}

// suggested takes the options for a select.
func (f *Fake) suggested(v *view, key string) func(Answer) {
	return func(a Answer) {
		var said struct {
			Options []any `json:"options"`
			Groups  []any `json:"option_groups"`
		}
		if err := json.Unmarshal(a.Body, &said); err != nil {
			f.fault("options are no JSON: %v", err)
			return
		}
		if said.Options == nil && said.Groups == nil {
			f.fault("the answer has neither options nor option_groups: %.200s", a.Body)
		}
		c := &checker{}
		if list := said.Options; len(list)+len(said.Groups) > 0 {
			spec := map[string]any{"options": list}
			if len(said.Groups) > 0 {
				spec = map[string]any{"option_groups": said.Groups}
			}
			c.choices("options", "external_select", spec)
		}
		for _, fault := range c.faults {
			f.fault("block_suggestion: %s", fault)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		v.found[key] = options(map[string]any{"options": said.Options, "option_groups": said.Groups})
		f.changed.Fire()
	}
}
