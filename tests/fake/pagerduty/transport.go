package pagerduty

import (
	"errors"
	"net/http"
	"net/http/httptest"
)

// errAborted is a connection that broke off.
var errAborted = errors.New("connection reset by the fake")

// Transport reaches the fake without a network, whatever the host: in synthetic
// time nothing else may block.
func (f *Fake) Transport() http.RoundTripper { return inProcess{f} }

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
