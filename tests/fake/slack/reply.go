package slack

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	replyPath  = "/commands/"
	replyUses  = 5
	replyLives = 30 * time.Minute
)

// replyURL is where an app can answer one interaction.
type replyURL struct {
	user    string
	channel *Channel
	message *Message // that was acted on; nil: a command
	made    time.Time
	uses    int
}

// replyTo makes a response URL. The caller holds f.mu.
func (f *Fake) replyTo(user string, channel *Channel, message *Message) string {
	path := replyPath + Team + "/" + f.id("") + "/" + secret()
	f.replies[path] = &replyURL{user: user, channel: channel, message: message, made: f.cfg.Now()}
	return f.base() + path
}

// serveReply takes an answer to an interaction.
func (f *Fake) serveReply(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	args := map[string]any{}
	if err == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		err = json.Unmarshal(raw, &args)
	}
	n, step, held := f.arrived("response", args)
	act := func() error {
		if err != nil {
			return refusal{code: "invalid_payload"}
		}
		return f.reply(r.URL.Path, args)
	}
	if f.meet(w, r, n, step, held, func() { _ = act() }) {
		return
	}
	if f.cfg.Latency > 0 {
		pause(r, f.cfg.Latency)
	}
	if err := act(); err != nil {
		f.sent(n, http.StatusNotFound, err.Error())
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write(encode(map[string]any{"ok": false, "error": err.Error()}))
		return
	}
	f.sent(n, http.StatusOK, "")
	_, _ = io.WriteString(w, "ok")
}

// reply does what an answer says.
func (f *Fake) reply(path string, args map[string]any) error {
	f.mu.Lock()
	u := f.replies[path]
	switch {
	case u == nil:
		f.mu.Unlock()
		return refusal{code: "invalid_url"}
	case f.cfg.Now().Sub(u.made) > replyLives:
		f.mu.Unlock()
		return refusal{code: "expired_url"}
	case u.uses >= replyUses:
		f.mu.Unlock()
		return refusal{code: "used_url"}
	}
	u.uses++
	f.mu.Unlock()
	if args["delete_original"] == true {
		return f.change(u.message, func(m *Message) { m.Deleted = true })
	}
	next, err := f.content("a response URL", args)
	if err != nil {
		return err
	}
	if args["replace_original"] == true && u.message != nil {
		return f.change(u.message, func(m *Message) {
			m.Text, m.Blocks = next.Text, next.Blocks
			m.Versions++
		})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if text(args, "response_type") != "in_channel" {
		next.To = u.user
	}
	f.post(&next, u.channel)
	return nil
}

// change changes a message.
func (f *Fake) change(m *Message, how func(*Message)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m == nil || m.Deleted {
		return refusal{code: "message_not_found"}
	}
	how(m)
	f.changed.Fire()
	return nil
}

func number(n int) string { return strconv.Itoa(n) }
