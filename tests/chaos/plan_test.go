package chaos_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/curfew-access/curfew/tests/chaos"
)

var widest = chaos.Shape{For: 5 * time.Minute, Nodes: 2, Redis: true, Postgres: true, Targets: []string{comparing, plain}}

func TestAPlanFollowsFromItsSeed(t *testing.T) {
	if !reflect.DeepEqual(chaos.NewPlan(1, widest), chaos.NewPlan(1, widest)) {
		t.Error("one seed makes two plans")
	}
	if reflect.DeepEqual(chaos.NewPlan(1, widest).Moves, chaos.NewPlan(2, widest).Moves) {
		t.Error("two seeds make one plan")
	}
}

func TestALongPlanHasEachFaultAndEachMove(t *testing.T) {
	plan := chaos.NewPlan(1, widest)
	seen := map[string]bool{}
	for _, f := range plan.Faults {
		seen[f.Kind] = true
	}
	for _, m := range plan.Moves {
		seen[m.Kind] = true
	}
	for _, kind := range []string{
		chaos.KillNode, chaos.StopNode, chaos.KillRedis, chaos.FlushRedis, chaos.CutRedis, chaos.SwallowRedis,
		chaos.KillPostgres, chaos.CutPostgres, chaos.SwallowPostgres, chaos.Blackout, chaos.Refuse, chaos.RefuseActing,
		chaos.Busy, chaos.Hang, chaos.HangActing, chaos.Garble, chaos.GarbleActing, chaos.Hangup, chaos.Vanish,
		chaos.CutTarget, chaos.SwallowTarget,
		chaos.Ask, chaos.Again, chaos.Approve, chaos.Deny, chaos.Withdraw, chaos.Revoke, chaos.Look,
	} {
		if !seen[kind] {
			t.Errorf("there is no %q in five minutes", kind)
		}
	}
}

// What is broken already can not be broken again, and what is healed too early
// was never broken.
func TestFaultsOfOnePartDoNotOverlapAndEndInTime(t *testing.T) {
	part := func(f chaos.Fault) any {
		switch f.Kind {
		case chaos.KillNode, chaos.StopNode:
			return [2]any{"node", f.Node}
		case chaos.KillRedis, chaos.FlushRedis:
			return "redis"
		case chaos.KillPostgres:
			return "postgres"
		case chaos.Vanish, chaos.CutTarget, chaos.SwallowTarget:
			return [2]any{"door", f.Target}
		}
		if f.Target != "" {
			return [2]any{"target", f.Target}
		}
		return [2]any{"lines", f.Node}
	}
	until := map[any]time.Duration{}
	for _, f := range chaos.NewPlan(3, widest).Faults {
		if f.At < until[part(f)] {
			t.Errorf("%s begins before the last one is over", f)
		}
		until[part(f)] = f.At + f.For
		if f.At+f.For >= widest.For {
			t.Errorf("%s ends after the run", f)
		}
	}
}

func TestANodeAloneHasNothingToCut(t *testing.T) {
	for _, f := range chaos.NewPlan(1, chaos.Shape{For: time.Minute, Nodes: 1, Targets: []string{plain}}).Faults {
		if f.Target == "" && f.Kind != chaos.KillNode && f.Kind != chaos.StopNode {
			t.Error(f)
		}
	}
}
