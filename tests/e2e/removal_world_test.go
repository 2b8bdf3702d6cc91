package e2e_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/target"
	"github.com/curfew-access/curfew/tests/service"
)

// The people of a world of removals, beside the operator and security.
const (
	guard = "guard" // is in security too: the second person
	alice = "alice"
	bob   = "bob"
)

// What resources offer there.
const (
	moment = 2 * time.Second // to see it end
	hour   = time.Hour
	year   = 365 * 24 * time.Hour // the longest that there is
)

// askFirst is the reason of a request that somebody is to be asked about.
const askFirst = "ask somebody"

// letIn is the policy there: removal is to be seen, and not who gets in.
const letIn = `package access

_reason := {"code": "let_in", "title": "Let in", "detail": "So says the story."}

_asks if input.context.reason == "` + askFirst + `"

allow contains _reason if not _asks

review contains object.union(_reason, {"lapse_seconds": 31536000, "reviewers": {"groups": ["security"], "quorum": 1}}) if _asks
`

// trial is a story about one target.
type trial struct {
	name   string
	terms  string              // of its webhook, beside those that all have
	pace   string              // its times; "": short ones
	url    func(*part) string  // of its target; nil: where that is
	synced bool                // its customer is told of by a source, and not by the file
	after  func(*part) edition // what is configured after the edit; nil: what was before
	play   func(*part)
}

// edition is what an operator writes of a part: the target in the configuration, and
// the customer in the file of resources.
type edition struct {
	target   string         // "": it is not there
	customer map[string]any // nil: it is not there
}

// part is a trial's part of a world: a target, a customer of the same name whose
// access it opens and closes.
type part struct {
	*testing.T
	trial
	w      *world
	id     string // of the target, and of the customer
	target *target.Target
	edit   *edit
	secret string  // the file of its secret; "": secret-<id>
	shield *shield // before the target; nil: none
	arrive func()  // the configuration may change as far as the part is concerned
}

// edit is when the configuration changes: after every story has come to where it
// may.
type edit struct {
	waiting sync.WaitGroup
	done    chan struct{}
}

// tryAll plays stories in a world of their own, all at the same time. If any of them
// says what the configuration becomes, it does so once in between, by a start anew.
func tryAll(t *testing.T, s stores, how setting, trials []trial) {
	w, parts := layOutRemovals(t, s, how, trials)
	change := parts[0].edit
	w.nodes = make([]*stage.Process, len(w.addrs))
	t.Cleanup(w.close)
	for n := range w.nodes {
		w.start(t, n)
	}
	edited := make(chan struct{})
	go func() {
		defer close(edited)
		defer close(change.done) // also when there is no gateway any more: no story waits for ever
		change.waiting.Wait()
		w.editConfig(t, parts)
	}()
	together(parts, func(p *part) {
		t.Run(p.name, func(t *testing.T) {
			own := *p
			own.T = t
			defer own.arrive()
			if own.synced {
				own.sync(true, own.customer())
			}
			own.play(&own)
		})
	})
	<-edited
}

// layOutRemovals makes a world of removals and writes all that its gateways read.
func layOutRemovals(t *testing.T, s stores, how setting, trials []trial) (*world, []*part) {
	w := &world{t: t, dir: service.Dir(t), setting: how, stores: s, ledger: s.ledger(t), secrets: map[string]string{}}
	w.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}
	t.Cleanup(w.client.CloseIdleConnections)
	if how.far {
		w.far()
	}
	parts := w.parts(trials)
	w.layOutAround(parts)
	return w, parts
}

// parts gives each story its target.
func (w *world) parts(trials []trial) (parts []*part) {
	change := &edit{done: make(chan struct{})}
	for i, story := range trials {
		p := &part{T: w.t, trial: story, w: w, id: fmt.Sprintf("c%02d", i), target: target.New(w.t, target.Config{}), edit: change}
		w.removals = append(w.removals, p.target)
		w.secrets["secret-"+p.id] = p.target.Secret()
		parts, p.arrive = append(parts, p), func() {}
		if story.after != nil {
			change.waiting.Add(1)
			p.arrive = sync.OnceFunc(change.waiting.Done)
		}
	}
	return parts
}

// layOutAround writes who there is, the policy, and the configuration.
func (w *world) layOutAround(parts []*part) {
	for range max(w.setting.nodes, 1) {
		address, err := stage.FreeAddress()
		if err != nil {
			w.t.Fatal(err)
		}
		w.addrs = append(w.addrs, address)
	}
	for _, who := range []string{operator, security, guard, alice, bob} {
		w.secrets["token-"+who] = "token-of-" + who + "-" + strings.Repeat("x", 16)
	}
	for name, secret := range w.secrets {
		w.write(name, secret)
	}
	w.write("policies/access/access.rego", letIn)
	w.writeJSON("people.yaml", map[string]any{"people": []any{
		person(operator, "admins"), person(security, "security"), person(guard, "security"), person(alice), person(bob),
	}})
	w.writeRemovals(parts, false)
}

