package audit

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// csvHeader names the columns. The last is the event itself, as it is hashed: the
// others are there to be looked at.
const csvHeader = "seq,time,type,actor,subject,action,resource,request_id,grant_id,binding_id,decision_id,revision," +
	"channel,source,http_request_id,data,event\n"

// appendCSV writes an event as a record. A record is one line: a control character
// stands in a cell as JSON has it.
func appendCSV(buf []byte, seq int64, m members, canonical []byte) []byte {
	w := csvRecord{buf: strconv.AppendInt(buf, seq, 10)}
	w.text(m.time)
	w.text(m.typ)
	w.ref(m.actor)
	w.ref(m.subject)
	w.text(memberOf(m.action, "name"))
	w.ref(m.resource)
	for _, value := range [...][]byte{
		m.requestID, m.grantID, m.bindingID, m.decisionID, m.revision, m.channel, m.source, m.httpRequestID,
	} {
		w.text(value)
	}
	w.cell(m.data)
	w.cell(canonical)
	return append(w.buf, '\n')
}

// csvRecord is a record that is being written.
type csvRecord struct {
	buf  []byte
	work []byte // a cell that differs from what is in the event
}

// text writes a text of JSON; nil is an empty cell.
func (w *csvRecord) text(value []byte) {
	w.work = appendPlain(w.work[:0], inner(value))
	w.guarded(w.work)
}

// ref writes what has a type and an id as type:id.
func (w *csvRecord) ref(object []byte) {
	w.work = w.work[:0]
	if object != nil {
		w.work = append(appendPlain(w.work, inner(memberOf(object, "type"))), ':')
		w.work = appendPlain(w.work, inner(memberOf(object, "id")))
	}
	w.guarded(w.work)
}

// guarded writes a cell that others chose the text of: a spreadsheet is not to take it
// for a formula.
func (w *csvRecord) guarded(cell []byte) {
	if !formula(cell) {
		w.cell(cell)
		return
	}
	w.cell(append([]byte{'\''}, cell...))
}

// cell writes a cell as encoding/csv does.
func (w *csvRecord) cell(cell []byte) {
	w.buf = append(w.buf, ',')
	if !quotes(cell) {
		w.buf = append(w.buf, cell...)
		return
	}
	w.buf = append(w.buf, '"')
	for {
		at := bytes.IndexByte(cell, '"')
		if at < 0 {
			break
		}
		w.buf = append(append(w.buf, cell[:at+1]...), '"')
		cell = cell[at+1:]
	}
	w.buf = append(append(w.buf, cell...), '"')
}

func quotes(cell []byte) bool {
	if len(cell) == 0 {
		return false
	}
	first, _ := utf8.DecodeRune(cell)
	return unicode.IsSpace(first) || bytes.ContainsAny(cell, ",\"\r\n") || string(cell) == `\.`
}

// formula reports whether a spreadsheet may take a cell for one, by how it begins: the
// wide characters are what some read as their ASCII twins.
func formula(cell []byte) bool {
	if len(cell) == 0 {
		return false
	}
	first, _ := utf8.DecodeRune(cell)
	return strings.ContainsRune("=+-@\t\r＝＋－＠", first)
}

// appendPlain writes what is between the quotes of a text of JSON, without the escapes
// that only JSON needs.
func appendPlain(buf, text []byte) []byte {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 >= len(text) {
			return append(buf, text...)
		}
		buf = append(buf, text[:at]...)
		if c := text[at+1]; c != '"' && c != '\\' && c != '/' {
			buf = append(buf, '\\')
		}
		buf = append(buf, text[at+1])
		text = text[at+2:]
	}
}

var errNotCSV = errors.New("this is not a record of an export: want its columns, the last one the event")

// readCSV reads the number and the event of a record.
func readCSV(line []byte) (seq int64, canonical []byte, err error) {
	first := bytes.IndexByte(line, ',')
	last := bytes.LastIndex(line, []byte(`,"{`)) // within a cell a quote has another beside it
	if first < 0 || last < first || line[len(line)-1] != '"' {
		return 0, nil, errNotCSV
	}
	if seq, err = strconv.ParseInt(string(line[:first]), 10, 64); err != nil {
		return 0, nil, errNotCSV
	}
	return seq, bytes.ReplaceAll(line[last+2:len(line)-1], []byte(`""`), []byte(`"`)), nil
}
