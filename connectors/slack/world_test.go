package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
)

// What is planted in every test: nothing that is said may hold it.
const (
	plantedBot    = "xoxb-planted-bot-4711"
	plantedSecret = "planted-signing-secret-4711"
	plantedApp    = "xapp-planted-app-4711"
)

const (
	team     = "T1"
	aliceID  = "UALICE"
	bobID    = "UBOB"
	robotID  = "UROBOT"
	guestID  = "UGUEST"
	alice    = "alice@example.com"
	bob      = "bob@example.com"
	homeZone = "Europe/Berlin" // of alice, by her account
)

// world is an App between a Slack, a Desk and people that record what they are
// asked and answer as they are told.
type world struct {
	t      *testing.T
	app    *App
	slack  *slackFake
	desk   *deskFake
	people *peopleFake
	told   *refusalsFake
	log    *logFake
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, slack: newSlackFake(), desk: &deskFake{}, people: newPeopleFake(), told: &refusalsFake{}, log: &logFake{}}
	cfg := Config{
		BotToken: plantedBot, SigningSecret: plantedSecret, AppToken: plantedApp,
		Desk: w.desk, People: w.people, Refusals: w.told,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: time.Now,
	}
	if err := cfg.validate(); err != nil {
		t.Fatal(err)
	}
	w.app = newApp(cfg, w.slack)
	t.Cleanup(func() { w.quiet(w.log.String()) })
	return w
}

// ctx is that of a message that arrives now.
func (w *world) ctx() context.Context {
	return arriving(w.t.Context(), arrival{at: time.Now(), source: "192.0.2.7", hookID: "hook-1"})
}

// quiet fails if a text holds what was planted.
func (w *world) quiet(text string) {
	w.t.Helper()
	if strings.Contains(text, "planted") {
		w.t.Errorf("a secret is in %q", text)
	}
}

// logFake is a log that can be read while it is written.
type logFake struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logFake) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logFake) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// slackCall is a call of the Web API.
type slackCall struct {
	Method   string // "open", "update_view", "post", "update", "respond", "user", "by_email", "self"
	To       string // trigger, view id, channel, response URL, account or address
	Hash     string // of the view that is changed
	View     slackapi.ModalViewRequest
	Place    access.Place // of the message that is changed
	Message  message
	Response response
}

// slackFake is a webAPI. Fail answers a method with an error; the others do as
// Slack does.
type slackFake struct {
	mu    sync.Mutex
	calls []slackCall
	users map[string]slackapi.User
	self  self
	fail  map[string]func() error // by method
}

func newSlackFake() *slackFake {
	f := &slackFake{users: map[string]slackapi.User{}, fail: map[string]func() error{},
		self: self{TeamID: team, BotUser: "UCURFEW", Scopes: Scopes()}}
	for id, email := range map[string]string{aliceID: alice, bobID: bob, robotID: "robot@example.com", guestID: "guest@example.com"} {
		f.users[id] = slackapi.User{ID: id, TeamID: team, IsEmailConfirmed: true, Profile: slackapi.UserProfile{Email: email}}
	}
	f.edit(aliceID, func(u *slackapi.User) { u.TZ = homeZone })
	f.edit(robotID, func(u *slackapi.User) { u.IsBot = true })
	f.edit(guestID, func(u *slackapi.User) { u.IsRestricted = true })
	return f
}

// edit changes an account.
func (f *slackFake) edit(id string, change func(*slackapi.User)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.users[id]
	change(&u)
	f.users[id] = u
}

// fails has a method fail from now on; nil: it works again.
func (f *slackFake) fails(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[method] = func() error { return err }
}

// during has something happen whenever a method is called, before it answers.
func (f *slackFake) during(method string, do func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[method] = do
}

func (f *slackFake) record(c slackCall) error {
	f.mu.Lock()
	f.calls = append(f.calls, c)
	fail := f.fail[c.Method]
	f.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail()
}

// called returns the calls of a method, in order; "": of all.
func (f *slackFake) called(method string) []slackCall {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.calls), func(c slackCall) bool { return method != "" && c.Method != method })
}

func (f *slackFake) OpenView(_ context.Context, trigger string, v slackapi.ModalViewRequest) (slackapi.View, error) {
	err := f.record(slackCall{Method: "open", To: trigger, View: v})
	return slackapi.View{ID: "V" + strconv.Itoa(len(f.called("open"))), Hash: "h0", CallbackID: v.CallbackID,
		PrivateMetadata: v.PrivateMetadata, Blocks: v.Blocks}, err
}

