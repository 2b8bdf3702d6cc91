package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// appendOCSF writes an event as one of the Open Cybersecurity Schema Framework. The
// event itself is its last member, raw_data.
func appendOCSF(buf []byte, seq int64, m members, canonical []byte) ([]byte, error) {
	at, err := time.Parse(time.RFC3339Nano, string(inner(m.time)))
	if err != nil {
		return buf, fmt.Errorf("event %d: its time is %s", seq, m.time)
	}
	typ := string(inner(m.typ))
	t := ocsfTypeOf(typ)
	w := ocsfLine{buf: append(buf, '{')}
	w.metadata(seq, m)
	w.classified(t, m)
	w.number("time", at.UnixMilli())
	w.window(typ, m, at)
	w.message(t, m)
	w.actor(m)
	w.about(t, typ, m)
	w.endpoint("src_endpoint", m.source)
	if len(inner(m.httpRequestID)) > 0 {
		w.open("http_request")
		w.value("uid", m.httpRequestID)
		w.close()
	}
	w.unmapped(t, m)
	w.quoted("raw_data", canonical)
	w.close()
	return append(w.buf, '\n'), nil
}

func (w *ocsfLine) metadata(seq int64, m members) {
	w.open("metadata")
	w.say("version", ocsfVersion)
	w.number("sequence", seq)
	w.value("uid", m.id)
	w.text("correlation_uid", m.requestID)
	w.value("event_code", m.typ)
	w.say("log_name", "audit")
	w.say("log_version", ocsfMapping)
	w.value("original_time", m.time)
	w.open("product")
	w.say("name", "Curfew")
	w.say("vendor_name", "Curfew")
	w.close()
	w.close()
}

// classified writes what kind of event it is, how it went and how grave it is, each as
// a number and in words.
func (w *ocsfLine) classified(t ocsfType, m members) {
	class, activity := "Entity Management", ocsfActivities[t.activity]
	switch {
	case t.class == ocsfAccess && t.activity == ocsfAssign:
		class, activity = "User Access Management", "Assign Privileges"
	case t.class == ocsfAccess:
		class, activity = "User Access Management", "Revoke Privileges"
	case t.activity == ocsfOther:
		activity = "Other"
	}
	w.number("category_uid", 3)
	w.say("category_name", "Identity & Access Management")
	w.number("class_uid", int64(t.class))
	w.say("class_name", class)
	w.number("activity_id", int64(t.activity))
	if t.activity == ocsfOther { // then its name is the source's own
		w.value("activity_name", m.typ)
	} else {
		w.say("activity_name", activity)
	}
	w.number("type_uid", int64(t.class*100+t.activity))
	w.say("type_name", class, ": ", activity)
	w.graded(t, m)
}

// graded writes how it went, and how grave it is.
func (w *ocsfLine) graded(t ocsfType, m members) {
	severity := t.severity
	if severity == ocsfTold {
		severity = max(ocsfInformational, ocsfSeverityOf[string(inner(memberOf(m.data, "severity")))])
	}
	w.number("severity_id", int64(severity))
	w.say("severity", ocsfSeverities[severity])
	w.number("status_id", int64(t.status))
	switch t.status {
	case ocsfSuccess:
		w.say("status", "Success")
	case ocsfFailure:
		w.say("status", "Failure")
		w.text("status_detail", first(m.data, "error", "detail", "reason"))
	default:
		w.say("status", "Under way")
	}
}

// first is the first of the members that the object has.
func first(object []byte, names ...string) []byte {
	for _, name := range names {
		if value := memberOf(object, name); value != nil {
			return value
		}
	}
	return nil
}

// window writes from when to when the access is that a grant's event is about. One that
// has ended lasted until then.
func (w *ocsfLine) window(typ string, m members, at time.Time) {
	if !strings.HasPrefix(typ, "grant.") {
		return
	}
	start, started := instant(memberOf(m.data, "starts_at"))
	end, ends := instant(memberOf(m.data, "expires_at"))
	if typ == GrantEnded {
		end, ends, started = at, true, started && !start.After(at)
	}
	if started {
		w.number("start_time", start.UnixMilli())
	}
	if ends {
		w.number("end_time", end.UnixMilli())
	}
}

func instant(value []byte) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(inner(value)))
	return t, err == nil
}

// message says in one line what happened, to whom and where.
func (w *ocsfLine) message(t ocsfType, m members) {
	w.key("message")
	w.buf = append(append(w.buf, '"'), t.says...)
	if m.subject != nil {
		w.buf = append(w.buf, ": "...)
		w.ref(m.subject)
	}
	if name := inner(memberOf(m.action, "name")); name != nil {
		w.buf = append(append(w.buf, ' '), name...)
	}
	if m.resource != nil {
		w.buf = append(w.buf, ' ')
		w.ref(m.resource)
	}
	w.buf = append(w.buf, '"')
}

