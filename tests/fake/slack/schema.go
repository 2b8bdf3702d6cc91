package slack

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/curfew-access/curfew/tests/contract"
)

// SchemaFile is Slack's own description of a modal.
const SchemaFile = "slack/modal-view.from-slack-types-3.2.0.schema.json"

// definitions are the schemas of a view, and of each type of block; compiled when
// they are needed, and once for a process.
type definitions struct {
	document any

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// published reads the description. Without it, nothing is compared with it.
var published = sync.OnceValues(func() (*definitions, error) {
	path, err := contract.Find(SchemaFile)
	if err != nil {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &definitions{compiled: map[string]*jsonschema.Schema{}}
	return d, json.Unmarshal(raw, &d.document)
})

// ofBlock names the definition of each type of block.
var ofBlock = map[string]string{
	"section": "SectionBlock", "header": "HeaderBlock", "context": "ContextBlock", "actions": "ActionsBlock", "input": "InputBlock",
	"divider": "DividerBlock", "image": "ImageBlock", "rich_text": "RichTextBlock", "markdown": "MarkdownBlock",
}

// bySchema says where a view is not as Slack describes it.
func bySchema(view map[string]any) []string {
	frame := map[string]any{}
	for name, value := range view {
		frame[name] = value
	}
	frame["blocks"] = []any{} // each is compared with its own type, which says more
	blocks, _ := view["blocks"].([]any)
	return append(against("ModalView", "view", frame), blocksBySchema(blocks)...)
}

func blocksBySchema(blocks []any) []string {
	var faults []string
	for i, b := range blocks {
		block, _ := b.(map[string]any)
		if name, known := ofBlock[text(block, "type")]; known {
			faults = append(faults, against(name, fmt.Sprintf("blocks[%d]", i), block)...)
		}
	}
	return faults
}

func against(name, where string, value any) []string {
	d, err := published()
	if err != nil {
		return []string{err.Error()}
	}
	if d == nil {
		return nil
	}
	schema, err := d.schema(name)
	if err == nil {
		err = schema.Validate(copied(value))
	}
	if err != nil {
		return []string{fmt.Sprintf("%s is not as Slack's schema has it: %v", where, err)}
	}
	return nil
}

func (d *definitions) schema(name string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.compiled[name]; s != nil {
		return s, nil
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("slack.json", d.document); err != nil {
		return nil, err
	}
	s, err := compiler.Compile("slack.json#/definitions/" + name)
	if err == nil {
		d.compiled[name] = s
	}
	return s, err
}
