package slack

import (
	"slices"
	"strings"
	"time"
)

// triggerLives is how long somebody's act lets a form be opened.
const triggerLives = 3 * time.Second

// trigger is what an act gives the app, to open one form with.
type trigger struct {
	user string
	made time.Time
	used bool
}

// view is a form as a person sees it.
type view struct {
	id, hash, user, root, previous string
	body                           map[string]any // as the app gave it, with ids for its blocks
	state                          values
	errors                         map[string]string // by block
	found                          map[string][]Option
	closed                         bool
	changes                        int
}

// trigger makes a trigger id. The caller holds f.mu.
func (f *Fake) trigger(user string) string {
	id := f.id("1") + "." + f.id("2") + "." + strings.ToLower(secret())
	f.triggers[id] = &trigger{user: user, made: f.cfg.Now()}
	return id
}

// Trigger makes a trigger id of a person, as an act of theirs would.
func (f *Fake) Trigger(who string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trigger(f.user(who).ID)
}

// use takes a trigger. The caller holds f.mu.
func (f *Fake) use(id string) (*trigger, error) {
	t := f.triggers[id]
	switch {
	case t == nil:
		return nil, refusal{code: "invalid_trigger_id"}
	case t.used:
		return nil, refusal{code: "exchanged_trigger_id"}
	case f.cfg.Now().Sub(t.made) > triggerLives:
		return nil, refusal{code: "expired_trigger_id"}
	}
	return t, nil
}

// given reads and checks the view among the arguments.
func (f *Fake) given(what string, args map[string]any) (map[string]any, error) {
	raw, _ := args["view"].(map[string]any)
	if faults := CheckView(raw); len(faults) > 0 {
		return nil, f.invalid("invalid_arguments", what, faults)
	}
	return copied(raw), nil
}

func (f *Fake) viewsOpen(args map[string]any) (map[string]any, error) {
	return f.opened("views.open", args, func(user string) error {
		for _, old := range f.screens[user] {
			old.closed = true
		}
		f.screens[user] = nil
		return nil
	})
}

func (f *Fake) viewsPush(args map[string]any) (map[string]any, error) {
	return f.opened("views.push", args, func(user string) error {
		if n := len(f.screens[user]); n == 0 || n >= maxStack {
			return refusal{code: "push_limit_reached"}
		}
		return nil
	})
}

// opened shows the view among the arguments to whom the trigger is of, once place
// has made room on their screen. It holds f.mu for that.
func (f *Fake) opened(what string, args map[string]any, place func(user string) error) (map[string]any, error) {
	body, err := f.given(what, args)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.use(text(args, "trigger_id"))
	if err != nil {
		return nil, err
	}
	if err := place(t.user); err != nil {
		return nil, err
	}
	t.used = true
	return map[string]any{"view": f.show(t.user, body).payload()}, nil
}

func (f *Fake) viewsUpdate(args map[string]any) (map[string]any, error) {
	body, err := f.given("views.update", args)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.views[text(args, "view_id")]
	for _, other := range f.views {
		if id := text(args, "external_id"); v == nil && id != "" && text(other.body, "external_id") == id {
			v = other
		}
	}
	hash := text(args, "hash")
	switch {
	case v == nil || v.closed:
		return nil, refusal{code: "not_found"}
	case hash != "" && hash != v.hash:
		return nil, refusal{code: "hash_conflict"}
	}
	f.redraw(v, body)
	return map[string]any{"view": v.payload()}, nil
}

// show puts a view on top of what a person sees. The caller holds f.mu.
func (f *Fake) show(user string, body map[string]any) *view {
	v := &view{id: f.id("V"), user: user, found: map[string][]Option{}}
	v.root = v.id
	if below := f.screens[user]; len(below) > 0 {
		v.root, v.previous = below[0].id, below[len(below)-1].id
	}
	f.views[v.id] = v
	f.screens[user] = append(f.screens[user], v)
	f.redraw(v, body)
	return v
}

// redraw changes a view. What was put in stays, where the ids stay. The caller
// holds f.mu.
func (f *Fake) redraw(v *view, body map[string]any) {
	blocks, _ := body["blocks"].([]any)
	body["blocks"] = named(blocks)
	v.body, v.state, v.errors = body, filled(blocks, v.state), nil
	v.hash = f.stamp() + "." + strings.ToLower(secret()[:8])
	v.changes++
	f.changed.Fire()
}

// drop takes the views from this one upwards away. The caller holds f.mu.
func (f *Fake) drop(v *view) {
	screen := f.screens[v.user]
	for i := slices.Index(screen, v); i >= 0 && i < len(screen); i++ {
		screen[i].closed = true
	}
	f.screens[v.user] = slices.DeleteFunc(slices.Clone(screen), func(v *view) bool { return v.closed })
	f.changed.Fire()
}

func (v *view) blocks() []any {
	blocks, _ := v.body["blocks"].([]any)
	return blocks
}

// payload is the view as answers and interactions carry it.
func (v *view) payload() map[string]any {
	p := map[string]any{
		"id": v.id, "team_id": Team, "app_id": AppID, "bot_id": BotID, "app_installed_team_id": Team, "hash": v.hash, "state": map[string]any{"values": v.state},
		"root_view_id": v.root, "previous_view_id": nil, "private_metadata": "", "callback_id": "", "external_id": "", "close": nil, "submit": nil,
		"clear_on_close": false, "notify_on_close": false,
	}
	if v.previous != "" {
		p["previous_view_id"] = v.previous
	}
	for name, value := range v.body {
		p[name] = value
	}
	return copied(p)
}

// sheet is a copy of the view.
func (v *view) sheet() Sheet {
	return Sheet{ID: v.id, Hash: v.hash, Body: copied(v.body), Errors: v.errors, Version: v.changes, Closed: v.closed, state: copied(v.state)}
}
