package splunk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// envelope is an event as it comes.
type envelope struct {
	Time       json.Number     `json:"time"`
	Host       string          `json:"host"`
	Source     string          `json:"source"`
	SourceType string          `json:"sourcetype"`
	Index      string          `json:"index"`
	Event      json.RawMessage `json:"event"`
	Fields     json.RawMessage `json:"fields"`
}

// read reads a batch: objects one behind the other. It returns the events before the
// first that is bad, and what is said of that. A list of events is not taken: nobody
// promises that it would be.
func read(body []byte, token Token, request int) (events []Event, bad *answer) {
	from := json.NewDecoder(bytes.NewReader(body))
	for n := 0; ; n++ {
		var e envelope
		if err := from.Decode(&e); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			a := about(codeInvalidData, n)
			return events, &a
		}
		event, code := e.read(token)
		if code != codeSuccess {
			a := about(code, n)
			return events, &a
		}
		event.Request = request
		events = append(events, event)
	}
}

func (e envelope) read(token Token) (Event, int) {
	switch string(e.Event) {
	case "", "null":
		return Event{}, codeNoEvent
	case `""`:
		return Event{}, codeBlankEvent
	}
	if e.Index == "" {
		e.Index = token.Index
	}
	if e.Index != token.Index && !slices.Contains(token.Indexes, e.Index) {
		return Event{}, codeIndex
	}
	fields, code := flat(e.Fields)
	at, _ := e.Time.Float64()
	return Event{Time: at, Host: e.Host, Source: e.Source, SourceType: e.SourceType, Index: e.Index, Raw: e.Event, Fields: fields}, code
}

// flat reads fields, which are strings.
func flat(raw json.RawMessage) (map[string]string, int) {
	if len(raw) == 0 {
		return nil, codeSuccess
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil, codeInvalidData
	}
	texts := map[string]string{}
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return nil, codeFields
		}
		texts[name] = text
	}
	return texts, codeSuccess
}
