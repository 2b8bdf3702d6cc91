package slack

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Slack's limits, as its documentation and its own clients' validators have them.
const (
	maxViewBytes     = 250_000
	maxViewBlocks    = 100
	maxMessageBlocks = 50
	maxOptions       = 100
	maxStack         = 3
)

// checker collects what is wrong with blocks.
type checker struct {
	view   bool
	faults []string
	ids    map[string]bool // of blocks
}

func (c *checker) fault(where, format string, args ...any) {
	c.faults = append(c.faults, where+": "+fmt.Sprintf(format, args...))
}

// CheckView says what Slack would not take of a view, as JSON has it: by the limits,
// and by the published schema where that is there.
func CheckView(view map[string]any) []string {
	c := &checker{view: true, ids: map[string]bool{}}
	if n := len(encode(view)); n > maxViewBytes {
		c.fault("view", "%d bytes, more than %d", n, maxViewBytes)
	}
	if kind := text(view, "type"); kind != "modal" {
		c.fault("view", "its type is %q", kind)
	}
	c.text("title", view["title"], 24, "plain_text", true)
	c.text("submit", view["submit"], 24, "plain_text", false)
	c.text("close", view["close"], 24, "plain_text", false)
	c.long("callback_id", view["callback_id"], 255)
	c.long("external_id", view["external_id"], 255)
	c.long("private_metadata", view["private_metadata"], 3000)
	blocks, _ := view["blocks"].([]any)
	if len(blocks) == 0 {
		c.fault("blocks", "there are none")
	}
	if len(blocks) > maxViewBlocks {
		c.fault("blocks", "%d, more than %d", len(blocks), maxViewBlocks)
	}
	if c.blocks(blocks) && view["submit"] == nil {
		c.fault("submit", "a view with an input needs it")
	}
	return append(c.faults, bySchema(view)...)
}

// checkMessage says what Slack would not take of a message's blocks.
func checkMessage(blocks []any) []string {
	c := &checker{ids: map[string]bool{}}
	if len(blocks) > maxMessageBlocks {
		c.fault("blocks", "%d, more than %d", len(blocks), maxMessageBlocks)
	}
	c.blocks(blocks)
	return append(c.faults, blocksBySchema(blocks)...)
}

// blocks checks each block, and reports whether one is an input.
func (c *checker) blocks(blocks []any) (input bool) {
	for i, b := range blocks {
		where := fmt.Sprintf("blocks[%d]", i)
		block, ok := b.(map[string]any)
		if !ok {
			c.fault(where, "is no object")
			continue
		}
		c.long(where+".block_id", block["block_id"], 255)
		if id := text(block, "block_id"); id != "" {
			if c.ids[id] {
				c.fault(where, "the block_id %q is there twice", id)
			}
			c.ids[id] = true
		}
		c.block(where, block)
		input = input || block["type"] == "input"
	}
	return input
}

func (c *checker) block(where string, block map[string]any) {
	elements, _ := block["elements"].([]any)
	switch kind := text(block, "type"); kind {
	case "section":
		c.section(where, block)
	case "header":
		c.text(where+".text", block["text"], 150, "plain_text", true)
	case "context":
		c.count(where+".elements", len(elements), 1, 10)
		for i, e := range elements {
			c.text(fmt.Sprintf("%s.elements[%d]", where, i), e, 3000, "", true)
		}
	case "actions":
		c.count(where+".elements", len(elements), 1, 25)
		c.elements(where+".elements", elements)
	case "input":
		c.text(where+".label", block["label"], 2000, "plain_text", true)
		c.text(where+".hint", block["hint"], 2000, "plain_text", false)
		c.elements(where+".element", []any{block["element"]})
		if element, _ := block["element"].(map[string]any); text(element, "type") == "button" {
			c.fault(where, "a button is no input")
		}
	case "divider", "image", "rich_text", "markdown":
	default:
		c.fault(where, "a block of the type %q is not known here", kind)
	}
}

func (c *checker) section(where string, block map[string]any) {
	fields, _ := block["fields"].([]any)
	if block["text"] == nil && len(fields) == 0 {
		c.fault(where, "a section needs a text or fields")
	}
	c.text(where+".text", block["text"], 3000, "", false)
	if block["fields"] != nil {
		c.count(where+".fields", len(fields), 1, 10)
	}
	for i, f := range fields {
		c.text(fmt.Sprintf("%s.fields[%d]", where, i), f, 2000, "", true)
	}
	if block["accessory"] != nil {
		c.elements(where+".accessory", []any{block["accessory"]})
	}
}

// text checks a text object: its kind ("": either), and 1 to limit characters.
func (c *checker) text(at string, value any, limit int, kind string, required bool) {
	if value == nil {
		if required {
			c.fault(at, "is missing")
		}
		return
	}
	object, ok := value.(map[string]any)
	if !ok {
		c.fault(at, "is no text object")
		return
	}
	if text(object, "type") == "image" {
		return
	}
	if has := text(object, "type"); kind != "" && has != kind || has != "plain_text" && has != "mrkdwn" {
		c.fault(at, "is %q text", has)
	}
	if strings.TrimSpace(text(object, "text")) == "" {
		c.fault(at, "is empty")
	}
	c.long(at, object["text"], limit)
}

func (c *checker) long(at string, value any, limit int) {
	s, _ := value.(string)
	if n := utf8.RuneCountInString(s); n > limit {
		c.fault(at, "%d characters, more than %d", n, limit)
	}
}

func (c *checker) count(at string, n, least, most int) {
	if n < least || n > most {
		c.fault(at, "%d, not %d to %d", n, least, most)
	}
}
