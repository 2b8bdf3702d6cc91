package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What the app is given in the fake workspace.
const (
	slackBotToken = "xoxb-bench-0123456789abcdef"
	slackSigning  = "bench-signing-0123456789abcdef"
	slackTeam     = "TBENCH"
)

// slackVendor is a Slack that answers each call well, after as long as Slack
// takes, and remembers what people were told. It looks at nothing else: the less
// it does, the more of what is measured is the gateway's.
type slackVendor struct {
	server  *httptest.Server
	answers time.Duration

	views atomic.Int64 // how many forms were opened
	ids   atomic.Int64

	mu   sync.Mutex
	told map[string][]said // by the path of the response URL, or by shownAt
}

// said is what somebody was told, and when.
type said struct {
	at   time.Time
	text string
}

func newSlackVendor(answers time.Duration) *slackVendor {
	v := &slackVendor{answers: answers, told: map[string][]said{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/auth.test", v.answer(func(*http.Request) any {
		return map[string]any{"team_id": slackTeam, "team": "Bench", "user_id": "UBOT", "user": "curfew", "bot_id": "BBOT", "url": v.server.URL}
	}))
	mux.HandleFunc("/api/users.info", v.answer(func(r *http.Request) any { return map[string]any{"user": slackUser(r.FormValue("user"))} }))
	mux.HandleFunc("/api/users.lookupByEmail", v.answer(func(r *http.Request) any {
		return map[string]any{"user": slackUser(slackID(r.FormValue("email")))}
	}))
	mux.HandleFunc("/api/views.open", v.answer(func(r *http.Request) any { v.views.Add(1); return v.view(r) }))
	mux.HandleFunc("/api/views.update", v.answer(v.view))
	mux.HandleFunc("/api/chat.update", v.answer(func(r *http.Request) any {
		at := r.FormValue("ts")
		v.tell(shownAt(at), r.FormValue("text"))
		return map[string]any{"channel": r.FormValue("channel"), "ts": at, "text": r.FormValue("text")}
	}))
	mux.HandleFunc("/api/", v.answer(func(r *http.Request) any { // every kind of message
		return map[string]any{"channel": cmp.Or(r.FormValue("channel"), "CBENCH"), "ts": v.stamp(), "message_ts": v.stamp()}
	}))
	mux.HandleFunc("POST /response/", v.respond)
	v.server = httptest.NewServer(mux)
	return v
}

// answer answers in Slack's way, after a while.
func (v *slackVendor) answer(what func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(v.answers)
		raw, _ := json.Marshal(what(r)) // of what was made here
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-OAuth-Scopes", "commands,chat:write,users:read,users:read.email")
		_, _ = w.Write([]byte(`{"ok":true,` + strings.TrimPrefix(string(raw), "{"))) // the caller knows if it is cut off
	}
}

// view gives a form back with an id and a hash.
func (v *slackVendor) view(r *http.Request) any {
	var asked struct {
		View map[string]any `json:"view"`
		ID   string         `json:"view_id"`
	}
	if json.NewDecoder(r.Body).Decode(&asked) != nil || asked.View == nil {
		asked.View = map[string]any{"type": "modal"}
	}
	asked.View["id"], asked.View["hash"] = cmp.Or(asked.ID, fmt.Sprintf("V%d", v.ids.Add(1))), fmt.Sprint(v.ids.Add(1))
	asked.View["team_id"] = slackTeam
	return map[string]any{"view": asked.View}
}

func (v *slackVendor) stamp() string { return fmt.Sprintf("1760000000.%06d", v.ids.Add(1)) }

// respond takes what is said by a response URL.
func (v *slackVendor) respond(w http.ResponseWriter, r *http.Request) {
	time.Sleep(v.answers)
	var message struct{ Text string }
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v.tell(r.URL.Path, message.Text)
	_, _ = w.Write([]byte("ok"))
}

// shownAt is where it is kept what a message was changed to.
func shownAt(ts string) string { return "message " + ts }

func (v *slackVendor) tell(where, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.told[where] = append(v.told[where], said{time.Now(), text})
}

// heard is what was said there so far.
func (v *slackVendor) heard(where ...string) (all []said) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range where {
		all = append(all, v.told[w]...)
	}
	return all
}

// slackUser is the account of the nth person of a pool.
func slackUser(id string) any {
	return map[string]any{
		"id": id, "team_id": slackTeam, "name": strings.ToLower(id), "tz": "Europe/Berlin", "is_email_confirmed": true,
		"profile": map[string]any{"email": slackEmail(id), "real_name": id},
	}
}

// slackID is the account of somebody: "UD00012" of d00012@example.com.
func slackID(email string) string {
	name, _, _ := strings.Cut(email, "@")
	return "U" + strings.ToUpper(name)
}

func slackEmail(id string) string {
	return strings.ToLower(strings.TrimPrefix(id, "U")) + "@example.com"
}
