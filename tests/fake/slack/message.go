package slack

import "fmt"

// Message is one of the app's, as it is now.
type Message struct {
	Channel     string // id of the conversation
	ChannelName string // "" for a direct message
	With        string // the person of a direct message
	To          string // an ephemeral: the person who alone sees it
	TS          string
	Text        string
	Blocks      []any
	Metadata    map[string]any // nil: none
	Versions    int            // how often it was posted or changed: 1 at first
	Deleted     bool
}

// ID is the metadata's "id", which tells a notice from another; "": none.
func (m Message) ID() string {
	payload, _ := m.Metadata["event_payload"].(map[string]any)
	for _, name := range []string{"id", "notice_id"} {
		if id, ok := payload[name].(string); ok {
			return id
		}
	}
	return ""
}

// Visible is what a person reads: every text and the label of every button, in
// brackets, or the text where there are no blocks. A date is as its fallback has it.
func (m Message) Visible() string {
	if len(m.Blocks) == 0 {
		return readable(m.Text)
	}
	return visible(m.Blocks)
}

// Has reports whether the message has an element with the action id, for instance
// a button.
func (m Message) Has(actionID string) bool {
	_, found := find(m.Blocks, actionID)
	return found
}

// String renders the message.
func (m Message) String() string {
	to := m.Channel
	if m.ChannelName != "" {
		to = "#" + m.ChannelName
	}
	if m.With != "" {
		to += " (with " + m.With + ")"
	}
	if m.To != "" {
		to += " (only for " + m.To + ")"
	}
	return fmt.Sprintf("message %s in %s, version %d:\n%s", m.TS, to, m.Versions, m.Visible())
}

// payload is the message as interactions carry it.
func (m Message) payload() map[string]any {
	p := map[string]any{
		"type": "message", "user": BotUser, "bot_id": BotID, "app_id": AppID, "ts": m.TS, "team": Team, "text": m.Text, "blocks": m.Blocks,
	}
	if m.Metadata != nil {
		p["metadata"] = m.Metadata
	}
	return p
}
