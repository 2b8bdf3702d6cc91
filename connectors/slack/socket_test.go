package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/engine/access"
)

// socketFake is Slack's side of Socket Mode.
type socketFake struct {
	t        *testing.T
	conns    chan *websocket.Conn // as they are opened
	stopping <-chan struct{}      // closed when the App is told to end
}

// onSocket has the world's App listen by the socket until the returned function is
// called, which waits for its end.
func onSocket(t *testing.T, w *world) (*socketFake, func()) {
	t.Helper()
	f := &socketFake{t: t, conns: make(chan *websocket.Conn, 8)}
	upgrade := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }} // the SDK names one
	web, client := serveWeb(t, func(out http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "apps.connections.open") {
			if r.Header.Get("Authorization") != "Bearer "+plantedApp {
				t.Errorf("the socket is asked for by %q", r.Header.Get("Authorization"))
			}
			_, _ = fmt.Fprintf(out, `{"ok":true,"url":"ws://%s/link?ticket=planted-ticket"}`, r.Host)
			return
		}
		conn, err := upgrade.Upgrade(out, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		f.conns <- conn
	})
	w.app.newSocket, w.app.redact = client.socketMode(connectors.ReachPrivate), client.redact
	ctx, stop := context.WithCancel(t.Context())
	f.stopping = ctx.Done()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.app.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	end := func() {
		stop()
		<-ended
	}
	t.Cleanup(func() {
		end()
		web.CloseClientConnections()
	})
	return f, end
}

// opened waits for a connection.
func (f *socketFake) opened() *websocket.Conn {
	f.t.Helper()
	select {
	case conn := <-f.conns:
		f.t.Cleanup(func() { _ = conn.Close() })
		return conn
	case <-time.After(10 * time.Second):
		f.t.Fatal("no socket was opened")
		return nil
	}
}

// tell sends a message and does not wait for an answer.
func (f *socketFake) tell(conn *websocket.Conn, kind, envelope, payload string) {
	f.t.Helper()
	text := fmt.Sprintf(`{"type":%q,"envelope_id":%q,"accepts_response_payload":true,"payload":%s}`, kind, envelope, payload)
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		f.t.Fatal(err)
	}
}

type acknowledgement struct {
	Envelope string          `json:"envelope_id"`
	Payload  json.RawMessage `json:"payload"`
}

// heard waits for what is answered.
func (f *socketFake) heard(conn *websocket.Conn) acknowledgement {
	f.t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, text, err := conn.ReadMessage()
	if err != nil {
		f.t.Fatal(err)
	}
	var got acknowledgement
	if len(text) >= maxAck || json.Unmarshal(text, &got) != nil {
		f.t.Fatalf("the answer has %d bytes: %.200s", len(text), text)
	}
	return got
}

// works reports whether a message is answered by the connection.
func (f *socketFake) works(conn *websocket.Conn) bool {
	text := `{"type":"interactive","envelope_id":"env-1","payload":` + ignoredPayload + `}`
	if conn.WriteMessage(websocket.TextMessage, []byte(text)) != nil {
		return false
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, answer, err := conn.ReadMessage()
	return err == nil && strings.Contains(string(answer), "env-1")
}

const socketCommand = `{"command":"/access","text":"help","user_id":"UALICE","team_id":"T1","trigger_id":"t1","response_url":"https://hooks.slack.com/commands/1"}`

func TestWhatComesByTheSocketIsAnsweredThere(t *testing.T) {
	cases := map[string]struct {
		kind, payload string
		outcome       outcome
		silent        bool
		says          string // a part of the answer; "": it is empty
	}{
		"a command":             {kind: "slash_commands", payload: socketCommand, outcome: outcomeTaken, says: "/access"},
		"what nobody wants":     {kind: "interactive", payload: ignoredPayload, outcome: outcomeIgnored},
		"an event":              {kind: "events_api", payload: `{"type":"event_callback","event":{"type":"app_home_opened","user":"U1"}}`, outcome: outcomeIgnored},
		"options":               {kind: "interactive", payload: `{"type":"block_suggestion","user":{"id":"UALICE","team_id":"T1"},"team":{"id":"T1"},"action_id":"nobody"}`, outcome: outcomeTaken, says: `{"options":[`},
		"a command of nobody":   {kind: "slash_commands", payload: `{"command":"/access"}`, outcome: outcomeMalformed, silent: true},
		"a payload of no shape": {kind: "interactive", payload: `[]`, outcome: outcomeMalformed, silent: true},
		"a kind that is new":    {kind: "something_new", payload: `{}`, outcome: outcomeMalformed, silent: true},
		"an event of no shape":  {kind: "events_api", payload: `7`, outcome: outcomeMalformed, silent: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f, end := onSocket(t, w)
			conn := f.opened()
			f.tell(conn, c.kind, "env-1", c.payload)
			if c.silent {
				f.tell(conn, "interactive", "env-1", ignoredPayload) // and the socket still works
			}
			got := f.heard(conn)
			if got.Envelope != "env-1" || !strings.Contains(string(got.Payload), c.says) || c.says == "" && len(got.Payload) > 0 {
				t.Errorf("it is answered %s %s", got.Envelope, got.Payload)
			}
			end()
			if w.counted()[string(c.outcome)] != 1 {
				t.Errorf("it is counted %v", w.counted())
			}
		})
	}
}

