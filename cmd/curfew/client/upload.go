package client

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// uploadTimeout bounds a call with an upload: to take in a large one can be the work
// of minutes.
const uploadTimeout = 30 * time.Minute

// Upload is a body that is sent as it is read.
type Upload struct {
	ContentType string
	Gzip        bool // it is compressed on the way
	// Open returns the body from its beginning. It is called again for the second
	// try of a call, unless Once is set.
	Open func() (io.ReadCloser, error)
	Once bool
}

// Put makes what is at the path what is uploaded, and reads the answer into the
// value. A fault of the body's own reader is returned as it is.
func (c *Client) Put(ctx context.Context, path string, query url.Values, u Upload, into any) (json.RawMessage, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.twice(ctx, call{method: http.MethodPut, path: path, upload: &u}, into)
}

// again reports whether a call can be made a second time.
func (c call) again() bool { return c.upload == nil || !c.upload.Once }

// send makes a call with an upload. The headers go first and the body when the
// gateway wants it, so that a refusal is heard, and not a connection that breaks.
func (c *Client) send(ctx context.Context, call call) (json.RawMessage, error) {
	opened, err := call.upload.Open()
	if err != nil {
		return nil, err
	}
	body := &watched{ReadCloser: opened}
	var sent io.ReadCloser = body
	if call.upload.Gzip {
		sent = compressed(body)
	}
	defer func() { _ = sent.Close() }()
	req, err := c.request(ctx, call, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", call.upload.ContentType)
	req.Header.Set("Expect", "100-continue")
	if call.upload.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	raw, err := c.answer(c.patient, req, call)
	if fault := body.fault(); fault != nil && errors.Is(err, ErrUnreachable) {
		return nil, fmt.Errorf("what is to be sent can not be read: %w", fault)
	}
	return raw, err
}

// compressed is a body as it is compressed, on the way.
func compressed(body io.ReadCloser) io.ReadCloser {
	read, write := io.Pipe()
	go func() {
		zipped := gzip.NewWriter(write)
		_, err := io.Copy(zipped, body)
		if err == nil {
			err = zipped.Close()
		}
		_ = write.CloseWithError(errors.Join(err, body.Close())) // nil is the end of the body
	}()
	return read
}

// watched is a body that remembers why it could not be read.
type watched struct {
	io.ReadCloser
	mu     sync.Mutex
	failed error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.failed = err
	}
	return n, err
}

func (w *watched) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}
