package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// Config is what an App is made of. BotToken, Desk, People, Log and Now are
// required, and one of SigningSecret and AppToken.
type Config struct {
	BotToken      string // "xoxb-…"
	SigningSecret string // of what comes by HTTP; "": nothing does
	AppToken      string // "xapp-…", for Socket Mode; "": it is not used
	URL           string // of the Web API; "" for Slack's
	Desk          Desk
	People        People
	Refusals      Refusals // nil: refusals are only in the log
	Log           *slog.Logger
	Now           func() time.Time // the ledger's clock
}

// App is Curfew in Slack. Its methods are safe for concurrent use.
type App struct {
	cfg      Config
	web      webAPI
	handling crew // of messages
	settling crew // of what is asked of the Desk, which may outlast its message
	tally    *tally
	lines    lines
	accounts *accounts
	turns    turns // of request forms

	reading, refusing chan struct{} // places

	redact    *connectors.Redactor
	newSocket func() *socketmode.Client // nil: there is no Socket Mode
}

// webAPI is what the App needs of Slack's Web API. Each call has a deadline of its
// own beside that of its context. What Slack refuses for good is marked
// access.Permanent; what it wants later is an *access.DeliveryError with RetryAfter.
type webAPI interface {
	// OpenView shows a form; the trigger lives three seconds and opens one.
	OpenView(ctx context.Context, trigger string, v slackapi.ModalViewRequest) (slackapi.View, error)
	// UpdateView changes a form, unless it is newer than the hash; "": in any case.
	UpdateView(ctx context.Context, viewID, hash string, v slackapi.ModalViewRequest) (slackapi.View, error)
	Post(ctx context.Context, channel string, m message) (access.Place, error)
	Update(ctx context.Context, at access.Place, m message) error
	// Respond answers by a response URL, which can be used five times in half an hour.
	Respond(ctx context.Context, responseURL string, m response) error
	// User is an account; IsEmailConfirmed is true unless Slack says that it is not.
	User(ctx context.Context, id string) (slackapi.User, error)
	UserByEmail(ctx context.Context, email string) (slackapi.User, error)
	// Self says whose the bot's token is, and what it may do.
	Self(ctx context.Context) (self, error)
	// Socket asks for the address of a connection of Socket Mode.
	Socket(ctx context.Context) (string, error)
}

// message is one that stays: a notice.
type message struct {
	Text     string // for notifications, and where blocks are not shown
	Blocks   []slackapi.Block
	NoticeID string // in its metadata; "": none
}

// response answers one person, at the place where they did something.
type response struct {
	Text    string
	Blocks  []slackapi.Block
	Replace bool // the message that it answers
}

// self is whose the bot's token is.
type self struct {
	TeamID       string   // the workspace; "" for an app of a whole organisation
	EnterpriseID string   // the organisation; "": none
	BotUser      string   // the bot's own account
	Scopes       []string // what the token allows
}

// reply is the answer to a message of Slack's: the body of the 200, as JSON; nil
// for an empty one.
type reply struct{ Body any }

// patience is how long somebody waits for the ledger before they are told that it
// is still at it. Slack gives three seconds in all.
const patience = 2 * time.Second

// New returns an App, or all that is wrong with the configuration. Nothing is
// asked of Slack yet.
func New(cfg Config) (*App, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	web, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	a := newApp(cfg, web)
	a.redact = web.redact
	a.newSocket = web.socketMode(reach(cfg))
	return a, nil
}

// newApp returns an App that calls Slack by the client.
func newApp(cfg Config, web webAPI) *App {
	if cfg.Refusals == nil {
		cfg.Refusals = nobody{}
	}
	a := &App{
		cfg: cfg, web: web, tally: newTally(),
		handling: crew{most: maxHandling}, settling: crew{most: maxSettling},
		reading: make(chan struct{}, maxReading), refusing: make(chan struct{}, maxRefusing),
		redact: &connectors.Redactor{},
	}
	a.accounts = newAccounts(a)
	return a
}

// Format keeps the tokens out of everything that fmt prints, whatever the verb.
func (*App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "slack.App") }

func (c Config) validate() error {
	var faults []error
	lacks := func(missing bool, what string) {
		if missing {
			faults = append(faults, errors.New("slack: "+what))
		}
	}
	lacks(c.BotToken == "", "there is no bot token")
	lacks(c.SigningSecret == "" && c.AppToken == "", "there is neither a signing secret nor an app token: nothing could come in")
	lacks(c.Desk == nil, "there is no Desk")
	lacks(c.People == nil, "there is nothing that knows people")
	lacks(c.Log == nil, "there is no log")
	lacks(c.Now == nil, "there is no clock")
	return errors.Join(faults...)
}

// nobody writes refusals down.
type nobody struct{}

func (nobody) RefuseHook(context.Context, string, string, string) {}
