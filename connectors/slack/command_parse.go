package slack

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// typed is what somebody wrote behind the command.
type typed struct {
	resource  string
	action    string   // "": not said
	length    string   // as lengthValue has it; "": none was understood
	reason    string   // behind the length
	rest      []string // all behind the resource, if there is no length
	emergency bool
}

// direct reports whether enough was said to ask without a form.
func (t typed) direct() bool { return t.resource != "" && t.length != "" }

// parseTyped reads "acme 2h PD-123: login fails". The length is the second word or
// the third: it tells the action from the reason.
func parseTyped(text string) typed {
	words, raw := splitWords(text)
	if len(words) == 0 {
		return typed{}
	}
	t := typed{resource: words[0]}
	for i := 1; i < len(words) && i <= 2; i++ {
		length, ok := typedLength(words[i])
		if !ok {
			continue
		}
		if t.length = length; i == 2 {
			t.action = words[1]
		}
		t.setReason(raw[i+1:])
		return t
	}
	t.rest = raw[1:]
	return t
}

// emergencyWord before the reason makes it an emergency. The colon tells it from a
// reason that begins so.
const emergencyWord = "emergency:"

func (t *typed) setReason(words []string) {
	if len(words) > 0 && strings.EqualFold(words[0], emergencyWord) {
		t.emergency, words = true, words[1:]
	}
	t.reason = joinWords(words)
}

func joinWords(words []string) string { return strings.Join(words, " ") }

// typedLength reads a length as people write it.
func typedLength(word string) (value string, ok bool) {
	lower := strings.ToLower(word)
	switch kind, id, named := strings.Cut(word, ":"); {
	case lower == access.WhileOnCall || lower == "on-call":
		return lengthWhile + access.WhileOnCall, true
	case named && strings.EqualFold(kind, access.WhileIncident) && id != "":
		return lengthWhile + access.WhileIncident + ":" + id, true
	case len(word) > 1 && word[0] == '#' && strings.Trim(word[1:], "0123456789") == "":
		return lengthWhile + access.WhileIncident + ":" + word[1:], true
	}
	d, err := access.ParseDuration(lower)
	if err != nil {
		d, err = access.ParseDuration(strings.ToUpper(word)) // ISO 8601's
	}
	if err != nil {
		return "", false
	}
	return lengthValue(&d, nil), true
}

// quotes are those that keyboards and phones write, each with what ends it.
var quotes = map[rune]string{'"': `"”`, '“': `”"`, '„': `“”"`, '«': "»"}

// splitWords splits a text at its spaces, not within quotes at the beginning of a
// word. A quote that does not end is a character as any other. In raw the words
// have their quotes, as a reason keeps them.
func splitWords(text string) (words, raw []string) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		first, size := utf8.DecodeRuneInString(text)
		if ends, quoted := quotes[first]; quoted {
			inner := text[size:]
			if end := strings.IndexAny(inner, ends); end > 0 {
				rest := strings.TrimLeft(inner[end:], ends)
				words, raw = append(words, strings.TrimSpace(inner[:end])), append(raw, text[:len(text)-len(rest)])
				text = rest
				continue
			}
		}
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			end = len(text)
		}
		words, raw = append(words, text[:end]), append(raw, text[:end])
		text = text[end:]
	}
	return words, raw
}
