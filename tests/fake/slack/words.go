package slack

import (
	"html"
	"regexp"
	"strings"
)

var date = regexp.MustCompile(`<!date\^\d+\^[^|>]*\|([^>]*)>`)

// readable is mrkdwn as a person reads it.
func readable(s string) string {
	return html.UnescapeString(date.ReplaceAllString(s, "$1"))
}

// visible lists the texts of blocks, in their order.
func visible(blocks []any) string {
	var lines []string
	for _, b := range blocks {
		block, _ := b.(map[string]any)
		for _, name := range []string{"label", "text", "fields", "element", "elements", "accessory", "hint", "alt_text"} {
			if line := words(block[name]); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// words is what is read of a text, an element or a list of them.
func words(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		var all []string
		for _, one := range value {
			if w := words(one); w != "" {
				all = append(all, w)
			}
		}
		return strings.Join(all, " ")
	case map[string]any:
		switch kind := text(value, "type"); kind {
		case "mrkdwn":
			return readable(text(value, "text"))
		case "plain_text":
			return text(value, "text")
		case "button":
			return "[" + words(value["text"]) + "]"
		case "checkboxes", "radio_buttons":
			var all []string
			for _, o := range options(value) {
				all = append(all, "["+o.Text+"]")
			}
			return strings.Join(all, " ")
		default:
			return words(value["placeholder"])
		}
	}
	return ""
}
