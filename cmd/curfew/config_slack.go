package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// slackEntry is Slack as it is written.
type slackEntry struct {
	BotToken      secretRef `yaml:"bot_token"`
	SigningSecret secretRef `yaml:"signing_secret"` // of what comes by HTTP
	AppToken      secretRef `yaml:"app_token"`      // for Socket Mode
	URL           string    `yaml:"url"`            // of the Web API; default: Slack's own
	Operators     yaml.Node `yaml:"operators"`      // a channel or a person, or several
}

// Slack is how people reach the gateway by Slack, and it them.
type Slack struct {
	BotToken      Secret
	SigningSecret Secret // empty: nothing is taken by HTTP
	AppToken      Secret // empty: there is no Socket Mode
	URL           string
	Operators     []string // channels and people ("user:…") that are told what only operators can mend
	Missing       bool     // a secret without which nothing of it works is not there
}

// What Slack's secrets look like.
const (
	botPrefix        = "xoxb-"
	appPrefix        = "xapp-"
	minSigningSecret = 16 // Slack's have 32
)

func (r *configReader) slack(entry *slackEntry) {
	if entry == nil {
		return
	}
	const at = "slack"
	s := &Slack{Operators: r.recipients(at+".operators", entry.Operators)}
	var missing []error
	s.BotToken = r.slackSecret(at+".bot_token", entry.BotToken, &missing, prefixed(botPrefix, "a bot token"))
	noBot := len(missing) > 0
	if entry.SigningSecret != "" {
		s.SigningSecret = r.slackSecret(at+".signing_secret", entry.SigningSecret, &missing, checkSigningSecret)
	}
	if entry.AppToken != "" {
		s.AppToken = r.slackSecret(at+".app_token", entry.AppToken, &missing, prefixed(appPrefix, "an app-level token"))
	}
	if entry.SigningSecret == "" && entry.AppToken == "" {
		r.add(at, "neither signing_secret, for what comes by HTTP, nor app_token, for Socket Mode, is there; want one of them, or both")
	}
	s.Missing = noBot || s.SigningSecret == (Secret{}) && s.AppToken == (Secret{})
	s.URL = r.slackURL(at+".url", entry.URL)
	if entry.Operators.IsZero() {
		r.warn("%s.operators: there are none, so nobody is told in Slack of what only an operator can mend", at)
	}
	if len(missing) > 0 {
		what := "a part of Slack is"
		if s.Missing {
			what = "Slack is"
		}
		r.cfg.Unheard = append(r.cfg.Unheard, fmt.Errorf("%s left out: %w", what, errors.Join(missing...)))
	}
	r.cfg.Slack = s
}

// slackSecret reads a secret, and looks at it if it is there.
func (r *configReader) slackSecret(place string, ref secretRef, missing *[]error, check func(string) error) Secret {
	before := len(*missing) + len(r.faults)
	secret := r.optional(place, ref, missing)
	if len(*missing)+len(r.faults) == before {
		r.take(place, check(secret.Reveal()))
	}
	return secret
}

// prefixed tells the tokens of an app apart: they are easily taken for each other.
func prefixed(prefix, what string) func(string) error {
	return func(text string) error {
		switch {
		case !strings.HasPrefix(text, prefix):
			return fmt.Errorf("it is not %s: such a token begins with %s", what, prefix)
		case text == prefix, !visible(text):
			return errors.New("it holds nothing but its beginning, or a space or a character that no token has")
		}
		return nil
	}
}

func checkSigningSecret(text string) error {
	switch {
	case strings.HasPrefix(text, "xox"), strings.HasPrefix(text, appPrefix):
		return errors.New("it is a token; the signing secret is on the app's page Basic Information, under App Credentials")
	case !visible(text):
		return errors.New("it holds a space or a character that no signing secret has")
	case len(text) < minSigningSecret:
		return fmt.Errorf("it has %d characters and could be guessed; Slack's have 32", len(text))
	}
	return nil
}

// visible reports whether a text is ASCII without spaces.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}

// slackURL reads the address of the Web API. The token goes there: in the clear
// only within this machine.
func (r *configReader) slackURL(place, text string) string {
	if text == "" {
		return ""
	}
	u, err := connectors.ParseURL(text)
	switch {
	case err != nil:
		r.take(place, err)
		return ""
	case u.RawQuery != "":
		r.add(place, "the URL holds a query")
	case u.Scheme != "https" && !loopback(u.Hostname()):
		r.add(place, "want https: the bot token would go there in the clear")
	}
	return strings.TrimSuffix(text, "/") + "/"
}

// channel is how a channel is named: "#access-ops", or by its id.
var channel = regexp.MustCompile(`^(#[^\s#<>&@]{1,80}|[CG][A-Z0-9]{4,})$`)

// recipients reads one channel or person, or a list of them.
func (r *configReader) recipients(place string, n yaml.Node) (names []string) {
	switch {
	case n.IsZero():
		return nil
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str":
		names = []string{n.Value}
	case n.Kind == yaml.SequenceNode:
		if err := n.Decode(&names); err != nil {
			r.add(place, "want texts in the list (line %d)", n.Line)
			return nil
		}
	default:
		r.add(place, "want a channel, or a list of channels, in quotes because # begins a comment (line %d)", n.Line)
		return nil
	}
	for i, name := range names {
		if s, err := access.ParseSubject(name); err == nil && s.Type == access.TypeUser {
			names[i] = s.String()
		} else if !channel.MatchString(name) {
			r.add(place, `%q is not a channel; want its name, such as "#access-ops" (in quotes: # begins a comment), its id, such as C0123456789, or a person, such as user:alice@example.com`, name)
		}
	}
	return names
}
