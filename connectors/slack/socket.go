package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/curfew-access/curfew/engine/access"
)

const (
	// shortLived is how long a connection must last to count as one that works.
	shortLived = 10 * time.Second
	// partingIn bounds the wait, at a stop, for messages whose answers go back by the
	// connection; flushIn lets the last of them leave.
	partingIn = 3 * time.Second
	flushIn   = 100 * time.Millisecond
	ackIn     = time.Second
	// maxAck is what Slack takes by the socket; it silently drops what is larger.
	maxAck = 20 << 10
)

// errShortLived says that a connection was made and did not last.
var errShortLived = errors.New("slack: the socket was closed as soon as it was open")

// Run keeps a connection of Socket Mode until ctx ends, if there is an app token.
// What comes by it was asked for by us, and is not signed: the connection shows
// whose it is. Several connections share the messages among them.
func (a *App) Run(ctx context.Context) error {
	if a.cfg.AppToken == "" || a.newSocket == nil {
		<-ctx.Done()
		return nil
	}
	for pause := (pauses{}); ctx.Err() == nil; {
		a.connect(ctx, &pause)
	}
	return nil
}

// connect keeps a connection until it is lost, and waits until it is time for the
// next.
func (a *App) connect(ctx context.Context, pause *pauses) {
	s := &socket{app: a, client: a.newSocket()}
	err := s.serve(ctx)
	if ctx.Err() != nil {
		return
	}
	a.lines.socket.Failed(a.cfg.Log, "the socket to Slack is down; what people do there is refused until it is back", err)
	if s.worked {
		*pause = pauses{}
	}
	timer := time.NewTimer(pause.next(err))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// socket is one connection of Socket Mode, and those by which the SDK replaces it
// when Slack asks for that.
type socket struct {
	app    *App
	client *socketmode.Client
	worked bool // a connection lasted
	since  time.Time
	busy   sync.WaitGroup // messages that are being answered
}

// serve answers what comes by the connection until it is lost or ctx ends. Then the
// connection stays for as long as messages at hand are answered.
func (s *socket) serve(ctx context.Context) error {
	living, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	ended := make(chan error, 1)
	go func() { ended <- s.client.RunContext(living) }()
	for {
		select {
		case e := <-s.client.Events:
			if err := s.take(living, e); err != nil {
				end(err)
				_ = s.drain(ended)
				return err
			}
		case err := <-ended:
			return s.app.cleaned(err)
		case <-ctx.Done():
			s.part()
			end(nil)
			_ = s.drain(ended)
			return nil
		}
	}
}

// drain waits for the SDK to end, and takes its events from it until then, so that
// it does not wait for somebody to do so.
func (s *socket) drain(ended <-chan error) error {
	for {
		select {
		case <-s.client.Events:
		case err := <-ended:
			return err
		}
	}
}

// part waits for the messages that are being answered.
func (s *socket) part() {
	answered := make(chan struct{})
	go func() {
		s.busy.Wait()
		close(answered)
	}()
	timer := time.NewTimer(partingIn)
	defer timer.Stop()
	select {
	case <-answered:
		<-time.After(flushIn)
	case <-timer.C:
	}
}

// take handles an event of the SDK's. An error ends the connection: the SDK would
// try again by itself, at once or after five minutes.
func (s *socket) take(ctx context.Context, e socketmode.Event) error {
	switch e.Type { //nolint:exhaustive // the others tell nothing that is of use
	case socketmode.EventTypeConnecting:
		return s.lasted()
	case socketmode.EventTypeConnected:
		s.since = time.Now()
		s.app.cfg.Log.Info("the socket to Slack is open")
	case socketmode.EventTypeConnectionError:
		failed, _ := e.Data.(*slackapi.ConnectionErrorEvent)
		if failed == nil {
			return errShortLived
		}
		return s.app.cleaned(failed.ErrorObj)
	case socketmode.EventTypeErrorWriteFailed:
		s.app.tally.add(outcomeUnsent)
	case socketmode.EventTypeErrorBadMessage:
		_, became := s.app.unreadable(errNotSlacks)
		s.app.tally.add(became)
	case socketmode.EventTypeEventsAPI:
		s.app.tally.add(outcomeIgnored)
		return s.acknowledge(ctx, e.Request, nil)
	case socketmode.EventTypeSlashCommand, socketmode.EventTypeInteractive:
		s.begin(ctx, e)
	}
	return nil
}

// lasted notes how the connection before this one did; an error says that it was
// not worth making another at once.
func (s *socket) lasted() error {
	if s.since.IsZero() {
		return nil
	}
	if time.Since(s.since) < shortLived {
		return errShortLived
	}
	s.worked = true
	return nil
}

// begin answers a message beside those that come after it. How many are at work is
// bounded where they are handled.
func (s *socket) begin(ctx context.Context, e socketmode.Event) {
	ctx = arriving(ctx, arrival{at: time.Now(), hookID: newHookID()})
	s.busy.Go(func() {
		answer, became := s.app.receiveEvent(ctx, e.Data)
		if outcomeStatus[became] == 200 {
			if err := s.acknowledge(ctx, e.Request, answer.Body); err != nil {
				s.app.lines.other.Failed(s.app.cfg.Log, "the answer to a message of Slack's could not be given back by the socket", err)
				became = outcomeUnsent
			}
		}
		s.app.tally.add(became)
	})
}

// receiveEvent does what a message of the socket says.
func (a *App) receiveEvent(ctx context.Context, data any) (reply, outcome) {
	switch m := data.(type) {
	case slackapi.SlashCommand:
		if !wholeCommand(m) {
			return a.unreadable(nil)
		}
		return a.attend(ctx, a.ofCommand(m))
	case slackapi.InteractionCallback:
		if !wholeInteraction(&m) {
			return a.unreadable(nil)
		}
		return a.interact(ctx, &m)
	}
	return a.unreadable(errNotSlacks)
}

// acknowledge answers a message. A list of options is cut until Slack takes it; of
// a form that stays only what is said in it is left.
func (s *socket) acknowledge(ctx context.Context, r *socketmode.Request, body any) error {
	if r == nil || r.EnvelopeID == "" {
		return errIncomplete
	}
	body, err := fitted(r.EnvelopeID, body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, ackIn)
	defer cancel()
	if err := s.client.AckCtx(ctx, r.EnvelopeID, body); err != nil {
		return s.app.cleaned(err)
	}
	return nil
}

// fitted is as much of an answer as the socket takes.
func fitted(envelope string, body any) (any, error) {
	for {
		encoded, err := json.Marshal(socketmode.Response{EnvelopeID: envelope, Payload: body})
		if err != nil {
			return nil, fmt.Errorf("slack: the answer can not be written: %w", err)
		}
		if len(encoded) < maxAck {
			return body, nil
		}
		shorter := less(body)
		if shorter == nil {
			return nil, access.Permanent(fmt.Errorf("slack: the answer has %d bytes; by the socket Slack takes fewer than %d", len(encoded), maxAck))
		}
		body = shorter
	}
}

// less is a shorter answer that says the same, as far as it can; nil: there is none.
func less(body any) any {
	switch b := body.(type) {
	case optionList:
		if len(b.Options) > 0 {
			return optionList{Options: b.Options[:len(b.Options)*3/4]}
		}
	case *slackapi.ViewSubmissionResponse:
		if b.View != nil {
			return noteOnly(b.View.Blocks.BlockSet)
		}
	}
	return nil
}

// noteOnly has a form stay as it is, and says at its first field what was to stand
// above it; nil: it has no note, or no field.
func noteOnly(blocks []slackapi.Block) any {
	note := ""
	for _, b := range blocks {
		switch block := b.(type) {
		case *slackapi.SectionBlock:
			if block.BlockID == blockNote && block.Text != nil {
				note = unescaped.Replace(block.Text.Text)
			}
		case *slackapi.InputBlock:
			if note != "" {
				return faulty(block.BlockID, note).Body
			}
		}
	}
	return nil
}
