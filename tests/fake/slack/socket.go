package slack

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/curfew-access/curfew/tests/fake/script"
)

const (
	socketPath  = "/link/"
	pingPause   = 5 * time.Second
	socketWrite = 5 * time.Second
)

// sockets are the connections of Socket Mode.
type sockets struct {
	mu      sync.Mutex
	tickets map[string]bool
	open    []*socket
	next    int
}

// socket is one connection.
type socket struct {
	conn *websocket.Conn
	done chan struct{} // closed when it has ended

	mu      sync.Mutex
	waiting map[string]chan []byte // by envelope id
}

func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// pick takes the connections in turn, as Slack spreads its messages.
func (s *sockets) pick() *socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) == 0 {
		return nil
	}
	s.next++
	return s.open[s.next%len(s.open)]
}

// drop breaks every connection.
func (s *sockets) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.open {
		_ = one.conn.Close()
	}
}

func (s *sockets) add(one *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, one)
}

func (s *sockets) remove(one *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.open {
		if other == one {
			s.open = append(s.open[:i:i], s.open[i+1:]...)
			return
		}
	}
}

// connectionsOpen gives the address of a socket, for one connection.
func (f *Fake) connectionsOpen(map[string]any) (map[string]any, error) {
	ticket := secret()
	f.socks.mu.Lock()
	defer f.socks.mu.Unlock()
	if f.socks.tickets == nil {
		f.socks.tickets = map[string]bool{}
	}
	f.socks.tickets[ticket] = true
	return map[string]any{"url": "ws" + strings.TrimPrefix(f.base(), "http") + socketPath + "?ticket=" + ticket + "&app_id=" + AppID}, nil
}

// serveSocket serves one connection until it ends.
func (f *Fake) serveSocket(w http.ResponseWriter, r *http.Request) {
	f.socks.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	known := f.socks.tickets[ticket]
	delete(f.socks.tickets, ticket)
	f.socks.mu.Unlock()
	if !known {
		http.Error(w, "the ticket is not good", http.StatusForbidden)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s := &socket{conn: conn, done: make(chan struct{}), waiting: map[string]chan []byte{}}
	_ = s.write(map[string]any{
		"type": "hello", "num_connections": f.socks.count() + 1, "connection_info": map[string]any{"app_id": AppID},
		"debug_info": map[string]any{"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060},
	})
	f.socks.add(s)
	f.socketChanged()
	go s.ping()
	s.read(f)
	f.socks.remove(s)
	close(s.done)
	_ = conn.Close()
	f.socketChanged()
}

func (f *Fake) socketChanged() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed.Fire()
}

// write sends JSON; one at a time.
func (s *socket) write(body any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(socketWrite))
	return s.conn.WriteJSON(body)
}

// ping tells the app that the connection lives.
func (s *socket) ping() {
	ticker := time.NewTicker(pingPause)
	defer ticker.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
			_ = s.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-1"), time.Now().Add(socketWrite))
		}
	}
}

// read takes the answers until the connection ends.
func (s *socket) read(f *Fake) {
	for {
		_, raw, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if json.Unmarshal(raw, &ack) != nil {
			f.fault("the socket: what came is no JSON")
			continue
		}
		s.mu.Lock()
		answer := s.waiting[ack.ID]
		delete(s.waiting, ack.ID)
		s.mu.Unlock()
		switch {
		case answer == nil: // an answer to nothing, or the second one: Slack does not mind
		case len(raw) >= maxAck:
			f.fault("the socket: an answer of %d bytes is dropped", len(raw))
		default:
			answer <- ack.Payload
		}
	}
}

// errNoSocket is a message that has nowhere to go.
var errNoSocket = errors.New("the app has no address, and no connection of Socket Mode is open")

// bySocket sends a message by one connection.
func (f *Fake) bySocket(e envelope) Answer {
	s := f.socks.pick()
	if s == nil {
		return Answer{Err: errNoSocket}
	}
	kind := "interactive"
	if e.hook == "commands" {
		kind = "slash_commands"
	}
	f.mu.Lock()
	id := f.id("envelope-")
	f.mu.Unlock()
	answer := make(chan []byte, 1)
	s.mu.Lock()
	s.waiting[id] = answer
	s.mu.Unlock()
	wantsMore := e.kind == "slash_commands" || e.kind == "view_submission" || e.kind == "block_suggestion"
	if err := s.write(map[string]any{"type": kind, "envelope_id": id, "payload": e.payload, "accepts_response_payload": wantsMore}); err != nil {
		return Answer{Err: err}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case body := <-answer:
		return Answer{Status: http.StatusOK, Body: body}
	case <-s.done:
		return Answer{Err: errors.New("the socket closed before an answer")}
	case <-timer.C:
		f.fault("operation_timeout: %s was not answered by the socket", e.kind)
		return Answer{Err: errors.New("no answer came by the socket")}
	}
}

// AwaitSocket waits until so many connections of Socket Mode are open.
func (f *Fake) AwaitSocket(tb script.TB, n int) {
	tb.Helper()
	f.Await(tb, "the socket is open", func(s State) bool { return s.Sockets == n })
}

// DropSockets breaks every connection of Socket Mode, without a word.
func (f *Fake) DropSockets() { f.socks.drop() }

// RefreshSockets tells the app to connect anew, as Slack does now and then.
func (f *Fake) RefreshSockets() {
	f.socks.mu.Lock()
	open := append([]*socket{}, f.socks.open...)
	f.socks.mu.Unlock()
	for _, s := range open {
		_ = s.write(map[string]any{"type": "disconnect", "reason": "refresh_requested", "debug_info": map[string]any{"host": "applink-1"}})
	}
}
