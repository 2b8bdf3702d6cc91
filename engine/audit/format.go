package audit

import (
	"bytes"
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
)

// Format is how events are written when they leave the gateway.
type Format string

// The formats. Of each line of an export the bytes that were hashed can be read back.
const (
	FormatJSON   Format = "json"   // a list in one document
	FormatNDJSON Format = "ndjson" // an event a line: the bytes that are hashed
	FormatCSV    Format = "csv"    // a header, and a record an event
	FormatOCSF   Format = "ocsf"   // an OCSF event a line
)

// FormatOf reads the name of a format; "" is JSON.
func FormatOf(name string) (Format, error) {
	switch f := Format(name); f {
	case "":
		return FormatJSON, nil
	case FormatJSON, FormatNDJSON, FormatCSV, FormatOCSF:
		return f, nil
	}
	return "", access.Invalid("invalid_format", "", "format is json, ndjson, csv or ocsf, not %q", name)
}

// ContentType is the media type of a document in the format.
func (f Format) ContentType() string {
	switch f {
	case FormatNDJSON, FormatOCSF:
		return "application/x-ndjson; charset=utf-8"
	case FormatCSV:
		return "text/csv; charset=utf-8; header=present"
	case FormatJSON:
	}
	return "application/json"
}

// Header is what a document begins with, its line end included; nil for nothing.
func (f Format) Header() []byte {
	if f == FormatCSV {
		return []byte(csvHeader)
	}
	return nil
}

// Append writes a sealed event behind buf, its line end included. canonical is the
// event as it is hashed. What it writes is one line, and always the same for an event.
func (f Format) Append(buf []byte, seq int64, canonical []byte) ([]byte, error) {
	if f == FormatJSON || f == FormatNDJSON {
		return append(append(buf, canonical...), '\n'), nil
	}
	m, ok := membersOf(canonical)
	if !ok {
		return buf, fmt.Errorf("event %d is not one: want an object with id, type and time", seq)
	}
	switch f {
	case FormatCSV:
		return appendCSV(buf, seq, m, canonical), nil
	case FormatOCSF:
		return appendOCSF(buf, seq, m, canonical)
	case FormatJSON, FormatNDJSON:
	}
	return buf, fmt.Errorf("event %d: there is no format %q", seq, f)
}

// Canonical reads the bytes that were hashed from a line that Append wrote, with or
// without its end. A line of which anything else was changed is an error: a reader
// looks at its columns, not at the bytes in it that are hashed.
func (f Format) Canonical(line []byte) ([]byte, error) {
	_, canonical, err := f.Read(line)
	return canonical, err
}

// Read is Canonical, with the number in the sequence that the line says it has; 0 of a
// format in which it says none.
func (f Format) Read(line []byte) (seq int64, canonical []byte, err error) {
	line = bytes.TrimRight(line, "\r\n")
	switch f {
	case FormatJSON, FormatNDJSON:
		return 0, line, nil
	case FormatCSV:
		seq, canonical, err = readCSV(line)
	case FormatOCSF:
		seq, canonical, err = readOCSF(line)
	default:
		err = fmt.Errorf("there is no format %q", f)
	}
	if err != nil {
		return 0, nil, err
	}
	again, err := f.Append(make([]byte, 0, len(line)+1), seq, canonical)
	if err != nil {
		return 0, nil, err
	}
	if !bytes.Equal(bytes.TrimRight(again, "\n"), line) {
		return 0, nil, fmt.Errorf("the line of event %d does not say what its event does", seq)
	}
	return seq, canonical, nil
}
