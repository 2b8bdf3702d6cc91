package syslog

import (
	"strings"
	"time"

	"github.com/leodido/go-syslog/v4/rfc5424"
)

// byteOrderMark begins a text that is in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// Message is one that came, as the parser reads it.
type Message struct {
	Facility, Severity int
	Time               time.Time
	Host, App, ID      string            // "" for none
	Element            string            // of the structured data: "curfew@32473"
	Data               map[string]string // its parameters
	Text               string            // without the mark
	Marked             bool              // the text is marked as UTF-8
}

func messageOf(m *rfc5424.SyslogMessage) Message {
	got := Message{Host: text(m.Hostname), App: text(m.Appname), ID: text(m.MsgID)}
	if m.Facility != nil && m.Severity != nil {
		got.Facility, got.Severity = int(*m.Facility), int(*m.Severity)
	}
	if m.Timestamp != nil {
		got.Time = *m.Timestamp
	}
	if m.StructuredData != nil {
		for element, data := range *m.StructuredData {
			got.Element, got.Data = element, data
		}
	}
	got.Text, got.Marked = strings.CutPrefix(text(m.Message), byteOrderMark)
	return got
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
