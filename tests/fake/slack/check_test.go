package slack_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/tests/contract"
	"github.com/curfew-access/curfew/tests/fake/slack"
)

func TestWhatSlackWouldNotTakeIsRefusedAndAFault(t *testing.T) {
	long := strings.Repeat("ä", 3001)
	text := func(s string) map[string]any { return map[string]any{"type": "plain_text", "text": s} }
	input := func(element map[string]any) map[string]any {
		return map[string]any{"type": "input", "block_id": "b", "label": text("l"), "element": element}
	}
	many := func(n int, what any) []any { return slices.Repeat([]any{what}, n) }
	option := func(label, value string) map[string]any { return map[string]any{"text": text(label), "value": value} }
	selects := func(options ...any) map[string]any {
		return map[string]any{"type": "static_select", "action_id": "s", "options": options}
	}
	cases := map[string]struct {
		change func(view map[string]any)
		block  map[string]any
	}{
		"a title of 25 characters":    {func(v map[string]any) { v["title"] = text(long[:50]) }, nil},
		"no title":                    {func(v map[string]any) { delete(v, "title") }, nil},
		"metadata of 3001 characters": {func(v map[string]any) { v["private_metadata"] = long }, nil},
		"101 blocks":                  {func(v map[string]any) { v["blocks"] = many(101, map[string]any{"type": "divider"}) }, nil},
		"an input and no submit":      {func(v map[string]any) { delete(v, "submit") }, nil},
		"250 KB": {func(v map[string]any) {
			v["blocks"] = many(90, map[string]any{"type": "section", "text": text(strings.Repeat("x", 3000))})
		}, nil},
		"a block_id twice":              {nil, input(map[string]any{"type": "plain_text_input", "action_id": "x"})},
		"a section without a text":      {nil, map[string]any{"type": "section"}},
		"an empty text":                 {nil, map[string]any{"type": "section", "text": text("")}},
		"a text of 3001 characters":     {nil, map[string]any{"type": "section", "text": text(long)}},
		"no option":                     {nil, map[string]any{"type": "actions", "elements": []any{selects()}}},
		"101 options":                   {nil, map[string]any{"type": "actions", "elements": []any{selects(many(101, option("o", "v"))...)}}},
		"an option of 76 characters":    {nil, map[string]any{"type": "actions", "elements": []any{selects(option(long[:152], "v"))}}},
		"an option's value of 151":      {nil, map[string]any{"type": "actions", "elements": []any{selects(option("o", long[:302]))}}},
		"a button's label of 76":        {nil, map[string]any{"type": "actions", "elements": []any{map[string]any{"type": "button", "text": text(long[:152])}}}},
		"26 elements":                   {nil, map[string]any{"type": "actions", "elements": many(26, map[string]any{"type": "button", "text": text("b")})}},
		"a confirmation without a text": {nil, map[string]any{"type": "actions", "elements": []any{map[string]any{"type": "button", "text": text("b"), "confirm": map[string]any{"title": text("t")}}}}},
		"an initial option of another kind": {nil, map[string]any{"type": "actions", "elements": []any{map[string]any{
			"type": "static_select", "options": []any{option("o", "v")}, "initial_option": option("p", "v")}}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sl := slack.Unstarted(slack.Config{})
			sl.AddUser(slack.User{Email: "alice@example.com"})
			var view map[string]any
			raw, _ := json.Marshal(form())
			_ = json.Unmarshal(raw, &view)
			view["blocks"] = []any{input(map[string]any{"type": "plain_text_input", "action_id": "x"})}
			if c.block != nil {
				view["blocks"] = append(view["blocks"].([]any), c.block)
			}
			if c.change != nil {
				c.change(view)
			}
			body, _ := json.Marshal(map[string]any{"trigger_id": sl.Trigger("alice"), "view": view})
			r := httptest.NewRequest(http.MethodPost, "http://slack.test/api/views.open", strings.NewReader(string(body)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+sl.BotToken())
			response, err := sl.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(response.Body)
			if !strings.Contains(string(got), `"invalid_arguments"`) || len(sl.TakeFaults()) != 1 {
				t.Errorf("it was answered %.300s", got)
			}
		})
	}
}

func TestAMessageHasItsOwnLimits(t *testing.T) {
	sl := slack.Unstarted(slack.Config{})
	sl.AddChannel("security")
	api := slackapi.New(sl.BotToken(), slackapi.OptionAPIURL(sl.URL()), slackapi.OptionHTTPClient(&http.Client{Transport: sl.Transport()}))
	divider := slackapi.Block(slackapi.NewDividerBlock())
	long := slackapi.NewSectionBlock(slackapi.NewTextBlockObject(slackapi.MarkdownType, strings.Repeat("&amp;", 601), false, true), nil, nil)
	text := slackapi.MsgOptionText("fallback", false)
	for name, c := range map[string]struct {
		want    string
		options []slackapi.MsgOption
	}{
		"51 blocks":                          {"invalid_blocks", []slackapi.MsgOption{text, slackapi.MsgOptionBlocks(slices.Repeat([]slackapi.Block{divider}, 51)...)}},
		"3005 characters, with what escapes": {"invalid_blocks", []slackapi.MsgOption{text, slackapi.MsgOptionBlocks(long)}},
		"nothing at all":                     {"no_text", nil},
		"metadata without a payload":         {"invalid_metadata_format", []slackapi.MsgOption{text, slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: "x"})}},
	} {
		if _, _, err := api.PostMessage("security", c.options...); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
		if faults := sl.TakeFaults(); len(faults) != 1 {
			t.Errorf("%s: it is no fault", name)
		}
	}
}

func TestTheSchemaFindsWhatNoLimitDoes(t *testing.T) {
	if _, err := contract.Find(slack.SchemaFile); err != nil {
		t.Skip(err)
	}
	var view map[string]any
	raw, _ := json.Marshal(form())
	_ = json.Unmarshal(raw, &view)
	if faults := slack.CheckView(view); len(faults) > 0 {
		t.Fatal(faults)
	}
	for name, change := range map[string]func(){
		"a member of the view that is unknown":  func() { view["titel"] = "x" },
		"a member of a block that is unknown":   func() { view["blocks"].([]any)[0].(map[string]any)["labell"] = "x" },
		"a member of the wrong type, in a text": func() { view["title"].(map[string]any)["emoji"] = "yes" },
	} {
		_ = json.Unmarshal(raw, &view)
		delete(view, "titel")
		change()
		if faults := slack.CheckView(view); len(faults) != 1 {
			t.Errorf("%s: %q", name, faults)
		}
	}
}
