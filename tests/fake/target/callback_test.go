package target_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// gateway is what callbacks come to. It answers as the test says.
type gateway struct {
	url    string
	status int

	mu    sync.Mutex
	words []access.Confirmation
	keys  []string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var word access.Confirmation
		if err := json.NewDecoder(r.Body).Decode(&word); err != nil {
			t.Error(err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.words, g.keys = append(g.words, word), append(g.keys, r.Header.Get("Authorization"))
		w.WriteHeader(g.status)
		if g.status != http.StatusOK {
			_, _ = w.Write([]byte(`{"code":"generation_passed"}`))
		}
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

// waiting is a message whose sender waits for the target's word.
func (g *gateway) waiting(m access.Message, token string) access.Message {
	m.Data.Callback = &access.Callback{URL: g.url + "/v1/callbacks/" + m.Data.Binding.ID, Token: token, ExpiresAt: time.Now().Add(time.Minute).UTC()}
	return m
}

func TestAcceptedMessageIsDoneWhenItIsCalledBack(t *testing.T) {
	tgt, g := target.New(t, target.Config{}), newGateway(t)
	hook := sender(t, tgt)
	mustDeliver(t, hook, g.waiting(provision(1), "cbt_1"))
	mustDeliver(t, hook, g.waiting(provision(1), "cbt_2"))
	if tgt.Exists(alice) || tgt.Calls()[0].Status != http.StatusAccepted {
		t.Fatalf("before its word the target saw\n%s", tgt.State())
	}
	reply, err := tgt.CallBack(t.Context(), "bnd_1", access.CallbackFailed, "no")
	if err != nil || reply.Status != http.StatusOK || tgt.Exists(alice) {
		t.Fatalf("after it failed (%+v, %v) the target saw\n%s", reply, err, tgt.State())
	}
	g.status = http.StatusConflict
	reply, err = tgt.CallBackOn(t.Context(), 1, access.CallbackDone, "")
	if err != nil || reply.Status != http.StatusConflict || reply.Code != "generation_passed" || !tgt.Exists(alice) || tgt.Calls()[0].CalledBack != http.StatusConflict {
		t.Fatalf("after it was done (%+v, %v) the target saw\n%s", reply, err, tgt.State())
	}
	want := []access.Confirmation{{Generation: 1, Outcome: access.CallbackFailed, Detail: "no"}, {Generation: 1, Outcome: access.CallbackDone}}
	if len(g.words) != 2 || g.words[0] != want[0] || g.words[1] != want[1] || g.keys[0] != "Bearer cbt_2" || g.keys[1] != "Bearer cbt_1" {
		t.Errorf("the gateway heard %+v by %v", g.words, g.keys)
	}
	if _, err := tgt.CallBack(t.Context(), "bnd_2", access.CallbackDone, ""); err == nil {
		t.Error("it called back about nothing")
	}
}

func TestTargetThatCallsBackByItself(t *testing.T) {
	tgt, g := target.New(t, target.Config{CallsBack: true}), newGateway(t)
	hook := sender(t, tgt)
	for i, m := range []access.Message{provision(1), message(access.VerbUpdate, 2), deprovision(3)} {
		mustDeliver(t, hook, g.waiting(m, "cbt_1"))
		tgt.Await(t, "it called back", func(s target.State) bool { return s.Calls[i].CalledBack == http.StatusOK && s.Calls[i].Acted })
		if tgt.Exists(alice) != (m.Type != access.VerbDeprovision) {
			t.Errorf("after %s the target saw\n%s", m.Type, tgt.State())
		}
	}
	mustDeliver(t, hook, provision(4)) // without a callback
	if c := tgt.Calls()[3]; c.Status != http.StatusNoContent || !c.Acted {
		t.Errorf("without a callback the target saw\n%s", tgt.State())
	}
}
