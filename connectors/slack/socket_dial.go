package slack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

const (
	shakeIn = 10 * time.Second
	// maxSocketMessage bounds what comes by the socket: more closes it.
	maxSocketMessage = 2 * maxBody
	// oneFrame is larger than every answer. Slack does not put together what comes in
	// several frames.
	oneFrame = 32 << 10

	minPause       = time.Second
	maxPause       = 30 * time.Second
	permanentPause = time.Minute // somebody has to change something first
)

// socketMode returns what makes connections of Socket Mode.
func (c *client) socketMode(reach connectors.Reach) func() *socketmode.Client {
	shake := socketDialer(c.base.Scheme == "https", reach)
	return func() *socketmode.Client {
		api := slackapi.New(c.bot, slackapi.OptionAPIURL(c.base.String()), slackapi.OptionAppLevelToken(c.app),
			slackapi.OptionHTTPClient(everyCall{c}))
		return socketmode.New(api, socketmode.OptionDialer(shake), socketmode.OptionReadLimit(maxSocketMessage))
	}
}

// socketDialer opens sockets. It goes to no proxy of the environment's and to
// addresses within reach only, and a socket is encrypted if the Web API is: Slack
// names its address, and a ticket goes there.
func socketDialer(encrypted bool, reach connectors.Reach) *websocket.Dialer {
	dialer := reach.Dialer()
	secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
	open := dialer.DialContext
	if encrypted {
		open = func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("the address that Slack gave is not encrypted")
		}
	}
	return &websocket.Dialer{NetDialContext: open, NetDialTLSContext: secure.DialContext, HandshakeTimeout: shakeIn, WriteBufferSize: oneFrame}
}

// everyCall is the HTTP client of requests that the SDK makes by itself.
type everyCall struct{ client *client }

// Do makes a request of its own.
func (e everyCall) Do(r *http.Request) (*http.Response, error) {
	return (&exchange{client: e.client}).Do(r)
}

// cleaned is a fault of the socket's that can be shown: its address holds a ticket
// by which anybody could take the app's messages.
func (a *App) cleaned(err error) error {
	var in *url.Error
	var asked *access.DeliveryError
	switch {
	case err == nil:
		return errShortLived
	case errors.As(err, &asked), access.IsPermanent(err):
		return err // it is our own
	case errors.As(err, &in):
		return errors.New("slack: the socket: its address can not be used")
	}
	return fmt.Errorf("slack: the socket: %s", a.redact.Clean(err.Error()))
}

// pauses are those between attempts at a connection: longer each time.
type pauses struct{ tries int }

func (p *pauses) next(err error) time.Duration {
	p.tries++
	pause := connectors.Backoff(p.tries, minPause, maxPause)
	if access.IsPermanent(err) {
		pause = permanentPause
	}
	var later *access.DeliveryError
	if errors.As(err, &later) {
		pause = max(pause, later.RetryAfter)
	}
	return pause
}