func (f *slackFake) UpdateView(_ context.Context, viewID, hash string, v slackapi.ModalViewRequest) (slackapi.View, error) {
	err := f.record(slackCall{Method: "update_view", To: viewID, Hash: hash, View: v})
	return slackapi.View{ID: viewID, Hash: "h" + strconv.Itoa(len(f.called("update_view"))), CallbackID: v.CallbackID,
		PrivateMetadata: v.PrivateMetadata, Blocks: v.Blocks}, err
}

func (f *slackFake) Post(_ context.Context, channel string, m message) (access.Place, error) {
	if err := f.record(slackCall{Method: "post", To: channel, Message: m}); err != nil {
		return access.Place{}, err
	}
	return access.Place{Channel: "C-of-" + channel, At: strconv.Itoa(len(f.called("post"))) + ".000100"}, nil
}

func (f *slackFake) Update(_ context.Context, at access.Place, m message) error {
	return f.record(slackCall{Method: "update", To: at.Channel, Place: at, Message: m})
}

func (f *slackFake) Respond(_ context.Context, responseURL string, m response) error {
	return f.record(slackCall{Method: "respond", To: responseURL, Response: m})
}

func (f *slackFake) User(_ context.Context, id string) (slackapi.User, error) {
	if err := f.record(slackCall{Method: "user", To: id}); err != nil {
		return slackapi.User{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u, known := f.users[id]
	if !known {
		return u, access.Permanent(errNoAccount)
	}
	return u, nil
}

func (f *slackFake) UserByEmail(_ context.Context, email string) (slackapi.User, error) {
	if err := f.record(slackCall{Method: "by_email", To: email}); err != nil {
		return slackapi.User{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.users {
		if strings.EqualFold(u.Profile.Email, email) {
			return u, nil
		}
	}
	return slackapi.User{}, access.Permanent(errNoAccount)
}

func (f *slackFake) Self(context.Context) (self, error) {
	if err := f.record(slackCall{Method: "self"}); err != nil {
		return self{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.self, nil
}

func (f *slackFake) Socket(context.Context) (string, error) {
	return "wss://socket.example.com", f.record(slackCall{Method: "socket"})
}

// deskCall is a call of the Desk.
type deskCall struct {
	Method string
	Who    Caller
	Key    string
	ID     string // of the request, grant or task
	Ask    Ask
	Answer Answer
	Text   string // typed, or a comment
}

var errUntold = errors.New("the test did not say what the Desk answers")

// deskFake is a Desk. What it answers are its functions; without one it fails.
type deskFake struct {
	mu    sync.Mutex
	calls []deskCall

	resources func(typed string, limit int) ([]access.Resource, error)
	resource  func(ref access.ResourceRef) (access.Resource, error)
	facts     func(s access.Subject) (access.OnCall, access.Incidents)
	decide    func(ctx context.Context, ask Ask) (access.Decision, error)
	submit    func(ctx context.Context, key string, ask Ask) (access.Case, error)
	readCase  func(id string) (access.Case, error)
	review    func(ctx context.Context, who Caller, key, id string, answer Answer) (access.Case, error)
	withdraw  func(ctx context.Context, id string) (access.Case, error)
	live      func() ([]access.Case, error)
	revoke    func(ctx context.Context, id string) (access.Grant, error)
	closeTask func(ctx context.Context, id, comment string) (access.Task, error)
	task      func(id string) (access.Task, error)
}

func (d *deskFake) record(c deskCall) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, c)
}

// called returns the calls of a method, in order; "": of all.
func (d *deskFake) called(method string) []deskCall {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.calls), func(c deskCall) bool { return method != "" && c.Method != method })
}

func (d *deskFake) Resources(_ context.Context, who Caller, typed string, limit int) ([]access.Resource, error) {
	d.record(deskCall{Method: "resources", Who: who, Text: typed})
	if d.resources == nil {
		return nil, errUntold
	}
	return d.resources(typed, limit)
}

func (d *deskFake) Resource(_ context.Context, who Caller, ref access.ResourceRef) (access.Resource, error) {
	d.record(deskCall{Method: "resource", Who: who, ID: ref.ID})
	if d.resource == nil {
		return access.Resource{}, errUntold
	}
	return d.resource(ref)
}

func (d *deskFake) Facts(s access.Subject) (access.OnCall, access.Incidents) {
	d.record(deskCall{Method: "facts", ID: s.ID})
	if d.facts == nil {
		return access.OnCall{}, access.Incidents{}
	}
	return d.facts(s)
}

func (d *deskFake) Decide(ctx context.Context, who Caller, ask Ask) (access.Decision, error) {
	d.record(deskCall{Method: "decide", Who: who, Ask: ask})
	if d.decide == nil {
		return access.Decision{}, errUntold
	}
	return d.decide(ctx, ask)
}

func (d *deskFake) Submit(ctx context.Context, who Caller, key string, ask Ask) (access.Case, error) {
	d.record(deskCall{Method: "submit", Who: who, Key: key, Ask: ask})
	if d.submit == nil {
		return access.Case{}, errUntold
	}
	return d.submit(ctx, key, ask)
}

func (d *deskFake) Case(_ context.Context, who Caller, id string) (access.Case, error) {
	d.record(deskCall{Method: "case", Who: who, ID: id})
	if d.readCase == nil {
		return access.Case{}, errUntold
	}
	return d.readCase(id)
}

func (d *deskFake) Review(ctx context.Context, who Caller, key, id string, answer Answer) (access.Case, error) {
	d.record(deskCall{Method: "review", Who: who, Key: key, ID: id, Answer: answer})
	if d.review == nil {
		return access.Case{}, errUntold
	}
	return d.review(ctx, who, key, id, answer)
}

func (d *deskFake) Withdraw(ctx context.Context, who Caller, key, id string) (access.Case, error) {
	d.record(deskCall{Method: "withdraw", Who: who, Key: key, ID: id})
	if d.withdraw == nil {
		return access.Case{}, errUntold
	}
	return d.withdraw(ctx, id)
}

func (d *deskFake) Live(_ context.Context, who Caller) ([]access.Case, error) {
	d.record(deskCall{Method: "live", Who: who})
	if d.live == nil {
		return nil, errUntold
	}
	return d.live()
}

func (d *deskFake) Revoke(ctx context.Context, who Caller, key, id string) (access.Grant, error) {
	d.record(deskCall{Method: "revoke", Who: who, Key: key, ID: id})
	if d.revoke == nil {
		return access.Grant{}, errUntold
	}
	return d.revoke(ctx, id)
}

func (d *deskFake) CloseTask(ctx context.Context, who Caller, key, id, comment string) (access.Task, error) {
	d.record(deskCall{Method: "close_task", Who: who, Key: key, ID: id, Text: comment})
	if d.closeTask == nil {
		return access.Task{}, errUntold
	}
	return d.closeTask(ctx, id, comment)
}

func (d *deskFake) Task(_ context.Context, who Caller, id string) (access.Task, error) {
	d.record(deskCall{Method: "task", Who: who, ID: id})
	if d.task == nil {
		return access.Task{}, errUntold
	}
	return d.task(id)
}

// peopleFake is a list of people.
type peopleFake struct {
	mu      sync.Mutex
	bySlack map[string]access.Person
	byEmail map[string]access.Person
	err     error
}

func newPeopleFake() *peopleFake {
	return &peopleFake{bySlack: map[string]access.Person{}, byEmail: map[string]access.Person{}}
}

// add puts somebody into the list.
func (f *peopleFake) add(p access.Person) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.Slack != "" {
		f.bySlack[p.Slack] = p
	}
	for _, email := range append(p.Emails, p.Subject.ID) {
		f.byEmail[email] = p
	}
}

// fails has every question fail; nil: they work again.
func (f *peopleFake) fails(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *peopleFake) BySlack(_ context.Context, id string) (access.Person, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, known := f.bySlack[id]
	return p, known, f.err
}

func (f *peopleFake) ByEmail(_ context.Context, email string) (access.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, known := f.byEmail[email]; known {
		return p, f.err
	}
	return access.Person{Subject: access.Subject{Type: access.TypeUser, ID: email}}, f.err
}

// refusalsFake writes refusals down.
type refusalsFake struct {
	mu   sync.Mutex
	list []string
}

func (f *refusalsFake) RefuseHook(_ context.Context, hook, source, code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf("%s %s %s", hook, source, code))
}

func (f *refusalsFake) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

// TestWorldIsRecognised keeps what every other test stands on.
func TestWorldIsRecognised(t *testing.T) {
	w := newWorld(t)
	who, err := w.app.who(w.ctx(), team, aliceID)
	if err != nil || who.Subject != (access.Subject{Type: access.TypeUser, ID: alice}) || who.Source != "192.0.2.7" || who.HookID != "hook-1" {
		t.Errorf("who = %+v, %v", who, err)
	}
}