func TestASocketThatIsLostIsOpenedAgain(t *testing.T) {
	losses := map[string]func(*socketFake, *websocket.Conn){
		"it breaks":     func(_ *socketFake, conn *websocket.Conn) { _ = conn.Close() },
		"Slack asks so": func(f *socketFake, conn *websocket.Conn) { f.tell(conn, "disconnect", "", "{}") },
		"it is too much": func(f *socketFake, conn *websocket.Conn) {
			f.tell(conn, "interactive", "env-0", `"`+strings.Repeat("x", maxSocketMessage)+`"`)
		},
	}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f, end := onSocket(t, w)
			lose(f, f.opened())
			for !f.works(f.opened()) {
				continue // the SDK opened one at once, before it heard that it should wait
			}
			end()
			if !strings.Contains(w.log.String(), "the socket to Slack is down") {
				t.Error("the log does not say so")
			}
		})
	}
}

func TestAStopAnswersWhatIsAtHand(t *testing.T) {
	w := newWorld(t)
	f, end := onSocket(t, w)
	begun := make(chan struct{})
	w.desk.live = func() ([]access.Case, error) {
		close(begun)
		<-f.stopping
		return nil, nil
	}
	conn := f.opened()
	f.tell(conn, "slash_commands", "env-1", strings.Replace(socketCommand, "help", "mine", 1))
	select {
	case <-begun:
	case <-time.After(10 * time.Second):
		t.Fatal("the command did not come")
	}
	end()
	if got := f.heard(conn); got.Envelope != "env-1" {
		t.Errorf("it is answered %+v", got)
	}
}

func TestWithoutAnAppTokenThereIsNoSocket(t *testing.T) {
	w := newWorld(t)
	w.app.cfg.AppToken = ""
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := w.app.Run(ctx); err != nil || len(w.slack.called("")) > 0 {
		t.Errorf("Run = %v, and asked %v", err, w.slack.called(""))
	}
}

func TestAnAnswerFitsTheSocket(t *testing.T) {
	var list optionList
	for range maxOptions {
		list.Options = append(list.Options, slackapi.NewOptionBlockObject(strings.Repeat("v", maxOptionValue), plain(strings.Repeat("<", maxOption), maxOption), nil))
	}
	body, err := fitted("env-1", list)
	if fit, _ := body.(optionList); err != nil || len(fit.Options) == 0 || len(fit.Options) >= maxOptions {
		t.Errorf("of a hundred options %d are left, %v", len(fit.Options), err)
	}
	if body, err := fitted("env-1", map[string]string{"text": strings.Repeat("x", maxAck)}); !access.IsPermanent(err) {
		t.Errorf("what can not be cut is %v, %v", body, err)
	}
	if _, err := fitted(strings.Repeat("e", maxAck), list); !access.IsPermanent(err) {
		t.Errorf("what does not fit without options either: %v", err)
	}
	if _, err := fitted("env-1", func() {}); err == nil {
		t.Error("what can not be written is taken")
	}
}

func TestAFormThatDoesNotFitTheSocketSaysWhyAtAField(t *testing.T) {
	big := replace(formKept(&slackapi.View{Blocks: slackapi.Blocks{BlockSet: []slackapi.Block{
		sheet{}.reasonBlock(),
	}}}, chosen{wish: wish{Reason: strings.Repeat("<", maxWritten*2)}}, "⚠️ *No* &lt;b&gt;", formState{}))
	body, err := fitted("env-1", big.Body)
	short, _ := body.(*slackapi.ViewSubmissionResponse)
	if err != nil || short == nil || short.ResponseAction != slackapi.RAErrors || short.Errors[blockReason] != "⚠️ *No* <b>" {
		t.Errorf("it is answered %+v, %v", body, err)
	}
	if body, err := fitted("env-1", replace(told(actDeny, "Not done", pressed{About: strings.Repeat("x", maxAck)}, "no")).Body); !access.IsPermanent(err) {
		t.Errorf("one without a field is %v, %v", body, err)
	}
}

func TestPausesGrowAndListenToSlack(t *testing.T) {
	var p pauses
	fault := errors.New("no")
	for _, longest := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, maxPause, maxPause} {
		if got := p.next(fault); got > longest || got < longest/2 {
			t.Errorf("the pause is %s, want %s at most", got, longest)
		}
	}
	if got := (&pauses{}).next(&access.DeliveryError{RetryAfter: 2 * time.Minute, Err: fault}); got != 2*time.Minute {
		t.Errorf("when Slack asks for two minutes it is %s", got)
	}
	if got := (&pauses{}).next(access.Permanent(fault)); got != permanentPause {
		t.Errorf("when somebody must mend it first it is %s", got)
	}
}

func TestASocketIsEncryptedIfTheWebAPIIs(t *testing.T) {
	_, err := socketDialer(true, connectors.ReachPrivate).NetDialContext(t.Context(), "tcp", "127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "not encrypted") {
		t.Errorf("error = %v", err)
	}
	_, err = socketDialer(true, connectors.ReachPublic).NetDialTLSContext(t.Context(), "tcp", "127.0.0.1:1")
	if !errors.Is(err, connectors.ErrAddressRefused) {
		t.Errorf("out of reach: %v", err)
	}
}

func TestTheSocketsTicketIsNotTold(t *testing.T) {
	w := newWorld(t)
	_, client := serveWeb(t, func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, `{"ok":true,"url":"wss://host.invalid:bad/link?ticket=planted"}`)
	})
	w.app.newSocket, w.app.redact = client.socketMode(connectors.ReachPrivate), client.redact
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if err := w.app.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.log.String(), "can not be used") { // and newWorld looks for what was planted
		t.Errorf("the log says %s", w.log.String())
	}
}
