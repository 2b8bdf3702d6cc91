package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// endpoint is the API endpoint of a flow, secured with a client token, and the Okta
// that the flow works on.
type endpoint struct {
	alias   string
	token   string
	gateway *url.URL
	limit   time.Duration
	ending  chan struct{} // closed when the receiver ends
	flows   sync.WaitGroup

	mu     sync.Mutex
	out    io.Writer
	script []step
	groups map[string]map[string]bool // the members of each, by the group's name
	newest map[string]int64           // the newest generation of each binding: the flow's table
}

// message is what the flow reads of Curfew's messages.
type message struct {
	Type string `json:"type"`
	Data struct {
		Binding struct {
			ID         string `json:"id"`
			Generation int64  `json:"generation"`
		} `json:"binding"`
		Subject  struct{ Type, ID string } `json:"subject"`
		Action   struct{ Name string }     `json:"action"`
		Resource struct{ Type, ID string } `json:"resource"`
		Callback *struct {
			Token string `json:"token"`
		} `json:"callback"`
	} `json:"data"`
}

// group is the name of the Okta group that gives the access.
func (m message) group() string {
	return m.Data.Resource.Type + "/" + m.Data.Resource.ID + " " + m.Data.Action.Name
}

const (
	verify      = "access.verify"
	provision   = "access.provision"
	deprovision = "access.deprovision"
	maxBody     = 1 << 20
)

// routes are the endpoint, and a look at the groups for whoever watches.
func (e *endpoint) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/flo/{alias}/invoke", e.invoke)
	mux.HandleFunc("GET /groups", e.show)
	return mux
}

// invoke is a call of the flow. Whoever does not know the token is told nothing
// else, not even whether there is such a flow.
func (e *endpoint) invoke(w http.ResponseWriter, r *http.Request) {
	given, want := sha256.Sum256([]byte(r.Header.Get("x-api-client-token"))), sha256.Sum256([]byte(e.token))
	if subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		e.say("REFUSED: no client token, or a wrong one")
		answer(w, http.StatusUnauthorized, map[string]string{"error": http.StatusText(http.StatusUnauthorized)})
		return
	}
	if r.PathValue("alias") != e.alias {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no such flow"})
		return
	}
	var m message
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&m); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": "the body is no JSON"})
		return
	}
	switch m.Type {
	case verify:
		answer(w, http.StatusOK, map[string]bool{"exists": e.isMember(m)})
		e.say("%s %s: %v", m.Type, m.line(), e.isMember(m))
	case provision, deprovision:
		e.begin(w, r, m)
	default:
		answer(w, http.StatusBadRequest, map[string]string{"error": "the flow does not know " + m.Type})
	}
}

// begin is the Close card, which comes first: the caller gets its answer, and the
// flow goes on without it. A run that does not come to the card holds the connection
// until that is closed, and then fails.
func (e *endpoint) begin(w http.ResponseWriter, r *http.Request, m message) {
	how := e.next()
	if how.hang {
		e.say("%s %s: never came to its Close card", m.Type, m.line())
		select {
		case <-time.After(e.limit):
		case <-r.Context().Done():
		case <-e.ending:
		}
		panic(http.ErrAbortHandler)
	}
	e.say("%s %s: accepted as %s", m.Type, m.line(), r.Header.Get("webhook-id"))
	answer(w, http.StatusOK, map[string]string{"status": "accepted"})
	e.flows.Go(func() { e.flow(m, how) })
}

func (e *endpoint) show(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	members := map[string][]string{}
	for group, in := range e.groups {
		members[group] = slices.Sorted(maps.Keys(in))
	}
	answer(w, http.StatusOK, members)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that has gone needs no answer
}

func (e *endpoint) say(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintf(e.out, "%s %s\n", time.Now().UTC().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// line names what a message is about. The parts are other people's words: quoted,
// they can not forge a line.
func (m message) line() string {
	d := m.Data
	return fmt.Sprintf("%q in %q, generation %d", d.Subject.Type+":"+d.Subject.ID, m.group(), d.Binding.Generation)
}
