package client_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/curfew-access/curfew/cmd/curfew/client"
)

// endless is a body that never ends.
type endless struct {
	ctx   context.Context
	close context.CancelFunc
	read  *atomic.Int64
}

func (e endless) Read(p []byte) (int, error) {
	e.read.Add(int64(len(p)))
	return len(p), nil // of zeros
}

func (e endless) Close() error {
	e.close()
	return nil
}

func TestUploadIsSentAsItIsRead(t *testing.T) {
	t.Parallel()
	for _, zipped := range []bool{false, true} {
		var got *http.Request
		var body []byte
		c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
			got = r
			in := io.Reader(r.Body)
			if zipped {
				in, _ = gzip.NewReader(r.Body)
			}
			body, _ = io.ReadAll(in)
			_, _ = io.WriteString(w, `{"id":"x"}`)
		})
		var answer struct{ ID string }
		_, err := c.Put(t.Context(), "/v1/sources/a/resources", url.Values{"dry_run": {"true"}}, client.Upload{
			ContentType: "application/x-ndjson", Gzip: zipped, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}\n")), nil },
		}, &answer)
		if err != nil {
			t.Fatal(err)
		}
		if got.Method != http.MethodPut || got.URL.RequestURI() != "/v1/sources/a/resources?dry_run=true" || string(body) != "{}\n" || answer.ID != "x" ||
			got.Header.Get("Content-Type") != "application/x-ndjson" || got.Header.Get("Authorization") != "Bearer "+token ||
			(got.Header.Get("Content-Encoding") == "gzip") != zipped {
			t.Errorf("got %s %s %v %q, answer %v", got.Method, got.URL, got.Header, body, answer)
		}
	}
}

// Were the body sent at once, the gateway would close a connection that is being
// written to, and why would not be known.
func TestRefusalIsHeardBeforeTheUploadIsSent(t *testing.T) {
	t.Parallel()
	for _, zipped := range []bool{false, true} {
		c := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"code":"unauthenticated","errors":[{"line":7,"resource":{"type":"a","id":"b"}}],"error_count":9}`)
		})
		body := endless{read: &atomic.Int64{}}
		body.ctx, body.close = context.WithCancel(t.Context())
		_, err := c.Put(t.Context(), "/", nil, client.Upload{Gzip: zipped, Open: func() (io.ReadCloser, error) { return body, nil }}, nil)
		var refused *client.AnswerError
		if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || refused.ErrorCount != 9 || refused.Errors[0].Line != 7 || refused.Errors[0].Resource.ID != "b" {
			t.Errorf("got %v", err)
		}
		<-body.ctx.Done()
		if n := body.read.Load(); n > 64<<10 { // one buffer, that waits to be compressed
			t.Errorf("%d bytes were read", n)
		}
	}
}

func TestUploadThatCanBeReadOnceIsSentOnce(t *testing.T) {
	t.Parallel()
	calls, opened := 0, 0
	c := gateway(t, func(_ http.ResponseWriter, r *http.Request) {
		calls++
		_, _ = io.ReadAll(r.Body)
		panic(http.ErrAbortHandler)
	})
	for _, once := range []bool{true, false} {
		_, err := c.Put(t.Context(), "/", nil, client.Upload{Once: once, Open: func() (io.ReadCloser, error) {
			opened++
			return io.NopCloser(strings.NewReader("x")), nil
		}}, nil)
		if !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	}
	if calls != 3 || opened != 3 {
		t.Errorf("%d calls with %d bodies, want 1 and then 2", calls, opened)
	}
	if _, err := c.Put(t.Context(), "/", nil, client.Upload{Open: func() (io.ReadCloser, error) { return nil, io.ErrNoProgress }}, nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a body that can not be opened: %v", err)
	}
}
