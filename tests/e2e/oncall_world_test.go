package e2e_test

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/pagerduty"
	"github.com/curfew-access/curfew/tests/fake/slack"
	"github.com/curfew-access/curfew/tests/fake/target"
	"github.com/curfew-access/curfew/tests/service"
)

// setting is how a world differs from others. The zero value is good.
type setting struct {
	name        string
	nodes       int           // gateways; 0: one
	staleAfter  time.Duration // 0: longer than any story
	maxEndShare string        // "": what the gateway takes by itself
	grace       time.Duration // that policy gives after a shift
	slack       *workspace    // nil: nobody is in Slack
	far         bool          // the ledger can be made slow, if it is a PostgreSQL
}

const (
	longest   = 10 * time.Minute // of any access: the cap of policy
	renewed   = time.Minute      // the steps of access without a known end
	pollEvery = 10 * time.Minute // so that a source is asked when a story wants it to be
)

// The people who are in every world. All others belong to one story.
const (
	operator = "operator" // may do everything
	security = "security" // answers reviews, and closes tasks
)

// world is a gateway, or several, and all that stands around.
type world struct {
	t       *testing.T
	dir     string
	setting setting
	program string // of the gateways; "": the one under test
	stores  stores
	ledger  string
	pd      *pagerduty.Fake
	slack   *slack.Fake          // nil: there is none
	inSlack map[string]string    // accounts, by who has them
	line    *service.ProxyServer // before the ledger, if that can be slow
	target  *target.Target
	scenes  []*scene
	// removals are the targets of a world in which each story has one.
	removals []*target.Target
	secrets  map[string]string // planted, by the name of their file
	addrs    []string
	front    int // the gateway that people talk to
	client   *http.Client

	repeated string // id of a notice that was shown twice, on purpose

	mu    sync.Mutex
	nodes []*stage.Process
	said  strings.Builder // every answer that anybody got
}

// newWorld lays out a world with one team for each story, and starts its gateways.
func newWorld(t *testing.T, s stores, how setting, stories []string) *world {
	t.Helper()
	w := &world{t: t, dir: service.Dir(t), setting: how, stores: s, ledger: s.ledger(t), secrets: map[string]string{}}
	w.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(w.client.CloseIdleConnections)
	w.target = target.New(t, target.Config{})
	w.secrets["webhook-secret"] = w.target.Secret()
	w.secrets["pagerduty-key"] = "u+" + rand.Text()
	w.pd = pagerduty.New(t, pagerduty.Config{Key: w.secrets["pagerduty-key"]})
	for i, name := range stories {
		w.scenes = append(w.scenes, w.newScene(fmt.Sprintf("team%d", i), name))
	}
	for range max(how.nodes, 1) {
		address, err := stage.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		w.addrs = append(w.addrs, address)
	}
	if how.slack != nil {
		w.newSlack()
		if how.slack.slow {
			w.far()
		}
	}
	_, w.secrets["hook-secret"] = w.pd.Subscribe(w.url(0) + "/hooks/pagerduty")
	w.layOut()
	w.nodes = make([]*stage.Process, len(w.addrs))
	t.Cleanup(w.close)
	for n := range w.nodes {
		w.start(t, n)
		w.until(t, "the gateway is well", func() error {
			said, err := w.readiness(n)
			if err == nil && !strings.Contains(said, `"status":"ok"`) {
				err = errors.New(said)
			}
			return err
		})
	}
	if w.slack != nil {
		for _, s := range w.scenes {
			w.scene(t, s.told).known(s.carol) // so PagerDuty was asked
		}
	}
	return w
}

func (w *world) url(node int) string { return "http://" + w.addrs[node] }

// layOut writes all that the gateways read.
func (w *world) layOut() {
	people := []string{operator, security}
	for _, s := range w.scenes {
		people = append(people, s.people()...)
	}
	var tokens strings.Builder
	for _, who := range people {
		w.secrets["token-"+who] = rand.Text()
		fmt.Fprintf(&tokens, "    - {name: %[1]s, subject: \"%[2]s\", secret: \"file:token-%[1]s\"}\n", who, subject(who))
	}
	for name, secret := range w.secrets {
		w.write(name, secret)
	}
	w.writeResources()
	w.writePeople(nil)
	w.writeTeams("")
	if w.slack != nil && w.setting.slack.rules != "" {
		w.write("policies/access/access.rego", w.setting.slack.rules)
	}
	for n := range w.addrs {
		w.write(fmt.Sprintf("node%d.yaml", n), w.config(n, tokens.String()))
	}
}

