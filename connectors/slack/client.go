package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	// openTimeout bounds views.open: its trigger lives three seconds, some of which
	// are over.
	openTimeout = 2 * time.Second
	callTimeout = 5 * time.Second
	// maxAnswer bounds what is read of an answer: a view comes back whole.
	maxAnswer = 1 << 20
	// noticeEvent is the kind of a notice's metadata.
	noticeEvent = "curfew_notice"
)

// client is Slack's Web API. The SDK builds the requests and reads the answers; the
// HTTP client beneath it is ours, and hands on only what is well. Nothing is tried
// again here: what writes might be done twice, and whoever asks knows how long it
// is of use.
type client struct {
	base      *url.URL // ends in "/"
	bot, app  string   // tokens
	calls     *connectors.Client
	opening   *connectors.Client
	redact    *connectors.Redactor
	respondTo func(*url.URL) bool
}

// newClient returns a client for the Web API that is configured.
func newClient(cfg Config) (*client, error) {
	base, err := apiURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	transport := connectors.NewTransport(reach(cfg), callTimeout)
	within := func(limit time.Duration) *connectors.Client {
		return connectors.NewClient(connectors.Options{Timeout: limit, Retries: -1, MaxAnswer: maxAnswer, Transport: transport})
	}
	c := &client{base: base, bot: cfg.BotToken, app: cfg.AppToken, calls: within(callTimeout), opening: within(openTimeout),
		redact: &connectors.Redactor{}, respondTo: responseHosts(base)}
	c.redact.Hide(cfg.BotToken, cfg.AppToken, cfg.SigningSecret)
	return c, nil
}

// reach is which addresses may be dialled: those of the public internet, unless an
// operator names the Web API.
func reach(cfg Config) connectors.Reach {
	if cfg.URL != "" {
		return connectors.ReachPrivate
	}
	return connectors.ReachPublic
}

// apiURL reads the address of the Web API. The SDK puts names of methods right
// behind it.
func apiURL(text string) (*url.URL, error) {
	if text == "" {
		text = slackapi.APIURL
	}
	base, err := connectors.ParseURL(text)
	if err != nil {
		return nil, fmt.Errorf("slack: the Web API: %w", err)
	}
	if base.RawQuery != "" {
		return nil, errors.New("slack: the Web API: the URL holds a query")
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	return base, nil
}

// Format keeps the tokens out of everything that fmt prints, whatever the verb.
func (*client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "slack.client") }

// call has the SDK make one request. Its own errors are not used: it takes an
// answer that says nothing for a yes, and wraps what has the token in it.
func call[T any](c *client, do func(*slackapi.Client) (T, error)) (T, *exchange, error) {
	x := &exchange{client: c}
	api := slackapi.New(c.bot, slackapi.OptionAPIURL(c.base.String()), slackapi.OptionHTTPClient(x), slackapi.OptionAppLevelToken(c.app))
	got, err := do(api)
	switch {
	case x.err != nil:
		err = x.err
	case err != nil && x.method == "": // the SDK did not even ask
		err = access.Permanent(fmt.Errorf("slack: %s", c.redact.Clean(err.Error())))
	case err != nil:
		err = malformed(x.method, c.redact.Clean(err.Error()))
	}
	if err != nil {
		var none T
		return none, x, err
	}
	return got, x, nil
}

// exchange is the HTTP client of one request of the SDK's.
type exchange struct {
	client *client
	method string // of the Web API: "views.open"
	answer connectors.Answer
	err    error
}

// Do makes the request. Only an answer that says "ok" is handed on.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	x.method = strings.TrimPrefix(r.URL.Path, x.client.base.Path)
	if x.err = x.ask(r); x.err != nil {
		return nil, x.err
	}
	return &http.Response{StatusCode: x.answer.Status, Header: x.answer.Header, Request: r,
		Body: io.NopCloser(strings.NewReader(string(x.answer.Body)))}, nil
}

func (x *exchange) ask(r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return fmt.Errorf("slack: %s: the request can not be written", x.method)
		}
	}
	through := x.client.calls
	if x.method == "views.open" {
		through = x.client.opening
	}
	var err error
	x.answer, err = through.Do(r.Context(), connectors.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body, Redact: x.client.redact})
	if err != nil {
		return &access.DeliveryError{Class: access.ClassUnreachable, Open: true, Err: fmt.Errorf("slack: %s: %w", x.method, err)}
	}
	return refusal(x.method, x.answer, x.client.redact)
}

// OpenView shows a form.
func (c *client) OpenView(ctx context.Context, trigger string, v slackapi.ModalViewRequest) (slackapi.View, error) {
	return view(call(c, func(api *slackapi.Client) (*slackapi.ViewResponse, error) {
		return api.OpenViewContext(ctx, trigger, v)
	}))
}

// UpdateView changes a form.
func (c *client) UpdateView(ctx context.Context, viewID, hash string, v slackapi.ModalViewRequest) (slackapi.View, error) {
	return view(call(c, func(api *slackapi.Client) (*slackapi.ViewResponse, error) {
		return api.UpdateViewContext(ctx, v, "", hash, viewID)
	}))
}

func view(got *slackapi.ViewResponse, _ *exchange, err error) (slackapi.View, error) {
	if err != nil {
		return slackapi.View{}, err
	}
	return got.View, nil
}

// Post shows a message.
func (c *client) Post(ctx context.Context, channel string, m message) (access.Place, error) {
	place, x, err := call(c, func(api *slackapi.Client) (access.Place, error) {
		in, at, err := api.PostMessageContext(ctx, channel, m.options()...)
		return access.Place{Channel: in, At: at}, err //nolint:wrapcheck // call does
	})
	if err == nil && (place.Channel == "" || place.At == "") {
		return access.Place{}, malformed(x.method, "it does not say where the message is")
	}
	return place, err
}

// Update changes a message.
func (c *client) Update(ctx context.Context, at access.Place, m message) error {
	_, _, err := call(c, func(api *slackapi.Client) (string, error) {
		_, _, _, err := api.UpdateMessageContext(ctx, at.Channel, at.At, m.options()...)
		return "", err //nolint:wrapcheck // call does
	})
	return err
}

// options is the message in the SDK's words. Links in it are not shown as
// previews: somebody's text would choose what is fetched.
func (m message) options() []slackapi.MsgOption {
	list := []slackapi.MsgOption{
		slackapi.MsgOptionText(m.Text, false), slackapi.MsgOptionBlocks(m.Blocks...),
		slackapi.MsgOptionDisableLinkUnfurl(), slackapi.MsgOptionDisableMediaUnfurl(),
	}
	if m.NoticeID != "" {
		list = append(list, slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: noticeEvent,
			EventPayload: map[string]any{"notice_id": m.NoticeID}}))
	}
	return list
}
