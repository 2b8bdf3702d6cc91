package chaos

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// index is a history with its parts found by what they belong to.
type index struct {
	History
	binding  map[string]Binding
	grant    map[string]Grant
	request  map[string]Request
	grants   map[string][]Grant   // by binding
	attempts map[string][]Attempt // by binding, in order
	calls    map[string][]target.Call
	events   map[string][]event // by the id of each object that they name
	odd      []Entry            // whose body is no event
	known    map[string]known   // by grant
}

// event is a sealed audit event.
type event struct {
	seq int64
	audit.Event
}

// known is what callers know of a grant without asking the ledger.
type known struct {
	from  time.Time // since when an answer said that it is there; zero: none did
	until time.Time // when the first call that could end it began; zero: none did
	gone  time.Time // since when an answer said that it was revoked; zero: none did
	going time.Time // since when one said that it was being revoked, everywhere soon; zero: none did
}

func newIndex(h History) *index {
	x := &index{
		History: h, binding: map[string]Binding{}, grant: map[string]Grant{}, request: map[string]Request{},
		grants: map[string][]Grant{}, attempts: map[string][]Attempt{}, calls: map[string][]target.Call{},
		events: map[string][]event{}, known: map[string]known{},
	}
	for _, b := range h.Ledger.Bindings {
		x.binding[b.ID] = b
	}
	for _, g := range h.Ledger.Grants {
		x.grant[g.ID] = g
		x.grants[g.BindingID] = append(x.grants[g.BindingID], g)
	}
	for _, r := range h.Ledger.Requests {
		x.request[r.ID] = r
	}
	for _, a := range h.Ledger.Attempts {
		x.attempts[a.BindingID] = append(x.attempts[a.BindingID], a)
	}
	for _, t := range h.Targets {
		for _, c := range t.Calls {
			if c.Refused == nil {
				x.calls[c.Message.Data.Binding.ID] = append(x.calls[c.Message.Data.Binding.ID], c)
			}
		}
	}
	x.readLog()
	x.readSteps()
	return x
}

func (x *index) readLog() {
	for _, entry := range x.Ledger.Log {
		e := event{seq: entry.Seq}
		if err := json.Unmarshal([]byte(entry.Body), &e.Event); err != nil {
			x.odd = append(x.odd, entry)
			continue
		}
		for _, id := range []audit.Text{e.RequestID, e.GrantID, e.BindingID} {
			if id != "" {
				x.events[string(id)] = append(x.events[string(id)], e)
			}
		}
	}
}

func (x *index) readSteps() {
	for _, s := range x.Steps {
		for _, c := range s.Calls {
			switch {
			case s.Kind == Revoke:
				x.knowRevoke(s.Object, c)
			case c.Done() && c.Live:
				k := x.known[c.GrantID]
				k.from = earliest(k.from, c.Ended)
				x.known[c.GrantID] = k
			}
		}
	}
}

func (x *index) knowRevoke(grant string, c Call) {
	k := x.known[grant]
	k.until = earliest(k.until, c.Began)
	switch {
	case !c.Done():
	case c.Propagating:
		k.going = earliest(k.going, c.Ended)
	default:
		k.gone = earliest(k.gone, c.Ended)
	}
	x.known[grant] = k
}

// certain is when the grant was live beyond doubt: an answer had told of it, and
// neither had its time come nor had anybody asked to end it.
func (x *index) certain(g Grant) (from, to time.Time) {
	k := x.known[g.ID]
	to = g.ExpiresAt
	if !k.until.IsZero() {
		to = earliest(to, k.until)
	}
	if k.from.IsZero() {
		return to, to
	}
	return k.from.Add(x.Skew), to.Add(-x.Skew)
}

// liveAtEnd reports whether any grant on the binding is live now that the run is
// over.
func (x *index) liveAtEnd(binding string) bool {
	for _, g := range x.grants[binding] {
		if g.State == string(access.GrantActive) && g.ExpiresAt.After(x.Ledger.Now) {
			return true
		}
	}
	return false
}

// of returns the events of the type that name the object.
func (x *index) of(id, typ string) (out []event) {
	for _, e := range x.events[id] {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

// story is everything about a binding, for people: grants, attempts, calls and
// events.
func (x *index) story(binding string) (lines []string) {
	b := x.binding[binding]
	lines = append(lines, fmt.Sprintf("%s %s at %s: desired %s, observed %s, generation %d", b.ID, name(b.About), b.Target, b.Desired, b.Observed, b.Generation))
	for _, g := range x.grants[binding] {
		lines = append(lines, g.String())
	}
	for _, a := range x.attempts[binding] {
		lines = append(lines, a.String())
	}
	for _, c := range x.calls[binding] {
		lines = append(lines, c.String())
	}
	for _, e := range x.events[binding] {
		lines = append(lines, e.String())
	}
	return lines
}

func (e event) String() string {
	data, _ := json.Marshal(e.Data)
	return fmt.Sprintf("event %d %s %s %s", e.seq, stamp(e.Time), e.Type, data)
}

// String renders the grant in a line.
func (g Grant) String() string {
	return fmt.Sprintf("grant %s %s to %s: %s %s", g.ID, stamp(g.StartsAt), stamp(g.ExpiresAt), g.State, g.EndReason)
}

// String renders the attempt in a line.
func (a Attempt) String() string {
	return fmt.Sprintf("attempt %d of generation %d, %s, claimed %s: %q", a.Attempt, a.Generation, a.Verb, stamp(a.StartedAt), a.Class)
}

// String renders the call in a line.
func (c Call) String() string {
	return fmt.Sprintf("node %d, %s to %s: %d %s %s %s", c.Node, stamp(c.Began), stamp(c.Ended), c.Status, c.Code, c.RequestID, c.GrantID)
}

// String renders the check in a line.
func (c Check) String() string {
	return fmt.Sprintf("check of %s at node %d, %s to %s: %d yes=%t", name(c.About), c.Node, stamp(c.Began), stamp(c.Ended), c.Status, c.Yes)
}

func name(e access.Entitled) string {
	return fmt.Sprintf("%s %s %s", e.Subject, e.Action.Name, e.Resource)
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000000") }

// earliest is the earlier of two times; a zero time is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