// writeRemovals writes the configuration, and the resources that no source tells of.
func (w *world) writeRemovals(parts []*part, edited bool) {
	targets, resources := "", []any{}
	for _, p := range parts {
		now := p.as(p.id)
		if edited && p.after != nil {
			now = p.after(p)
		}
		targets += now.target
		if now.customer != nil && !p.synced {
			resources = append(resources, now.customer)
		}
	}
	w.writeJSON("resources.yaml", map[string]any{"resources": resources})
	for n, address := range w.addrs {
		w.write(fmt.Sprintf("node%d.yaml", n), w.removalConfig(address)+targets)
	}
}

// removalConfig is the configuration of a gateway up to its targets.
func (w *world) removalConfig(address string) string {
	lease := "memory"
	if w.stores.redis != nil {
		lease = fmt.Sprintf("{url: \"redis://%s/0\", prefix: %s}", w.stores.redis.Addr, strings.ReplaceAll(w.setting.name, " ", "-"))
	}
	text := fmt.Sprintf("listen: %s\nexternal_url: http://%s\nledger: %q\nlease: %s\npolicies: policies\npeople: people.yaml\n"+
		"resources: resources.yaml\nauth:\n  tokens:\n", address, address, w.ledger, lease)
	for _, who := range []string{operator, security, guard, alice, bob} {
		text += fmt.Sprintf("    - {name: %[1]s, subject: \"%[2]s\", secret: \"file:token-%[1]s\"}\n", who, subject(who))
	}
	return text + "targets:\n"
}

// as is a part whose target has a name, and otherwise is as it was at first. More
// stands in the configuration beside its webhook.
func (p *part) as(name string, more ...string) edition {
	url, terms := p.target.URL(), cmp.Or(p.pace, "timeout: 1s, retry_first: 100ms, retry_cap: 500ms")
	if p.url != nil {
		url = p.url(p)
	}
	secret := "file:secret-" + p.id
	if p.secret != "" {
		secret = "file:" + p.secret
	}
	if p.terms != "" {
		terms += ", " + p.terms
	}
	return edition{
		target:   fmt.Sprintf("  - {name: %s, webhook: {url: \"%s\", secret: \"%s\", %s}%s}\n", name, url, secret, terms, strings.Join(more, "")),
		customer: p.customerAt(name),
	}
}

// editConfig changes the configuration as the stories say, and starts the gateways
// with it.
func (w *world) editConfig(t *testing.T, parts []*part) {
	if !slices.ContainsFunc(parts, func(p *part) bool { return p.after != nil }) {
		return
	}
	w.writeRemovals(parts, true)
	for n := range w.nodes {
		w.restart(t, n)
	}
}

// edited waits for the edit of the configuration.
func (p *part) edited() {
	p.arrive()
	<-p.edit.done
}

// customer is what there is to know of the part's customer.
func (p *part) customer() map[string]any { return p.customerAt(p.id) }

func (p *part) customerAt(target string) map[string]any {
	return map[string]any{
		"type": "customer", "id": p.id, "name": p.name, "properties": map[string]any{"owner": p.id},
		"entitlements": []any{map[string]any{"action": "debug", "durations": []string{moment.String(), hour.String(), year.String()}, "target": target}},
	}
}

// sync has the part's source tell of the resources, and of no others.
func (p *part) sync(shrink bool, resources ...any) (r engine.SyncResult) {
	p.Helper()
	if resources == nil {
		resources = []any{}
	}
	path := fmt.Sprintf("/v1/sources/source-%s/resources?allow_shrink=%t", p.id, shrink)
	p.must(operator, http.MethodPut, path, map[string]any{"resources": resources}, &r)
	return r
}

func (p *part) must(who, method, path string, body, answer any) {
	p.Helper()
	if err := p.w.try(who, method, path, body, answer); err != nil {
		p.Fatal(err)
	}
}

// entitled is the access that the part is about.
func (p *part) entitled(who string) access.Entitled {
	return access.Entitled{
		Subject: subject(who), Action: access.Action{Name: "debug"}, Resource: access.ResourceRef{Type: "customer", ID: p.id},
	}
}

