package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// The terms of targets that answer 202 and confirm later.
const (
	patientCallback = "confirm: callback, callback_timeout: 1m"
	hastyCallback   = "confirm: callback, callback_timeout: 1s"
)

// says has the target call back about its n-th call, 1 the first.
func (p *part) says(n int, outcome access.CallbackOutcome) target.Reply {
	p.Helper()
	reply, err := p.target.CallBackOn(p.Context(), n, outcome, "so the flow ended")
	if err != nil {
		p.Fatal(err)
	}
	p.w.record(string(reply.Body))
	return reply
}

// accepted waits for the n-th call to the target, and until it was answered.
func (p *part) accepted(n int) target.Call {
	p.Helper()
	seen := p.target.Await(p.T, fmt.Sprintf("call %d is answered", n), func(s target.State) bool {
		return len(s.Calls) >= n && s.Calls[n-1].Status != 0
	})
	return seen.Calls[n-1]
}

// opensByWord has access given that a target opens by its word.
func (p *part) opensByWord(who string) access.Grant {
	p.Helper()
	g, n := p.granted(who, hour), len(p.target.Calls())
	p.w.until(p.T, "the target is told", func() error {
		for i, c := range p.target.Calls()[min(n, len(p.target.Calls())):] {
			if c.Message.Data.Binding.ID == g.BindingID && c.Status == http.StatusAccepted {
				n += i + 1
				return nil
			}
		}
		n = 0
		return errors.New("it is not")
	})
	if got := p.says(n, access.CallbackDone); got.Status != http.StatusOK {
		p.Fatalf("the target's word is answered %d %s", got.Status, got.Body)
	}
	p.settles(g, access.Present)
	return g
}

// An accepted message is not a done one. The flow says what became of it when it is
// through.
func wordComesLater(p *part) {
	g := p.opensByWord(alice)
	p.revoke(g)
	c := p.accepted(2)
	now := p.becomes("the target's word is waited for", g, func(now engine.GrantView) bool { return now.Binding.NextAt != nil })
	if now.Binding.Observed != access.Unknown || c.Status != http.StatusAccepted {
		p.Errorf("after %s the binding is %+v; want its state unknown", c, now.Binding)
	}
	if got := p.says(2, access.CallbackFailed); got.Status != http.StatusOK {
		p.Errorf("the target's word is answered %d %s", got.Status, got.Body)
	}
	p.accepted(3) // as it did not succeed
	if got := p.says(3, access.CallbackDone); got.Status != http.StatusOK {
		p.Errorf("the target's word is answered %d %s", got.Status, got.Body)
	}
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}

// A flow that stops in the middle says nothing, ever. Another one of it does.
func wordNeverComes(p *part) {
	g := p.opensByWord(alice)
	p.revoke(g)
	p.accepted(3)
	p.accepted(4)
	if b := p.sees(g).Binding; b.Observed != access.Unknown || !strings.Contains(b.LastError, "call back") {
		p.Errorf("the binding is %+v; want it unknown, and the missing callback to be said", b)
	}
	calls := len(p.target.Calls())
	if got := p.says(calls, access.CallbackDone); got.Status != http.StatusOK {
		p.Errorf("the target's word is answered %d %s", got.Status, got.Body)
	}
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}

// The word comes when it was given up, and another attempt is under way. It is the
// truth still.
func wordComesTooLate(p *part) {
	g := p.opensByWord(alice)
	p.revoke(g)
	p.accepted(3)
	if got := p.says(2, access.CallbackDone); got.Status != http.StatusOK {
		p.Errorf("the target's late word is answered %d %s", got.Status, got.Body)
	}
	p.closed(g, access.EndRevoked)
}

// What is said twice is true once, and one can not say two things.
func wordComesTwice(p *part) {
	g := p.opensByWord(alice)
	first := p.says(1, access.CallbackDone)
	if first.Status != http.StatusOK {
		p.Errorf("the same word again is answered %d %s", first.Status, first.Body)
	}
	if got := p.says(1, access.CallbackFailed); got.Status != http.StatusConflict || got.Code != "token_used" {
		p.Errorf("another word with the same token is answered %d %s", got.Status, got.Body)
	}
	p.settles(g, access.Present)
	p.revoke(g)
	p.accepted(2)
	if got := p.says(1, access.CallbackDone); got.Status != http.StatusOK {
		p.Errorf("the word about what is over, said again, is answered %d %s", got.Status, got.Body)
	}
	if b := p.sees(g).Binding; b.Observed != access.Unknown {
		p.Errorf("a word about the provision settled the removal: %+v", b)
	}
	p.says(2, access.CallbackDone)
	p.closed(g, access.EndRevoked)
}

// One who waits for a word is told something else meanwhile.
func wordIsOvertaken(p *part) {
	g := p.granted(alice, hour)
	p.accepted(1)
	p.revoke(g)
	p.accepted(2) // without waiting
	if got := p.says(1, access.CallbackDone); got.Status != http.StatusConflict || got.Code != "generation_passed" {
		p.Errorf("the word about what is over is answered %d %s", got.Status, got.Body)
	}
	p.says(2, access.CallbackDone)
	p.target.Await(p.T, "access is closed", func(s target.State) bool { return !s.Exists[p.entitled(alice)] })
}

// Whoever knows the token of one binding knows nothing of another's.
func wordOfAnother(p *part) {
	mine, theirs := p.granted(alice, hour), p.granted(bob, hour)
	p.accepted(2)
	var token, other string
	for _, c := range p.target.Calls() {
		if back := c.Message.Data.Callback; c.Message.Data.Binding.ID == mine.BindingID {
			token = back.Token
		} else {
			other = back.URL
		}
	}
	for what, try := range map[string]struct{ url, token string }{
		"another binding's token": {other, token},
		"a token of one's own":    {other, "cbt_" + strings.Repeat("A", 43)},
		"a token of people":       {other, p.w.secrets["token-"+operator]},
		"no binding":              {other[:len(other)-4] + "0000", token},
	} {
		if status, code := p.posts(try.url, try.token); status != http.StatusUnauthorized || code != "token_invalid" {
			p.Errorf("%s is answered %d %s", what, status, code)
		}
	}
	for n := range p.target.Calls() {
		p.says(n+1, access.CallbackDone)
	}
	p.settles(mine, access.Present)
	p.settles(theirs, access.Present)
}

// posts says by hand that it is done.
func (p *part) posts(url, token string) (status int, code string) {
	p.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(`{"generation": 1, "outcome": "done"}`))
	if err != nil {
		p.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := p.w.client.Do(request)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, _ := io.ReadAll(response.Body)
	p.w.record(string(raw))
	var problem struct{ Code string }
	_ = json.Unmarshal(raw, &problem) // what is none has no code
	return response.StatusCode, problem.Code
}
