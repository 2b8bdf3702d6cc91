package slack

import "strings"

// Sheet is a view at one moment, as a person sees it.
type Sheet struct {
	ID      string
	Hash    string
	Body    map[string]any
	Errors  map[string]string // by block id, from the last submission
	Version int               // how often it was drawn: 1 at first
	Closed  bool

	state values
}

func (s Sheet) blocks() []any {
	blocks, _ := s.Body["blocks"].([]any)
	return blocks
}

// Title is what stands above.
func (s Sheet) Title() string { return words(s.Body["title"]) }

// CallbackID tells the app which view it is.
func (s Sheet) CallbackID() string { return text(s.Body, "callback_id") }

// Metadata is what the app keeps in the view.
func (s Sheet) Metadata() string { return text(s.Body, "private_metadata") }

// CanSubmit reports whether there is a button for it.
func (s Sheet) CanSubmit() bool { return s.Body["submit"] != nil }

// Visible is what a person reads: the title, every text, and the label of every
// element; then what was said to be wrong.
func (s Sheet) Visible() string {
	lines := []string{s.Title(), visible(s.blocks())}
	for _, message := range s.Errors {
		lines = append(lines, "! "+message)
	}
	return strings.Join(lines, "\n")
}

// Has reports whether there is an element, by its action id or its block's.
func (s Sheet) Has(id string) bool {
	_, found := find(s.blocks(), id)
	return found
}

// Options lists what an element offers.
func (s Sheet) Options(id string) []Option {
	e, _ := find(s.blocks(), id)
	return options(e.spec)
}

// Value is what an element holds: its text, or the value that was picked; of
// several, with commas.
func (s Sheet) Value(id string) string {
	e, _ := find(s.blocks(), id)
	held := s.state[e.blockID()][e.actionID()]
	if picked, ok := held["selected_option"].(map[string]any); ok {
		return text(picked, "value")
	}
	var all []string
	list, _ := held["selected_options"].([]any)
	for _, o := range list {
		picked, _ := o.(map[string]any)
		all = append(all, text(picked, "value"))
	}
	if len(all) > 0 {
		return strings.Join(all, ",")
	}
	return text(held, "value")
}
