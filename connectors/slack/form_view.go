package slack

import (
	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	formTitle     = "Request access"
	valueYes      = "yes"
	emergencyText = "This is an emergency"
	emergencyHint = "Break-glass: others are told, and somebody looks at it afterwards."
)

// sheet is what the request form shows.
type sheet struct {
	chosen
	note    string           // mrkdwn, above all; "": none
	of      *access.Resource // what was chosen, and offers the rest; nil: nothing yet
	lengths []*slackapi.OptionBlockObject
	lacks   string // why more lengths are not there
	policy  string // mrkdwn: what policy says
	saving  bool   // it was submitted, and may be saved
	sent    *wish  // what was; nil: it is not known
}

// view is the form as Slack shows it.
func (f sheet) view() slackapi.ModalViewRequest {
	state := formState{Saving: f.saving, Sent: f.sent}
	var blocks []slackapi.Block
	if f.note != "" {
		blocks = append(blocks, named(section(f.note), blockNote))
	}
	blocks = append(blocks, f.resourceBlock())
	if f.of != nil {
		state.Of = f.Resource
		if len(f.of.Entitlements) == 1 {
			state.Action = f.Action
		}
		blocks = append(blocks, f.actionBlock())
		if f.Action != "" {
			blocks = append(blocks, f.lengthBlock())
		}
	} else {
		state.Want = wish{Action: f.Action, Length: f.Length}
	}
	blocks = append(blocks, f.reasonBlock(), f.emergencyBlock())
	if f.policy != "" {
		blocks = append(blocks, named(section(f.policy), blockPolicy))
	}
	return modal(state, blocks)
}

// modal is a form that can be submitted.
func modal(state formState, blocks []slackapi.Block) slackapi.ModalViewRequest {
	return slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: idRequest, PrivateMetadata: state.String(),
		Title: plain(formTitle, maxTitle), Submit: plain("Ask", maxTitle), Close: plain("Cancel", maxTitle),
		Blocks: slackapi.Blocks{BlockSet: blocks},
	}
}

// closingView says something, and nothing can be done in it any more.
func closingView(text, closing string) slackapi.ModalViewRequest {
	return slackapi.ModalViewRequest{
		Type: slackapi.VTModal, CallbackID: idRequest,
		Title: plain(formTitle, maxTitle), Close: plain(closing, maxTitle),
		Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{section(text)}},
	}
}

// loadingView is what opens before anything is known. It has none of the form's
// blocks: what a block is filled in with counts only where it is new.
func loadingView() slackapi.ModalViewRequest { return closingView("One moment…", "Cancel") }

func named(b *slackapi.SectionBlock, id string) *slackapi.SectionBlock {
	b.BlockID = id
	return b
}

func (f sheet) resourceBlock() slackapi.Block {
	typed := 0 // the list is there before anything is typed
	element := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeExternal, plain("Type to search", maxPlaceholder), actResource)
	element.MinQueryLength = &typed
	element.InitialOption = f.option
	return slackapi.NewInputBlock(blockResource, plain("Resource", maxText), nil, element).WithDispatchAction(true)
}

// actionBlock offers the actions, or says which is the only one.
func (f sheet) actionBlock() slackapi.Block {
	var options []*slackapi.OptionBlockObject
	for _, e := range f.of.Entitlements[:min(len(f.of.Entitlements), maxOptions)] {
		options = append(options, option(e.Action, e.Action))
	}
	switch len(options) {
	case 0:
		return remark("There is nothing that could be asked for here.")
	case 1:
		return remark("Action: *" + escape(f.of.Entitlements[0].Action) + "*")
	}
	element := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeStatic, plain("Choose an action", maxPlaceholder), actAction, options...)
	element.InitialOption = optionOf(options, f.Action)
	return slackapi.NewInputBlock(blockOf(blockAction, f.Resource), plain("Action", maxText), nil, element).WithDispatchAction(true)
}

// lengthBlock offers the lengths. A list without options is not one to Slack.
func (f sheet) lengthBlock() slackapi.Block {
	if len(f.lengths) == 0 {
		text := "No length can be chosen now."
		if f.lacks != "" {
			text += " " + f.lacks
		}
		return remark(text)
	}
	element := slackapi.NewOptionsSelectBlockElement(slackapi.OptTypeStatic, plain("Choose how long", maxPlaceholder), actLength, f.lengths...)
	element.InitialOption = optionOf(f.lengths, f.Length)
	block := slackapi.NewInputBlock(blockOf(blockHowLong, f.Resource, f.Action), plain("How long", maxText), nil, element)
	if f.lacks != "" {
		block.Hint = plain(f.lacks, maxPlaceholder)
	}
	return block.WithDispatchAction(true)
}

func (f sheet) reasonBlock() slackapi.Block {
	element := slackapi.NewPlainTextInputBlockElement(plain("What for?", maxPlaceholder), actReason).
		WithMultiline(true).WithMaxLength(maxWritten).WithInitialValue(cut(f.Reason, maxWritten)).
		WithDispatchActionConfig(&slackapi.DispatchActionConfig{TriggerActionsOn: []string{"on_enter_pressed"}})
	return slackapi.NewInputBlock(blockReason, plain("Reason", maxText), nil, element).WithDispatchAction(true)
}

func (f sheet) emergencyBlock() slackapi.Block {
	yes := option(valueYes, emergencyText)
	yes.Description = plain(emergencyHint, maxOption)
	element := slackapi.NewCheckboxGroupsBlockElement(actEmergency, yes)
	if f.Emergency {
		element.InitialOptions = []*slackapi.OptionBlockObject{yes}
	}
	return slackapi.NewInputBlock(blockEmergency, plain("Emergency", maxText), nil, element).WithOptional(true).WithDispatchAction(true)
}

// optionOf is the option of the value; nil: it is not offered.
func optionOf(options []*slackapi.OptionBlockObject, value string) *slackapi.OptionBlockObject {
	for _, o := range options {
		if o.Value == value {
			return o
		}
	}
	return nil
}

// formKept is a form as somebody left it, with a line above. Its blocks are those that
// they saw: nothing is asked of anybody for it.
func formKept(v *slackapi.View, c chosen, note string, state formState) slackapi.ModalViewRequest {
	return modal(state, leftAs(v, note, func(input *slackapi.InputBlock) { c.into(input.Element) }))
}

// leftAs is the blocks of a form as somebody left it, each field filled in, with a
// line above in the place of one that was there.
func leftAs(v *slackapi.View, note string, fill func(*slackapi.InputBlock)) []slackapi.Block {
	blocks := []slackapi.Block{named(section(note), blockNote)}
	for _, b := range v.Blocks.BlockSet {
		if b.ID() == blockNote {
			continue
		}
		if input, ok := b.(*slackapi.InputBlock); ok {
			fill(input)
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// into fills in an element with what was chosen there.
func (c chosen) into(e slackapi.BlockElement) {
	switch element := e.(type) {
	case *slackapi.SelectBlockElement:
		switch element.ActionID {
		case actResource:
			element.InitialOption = c.option
		case actAction:
			element.InitialOption = optionOf(element.Options, c.Action)
		case actLength:
			element.InitialOption = optionOf(element.Options, c.Length)
		}
	case *slackapi.PlainTextInputBlockElement:
		element.InitialValue = c.Reason
	case *slackapi.CheckboxGroupsBlockElement:
		element.InitialOptions = nil
		if c.Emergency {
			element.InitialOptions = element.Options
		}
	}
}
