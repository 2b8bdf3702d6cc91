package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// maxReply bounds what is kept of an answer to a callback.
const maxReply = 64 << 10

// callLimit is how long one callback may take.
const callLimit = 10 * time.Second

// Reply is how a gateway answered a callback.
type Reply struct {
	Status int
	Code   string // of its problem; "" for none
	Body   []byte
}

// CallBack says what became of the newest message about the binding that holds a
// callback. For access.CallbackDone it does first what the message says.
func (t *Target) CallBack(ctx context.Context, bindingID string, outcome access.CallbackOutcome, detail string) (Reply, error) {
	t.mu.Lock()
	n := len(t.calls) - 1
	for n >= 0 && (!t.calls[n].expectsWord() || t.calls[n].Message.Data.Binding.ID != bindingID) {
		n--
	}
	t.mu.Unlock()
	if n < 0 {
		return Reply{}, fmt.Errorf("the target was told nothing about %s that it could call back about", bindingID)
	}
	return t.callBack(ctx, n, outcome, detail)
}

// CallBackOn is CallBack about the n-th call, 1 the first: for a word that comes late.
func (t *Target) CallBackOn(ctx context.Context, n int, outcome access.CallbackOutcome, detail string) (Reply, error) {
	t.mu.Lock()
	known := n >= 1 && n <= len(t.calls) && t.calls[n-1].expectsWord()
	t.mu.Unlock()
	if !known {
		return Reply{}, fmt.Errorf("call %d is none that the target could call back about", n)
	}
	return t.callBack(ctx, n-1, outcome, detail)
}

// expectsWord reports whether the gateway waits for the target's word on the call.
func (c Call) expectsWord() bool { return c.Refused == nil && c.Message.Data.Callback != nil }

// callBack makes the n-th call's callback, once.
func (t *Target) callBack(ctx context.Context, n int, outcome access.CallbackOutcome, detail string) (Reply, error) {
	t.mu.Lock()
	if outcome == access.CallbackDone {
		t.act(n)
		t.notify()
	}
	data := t.calls[n].Message.Data
	t.mu.Unlock()
	reply, err := post(ctx, *data.Callback, access.Confirmation{Generation: data.Binding.Generation, Outcome: outcome, Detail: detail})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[n].CalledBack = reply.Status
	t.notify()
	return reply, err
}

func post(ctx context.Context, to access.Callback, word access.Confirmation) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	body, err := json.Marshal(word)
	if err != nil {
		return Reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return Reply{}, errors.New("the callback's address is none") // without what is in it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+to.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	reply := Reply{Status: resp.StatusCode}
	if reply.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxReply)); err != nil {
		return reply, err
	}
	var problem struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(reply.Body, &problem) == nil {
		reply.Code = problem.Code
	}
	return reply, nil
}

// callBackAlone says that the n-th call is done, without being asked to, unless the
// target goes down meanwhile.
func (t *Target) callBackAlone(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	down := t.server.IsDown()
	t.calling.Go(func() {
		defer cancel()
		go func() {
			select {
			case <-down:
				cancel()
			case <-ctx.Done():
			}
		}()
		_, _ = t.callBack(ctx, n, access.CallbackDone, "") // a gateway that does not hear it asks again
	})
}
