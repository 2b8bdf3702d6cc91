package siem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/curfew-access/curfew/engine/access"
)

// What RFC 5424 wants of a message, and calls things.
const (
	syslogVersion = 1
	syslogMicros  = "2006-01-02T15:04:05.000000Z07:00"
	byteOrderMark = "\xef\xbb\xbf" // a text of more than ASCII begins with it (6.4)
	maxMsgID      = 32             // bytes (6.2.7)
	maxUnit       = 0xffff         // what is beyond has two escapes in JSON

	severityWarning = 4
	severityNotice  = 5
)

// documentationPEN is the number that RFC 5612 sets aside for examples: who has one of
// their own names it.
const documentationPEN = 32473

// syslogFacilities are the names of RFC 5424's facilities, as rsyslog and others have them.
var syslogFacilities = map[string]int{
	"user": 1, "daemon": 3, "auth": 4, "syslog": 5, "authpriv": 10, "audit": 13, "alert": 14,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// troubled are the last words of types that tell of something that was refused or
// went wrong.
var troubled = map[string]bool{
	"attempt_failed": true, "callback_failed": true, "failed": true, "refused": true, "denied": true, "rejected": true,
	"overdue": true, "forced": true, "drifted": true, "stale": true, "dropped": true, "overflowed": true, "raised": true,
	"event_set_aside": true, "events_removed": true,
}

// syslogSeverity is how grave what a type of event tells of is.
func syslogSeverity(typ string) int {
	if _, past, _ := strings.Cut(typ, "."); troubled[past] {
		return severityWarning
	}
	return severityNotice
}

// syslogForm is what all messages of a sink have in common.
type syslogForm struct {
	facility int
	host     string
	app      string
	element  string // of the structured data: "curfew@32473"
	ascii    bool   // the JSON is in ASCII
}

// frame returns a record as RFC 5425 sends it: its length, and the message.
func (f syslogForm) frame(record access.AuditRecord) ([]byte, error) {
	message, err := f.message(record)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%d %s", len(message), message), nil
}

// message renders a record. The library drops silently what it does not take, so what
// it made of each part is looked at before it is sent.
func (f syslogForm) message(record access.AuditRecord) (string, error) {
	m := &rfc5424.SyslogMessage{}
	m.SetPriority(uint8(f.facility*8 + syslogSeverity(record.Type))) //nolint:gosec // at most 23*8+7
	m.SetVersion(syslogVersion)
	m.SetTimestamp(record.Time.UTC().Format(syslogMicros))
	m.SetHostname(f.host)
	m.SetAppname(f.app)
	m.SetMsgID(record.Type[:min(len(record.Type), maxMsgID)])
	parameters := syslogParameters(record)
	for _, p := range parameters {
		m.SetParameter(f.element, p.name, escapeParameter(p.value))
	}
	body := f.text(record.Body)
	m.SetMessage(body)
	if m.Timestamp == nil || m.MsgID == nil || m.Message == nil || *m.Message != body || m.StructuredData == nil {
		return "", fmt.Errorf("%s is no event that syslog can carry", record.EventID)
	}
	for _, p := range parameters {
		if (*m.StructuredData)[f.element][p.name] != p.value {
			return "", fmt.Errorf("the %s of %s is nothing that syslog can carry", p.name, record.EventID)
		}
	}
	return m.String()
}

// text is what stands behind the header: the JSON as it is, in UTF-8 and marked as that
// if it is more than ASCII; or in ASCII, for collectors that take the mark for a part of
// the text.
func (f syslogForm) text(body []byte) string {
	if !bytes.ContainsFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return string(body)
	}
	if !f.ascii {
		return byteOrderMark + string(body)
	}
	var text strings.Builder
	for _, r := range string(body) { // only within its strings is JSON more than ASCII
		switch {
		case r < utf8.RuneSelf:
			text.WriteRune(r)
		case r > maxUnit:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&text, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&text, `\u%04x`, r)
		}
	}
	return text.String()
}

type parameter struct{ name, value string }

// syslogParameters is what a collector can sort by without reading JSON.
func syslogParameters(record access.AuditRecord) []parameter {
	found := []parameter{{"id", record.EventID}, {"seq", strconv.FormatInt(record.Seq, 10)}, {"type", record.Type}}
	var e syslogEvent
	_ = json.Unmarshal(record.Body, &e) // what can not be read is not repeated
	if raw := e.RawData; raw != "" {
		e = syslogEvent{}
		_ = json.Unmarshal([]byte(raw), &e)
	}
	for _, p := range []parameter{
		{"request_id", e.RequestID}, {"grant_id", e.GrantID}, {"binding_id", e.BindingID}, {"decision_id", e.DecisionID},
		{"actor", e.Actor.String()}, {"subject", e.Subject.String()}, {"resource", e.Resource.String()},
	} {
		if p.value != "" {
			found = append(found, p)
		}
	}
	return found
}

// syslogEvent is what is repeated of an event outside of its JSON; of an OCSF event, of
// the one within.
type syslogEvent struct {
	RequestID  string    `json:"request_id"`
	GrantID    string    `json:"grant_id"`
	BindingID  string    `json:"binding_id"`
	DecisionID string    `json:"decision_id"`
	Actor      syslogRef `json:"actor"`
	Subject    syslogRef `json:"subject"`
	Resource   syslogRef `json:"resource"`
	RawData    string    `json:"raw_data"`
}

type syslogRef struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// String renders "user:alice@example.com"; nothing for nobody.
func (r syslogRef) String() string {
	if r.ID == "" {
		return ""
	}
	return r.Type + ":" + r.ID
}

// parameterEscapes are the three characters that end a value (6.3.3).
var parameterEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

func escapeParameter(value string) string { return parameterEscapes.Replace(value) }

// printableASCII leaves of a text what a header may hold, in at most so many bytes;
// "-", which stands for nothing, if that is none.
func printableASCII(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, text)
	if text == "" {
		return "-"
	}
	return text[:min(len(text), most)]
}
