package pagerduty_test

import (
	"errors"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

func TestClientReachesWhatItMay(t *testing.T) {
	f := fake.New(t, fake.Config{})
	f.AddPolicy("Payments", []fake.Target{fake.OfUser(f.AddUser("alice@example.com"))})
	fetch := func(reach connectors.Reach) (access.Snapshot, error) {
		client, err := pagerduty.New(pagerduty.Config{Token: f.Key(), URL: f.URL() + "/", Reach: reach})
		if err != nil {
			t.Fatal(err)
		}
		return client.OnCall().Fetch(t.Context(), access.SourceAsk{Now: time.Now()})
	}
	if got, err := fetch(connectors.ReachPrivate); err != nil || len(got.Shifts) != 1 {
		t.Errorf("Fetch = %+v, %v; want alice", got, err)
	}
	if _, err := fetch(connectors.ReachPublic); !errors.Is(err, connectors.ErrAddressRefused) || !errors.Is(err, pagerduty.ErrUnreachable) {
		t.Errorf("error = %v; want that the address is refused", err)
	}
}
