package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/engine/audit"
)

// printEvent prints an event on one line: as it was sealed, or in words.
func (c *cli) printEvent(raw json.RawMessage) error {
	if c.output == outputJSON {
		return c.say("%s", raw)
	}
	var e audit.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("an audit event is not what this release of curfew reads: %w", err)
	}
	parts := []string{instant(e.Time), fmt.Sprintf("%-22s", e.Type)}
	if e.Actor != nil {
		parts = append(parts, "by "+e.Actor.String())
	}
	switch {
	case e.Subject != nil && e.Action != nil && e.Resource != nil:
		parts = append(parts, fmt.Sprintf("%s: %s on %s/%s", e.Subject, e.Action.Name, e.Resource.Type, e.Resource.ID))
	case e.Subject != nil:
		parts = append(parts, e.Subject.String())
	case e.Resource != nil:
		parts = append(parts, e.Resource.Type+"/"+e.Resource.ID)
	}
	for _, id := range []audit.Text{e.RequestID, e.GrantID, e.BindingID} {
		if id != "" {
			parts = append(parts, string(id))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Data)) {
		if value := brief(e.Data[name]); value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	return c.say("%s", clean(strings.Join(parts, "  ")))
}

// brief is a value of an event's data in few characters; "" for nothing.
func brief(v any) string {
	const most = 80
	if v == nil || v == "" {
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	text := []rune(strings.Trim(string(raw), `"`))
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

// oneLine puts a text onto one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
