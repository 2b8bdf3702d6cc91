package script

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Server listens on one address, also after it was down.
type Server struct {
	handler http.Handler

	mu      sync.Mutex
	address string
	server  *httptest.Server // nil while down
	down    chan struct{}    // closed when it goes down
}

// NewServer returns one that is not up yet. The address is to listen on; "":
// 127.0.0.1 and a free port.
func NewServer(address string, handler http.Handler) *Server {
	if address == "" {
		address = "127.0.0.1:0"
	}
	return &Server{handler: handler, address: address, down: make(chan struct{})}
}

// Address is the host and the port.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Up starts listening, on the address of before. A server that is up stays so.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("the fake can not listen: %w", err)
	}
	s.address = listener.Addr().String()
	s.down = make(chan struct{})
	s.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.handler, ErrorLog: log.New(io.Discard, "", 0)}}
	s.server.Start()
	return nil
}

// Down stops listening and breaks every connection: callers are refused.
func (s *Server) Down() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	select {
	case <-s.down:
	default:
		close(s.down)
	}
	s.mu.Unlock()
	if server != nil {
		server.CloseClientConnections()
		server.Close()
	}
}

// IsDown is closed when the server goes down.
func (s *Server) IsDown() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

// errAborted is a connection that broke off.
var errAborted = errors.New("connection reset by the fake")

// InProcess reaches a handler without a network, whatever the host: in synthetic
// time nothing else may block.
func InProcess(handler http.Handler) http.RoundTripper { return inProcess{handler} }

type inProcess struct{ handler http.Handler }

// RoundTrip has the request answered.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := r.Clone(r.Context())
	asked.RequestURI, asked.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	recorder, done := httptest.NewRecorder(), make(chan error, 1)
	go func() {
		defer func() {
			if recover() != nil {
				done <- errAborted
			}
		}()
		t.handler.ServeHTTP(recorder, asked)
		done <- nil
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
		response := recorder.Result()
		response.Request = r
		return response, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}
