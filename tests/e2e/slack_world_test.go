package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/slack"
	"github.com/curfew-access/curfew/tests/service"
)

// workspace is how people and a gateway are in Slack.
type workspace struct {
	socket bool   // Socket Mode, and nothing by HTTP
	rules  string // a package `access` of the teams' own; "": what is shipped
	slow   bool   // the ledger can be made slow
	calm   bool   // Slack takes one message a second for each conversation
}

// The channels that are in every workspace. Each team has one more for its reviews,
// of its own name.
const (
	operators = "access-ops"  // what operators are told
	loud      = "access-loud" // where break-glass is told of
)

// responders is the group that may break the glass: every Alice is in it.
const responders = "responders"

// What resources offer in a workspace, beside the longest.
const (
	short = 5 * time.Minute
	brief = 4 * time.Second // to see it end
)

// newSlack makes a workspace with everybody in it.
func (w *world) newSlack() {
	w.slack, w.inSlack = slack.New(w.t, slack.Config{RateLimited: w.setting.slack.calm}), map[string]string{}
	w.secrets["slack-bot"], w.secrets["slack-signing"], w.secrets["slack-app"] = w.slack.BotToken(), w.slack.SigningSecret(), w.slack.AppToken()
	w.secrets["webhook-spare"] = "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
	for _, who := range []string{operator, security} {
		w.join(who)
	}
	w.slack.AddChannel(operators)
	w.slack.AddChannel(loud)
	for _, s := range w.scenes {
		w.slack.AddChannel(s.name)
		w.slack.AddChannel(s.leads())
		s.erin, s.frank = "erin-"+s.name, "frank-"+s.name
		for _, who := range append(s.people(), s.erin, s.frank) {
			w.join(who)
		}
	}
	if !w.setting.slack.socket {
		w.slack.AppAt(w.url(0) + "/hooks/slack/")
	}
}

// join gives somebody an account.
func (w *world) join(who string) {
	w.inSlack[who] = w.slack.AddUser(slack.User{Email: subject(who).ID, TimeZone: "Europe/Berlin"}).ID
}

// far puts a line that can be slow before a PostgreSQL.
func (w *world) far() {
	u, err := url.Parse(w.ledger)
	if err != nil {
		w.t.Fatal(err)
	}
	if u.Scheme != "sqlite" {
		w.line = service.Proxy(w.t, u.Host)
		u.Host = w.line.Addr
		w.ledger = u.String()
	}
}

// slackConfig is what a gateway is told of its workspace.
func (w *world) slackConfig() string {
	ingress := "signing_secret: file:slack-signing"
	if w.setting.slack.socket {
		ingress = "app_token: file:slack-app"
	}
	// A second target, for nobody: of several one can be lost.
	return fmt.Sprintf("  - {name: spare, webhook: {url: %q, secret: \"file:webhook-spare\"}}\n", w.target.URL()) +
		fmt.Sprintf("slack: {bot_token: file:slack-bot, %s, url: %q, operators: %q}\n", ingress, w.slack.URL(), "#"+operators)
}

// slackTeam is what policy knows of a team's reviews: the channel where they are
// asked for, unless reviewers are to be asked one by one.
func (w *world) slackTeam(s *scene, team map[string]any) {
	if s.told != askedOneByOne {
		team["review_channels"] = []string{"#" + s.name}
	}
	if s.told == minutesPass {
		team["escalate"] = s.escalation()
	}
}

// breakGlass is what policy says of it in a workspace.
func breakGlass() map[string]any {
	return map[string]any{"groups": []string{responders}, "notify": []string{"#" + loud}, "max_seconds": longest / time.Second}
}

// closeSlack holds what people saw in a workspace against what is true of every
// story, and has all that Slack gave away in confidence looked for.
func (w *world) closeSlack() {
	state := w.slack.State()
	if w.t.Failed() {
		w.t.Logf("Slack saw\n%s", state)
	}
	ids := map[string]slack.Message{}
	for _, m := range state.Messages {
		w.record(m.Visible() + m.Text)
		if m.To != "" || m.ID() == "" {
			continue
		}
		if other, twice := ids[m.ID()]; twice && m.ID() != w.repeated {
			w.t.Errorf("a notice was shown twice: %s and %s", other, m)
		}
		ids[m.ID()] = m
	}
	if len(ids) == 0 {
		w.t.Error("nobody was told anything")
	}
	for i, secret := range w.slack.Secrets() {
		w.secrets[fmt.Sprintf("slack-secret-%d", i)] = secret
	}
}

