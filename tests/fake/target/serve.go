package target

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

const maxBody = 1 << 20

// serve takes one call. It is recorded when it has come, before it is answered; the
// record says later what became of it.
func (t *Target) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	call := Call{At: time.Now(), ID: r.Header.Get("webhook-id"), Header: r.Header.Clone(), Body: body, Refused: err}
	if call.Refused == nil {
		call.Refused = t.verify(&call)
	}
	if call.Type() == access.VerbVerify {
		t.asked(w, call)
		return
	}

	t.mu.Lock()
	step, scripted := t.script.Take(func(Step) bool { return true })
	if !scripted {
		step = t.otherwise
	}
	n := len(t.calls)
	call.N = n + 1
	t.calls = append(t.calls, call)
	released, down := t.released, t.server.IsDown()
	if step.acting {
		t.act(n)
	}
	t.notify()
	t.mu.Unlock()

	switch step.kind {
	case kindServe:
		t.finish(w, n)
	case kindHang:
		select {
		case <-released:
			t.finish(w, n)
		case <-down:
			panic(http.ErrAbortHandler)
		}
	case kindAnswer:
		t.answer(w, n, step)
	case kindGarbage:
		hijack(w, "\x16\x03\x01 this is no HTTP\r\n\r\n")
	case kindClose:
		panic(http.ErrAbortHandler)
	}
}

// verify checks the signature and the form of a message.
func (t *Target) verify(call *Call) error {
	var err error
	for _, hook := range t.hooks {
		if err = hook.Verify(call.Body, call.Header); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(call.Body, &call.Message); err != nil {
		return fmt.Errorf("the message is no JSON of its kind: %w", err)
	}
	m := call.Message
	if m.Type == access.VerbVerify {
		return checkQuestion(*call)
	}
	if m.Type != access.VerbProvision && m.Type != access.VerbUpdate && m.Type != access.VerbDeprovision {
		return fmt.Errorf("the message's type %q is unknown", m.Type)
	}
	if want := fmt.Sprintf("%s_%d", m.Data.Binding.ID, m.Data.Binding.Generation); call.ID != want {
		return fmt.Errorf("webhook-id is %q; want %q, as the body says", call.ID, want)
	}
	return nil
}

// finish is good service: 204 to a message that was acted on, 202 to one that will be
// and whose sender waits for a word, 401 to one that was refused.
func (t *Target) finish(w http.ResponseWriter, n int) {
	t.mu.Lock()
	refused, later := t.calls[n].Refused, t.calls[n].expectsWord()
	if !later {
		t.act(n)
	}
	t.mu.Unlock()
	switch {
	case refused != nil:
		t.answer(w, n, Answer(http.StatusUnauthorized).Saying(refused.Error()))
	case later:
		t.answer(w, n, Accept())
		if t.alone {
			t.callBackAlone(n)
		}
	default:
		t.answer(w, n, Answer(http.StatusNoContent))
	}
}

func (t *Target) answer(w http.ResponseWriter, n int, step Step) {
	t.mu.Lock()
	t.calls[n].Status = step.status
	t.notify()
	t.mu.Unlock()
	maps.Copy(w.Header(), step.header)
	w.WriteHeader(step.status)
	_, _ = io.WriteString(w, step.body)
}

// act does what the n-th call says, once. The caller holds t.mu.
func (t *Target) act(n int) {
	call := &t.calls[n]
	if call.Refused != nil || call.Acted || call.Stale {
		return
	}
	binding := call.Message.Data.Binding
	if t.compare && binding.Generation < t.newest[binding.ID] {
		call.Stale = true
		return
	}
	t.newest[binding.ID] = max(t.newest[binding.ID], binding.Generation)
	t.acts++
	call.Acted, call.Act = true, t.acts
	if call.Message.Type == access.VerbDeprovision {
		delete(t.exists, call.Entitled())
	} else {
		t.exists[call.Entitled()] = true
	}
}

func hijack(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}
