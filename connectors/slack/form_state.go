package slack

import (
	"encoding/json"
	"strings"

	slackapi "github.com/slack-go/slack"
)

// chosen is what somebody has chosen and written in the form so far.
type chosen struct {
	wish
	option *slackapi.OptionBlockObject // of the resource, as it was offered; nil: not known
}

// chosenIn reads what stands in a form. Its blocks are named by what they are of,
// and so everything is found by its action.
func chosenIn(v *slackapi.View) chosen {
	var c chosen
	if v.State == nil {
		return c
	}
	for _, block := range v.State.Values {
		for id, act := range block {
			c.take(id, &act)
		}
	}
	return c
}

// take adds what one element of the form holds.
func (c *chosen) take(actionID string, act *slackapi.BlockAction) {
	switch actionID {
	case actResource:
		if c.Resource = act.SelectedOption.Value; c.Resource != "" && act.SelectedOption.Text != nil {
			picked := act.SelectedOption
			c.option = &picked
		}
	case actAction:
		c.Action = act.SelectedOption.Value
	case actLength:
		c.Length = act.SelectedOption.Value
	case actReason:
		c.Reason = act.Value
	case actEmergency:
		c.Emergency = len(act.SelectedOptions) > 0
	}
}

// formState is what a form remembers of itself. It goes through the client and
// back, and holds nothing that its reader may not know.
type formState struct {
	Of     string `json:"of,omitempty"`    // the resource that its fields are of
	Action string `json:"only,omitempty"`  // the only action of that
	Saving bool   `json:"saving,omitzero"` // it was submitted, and may be saved
	Sent   *wish  `json:"sent,omitempty"`  // what was; nil: it did not fit
	Want   wish   `json:"want,omitzero"`   // action and length, until there is a resource to hold them against
}

// stateIn reads what a form remembers. What is unreadable is forgotten: nothing
// depends on it but comfort.
func stateIn(v *slackapi.View) (s formState) {
	if json.Unmarshal([]byte(v.PrivateMetadata), &s) != nil {
		return formState{}
	}
	return s
}

func (s formState) String() string {
	raw, err := json.Marshal(s)
	if err == nil && len(raw) > maxMetadata {
		s.Sent = nil
		raw, err = json.Marshal(s)
	}
	if err != nil || len(raw) > maxMetadata {
		return ""
	}
	return string(raw)
}

// The blocks of the form. Those whose choices depend on another have a name that
// does too: Slack keeps what was chosen in a block for as long as it has its name.
const (
	blockResource  = "resource"
	blockAction    = "action"
	blockHowLong   = "length"
	blockReason    = "reason"
	blockEmergency = "emergency"
	blockPolicy    = "policy"
)

// blockOf names a block whose choices depend on others.
func blockOf(kind string, of ...string) string {
	return kind + "." + keyOf(of...)[:16]
}

// isBlock reports whether the block of this id is of the kind.
func isBlock(id, kind string) bool { return id == kind || strings.HasPrefix(id, kind+".") }
