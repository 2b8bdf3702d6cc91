package slack

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// noted writes an error to the log that is not of the kinds that people cause.
func (a *App) noted(err error) {
	var fault *access.Error
	if !errors.As(err, &fault) {
		a.cfg.Log.Error("something that was asked for in Slack could not be done", "error", err)
	}
}

// faults says in other words what concerns whoever reads it.
var faults = map[string]string{
	"own_request":      "You can not answer a request for or by yourself; another reviewer must.",
	"own_task":         "You can not close a task about what you did, hold or asked for; another person must.",
	"not_a_reviewer":   "You are not one of those who may answer this request, and nothing was changed.",
	"already_reviewed": "You have answered this request already; that stands.",
}

// because says to people why something was not done.
func because(err error) string {
	var fault *access.Error
	if !errors.As(err, &fault) {
		return "Curfew could not do this now, and it is not known whether it was saved. Try again to see."
	}
	if words, ours := faults[fault.Code]; ours {
		return words
	}
	text := strings.TrimSpace(fault.Detail)
	if _, reason, found := strings.Cut(text, ": "); found && fault.Code == "not_allowed" {
		text = reason // before it stands who may not do which operation
	}
	if text == "" {
		return "This can not be done: " + fault.Code + "."
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
