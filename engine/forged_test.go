package engine_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/tests/service"
)

// Somebody with access to Redis copies the key of live access under the name of
// another's: a check believes it until the repair finds it, and no longer.
func TestForgedStandingIsRemoved(t *testing.T) {
	server := service.Redis(t)
	c := newCluster(t, 1, "redis://"+server.Addr)
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer func() { _ = client.Close() }()
	r, err := c.nodes[0].Submit(t.Context(), as(alice), askFor(time.Hour))
	must(t, err)
	standings := func() []string {
		keys, err := client.Keys(t.Context(), "curfew:*:s:*").Result()
		must(t, err)
		return keys
	}
	c.until("the lease holds it", func() bool { return len(standings()) == 1 })
	value, err := client.Get(t.Context(), standings()[0]).Result()
	must(t, err)

	other, err := c.nodes[0].Submit(t.Context(), as(dave), askFor(time.Hour))
	must(t, err)
	var davesKey string
	c.until("the lease holds both", func() bool {
		for _, key := range standings() {
			if held, err := client.Get(t.Context(), key).Result(); err == nil && held != value {
				davesKey = key
			}
		}
		return davesKey != ""
	})
	_, err = c.nodes[0].Revoke(t.Context(), as(dave), other.Grant.ID, "")
	must(t, err)
	c.until("the lease is known to say so", func() bool { // or what was not said is said over the forged key
		return c.count(func(tx *ledger.Tx) (int, error) {
			left, err := tx.Unsaid()
			return len(left), err
		}) == 0
	})
	must(t, client.Set(t.Context(), davesKey, value, time.Hour).Err())

	daves := access.Entitled{Subject: dave, Action: debug, Resource: acme}
	c.until("the forged key is gone", func() bool {
		held, err := client.Get(t.Context(), davesKey).Result()
		return err != nil || held != value
	})
	answer, err := c.nodes[0].Check(t.Context(), as(bob), engine.Evaluate(daves))
	must(t, err)
	if answer.Decision || r.Grant == nil {
		t.Error("yes, on a forged key")
	}
	if m := c.nodes[0].counted.repaired(); m.Extra != 1 {
		t.Errorf("mended %+v, want 1 extra", m)
	}
}
