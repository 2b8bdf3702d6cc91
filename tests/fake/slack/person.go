package slack

import (
	"slices"
	"strings"

	"github.com/curfew-access/curfew/tests/fake/script"
)

// Person is somebody at their screen: what they do goes to the app as Slack sends
// it, and what the app answers is what they see.
type Person struct {
	User
	f    *Fake
	tb   script.TB
	last *envelope
}

// Person is who has the account, by its id, name or email. What they can not do (a
// button that is not there) makes the test fail.
func (f *Fake) Person(tb script.TB, who string) *Person {
	tb.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.user(who)
	if u == nil {
		tb.Fatalf("the fake Slack knows nobody called %q", who)
	}
	return &Person{User: *u, f: f, tb: tb}
}

func (p *Person) send(e envelope) Answer {
	p.last = &e
	return p.f.send(e)
}

// Again sends what they sent last a second time, as it was.
func (p *Person) Again() Answer {
	p.tb.Helper()
	if p.last == nil {
		p.tb.Fatalf("%s has sent nothing yet", p.Name)
	}
	return p.f.send(*p.last)
}

// Body is what they sent last, as HTTP carries it, and the hook that it goes to:
// for messages that are captured, changed or forged.
func (p *Person) Body() (hook, body string) { return p.last.hook, p.last.form() }

// common is what every interaction carries.
func (p *Person) common(kind string) map[string]any {
	return map[string]any{
		"type": kind, "token": "not-to-be-used", "api_app_id": AppID, "is_enterprise_install": false, "enterprise": nil,
		"team": map[string]any{"id": p.TeamID, "domain": "acme"},
		"user": map[string]any{"id": p.ID, "username": p.Name, "name": p.Name, "team_id": p.TeamID},
	}
}

// Type types a line into their conversation with the app: "/access acme 2h".
func (p *Person) Type(line string) Answer { return p.TypeIn("", line) }

// TypeIn types a line into a channel, by its id or name; "": into their
// conversation with the app.
func (p *Person) TypeIn(channel, line string) Answer {
	command, words, _ := strings.Cut(line, " ")
	f := p.f
	f.mu.Lock()
	in := f.channel(channel)
	if in == nil {
		in = f.direct(p.ID)
	}
	payload := map[string]any{
		"token": "not-to-be-used", "command": command, "text": strings.TrimSpace(words), "user_id": p.ID, "user_name": p.Name,
		"team_id": p.TeamID, "team_domain": "acme", "channel_id": in.ID, "channel_name": in.shown(), "api_app_id": AppID,
		"is_enterprise_install": false, "trigger_id": f.trigger(p.ID), "response_url": f.replyTo(p.ID, in, nil),
	}
	f.mu.Unlock()
	return p.send(envelope{"commands", "slash_commands", payload, f.told(p.ID, in)})
}

// Shortcut uses a global shortcut of the app.
func (p *Person) Shortcut(callbackID string) Answer {
	f := p.f
	payload := p.common("shortcut")
	f.mu.Lock()
	payload["callback_id"], payload["action_ts"], payload["trigger_id"] = callbackID, f.stamp(), f.trigger(p.ID)
	f.mu.Unlock()
	return p.send(envelope{"interactions", "shortcut", payload, f.nothing("a shortcut")})
}

// Click presses a button of a message, and confirms it where that is asked. A
// message that they have had for a while may have changed: what they see is m.
func (p *Person) Click(m Message, id string) Answer {
	p.tb.Helper()
	e, found := find(m.Blocks, id)
	if !found || e.kind() != "button" {
		p.tb.Fatalf("%s sees no button %q in %s", p.Name, id, m)
	}
	if m.To != "" && m.To != p.ID {
		p.tb.Fatalf("%s does not see the message for %s", p.Name, m.To)
	}
	payload := p.clicked(m, e)
	if payload == nil {
		p.tb.Fatalf("there is no message like %s", m)
	}
	return p.send(envelope{"interactions", "block_actions", payload, p.f.nothing("a click")})
}

// clicked is what a button of a message sends; nil: the message is not there.
func (p *Person) clicked(m Message, e element) map[string]any {
	f, payload := p.f, p.common("block_actions")
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.messages, func(one *Message) bool { return one.Channel == m.Channel && one.TS == m.TS })
	in := f.channel(m.Channel)
	if i < 0 || in == nil {
		return nil
	}
	now := f.messages[i]
	payload["container"] = map[string]any{"type": "message", "message_ts": m.TS, "channel_id": in.ID, "is_ephemeral": m.To != ""}
	payload["channel"] = map[string]any{"id": in.ID, "name": in.shown()}
	payload["state"] = map[string]any{"values": map[string]any{}}
	payload["trigger_id"], payload["response_url"] = f.trigger(p.ID), f.replyTo(p.ID, in, now)
	payload["actions"] = []any{pressed(e, f.stamp())}
	if m.To == "" {
		payload["message"] = copied(now.payload())
	}
	return payload
}

// pressed is a button among the actions.
func pressed(e element, stamp string) map[string]any {
	action := map[string]any{"type": "button", "block_id": e.blockID(), "action_id": e.actionID(), "action_ts": stamp, "text": e.spec["text"]}
	for _, name := range []string{"value", "style"} {
		if given, ok := e.spec[name]; ok {
			action[name] = given
		}
	}
	return action
}

// Ephemerals are the messages that they alone see.
func (p *Person) Ephemerals() []Message {
	return p.messages(func(m Message) bool { return m.To == p.ID })
}

// Direct are the messages in their conversation with the app.
func (p *Person) Direct() []Message {
	return p.messages(func(m Message) bool { return m.With == p.ID && m.To == "" })
}

func (p *Person) messages(fits func(Message) bool) []Message {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return slices.DeleteFunc(p.f.present(), func(m Message) bool { return !fits(m) })
}

// AwaitDirect waits for a direct message that fits.
func (p *Person) AwaitDirect(what string, fits func(Message) bool) Message {
	p.tb.Helper()
	return p.f.AwaitMessage(p.tb, what, func(m Message) bool { return m.With == p.ID && m.To == "" && fits(m) })
}

// AwaitTold waits for a message that they alone see, and that says the words.
func (p *Person) AwaitTold(words string) Message {
	p.tb.Helper()
	return p.f.AwaitMessage(p.tb, p.Name+" is told "+words, func(m Message) bool { return m.To == p.ID && strings.Contains(m.Visible(), words) })
}

// View is the form on top of their screen; it waits until there is one.
func (p *Person) View() *View {
	p.tb.Helper()
	v := &View{p: p}
	until(p.f, p.tb, p.Name+" sees a form", p.top, func(top string) bool {
		v.ID = top
		return top != ""
	})
	return v
}

// SeesForm reports whether they see one.
func (p *Person) SeesForm() bool {
	p.f.mu.Lock()
	defer p.f.mu.Unlock()
	return p.top() != ""
}

// top is the id of the form on top of their screen; "": there is none. The caller
// holds the lock of the fake.
func (p *Person) top() string {
	open := p.f.screens[p.ID]
	if len(open) == 0 {
		return ""
	}
	return open[len(open)-1].id
}
