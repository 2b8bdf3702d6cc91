package audit

import (
	"net/netip"
	"strconv"
	"strings"
)

// ocsfLine is a JSON object that is being written, member by member. A member of which
// there is nothing to say is left out.
type ocsfLine struct{ buf []byte }

// key begins a member. Names are ours: they need no escapes.
func (w *ocsfLine) key(name string) {
	if last := w.buf[len(w.buf)-1]; last != '{' && last != '[' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(append(append(w.buf, '"'), name...), `":`...)
}

func (w *ocsfLine) open(name string) {
	w.key(name)
	w.buf = append(w.buf, '{')
}

func (w *ocsfLine) close() { w.buf = append(w.buf, '}') }

// say writes a text of ours, which needs no escapes.
func (w *ocsfLine) say(name string, parts ...string) {
	w.key(name)
	w.buf = append(w.buf, '"')
	for _, part := range parts {
		w.buf = append(w.buf, part...)
	}
	w.buf = append(w.buf, '"')
}

func (w *ocsfLine) number(name string, n int64) {
	w.key(name)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// value copies a value of the event.
func (w *ocsfLine) value(name string, value []byte) {
	if value != nil {
		w.key(name)
		w.buf = append(w.buf, value...)
	}
}

// text copies a value of the event that is a text, and not empty.
func (w *ocsfLine) text(name string, value []byte) {
	if len(inner(value)) > 0 {
		w.value(name, value)
	}
}

// ref copies what has a type and an id as type:id.
func (w *ocsfLine) ref(object []byte) {
	w.buf = append(append(w.buf, inner(memberOf(object, "type"))...), ':')
	w.buf = append(w.buf, inner(memberOf(object, "id"))...)
}

// quoted writes JSON as a text. It has nothing to be escaped but quotes and backslashes,
// and the blanks between its values when somebody else wrote it: those are left out.
func (w *ocsfLine) quoted(name string, event []byte) {
	w.key(name)
	w.buf = append(w.buf, '"')
	from := 0
	for i, c := range event {
		switch {
		case c == '"' || c == '\\':
			w.buf = append(append(w.buf, event[from:i]...), '\\')
			from = i
		case c < ' ':
			w.buf = append(w.buf, event[from:i]...)
			from = i + 1
		}
	}
	w.buf = append(append(w.buf, event[from:]...), '"')
}

// user writes a subject.
func (w *ocsfLine) user(name string, subject []byte) {
	w.open(name)
	defer w.close()
	id, typ := memberOf(subject, "id"), memberOf(subject, "type")
	if inner(id) == nil {
		w.say("name", "unknown")
		return
	}
	w.value("uid", id)
	w.value("name", id)
	if email(inner(id)) {
		w.value("email_addr", id)
	}
	w.text("type", typ)
	switch string(inner(typ)) {
	case "user":
		w.number("type_id", 1)
	case "service":
		w.number("type_id", 4)
	default:
		w.number("type_id", ocsfOther)
	}
}

// endpoint writes the address that a caller came from.
func (w *ocsfLine) endpoint(name string, source []byte) {
	if len(inner(source)) == 0 {
		return
	}
	w.open(name)
	if ip, err := netip.ParseAddr(string(inner(source))); err == nil && ip.Zone() == "" {
		w.value("ip", source)
	} else {
		w.value("name", source)
	}
	w.close()
}

// email reports whether a text is surely an address of the form that the schema has.
func email(text []byte) bool {
	local, domain, found := strings.Cut(string(text), "@")
	dot := strings.IndexByte(domain, '.')
	return found && local != "" && dot > 0 && dot < len(domain)-1 && only(local, "._%+-'") && only(domain, ".-")
}

// only reports whether a text has letters and digits of ASCII, and the others, only.
func only(text, others string) bool {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
