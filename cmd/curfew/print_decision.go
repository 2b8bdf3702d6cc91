package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// loggedDecision is what people are shown of an event of the decision log.
type loggedDecision struct {
	ID          string          `json:"decision_id"`
	Path        string          `json:"path"`
	Timestamp   time.Time       `json:"timestamp"`
	Revision    string          `json:"revision"`
	RequestedBy string          `json:"requested_by"`
	Input       json.RawMessage `json:"input"`
	Result      json.RawMessage `json:"result"`
	Erased      []string        `json:"erased"`
	Error       *struct {
		Code string `json:"code"`
	} `json:"error"`
	Metrics struct {
		Nanos int64 `json:"timer_server_handler_ns"`
	} `json:"metrics"`
	Custom struct {
		Caller string `json:"caller"`
	} `json:"custom"`
}

func readDecision(raw json.RawMessage) (d loggedDecision, err error) {
	if err = json.Unmarshal(raw, &d); err != nil {
		err = fmt.Errorf("a decision is not what this release of curfew reads: %w", err)
	}
	return d, err
}

// longAnswer is how much of an answer a table shows.
const longAnswer = 60

// answer is the result in a word, where it is one of Curfew's own.
func (d loggedDecision) answer() string {
	var known struct {
		Effect   string `json:"effect"`
		Decision *bool  `json:"decision"`
	}
	switch err := json.Unmarshal(d.Result, &known); {
	case d.Result == nil:
		return "undefined"
	case err == nil && known.Effect != "":
		return known.Effect
	case err == nil && known.Decision != nil && *known.Decision:
		return "yes"
	case err == nil && known.Decision != nil:
		return "no"
	}
	text := []rune(string(d.Result))
	if len(text) > longAnswer {
		text = append(text[:longAnswer], '…')
	}
	return string(text)
}

func (d loggedDecision) took() string { return time.Duration(d.Metrics.Nanos).String() }

func (c *cli) printLogged(d loggedDecision) error {
	failure := ""
	if d.Error != nil {
		failure = d.Error.Code
	}
	return c.facts(
		"decision", d.ID, "time", exact(d.Timestamp), "path", d.Path, "answer", d.answer(), "policies", d.Revision,
		"caller", d.Custom.Caller, "from", d.RequestedBy, "took", d.took(), "failure", failure, "erased", strings.Join(d.Erased, "\n"),
		"result", indented(d.Result), "input", indented(d.Input))
}

func indented(raw json.RawMessage) string {
	var buf bytes.Buffer
	if json.Indent(&buf, raw, "", "  ") != nil {
		return string(raw)
	}
	return buf.String()
}
