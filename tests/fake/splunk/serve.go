package splunk

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	eventPath  = "/services/collector/event"
	ackPath    = "/services/collector/ack"
	healthPath = "/services/collector/health"
)

func (f *Fake) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+eventPath, func(w http.ResponseWriter, r *http.Request) { f.met(w, r, f.serveEvents) })
	mux.HandleFunc("POST "+ackPath, func(w http.ResponseWriter, r *http.Request) { f.met(w, r, f.serveAcks) })
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, r *http.Request) {
		f.met(w, r, func(*Call, *http.Request) any {
			f.mu.Lock()
			defer f.mu.Unlock()
			return said(f.health)
		})
	})
	return mux
}

// ServeHTTP takes one request. It is recorded before it is answered.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.mux.ServeHTTP(w, r) }

// met records a request, and has it meet its step.
func (f *Fake) met(w http.ResponseWriter, r *http.Request, serve func(*Call, *http.Request) any) {
	call := &Call{At: time.Now(), Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Code: -1, Channel: channelOf(r)}
	call.Body, call.Unpacked = f.unpack(r)
	f.mu.Lock()
	step := f.step(r.URL.Path)
	call.N = len(f.calls) + 1
	f.calls = append(f.calls, *call)
	released, down := f.released, f.server.IsDown()
	f.changed.Fire()
	f.mu.Unlock()

	var answered any
	if step.kind == kindServe || step.taking {
		answered = serve(call, r)
	}
	switch step.kind {
	case kindClose:
		f.note(*call)
		panic(http.ErrAbortHandler)
	case kindHang:
		f.note(*call)
		select {
		case <-released:
		case <-down:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case kindStatus:
		call.Status = step.status
	case kindCode:
		call.Status, answered = codes[step.code].status, said(step.code)
	case kindServe:
		call.Status = http.StatusOK
	}
	f.send(w, call, step, answered)
}

func (f *Fake) send(w http.ResponseWriter, call *Call, step Step, answered any) {
	maps.Copy(w.Header(), step.header)
	if a, ok := answered.(answer); ok && step.kind != kindStatus {
		call.Code, call.Status = a.Code, codes[a.Code].status
	}
	if step.kind == kindServe && errors.Is(call.Unpacked, errTooLarge) {
		call.Status, call.Code, step = http.StatusRequestEntityTooLarge, -1, Status(http.StatusRequestEntityTooLarge, call.Unpacked.Error())
	}
	f.note(*call)
	body := []byte(step.body)
	if step.kind != kindStatus {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		body, _ = json.Marshal(answered)
	}
	w.WriteHeader(call.Status)
	_, _ = w.Write(body)
}

// note keeps what became of a call.
func (f *Fake) note(c Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[c.N-1] = c
	f.changed.Fire()
}

var errTooLarge = errors.New("the content is larger than the maximum")

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
	body, err := io.ReadAll(io.LimitReader(from, int64(f.cfg.MaxContent)+1))
	if err == nil && len(body) > f.cfg.MaxContent {
		err = errTooLarge
	}
	return body, err
}

// token finds whose request it is. The caller holds f.mu.
func (f *Fake) token(r *http.Request) (*Token, *answer) {
	refused := func(code int) (*Token, *answer) { a := said(code); return nil, &a }
	header := r.Header.Get("Authorization")
	value, ok := strings.CutPrefix(header, "Splunk ")
	switch t := f.tokens[value]; {
	case r.URL.Query().Has("token"):
		return refused(codeQueryToken)
	case header == "":
		return refused(codeNoToken)
	case !ok:
		return refused(codeMalformedToken)
	case t == nil:
		return refused(codeUnknownToken)
	case t.Disabled:
		return refused(codeDisabled)
	default:
		return t, nil
	}
}

func channelOf(r *http.Request) string {
	if c := r.Header.Get("X-Splunk-Request-Channel"); c != "" {
		return c
	}
	return r.URL.Query().Get("channel")
}

var guidPattern = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// channel finds the channel of a request. The caller holds f.mu.
func (f *Fake) channel(name string) (*channel, *answer) {
	code := codeNoChannel
	if name != "" {
		code = codeChannel
	}
	if !guidPattern.MatchString(name) {
		a := said(code)
		return nil, &a
	}
	if f.channels[name] == nil {
		f.channels[name] = &channel{indexed: map[int]bool{}}
	}
	return f.channels[name], nil
}

func (f *Fake) serveEvents(call *Call, r *http.Request) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	token, refused := f.token(r)
	if refused != nil {
		return *refused
	}
	b := batch{}
	if token.Ack {
		c, refused := f.channel(call.Channel)
		if refused != nil {
			return *refused
		}
		b.channel, b.ack = call.Channel, c.next
	}
	switch {
	case f.cfg.MaxQueue > 0 && f.queued() >= f.cfg.MaxQueue:
		return said(codeBusy)
	case errors.Is(call.Unpacked, errTooLarge):
		return said(codeInvalidData) // send makes a 413 of it
	case call.Unpacked != nil:
		return said(codeInvalidData)
	case len(bytes.TrimSpace(call.Body)) == 0:
		return said(codeNoData)
	}
	var bad *answer
	b.events, bad = read(call.Body, *token, call.N)
	call.Events = len(b.events)
	if bad != nil { // what came before it is taken all the same, and nobody can ask for it
		b.channel = ""
		f.take(b)
		return *bad
	}
	a := said(codeSuccess)
	if token.Ack {
		id := b.ack
		f.channels[b.channel].next++
		a.AckID = &id
	}
	f.take(b)
	return a
}

// serveAcks tells what is indexed, of each number once. One that it does not know is
// not indexed.
func (f *Fake) serveAcks(call *Call, r *http.Request) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	token, refused := f.token(r)
	if refused != nil {
		return *refused
	}
	if !token.Ack {
		return said(codeNoAck)
	}
	c, refused := f.channel(call.Channel)
	if refused != nil {
		return *refused
	}
	var asked struct {
		Acks []int `json:"acks"`
	}
	if json.Unmarshal(call.Body, &asked) != nil {
		return said(codeInvalidData)
	}
	told := map[string]bool{}
	for _, id := range asked.Acks {
		told[strconv.Itoa(id)] = c.indexed[id]
		delete(c.indexed, id)
	}
	return map[string]any{"acks": told}
}