// ask asks for access. More is what differs.
func (p *part) ask(who string, length time.Duration, more map[string]any) (r engine.RequestView) {
	p.Helper()
	body := map[string]any{
		"action": p.entitled(who).Action, "resource": p.entitled(who).Resource, "for": length.String(), "reason": p.name,
	}
	for key, value := range more {
		body[key] = value
	}
	p.must(who, http.MethodPost, "/v1/requests", body, &r)
	return r
}

// granted asks for access that must be given at once.
func (p *part) granted(who string, length time.Duration) access.Grant {
	p.Helper()
	r := p.ask(who, length, nil)
	if r.Grant == nil {
		p.Fatalf("%s is %s: %+v", who, r.State, r.Decision)
	}
	return *r.Grant
}

// opened has somebody ask for access, and waits until it is open and that is
// confirmed.
func (p *part) opened(who string, length time.Duration) access.Grant {
	p.Helper()
	g := p.granted(who, length)
	p.target.Await(p.T, "access is open", target.Open(p.entitled(who)))
	if length > time.Minute { // otherwise it may have ended by now
		p.settles(g, access.Present)
	}
	return g
}

func (p *part) revoke(g access.Grant) {
	p.Helper()
	p.must(operator, http.MethodPost, "/v1/grants/"+g.ID+"/revoke", map[string]any{}, nil)
}

// sees is what there is to see of a grant.
func (p *part) sees(g access.Grant) (now engine.GrantView) {
	p.Helper()
	p.must(operator, http.MethodGet, "/v1/grants/"+g.ID, nil, &now)
	return now
}

// may is what a check answers about a person now.
func (p *part) may(who string) bool {
	p.Helper()
	var answer struct{ Decision bool }
	p.must(operator, http.MethodPost, "/access/v1/evaluation", p.entitled(who), &answer)
	return answer.Decision
}

// becomes waits until a grant, with its binding, is as wanted.
func (p *part) becomes(what string, g access.Grant, is func(engine.GrantView) bool) (now engine.GrantView) {
	p.Helper()
	return p.becomesIn(patience, what, g, is)
}

func (p *part) becomesIn(patience time.Duration, what string, g access.Grant, is func(engine.GrantView) bool) (now engine.GrantView) {
	p.Helper()
	p.w.untilIn(p.T, patience, what, func() error {
		if now = p.sees(g); !is(now) {
			return fmt.Errorf("the grant is %+v", now)
		}
		return nil
	})
	return now
}

// settles waits until the target's word is that access is as it should be, and
// nothing is left to do.
func (p *part) settles(g access.Grant, as access.Presence) engine.GrantView {
	p.Helper()
	return p.becomes(fmt.Sprintf("the access of %s is settled, and %s", g.Subject, as), g, func(now engine.GrantView) bool {
		b := now.Binding
		return b.Desired == as && b.Observed == as && b.NextAt == nil
	})
}

// closed waits until access is closed for good, by the target's own word, and holds
// what else is to be seen of that against it.
func (p *part) closed(g access.Grant, why access.EndReason) engine.GrantView {
	p.Helper()
	p.target.Await(p.T, "access is closed", func(s target.State) bool { return target.Gone(p.entitledOf(g))(s) })
	now := p.settles(g, access.Absent)
	p.endedAs(now, why)
	if p.target.Exists(p.entitledOf(g)) {
		p.Errorf("access is open, and Curfew says that it is not:\n%s", p.target.State())
	}
	return now
}

func (p *part) endedAs(g engine.GrantView, why access.EndReason) {
	p.Helper()
	if g.State != access.GrantEnded || g.EndReason == nil || *g.EndReason != why {
		p.Errorf("the grant is %s (%v); want it ended: %s", g.State, deref(g.EndReason), why)
	}
}

func (p *part) entitledOf(g access.Grant) access.Entitled {
	return p.entitled(strings.TrimSuffix(g.Subject.ID, "@example.com"))
}

// calls are the messages of a kind about a binding, in the order in which they came.
func (p *part) calls(g access.Grant, verb access.Verb) (calls []target.Call) {
	for _, c := range p.target.Calls() {
		if c.Message.Data.Binding.ID == g.BindingID && c.Type() == verb {
			calls = append(calls, c)
		}
	}
	return calls
}

// once holds all messages of a kind about a binding to be tries of one delivery.
func (p *part) once(g access.Grant, verb access.Verb, generation int64) {
	p.Helper()
	want := fmt.Sprintf("%s_%d", g.BindingID, generation)
	calls := p.calls(g, verb)
	for _, c := range calls {
		if c.ID != want || c.Generation() != generation {
			p.Errorf("a message has the id %s; want %s, as of each try:\n%s", c.ID, want, p.target.State())
		}
	}
	if len(calls) == 0 {
		p.Errorf("the target was never told to %s:\n%s", verb, p.target.State())
	}
}