func (w *world) config(n int, tokens string) string {
	text := fmt.Sprintf(`listen: %s
ledger: %q
lease: {url: "redis://%s/0", prefix: %s}
policies: policies
auth:
  tokens:
%soncall:
  pagerduty:
    token: file:pagerduty-key
    url: %s
    poll: %s
    webhook_secrets: ["file:hook-secret"]
  stale_after: %s
  renew: %s
people: people.yaml
resources: resources.yaml
targets:
  - {name: target, webhook: {url: "%s", secret: "file:webhook-secret", timeout: 2s, retry_first: 100ms, retry_cap: 1s}}
`, w.addrs[n], w.ledger, w.stores.redis.Addr, "e2e-"+strings.ReplaceAll(w.setting.name, " ", "-"), tokens, w.pd.URL(),
		w.poll(), cmp.Or(w.setting.staleAfter, 2*pollEvery), renewed, w.target.URL())
	if share := w.setting.maxEndShare; share != "" {
		text += "reevaluate: {max_end_share: " + share + "}\n"
	}
	if w.slack != nil {
		text += w.slackConfig()
	}
	return text
}

func (w *world) poll() time.Duration {
	if w.setting.staleAfter != 0 {
		return w.setting.staleAfter * 2 / 3
	}
	return pollEvery
}

// writeTeams writes what policy knows of the teams, but leaves the schedules of one
// out.
func (w *world) writeTeams(without string) {
	teams := map[string]any{}
	for _, s := range w.scenes {
		team := map[string]any{"group": s.name, "schedules": []string{s.primary, s.secondary}, "escalation_policies": []string{s.policy}}
		if s.name == without {
			team["schedules"], team["escalation_policies"] = []string{}, []string{}
		}
		if w.slack != nil {
			w.slackTeam(s, team)
		}
		teams[s.name] = team
	}
	most := longest / time.Second
	config := map[string]any{
		"oncall":   map[string]any{"max_seconds": most, "grace_seconds": w.setting.grace / time.Second},
		"incident": map[string]any{"max_seconds": most},
	}
	if w.slack != nil {
		config["break_glass"] = breakGlass()
	}
	w.writeJSON("policies/data.json", map[string]any{"teams": teams, "curfew": map[string]any{"config": config}})
}

// writePeople writes who is in which groups, but for some who are in none any more.
func (w *world) writePeople(without map[string]bool) {
	people := []any{person(operator, "admins"), person(security, "security")}
	for _, s := range w.scenes {
		if w.slack != nil {
			people = append(people, person(s.erin, "security"), person(s.frank, "security"))
		}
		for _, who := range s.people() {
			switch {
			case who == s.dan && !without[who]:
				people = append(people, person(who, s.name))
			case who == s.alice && w.slack != nil:
				people = append(people, person(who, responders))
			default:
				people = append(people, person(who))
			}
		}
	}
	w.writeJSON("people.yaml", map[string]any{"people": people}) // which JSON is too
}

func person(who string, groups ...string) any {
	return map[string]any{"subject": subject(who).String(), "groups": append([]string{}, groups...)}
}

func (w *world) writeResources() {
	durations := []string{longest.String()}
	if w.slack != nil {
		durations = append(durations, brief.String(), short.String())
	}
	var resources []any
	for _, s := range w.scenes {
		var entitlements []any
		for _, action := range []string{"debug", "admin"} {
			entitlements = append(entitlements, map[string]any{
				"action": action, "durations": durations, "while": []string{"oncall", "incident"}, "target": "target",
			})
		}
		resources = append(resources, map[string]any{
			"type": "customer", "id": s.name, "name": s.name, "properties": map[string]any{"owner": s.name, "tier": "gold"}, "entitlements": entitlements,
		})
	}
	w.writeJSON("resources.yaml", map[string]any{"resources": resources})
}

func (w *world) writeJSON(path string, what any) {
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(path, string(text))
}

// write puts a file in its place at once: a gateway may be reading.
func (w *world) write(path, text string) {
	path = filepath.Join(w.dir, path)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path+"~", []byte(text), 0o600)
	}
	if err == nil {
		err = os.Rename(path+"~", path)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
