package e2e_test

import (
	"sync"
	"testing"

	"github.com/curfew-access/curfew/tests/service"
)

// The stories of access that lasts as long as a shift or an incident, told to the
// gateway as it is shipped, with a real Redis, by each kind of ledger. Those that
// take a world apart have one of their own; all others share one, and each has its
// own team, schedules, people and resource in it.

func TestOnCallOnSQLite(t *testing.T) {
	t.Parallel()
	redis := service.Redis(t)
	play(t, stores{ledger: func(*testing.T) string { return "sqlite:curfew.db" }, redis: redis}, worlds)
}

func TestOnCallOnPostgres(t *testing.T) {
	t.Parallel()
	redis, postgres := service.Redis(t), service.Postgres(t, "fsync=off")
	ledger := func(t *testing.T) string { return postgres.Database(t) }
	play(t, stores{ledger: ledger, redis: redis}, append(worlds[:len(worlds):len(worlds)], cast{
		setting{name: "two nodes", nodes: 2}, []story{{"the other node takes over", theOtherNodeTakesOver}},
	}))
}

// stores are where a gateway keeps what it knows.
type stores struct {
	ledger func(*testing.T) string // an empty one
	redis  *service.RedisServer
}

// cast is a world, and the stories that are played in it at the same time.
type cast struct {
	setting setting
	stories []story
}

// story is what happens to one team.
type story struct {
	name string
	play func(*scene)
}

var worlds = []cast{
	{setting{name: "shared"}, []story{
		{"hand-over", handOver},
		{"early hand-over", earlyHandOver},
		{"override", override},
		{"extended shift", extendedShift},
		{"incident resolved", incidentResolved},
		{"incident resolved and nobody told", incidentResolvedUntold},
		{"revoked while on call", revokedWhileOnCall},
		{"person removed", personRemoved},
		{"overlapping schedules", overlappingSchedules},
		{"next shift", nextShift},
		{"no end known", noEndKnown},
		{"off call with a fixed length", offCallWithFixedLength},
	}},
	{setting{name: "outage", staleAfter: staleSoon}, []story{{"PagerDuty is down across the end of a shift", pagerDutyDown}}},
	{setting{name: "grace", grace: grace}, []story{
		{"hand-over with a grace", handOverWithGrace},
		{"off call, and over after the grace", offCallAfterGrace},
		{"on call again before the grace is over", onCallAgainInGrace},
	}},
	{setting{name: "policy", maxEndShare: "0.1"}, []story{{"groups and policy change", policyChanges}}},
}

// play plays the stories. They spend their time waiting, so all of them go on at
// the same time, however few processors there are.
func play(t *testing.T, s stores, worlds []cast) {
	together(worlds, func(c cast) {
		t.Run(c.setting.name, func(t *testing.T) {
			var names []string
			for _, told := range c.stories {
				names = append(names, told.name)
			}
			w := newWorld(t, s, c.setting, names)
			together(c.stories, func(told story) {
				t.Run(told.name, func(t *testing.T) { told.play(w.scene(t, told.name)) })
			})
		})
	})
}

func together[T any](all []T, do func(T)) {
	var doing sync.WaitGroup
	for _, one := range all {
		doing.Go(func() { do(one) })
	}
	doing.Wait()
}