// actor writes who caused it; the gateway itself where nobody did.
func (w *ocsfLine) actor(m members) {
	w.open("actor")
	if m.actor == nil {
		w.say("app_name", "curfew")
	} else {
		w.user("user", m.actor)
		w.text("app_name", m.channel)
	}
	w.close()
}

// about writes what it happened to: a user's privileges, or any thing of ours.
func (w *ocsfLine) about(t ocsfType, typ string, m members) {
	if t.class == ocsfAccess {
		w.privileges(m)
		return
	}
	noun, _, _ := strings.Cut(typ, ".")
	w.entity(noun, m)
	if t.status != ocsfFailure {
		w.text("comment", first(m.data, "comment", "reason"))
	}
}

func (w *ocsfLine) privileges(m members) {
	w.user("user", m.subject)
	w.key("privileges")
	w.buf = append(w.buf, '[')
	w.buf = append(append(w.buf, textOf(memberOf(m.action, "name"))...), ']')
	w.key("resources")
	w.buf = append(w.buf, '[')
	if id := textOf(memberOf(m.resource, "id")); id != nil {
		w.buf = append(w.buf, '{')
		w.value("uid", id)
		w.value("name", id)
		w.text("type", memberOf(m.resource, "type"))
		w.close()
	}
	w.buf = append(w.buf, ']')
}

// textOf is a value that is a text; nil of any other.
func textOf(value []byte) []byte {
	if inner(value) == nil {
		return nil
	}
	return value
}

func (w *ocsfLine) entity(noun string, m members) {
	w.open("entity")
	w.key("type")
	c := canonical{buf: w.buf}
	c.text(noun)
	w.buf = c.buf
	w.number("type_id", ocsfOther)
	switch which := ocsfEntityIDs[noun]; {
	case which == "":
		w.say("name", "curfew")
	case which == "resource" && m.resource != nil:
		w.named(m.resource)
	case which == "subject" && m.subject != nil:
		w.named(m.subject)
	case len(inner(m.either(which))) > 0:
		w.value("uid", m.either(which))
	default:
		w.say("name", "unknown")
	}
	w.close()
}

func (w *ocsfLine) named(object []byte) {
	w.key("uid")
	w.buf = append(w.buf, '"')
	w.ref(object)
	w.buf = append(w.buf, '"')
}

// either is the member of the event of that name, or else of its data.
func (m *members) either(name string) []byte {
	if at := m.named(name); at != nil && name != "source" && *at != nil { // an event's source is an address
		return *at
	}
	return memberOf(m.data, name)
}

// unmapped writes what the schema has no place for.
func (w *ocsfLine) unmapped(t ocsfType, m members) {
	w.open("unmapped")
	if t.class != ocsfAccess {
		w.value("subject", m.subject)
		w.value("action", m.action)
		w.value("resource", m.resource)
	}
	w.value("request_id", m.requestID)
	w.value("grant_id", m.grantID)
	w.value("binding_id", m.bindingID)
	w.value("decision_id", m.decisionID)
	w.value("revision", m.revision)
	w.value("channel", m.channel)
	w.value("data", m.data)
	w.close()
}

var (
	errNotOCSF   = errors.New("this is not an event of an export: want an OCSF event, raw_data its last member")
	ocsfRaw      = []byte(`,"raw_data":"`) // within a text each quote has a backslash before it
	ocsfSequence = []byte(`{"metadata":{"version":"` + ocsfVersion + `","sequence":`)
)

// readOCSF reads the number and the event of a line.
func readOCSF(line []byte) (seq int64, canonical []byte, err error) {
	rest, ours := bytes.CutPrefix(line, ocsfSequence)
	digits := bytes.IndexByte(rest, ',')
	raw := bytes.LastIndex(line, ocsfRaw)
	if !ours || digits < 0 || raw < 0 || !bytes.HasSuffix(line, []byte(`"}`)) || raw+len(ocsfRaw) > len(line)-2 {
		return 0, nil, errNotOCSF
	}
	if seq, err = strconv.ParseInt(string(rest[:digits]), 10, 64); err != nil {
		return 0, nil, errNotOCSF
	}
	return seq, unescaped(line[raw+len(ocsfRaw) : len(line)-2]), nil
}

// unescaped undoes the escapes of a text that has no control characters: an event in
// its canonical form is one.
func unescaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return append(out, text...)
		}
		out = append(append(out, text[:at]...), text[at+1])
		text = text[at+2:]
	}
}
