package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// step is how one run of the flow goes.
type step struct {
	takes time.Duration // after the Close card: from run to run it differs tenfold, or more
	die   bool          // after the Close card, so nobody is told of it
	fail  bool          // and the flow says so
	hang  bool          // before the Close card
}

func parseScript(text string) (script []step, err error) {
	if text == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		var s step
		switch word = strings.TrimSpace(word); word {
		case "die":
			s.die = true
		case "fail":
			s.fail = true
		case "hang":
			s.hang = true
		default:
			if s.takes, err = time.ParseDuration(word); err != nil || s.takes < 0 {
				return nil, fmt.Errorf("-script: %q is neither a length of time nor die, fail or hang", word)
			}
		}
		script = append(script, s)
	}
	return script, nil
}

// next takes a step of the script; after its end runs are done at once.
func (e *endpoint) next() (s step) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.script) > 0 {
		s, e.script = e.script[0], e.script[1:]
	}
	return s
}

// flow is the rest of a run: change the group, and say so.
func (e *endpoint) flow(m message, how step) {
	if how.die {
		e.say("%s %s: died after its Close card", m.Type, m.line())
		return
	}
	select {
	case <-time.After(how.takes):
	case <-e.ending:
		return
	}
	outcome, detail := "done", ""
	switch {
	case how.fail:
		outcome, detail = "failed", "Okta answered 429 Too Many Requests"
	case !e.change(m):
		detail = "a newer generation was done before"
	}
	e.say("%s %s: %s", m.Type, m.line(), outcome)
	if m.Data.Callback != nil {
		e.callBack(m, outcome, detail)
	}
}

// change adds the subject to the group, or removes it. Runs overtake each other, so
// one that is older than what was done before changes nothing.
func (e *endpoint) change(m message) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	id, generation := m.Data.Binding.ID, m.Data.Binding.Generation
	if generation < e.newest[id] {
		return false
	}
	e.newest[id] = generation
	group, who := m.group(), m.Data.Subject.ID
	if e.groups[group] == nil {
		e.groups[group] = map[string]bool{}
	}
	if m.Type == provision {
		e.groups[group][who] = true
	} else {
		delete(e.groups[group], who)
	}
	return true
}

func (e *endpoint) isMember(m message) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.groups[m.group()][m.Data.Subject.ID]
}

const callBackWithin = 10 * time.Second

// callBack says what became of a message, once. The address is the receiver's own,
// and of the message only the binding's id and the token: whoever could write
// messages could otherwise have the flow call anybody.
func (e *endpoint) callBack(m message, outcome, detail string) {
	ctx, cancel := context.WithTimeout(context.Background(), callBackWithin)
	defer cancel()
	err := e.post(ctx, m, map[string]any{"generation": m.Data.Binding.Generation, "outcome": outcome, "detail": detail})
	if err != nil {
		e.say("%s %s: its callback was lost: %v", m.Type, m.line(), err)
		return
	}
	e.say("%s %s: called back", m.Type, m.line())
}

func (e *endpoint) post(ctx context.Context, m message, word any) error {
	body, err := json.Marshal(word)
	if err != nil {
		return err
	}
	address := e.gateway.JoinPath("v1", "callbacks", m.Data.Binding.ID)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("the gateway's address can not be called")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+m.Data.Callback.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return errors.New("the gateway answers " + res.Status)
	}
	return nil
}
