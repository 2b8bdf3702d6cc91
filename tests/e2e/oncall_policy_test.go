package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
)

// What people are part of and what policy says changes under live access. One
// after the other, since each change concerns everybody.
func policyChanges(s *scene) {
	s.Run("groups change", func(t *testing.T) { s.with(t).groupsChange() })
	s.Run("policy changes before a scheduled start", func(t *testing.T) { s.with(t).policyChangesBeforeStart() })
	s.Run("a revision that would end most", func(t *testing.T) { s.with(t).revisionEndsMost() })
}

func (s *scene) with(t *testing.T) *scene {
	other := *s
	other.T = t
	return &other
}

// Dan leaves the team. His access was his as a member: it is flagged, and security
// closes the task.
func (s *scene) groupsChange() {
	r := s.ask(s.dan, map[string]any{"while": nil, "for": longest.String()})
	s.must(security, http.MethodPost, "/v1/requests/"+r.ID+"/approve", map[string]any{}, &r)
	if r.Grant == nil {
		s.Fatalf("no grant: %+v", r)
	}
	s.open(s.dan)
	s.w.writePeople(map[string]bool{s.dan: true})
	s.w.restart(s.T, 0)

	task := s.task(access.TaskFlag, r.Grant.ID)
	if !s.may(s.dan) {
		s.Error("a flag ended it")
	}
	if err := s.try(s.dan, http.MethodPost, "/v1/tasks/"+task.ID+"/close", map[string]any{"comment": "fine"}, nil); err == nil {
		s.Error("the holder closed the task about his own access")
	}
	s.must(security, http.MethodPost, "/v1/grants/"+r.Grant.ID+"/revoke", map[string]any{}, nil)
	s.must(security, http.MethodPost, "/v1/tasks/"+task.ID+"/close", map[string]any{"comment": "ended"}, &task)
	if task.State != access.TaskDone {
		s.Errorf("the task is %s", task.State)
	}
	s.ended(*r.Grant, access.EndRevoked)
	s.toldTarget(s.dan, 1, 1)
}

// The team gives its schedules up before the shift begins, which Alice has access
// for.
func (s *scene) policyChangesBeforeStart() {
	start := inSeconds(16)
	s.shift(s.primary, s.bob, inSeconds(-3600), start)
	s.shift(s.primary, s.alice, start, inSeconds(3600))
	s.poll()
	s.known(s.alice, start.Add(time.Minute))
	g := s.granted(s.alice, map[string]any{"starts_at": "next_shift"})
	if g.State != access.GrantScheduled {
		s.Fatalf("it is %s; want it scheduled", g.State)
	}
	s.w.writeTeams(s.name)
	s.poll() // reads policies too
	s.w.until(s.T, "the policy is in force", func() error {
		return s.decides(s.carol, map[string]any{"while": "oncall"}, access.Deny)
	})
	now := s.ended(g, access.EndDeniedAtStart)
	s.inTime("it was denied", now.EndedAt, start, soon)
	s.toldTarget(s.alice, 0, 0)

	s.w.writeTeams("")
	s.poll()
	s.w.until(s.T, "the policy is in force", func() error {
		return s.decides(s.carol, map[string]any{"while": "oncall"}, access.Allow)
	})
	if s.may(s.alice) {
		s.Error("it came back")
	}
}

// endAll is a team's policy that gives nothing and takes everything.
const endAll = `package access

_nobody := {"code": "nobody", "title": "Nobody", "detail": "Nobody gets access any more."}

deny contains _nobody

continue := {"action": "end", "reasons": [_nobody]}
`

// A revision would end all access at once: that waits for security.
func (s *scene) revisionEndsMost() {
	var held []access.Grant
	for _, who := range []string{s.alice, s.carol} {
		held = append(held, s.granted(who))
		s.open(who)
	}
	held = append(held, s.granted(s.alice, map[string]any{"action": access.Action{Name: "admin"}}))
	s.w.write("policies/access/access.rego", endAll)
	s.poll()
	task := s.task(access.TaskBulkEnd, "")
	var data access.BulkEndData
	if err := json.Unmarshal(task.Data, &data); err != nil || data.Ends != 3 || data.Evaluated != 3 {
		s.Errorf("the task says %s (%v); want that 3 of 3 would end", task.Data, err)
	}
	s.refused(s.bob, "nobody") // the revision decides already
	for _, g := range held {
		if now := s.sees(g); !now.Live {
			s.Errorf("%s ended (%v) before anybody agreed", g.ID, deref(now.EndReason))
		}
	}
	if err := s.try(s.alice, http.MethodPost, "/v1/tasks/"+task.ID+"/approve", map[string]any{}, nil); err == nil {
		s.Error("a holder without a role approved the task")
	}
	s.w.run(s.T, security, "tasks", "approve", task.ID, "--comment", "agreed")
	for _, g := range held[:2] {
		s.ended(g, access.EndPolicyChanged)
		s.toldTarget(s.who(g.Subject), 1, 1)
	}
	s.w.until(s.T, "the other action of Alice ends too", func() error {
		if now := s.sees(held[2]); now.State != access.GrantEnded || *now.EndReason != access.EndPolicyChanged {
			return fmt.Errorf("it is %s, %v", now.State, deref(now.EndReason))
		}
		return nil
	})
}

// Alice has access for a fixed time, because she was on call. That she is not any
// more does not end it: it is flagged.
func offCallWithFixedLength(s *scene) {
	s.onCall(s.primary, s.alice)
	g := s.granted(s.alice, map[string]any{"while": nil, "for": longest.String()})
	s.open(s.alice)
	s.shift(s.primary, s.bob, inSeconds(0), inSeconds(3600))
	s.poll()
	task := s.task(access.TaskFlag, g.ID)
	if !s.may(s.alice) {
		s.Error("a flag ended it")
	}
	s.must(security, http.MethodPost, "/v1/tasks/"+task.ID+"/close", map[string]any{"comment": "she may finish"}, &task)
	if task.State != access.TaskDone {
		s.Errorf("the task is %s", task.State)
	}
	if now := s.sees(g); !now.Live || !now.ExpiresAt.Equal(g.ExpiresAt) {
		s.Errorf("it is %s until %s; want it as it was", now.State, now.ExpiresAt)
	}
	s.toldTarget(s.alice, 1, 0)
}

// task waits until there is one open task of a kind: about a grant, or, without
// one, about many.
func (s *scene) task(kind access.TaskKind, grant string) (task engine.TaskItem) {
	s.Helper()
	s.w.until(s.T, "there is a task", func() error {
		var page engine.Page[engine.TaskItem]
		if err := s.try(security, http.MethodGet, "/v1/tasks?state=open&kind="+string(kind), nil, &page); err != nil {
			return err
		}
		found := slices.DeleteFunc(page.Items, func(t engine.TaskItem) bool { return grant != "" && (t.Grant == nil || t.Grant.ID != grant) })
		if len(found) != 1 {
			return fmt.Errorf("there are %d, and %d others", len(found), len(page.Items)-len(found))
		}
		task = found[0]
		return nil
	})
	return task
}