// shown waits for the message of a notice: in a channel, or to a person, with a
// heading and about a thing by its id.
func (s *scene) shown(to, heading, id string) slack.Message {
	s.Helper()
	return s.w.slack.AwaitMessage(s.T, fmt.Sprintf("%s is told %q of %s", to, heading, id), func(m slack.Message) bool {
		return s.at(m, to) && m.ID() != "" && strings.Contains(m.Visible(), heading) && strings.Contains(m.Visible(), id)
	})
}

// count counts the messages to somebody with a heading about a thing.
func (s *scene) count(to, heading, id string) (n int) {
	for _, m := range s.w.slack.State().Messages {
		if s.at(m, to) && m.To == "" && strings.Contains(m.Visible(), heading) && strings.Contains(m.Visible(), id) {
			n++
		}
	}
	return n
}

// at reports whether a message is in a channel, or to a person.
func (s *scene) at(m slack.Message, to string) bool {
	return m.ChannelName == to || m.With != "" && m.With == s.w.inSlack[to]
}

// in is somebody in Slack.
func (s *scene) in(who string) *slack.Person {
	s.Helper()
	return s.w.slack.Person(s.T, who)
}

// comments has somebody press a button of a message, write a comment into the form
// that it opens, and submit that.
func (s *scene) comments(who string, m slack.Message, button, comment string) *slack.View {
	s.Helper()
	s.in(who).Click(m, button)
	form := s.in(who).View()
	form.Write("comment", comment)
	form.Submit()
	return form
}

// requestID finds the request that a message is about.
var requestID = regexp.MustCompile(`req_[0-9a-z]{26}`)

// types has somebody type a command, and returns what they alone are answered.
func (s *scene) types(who, words string) slack.Message {
	s.Helper()
	p := s.in(who)
	before := len(p.Ephemerals())
	p.Type(strings.TrimSpace("/access " + words))
	var answer slack.Message
	s.w.slack.Await(s.T, fmt.Sprintf("%s is answered to %q", who, words), func(slack.State) bool {
		all := p.Ephemerals()
		if len(all) > before {
			answer = all[len(all)-1]
		}
		return len(all) > before
	})
	return answer
}

// asksInSlack has somebody ask by a command, and returns the request. Words are a
// length and a reason.
func (s *scene) asksInSlack(who, words string) engine.RequestView {
	s.Helper()
	answer := s.types(who, s.name+" debug "+words)
	id := requestID.FindString(answer.Visible())
	if id == "" {
		s.Fatalf("%s is answered without a request: %s", who, answer)
	}
	return s.request(id)
}

// request is what the API says of a request.
func (s *scene) request(id string) (r engine.RequestView) {
	s.Helper()
	s.must(operator, http.MethodGet, "/v1/requests/"+id, nil, &r)
	return r
}

// is fails unless a request is in a state.
func (s *scene) is(id string, state access.RequestState) engine.RequestView {
	s.Helper()
	r := s.request(id)
	if r.State != state {
		s.Fatalf("the request is %s; want it %s: %+v", r.State, state, r)
	}
	return r
}

// changes waits until a message says the words, where it is.
func (s *scene) changes(m slack.Message, words ...string) slack.Message {
	s.Helper()
	return s.w.slack.AwaitMessage(s.T, fmt.Sprintf("a message changes to %q", words), func(now slack.Message) bool {
		says := now.Channel == m.Channel && now.TS == m.TS
		for _, word := range words {
			says = says && strings.Contains(now.Visible(), word)
		}
		return says
	})
}

// noButtons fails if a message can still be acted on.
func (s *scene) noButtons(m slack.Message) {
	s.Helper()
	for _, id := range []string{approve, shorten, deny} {
		if m.Has(id) {
			s.Errorf("there is a button %q in %s", id, m)
		}
	}
}

// The buttons of messages.
const (
	approve   = "review.approve"
	shorten   = "review.shorten"
	deny      = "review.deny"
	closeTask = "task.close"
	endNow    = "mine.end"
	extend    = "mine.extend"
)
