package slack

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/curfew-access/curfew/tests/contract"
	fake "github.com/curfew-access/curfew/tests/fake/slack"
)

const manifests = "../../examples/slack/"

// manifest is what of a manifest the code must agree with.
type manifest struct {
	Features struct {
		Home struct {
			Messages bool `yaml:"messages_tab_enabled"`
			ReadOnly bool `yaml:"messages_tab_read_only_enabled"`
		} `yaml:"app_home"`
		Commands []struct {
			Command string `yaml:"command"`
			URL     string `yaml:"url"`
		} `yaml:"slash_commands"`
		Shortcuts []struct {
			CallbackID string `yaml:"callback_id"`
		} `yaml:"shortcuts"`
	} `yaml:"features"`
	OAuth struct {
		Scopes map[string][]string `yaml:"scopes"`
	} `yaml:"oauth_config"`
	Settings struct {
		Interactivity struct {
			Enabled    bool   `yaml:"is_enabled"`
			RequestURL string `yaml:"request_url"`
			OptionsURL string `yaml:"message_menu_options_url"`
		} `yaml:"interactivity"`
		Socket bool `yaml:"socket_mode_enabled"`
	} `yaml:"settings"`
}

func readManifest(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(manifests + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func TestTheManifestsAreAsTheCodeIs(t *testing.T) {
	for name, base := range map[string]string{"manifest.yaml": "https://curfew.example.com/hooks/slack/", "manifest-socket.yaml": ""} {
		t.Run(name, func(t *testing.T) {
			var m manifest
			readManifest(t, name, &m)
			at := func(hook string) string {
				if base == "" {
					return ""
				}
				return base + hook
			}
			if scopes := m.OAuth.Scopes; len(scopes) != 1 || !slices.Equal(scopes["bot"], Scopes()) {
				t.Errorf("the scopes are %v; the code needs %v", scopes, Scopes())
			}
			if c := m.Features.Commands; len(c) != 1 || c[0].Command != "/access" || c[0].URL != at("commands") {
				t.Errorf("the commands are %+v", c)
			}
			if h := m.Features.Home; !h.Messages || h.ReadOnly {
				t.Errorf("in the app's own conversation notices can be read: %t; /access can be typed: %t", h.Messages, !h.ReadOnly)
			}
			if s := m.Features.Shortcuts; len(s) != 1 || s[0].CallbackID != idShortcut {
				t.Errorf("the shortcuts are %+v", s)
			}
			if i := m.Settings.Interactivity; !i.Enabled || i.RequestURL != at("interactions") || i.OptionsURL != at("options") {
				t.Errorf("the interactivity is %+v", i)
			}
			if m.Settings.Socket != (base == "") {
				t.Errorf("Socket Mode is %t", m.Settings.Socket)
			}
		})
	}
}

// TestTheManifestsAreWhatSlackTakes compares them with Slack's own schema.
func TestTheManifestsAreWhatSlackTakes(t *testing.T) {
	path, err := contract.Find("slack/manifest.schema.2.0.0.json")
	if err != nil {
		t.Skip(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseRegexpEngine(looser)
	schema, err := compiler.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"manifest.yaml", "manifest-socket.yaml"} {
		var m any
		readManifest(t, name, &m)
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		value.(map[string]any)["settings"].(map[string]any)["socket_mode"] = true
		if schema.Validate(value) == nil {
			t.Errorf("%s: the schema does not find a setting that is unknown", name)
		}
	}
}

// looser compiles a pattern without what must not follow, which Go does not know:
// the two that have it are for domains, of which the manifests have none.
func looser(pattern string) (jsonschema.Regexp, error) {
	return regexp.Compile(strings.ReplaceAll(pattern, `(?![\.\-])`, ""))
}

// TestTheScopesAreThoseOfWhatIsCalled calls everything, and asks what it needed.
func TestTheScopesAreThoseOfWhatIsCalled(t *testing.T) {
	sl := fake.New(t, fake.Config{Scopes: Scopes()})
	sl.AddUser(fake.User{Email: alice})
	sl.AddChannel("general")
	converse(t, peer{peerClient(t, sl.URL(), sl.BotToken()), peerClient(t, sl.URL(), sl.AddToken("commands")), sl.Trigger})
	used := []string{"commands"} // of the command and the shortcut, which no method needs
	for _, c := range sl.Calls() {
		used = append(used, fake.Needed(c.Method)...)
	}
	slices.Sort(used)
	if used = slices.Compact(used); !slices.Equal(used, Scopes()) {
		t.Errorf("what is called needs %v; the code lists %v", used, Scopes())
	}
}
