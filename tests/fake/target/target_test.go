package target_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/target"
)

var alice = access.Entitled{
	Subject:  access.Subject{Type: "user", ID: "alice@example.com"},
	Action:   access.Action{Name: "debug"},
	Resource: access.ResourceRef{Type: "customer", ID: "acme"},
}

func provision(generation int64) access.Message   { return message(access.VerbProvision, generation) }
func deprovision(generation int64) access.Message { return message(access.VerbDeprovision, generation) }

func message(verb access.Verb, generation int64) access.Message {
	return access.Message{Type: verb, Timestamp: time.Now().UTC(), Data: access.MessageData{
		Binding: access.BindingRef{ID: "bnd_1", Generation: generation},
		Subject: alice.Subject, Action: alice.Action, Resource: alice.Resource,
	}}
}

// sender is the real connector: the fake is tested by what it will meet.
func sender(t *testing.T, tgt *target.Target, secrets ...string) *webhook.Target {
	t.Helper()
	if len(secrets) == 0 {
		secrets = []string{tgt.Secret()}
	}
	hook, err := webhook.New(webhook.Config{Name: "fake", URL: tgt.URL(), Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

func deliver(t *testing.T, hook *webhook.Target, m access.Message) error {
	t.Helper()
	_, err := hook.Deliver(t.Context(), m)
	return err
}

func mustDeliver(t *testing.T, hook *webhook.Target, m access.Message) {
	t.Helper()
	if err := deliver(t, hook, m); err != nil {
		t.Fatal(err)
	}
}

func TestAccessOpensAndCloses(t *testing.T) {
	tgt := target.New(t, target.Config{})
	hook := sender(t, tgt)
	mustDeliver(t, hook, provision(1))
	if !target.Open(alice)(tgt.State()) || target.Gone(alice)(tgt.State()) || !tgt.Exists(alice) {
		t.Errorf("not open:\n%s", tgt.State())
	}
	mustDeliver(t, hook, deprovision(2))
	if !target.Gone(alice)(tgt.State()) {
		t.Errorf("not gone:\n%s", tgt.State())
	}
	calls := tgt.Calls()
	for i, verb := range []access.Verb{access.VerbProvision, access.VerbDeprovision} {
		c := calls[i]
		if c.N != i+1 || c.Type() != verb || c.Generation() != int64(i+1) || c.Entitled() != alice || !c.Acted || c.Status != http.StatusNoContent {
			t.Errorf("call %d = %s", i+1, c)
		}
	}
	if calls[0].ID != "bnd_1_1" || calls[1].ID != "bnd_1_2" {
		t.Errorf("ids = %s, %s", calls[0].ID, calls[1].ID)
	}
}

func TestAForgedMessageIsRefused(t *testing.T) {
	tgt := target.New(t, target.Config{})
	forger := sender(t, tgt, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	err := deliver(t, forger, provision(1))
	if !access.IsPermanent(err) || tgt.Exists(alice) || tgt.Calls()[0].Refused == nil || tgt.Calls()[0].Status != http.StatusUnauthorized {
		t.Errorf("error = %v; want 401:\n%s", err, tgt.State())
	}
}

func TestEverySecretIsTaken(t *testing.T) {
	next := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	tgt := target.New(t, target.Config{Secrets: []string{"whsec_Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS0xMjM=", next}})
	mustDeliver(t, sender(t, tgt), provision(1))
	mustDeliver(t, sender(t, tgt, next), deprovision(2))
}

func TestGenerationsAreComparedOnlyWhenAsked(t *testing.T) {
	for name, compare := range map[string]bool{"compared": true, "not compared": false} {
		t.Run(name, func(t *testing.T) {
			tgt := target.New(t, target.Config{CompareGenerations: compare})
			hook := sender(t, tgt)
			mustDeliver(t, hook, deprovision(5))
			mustDeliver(t, hook, provision(4))
			if got := tgt.Exists(alice); got == compare {
				t.Errorf("exists = %t after an older provision", got)
			}
			if got := tgt.Calls()[1].Stale; got != compare {
				t.Errorf("stale = %t", got)
			}
			mustDeliver(t, hook, provision(5)) // the same generation again is no older one
			if !tgt.Exists(alice) {
				t.Error("an equal generation was ignored")
			}
		})
	}
}

func TestScript(t *testing.T) {
	cases := map[string]struct {
		step   target.Step
		exists bool
		status int // 0: no answer
	}{
		"good service":                 {target.Serve(), true, http.StatusNoContent},
		"a refusal":                    {target.Answer(http.StatusConflict), false, http.StatusConflict},
		"a refusal that acted":         {target.Answer(http.StatusConflict).Acting(), true, http.StatusConflict},
		"a lie":                        {target.Answer(http.StatusOK), false, http.StatusOK},
		"a closed connection":          {target.Close(), false, 0},
		"a closed one that acted":      {target.Close().Acting(), true, 0},
		"garbage":                      {target.Garbage(), false, 0},
		"garbage after what was asked": {target.Garbage().Acting(), true, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tgt := target.New(t, target.Config{})
			tgt.Script(c.step)
			status, err := postOnce(t, tgt, provision(1))
			if status != c.status || (err != nil) != (c.status == 0) || tgt.Exists(alice) != c.exists {
				t.Errorf("status = %d, %v; exists = %t; want %d, %t", status, err, tgt.Exists(alice), c.status, c.exists)
			}
			if status, err := postOnce(t, tgt, provision(1)); err != nil || status != http.StatusNoContent {
				t.Errorf("after the script: %d, %v; want good service", status, err)
			}
		})
	}
}

// postOnce delivers without retries: a transport that fails all but the first try.
func postOnce(t *testing.T, tgt *target.Target, m access.Message) (int, error) {
	t.Helper()
	once := &onlyOnce{}
	hook, err := webhook.New(webhook.Config{Name: "once", URL: tgt.URL(), Secrets: []string{tgt.Secret()}, Transport: once, Timeout: 100 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	once.done = cancel
	receipt, err := hook.Deliver(ctx, m)
	var failed *access.DeliveryError
	if errors.As(err, &failed) {
		if failed.Status != 0 {
			return failed.Status, nil
		}
		return 0, err
	}
	return receipt.Status, err
}

type onlyOnce struct{ done func() }

func (o *onlyOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	o.done()
	return response, err
}

func TestStepsRepeatAndCarryHeadersAndBodies(t *testing.T) {
	tgt := target.New(t, target.Config{})
	tgt.Script(target.Answer(http.StatusServiceUnavailable).With("Retry-After", "77").Saying("busy").Times(2))
	for range 2 {
		var failed *access.DeliveryError
		err := deliver(t, sender(t, tgt), provision(1))
		if !errors.As(err, &failed) || failed.RetryAfter != 77*time.Second || !strings.Contains(err.Error(), "busy") {
			t.Errorf("error = %v", err)
		}
	}
	mustDeliver(t, sender(t, tgt), provision(1))
}

func TestOtherwiseIsMetAfterTheScript(t *testing.T) {
	tgt := target.New(t, target.Config{})
	tgt.Otherwise(target.Answer(http.StatusGone))
	tgt.Script(target.Serve())
	mustDeliver(t, sender(t, tgt), provision(1))
	for range 2 {
		if err := deliver(t, sender(t, tgt), provision(2)); !access.IsPermanent(err) {
			t.Errorf("error = %v; want 410", err)
		}
	}
	tgt.Otherwise(target.Step{})
	mustDeliver(t, sender(t, tgt), provision(3))
}

func TestAHungCallActsLateWhenReleased(t *testing.T) {
	tgt := target.New(t, target.Config{})
	tgt.Script(target.Hang())
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	hook := sender(t, tgt)
	go func() {
		_, err := hook.Deliver(ctx, provision(1))
		left <- err
	}()
	tgt.Await(t, "the call has come", target.Seen(1))
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if tgt.Exists(alice) {
		t.Error("it acted before it was released")
	}
	tgt.Release()
	tgt.Await(t, "it acted late", target.Open(alice))
}

func TestActsAreNumberedAsTheyHappen(t *testing.T) {
	tgt := target.New(t, target.Config{})
	tgt.Script(target.Hang())
	hung := make(chan error)
	go func() { hung <- deliver(t, sender(t, tgt), provision(1)) }()
	tgt.Await(t, "the first call has come", target.Seen(1))
	mustDeliver(t, sender(t, tgt), deprovision(2))
	tgt.Release()
	if err := <-hung; err != nil {
		t.Fatal(err)
	}
	if calls := tgt.Calls(); calls[0].Act != 2 || calls[1].Act != 1 {
		t.Errorf("acts = %d, %d; want the second call's first", calls[0].Act, calls[1].Act)
	}
}

func TestAHungCallEndsWithoutActingWhenTheTargetGoesDown(t *testing.T) {
	tgt := target.New(t, target.Config{})
	tgt.Script(target.Hang())
	ended := make(chan int)
	go func() {
		status, _ := postOnce(t, tgt, provision(1))
		ended <- status
	}()
	tgt.Await(t, "the call has come", target.Seen(1))
	tgt.Down()
	if status := <-ended; status != 0 || tgt.Exists(alice) {
		t.Errorf("status = %d, exists = %t; want no answer and no act", status, tgt.Exists(alice))
	}
}

func TestDownRefusesAndUpKeepsAddressAndState(t *testing.T) {
	tgt := target.New(t, target.Config{})
	address := tgt.URL()
	mustDeliver(t, sender(t, tgt), provision(1))
	tgt.Down()
	tgt.Down() // twice is once
	if _, err := http.Post(address, "", nil); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error = %v; want connection refused", err)
	}
	for range 2 {
		if err := tgt.Up(); err != nil {
			t.Fatal(err)
		}
	}
	if tgt.URL() != address || !tgt.Exists(alice) {
		t.Errorf("it came back at %s, not %s, or forgot", tgt.URL(), address)
	}
	mustDeliver(t, sender(t, tgt), deprovision(2))
	if !target.Gone(alice)(tgt.State()) || len(tgt.Calls()) != 2 {
		t.Errorf("history:\n%s", tgt.State())
	}
}

func TestWaitEndsWithItsContextAndTellsTheHistory(t *testing.T) {
	tgt := target.New(t, target.Config{})
	mustDeliver(t, sender(t, tgt), provision(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := tgt.Wait(ctx, target.Seen(2))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "bnd_1_1 access.provision user:alice@example.com debug customer:acme: status 204, acted") {
		t.Errorf("error = %v", err)
	}
}

func TestStartRefusesAnAddressInUse(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := target.Start(target.Config{Address: server.Listener.Addr().String()}); err == nil {
		t.Error("it started on an address in use")
	}
}
