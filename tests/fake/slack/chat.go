package slack

import (
	"time"
)

const maxText = 40_000

// place finds where a message goes. The caller holds f.mu.
func (f *Fake) place(name string) (*Channel, error) {
	c := f.channel(name)
	if u := f.byID(name); u != nil {
		switch {
		case u.Bot:
			return nil, refusal{code: "cannot_dm_bot"}
		case u.Deleted || u.Stranger:
			return nil, refusal{code: "channel_not_found"}
		}
		c = f.direct(name)
	}
	switch {
	case c == nil:
		return nil, refusal{code: "channel_not_found"}
	case c.Archived:
		return nil, refusal{code: "is_archived"}
	case c.BotAbsent:
		return nil, refusal{code: "not_in_channel"}
	}
	return c, nil
}

// wait is how long a conversation takes no further message. The caller holds f.mu.
func (f *Fake) wait(channel string) error {
	now := f.cfg.Now()
	if left := f.posted[channel].Add(time.Second).Sub(now); f.cfg.RateLimited && left > 0 {
		return refusal{code: "ratelimited", after: int(left.Seconds() + 0.999)}
	}
	f.posted[channel] = now
	return nil
}

// content checks and reads what a message says.
func (f *Fake) content(what string, args map[string]any) (Message, error) {
	m := Message{Text: text(args, "text"), Versions: 1}
	if given, ok := args["blocks"]; ok && given != nil {
		blocks, isList := given.([]any)
		if !isList {
			return m, f.invalid("invalid_blocks_format", what, []string{"blocks is not a list"})
		}
		if faults := checkMessage(blocks); len(faults) > 0 {
			return m, f.invalid("invalid_blocks", what, faults)
		}
		m.Blocks = named(copied(blocks))
	}
	switch {
	case len([]rune(m.Text)) > maxText:
		return m, f.invalid("msg_too_long", what, []string{"text is longer than 40,000 characters"})
	case m.Text == "" && len(m.Blocks) == 0:
		return m, f.invalid("no_text", what, []string{"there is neither a text nor a block"})
	case m.Text == "":
		f.fault("%s: a message of blocks has no text for notifications", what)
	}
	if given, ok := args["metadata"].(map[string]any); ok && len(given) > 0 {
		if _, isMap := given["event_payload"].(map[string]any); text(given, "event_type") == "" || !isMap {
			return m, f.invalid("invalid_metadata_format", what, []string{"metadata needs event_type and event_payload"})
		}
		m.Metadata = copied(given)
	}
	return m, nil
}

func (f *Fake) chatPost(args map[string]any) (map[string]any, error) {
	return f.said("chat.postMessage", args, func(m *Message, c *Channel) (map[string]any, error) {
		if err := f.wait(c.ID); err != nil {
			return nil, err
		}
		f.post(m, c)
		return map[string]any{"channel": m.Channel, "ts": m.TS, "message": m.payload()}, nil
	})
}

func (f *Fake) chatPostEphemeral(args map[string]any) (map[string]any, error) {
	return f.said("chat.postEphemeral", args, func(m *Message, c *Channel) (map[string]any, error) {
		u := f.byID(text(args, "user"))
		if u == nil || c.With != "" && c.With != u.ID {
			return nil, refusal{code: "user_not_in_channel"}
		}
		m.To, m.Metadata = u.ID, nil
		f.post(m, c)
		return map[string]any{"message_ts": m.TS}, nil
	})
}

// said reads a message and where it goes, and puts it there. It holds f.mu for that.
func (f *Fake) said(what string, args map[string]any, put func(*Message, *Channel) (map[string]any, error)) (map[string]any, error) {
	m, err := f.content(what, args)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.place(text(args, "channel"))
	if err != nil {
		return nil, err
	}
	return put(&m, c)
}

// post puts a message into a conversation. The caller holds f.mu.
func (f *Fake) post(m *Message, c *Channel) {
	m.Channel, m.ChannelName, m.With, m.TS = c.ID, c.Name, c.With, f.stamp()
	f.messages = append(f.messages, m)
	f.changed.Fire()
}

// own finds a message of the app in a conversation. The caller holds f.mu.
func (f *Fake) own(channel, ts string) (*Message, error) {
	c := f.channel(channel)
	if c == nil || c.ID != channel {
		return nil, refusal{code: "channel_not_found"}
	}
	for _, m := range f.messages {
		if m.Channel == c.ID && m.TS == ts && !m.Deleted && m.To == "" {
			return m, nil
		}
	}
	return nil, refusal{code: "message_not_found"}
}

func (f *Fake) chatUpdate(args map[string]any) (map[string]any, error) {
	next, err := f.content("chat.update", args)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.own(text(args, "channel"), text(args, "ts"))
	if err != nil {
		return nil, err
	}
	m.replace(next, args)
	f.changed.Fire()
	return map[string]any{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": m.payload()}, nil
}

// replace changes a message. What is not given stays, but the text.
func (m *Message) replace(next Message, args map[string]any) {
	m.Text = next.Text
	if _, given := args["blocks"]; given {
		m.Blocks = next.Blocks
	}
	if _, given := args["metadata"]; given {
		m.Metadata = next.Metadata
	}
	m.Versions++
}

func (f *Fake) chatDelete(args map[string]any) (map[string]any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.own(text(args, "channel"), text(args, "ts"))
	if err != nil {
		return nil, err
	}
	m.Deleted = true
	f.changed.Fire()
	return map[string]any{"channel": m.Channel, "ts": m.TS}, nil
}

func (f *Fake) conversationsOpen(args map[string]any) (map[string]any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.place(text(args, "users"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"channel": map[string]any{"id": c.ID}}, nil
}
