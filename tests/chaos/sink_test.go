package chaos_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// sink takes audit events as a webhook, and is not good at it: now and then it takes
// a batch and says that it did not, or does not answer to it at all.
type sink struct {
	url string

	mu    sync.Mutex
	asked int
	took  []string // events, in the order in which they came
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Data struct {
			Events []json.RawMessage `json:"events"`
		} `json:"data"`
	}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &batch)
	}
	if err != nil {
		http.Error(w, "cut off", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.asked%5 == 0 {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	for _, event := range batch.Data.Events {
		s.took = append(s.took, string(event))
	}
	if s.asked%7 == 0 {
		panic(http.ErrAbortHandler) // it has them, and does not say so
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *sink) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.took...)
}

// has reports whether it has an event.
func (s *sink) has(event string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.took) - 1; i >= 0; i-- {
		if s.took[i] == event {
			return true
		}
	}
	return false
}
