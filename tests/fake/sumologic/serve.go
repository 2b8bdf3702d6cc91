package sumologic

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const pathPrefix = "/receiver/v1/http/"

// ServeHTTP takes one request. It is recorded before it is answered.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, unpacked := f.unpack(r)
	f.mu.Lock()
	f.under++
	f.most = max(f.most, f.under)
	step, _ := f.script.Take(func(Step) bool { return true })
	call := Call{N: len(f.calls) + 1, At: time.Now(), Header: r.Header.Clone(), Bytes: len(body)}
	f.calls = append(f.calls, call)
	released, down := f.released, f.server.IsDown()
	f.changed.Fire()
	f.mu.Unlock()
	defer f.left()

	call.Status = f.status(r, unpacked)
	if step.status != 0 {
		call.Status = step.status
	}
	if call.Status == http.StatusOK && !step.cut && !step.hang {
		step.lines = strings.Count(string(body), "\n") + 1
	}
	call.Lines = f.take(call, body, step.lines)
	if step.cut || step.hang {
		call.Status = 0
		f.note(call)
		if step.hang {
			hang(r, released, down)
		}
		panic(http.ErrAbortHandler)
	}
	f.note(call)
	maps.Copy(w.Header(), step.header)
	w.WriteHeader(call.Status)
	_, _ = io.WriteString(w, step.body)
}

// hang waits for Release, or until nobody waits any more.
func hang(r *http.Request, released, down <-chan struct{}) {
	select {
	case <-released:
	case <-down:
	case <-r.Context().Done():
	}
}

// status is what a request deserves.
func (f *Fake) status(r *http.Request, unpacked error) int {
	switch {
	case r.URL.Path != pathPrefix+f.cfg.Code:
		return http.StatusUnauthorized
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed
	case errors.Is(unpacked, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case unpacked != nil:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func (f *Fake) left() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.under--
}

// note keeps what became of a call.
func (f *Fake) note(c Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[c.N-1] = c
	f.changed.Fire()
}

var errTooLarge = errors.New("the request is too large")

// unpack reads a body as it was before compression.
func (f *Fake) unpack(r *http.Request) ([]byte, error) {
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		from = z
	}
	body, err := io.ReadAll(io.LimitReader(from, int64(f.cfg.MaxBytes)+1))
	if err == nil && len(body) > f.cfg.MaxBytes {
		err = errTooLarge
	}
	return body, err
}

// take keeps the first lines of a body, as far as the budget allows, and returns how
// many it keeps.
func (f *Fake) take(c Call, body []byte, most int) (kept int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for line := range bytes.Lines(body) {
		line = bytes.TrimRight(line, "\r\n")
		if n == most {
			break
		}
		if len(line) == 0 {
			continue
		}
		n++
		if f.cfg.Budget > 0 && len(f.messages) >= f.cfg.Budget {
			f.dropped++
			continue
		}
		kept++
		f.messages = append(f.messages, Message{
			Text: slices.Clone(line), Request: c.N, Fields: f.fields(c.Header.Get("X-Sumo-Fields")),
			Category: c.Header.Get("X-Sumo-Category"), Name: c.Header.Get("X-Sumo-Name"), Host: c.Header.Get("X-Sumo-Host"),
		})
	}
	f.changed.Fire()
	return kept
}

// fields reads a header, and drops what the account has no field for.
func (f *Fake) fields(header string) map[string]string {
	fields := map[string]string{}
	for pair := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(pair, "=")
		if slices.Contains(f.cfg.Fields, name) {
			fields[name] = value
		}
	}
	return fields
}
