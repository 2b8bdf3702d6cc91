package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/curfew-access/curfew/connectors/webhook"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/chaos"
	fake "github.com/curfew-access/curfew/tests/fake/target"
)

// TestPlantedFaultsAreFound runs the real gateway with a fault put into it or
// beside it, and shows that the checkers find it. What a faulty gateway would do
// is done in its place: by a box between it and its target, or in its ledger.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		box  func(*scene, delivery) // nil: hands everything on
		plot func(*scene)
		want []string
	}{
		"no fault": {plot: (*scene).grantAndWait},
		"a dropped deprovision": {
			box: func(_ *scene, d delivery) {
				if d.verb == access.VerbProvision {
					d.forward()
				}
				d.confirm()
			},
			plot: (*scene).grantAndWait,
			want: []string{
				"G1: bnd_… was opened at generation 1, no grant holds it, and its target never closed it after",
				"G2: user:p0@example.com debug customer:plain-0 exists at plain and no grant holds it",
				"G2: access.deprovision of bnd_… at generation 2 counts as confirmed and the target never did it",
			},
		},
		"an early deprovision": {
			box: func(s *scene, d delivery) {
				d.forward()
				if d.verb == access.VerbProvision {
					s.forge(d.message)
				}
				d.confirm()
			},
			plot: (*scene).grantAndWait,
			want: []string{"G2: the target was told access.deprovision of bnd_… at generation 7, which nobody claimed"},
		},
		"an overtaking deprovision": {
			box: func(s *scene, d delivery) {
				if d.verb == access.VerbProvision {
					s.late = append(s.late, d.forward)
				} else {
					d.forward()
					for _, forward := range s.late {
						forward()
					}
				}
				d.confirm()
			},
			plot: (*scene).grantAndWait,
			want: []string{
				"G2: the target plain was moved back from generation 2 to 1",
				"G2: user:p0@example.com debug customer:plain-0 exists at plain and no grant holds it",
			},
		},
		"a crash after an outcome was recorded that never was": {
			plot: (*scene).crashRecordedBeforeSent,
			want: []string{
				"G1: bnd_… was opened at generation 1, no grant holds it, and its target never closed it after",
				"G2: access.deprovision of bnd_… at generation 2 counts as confirmed and the target never did it",
			},
		},
		"a crash after a delivery that was not claimed": {
			plot: (*scene).crashSentBeforeClaimed,
			want: []string{
				"G2: the target was told access.deprovision of bnd_… at generation 2, which nobody claimed",
				"G4: bnd_… is at generation 3 and its events decided 2",
			},
		},
		"a count race": {
			plot: (*scene).miscount,
			want: []string{
				"G2: a deprovision of bnd_… names a grant that holds it",
				"G2: a deprovision was claimed at",
				"G4: bnd_… is at generation 2 and its events decided 1",
			},
		},
		"a change whose event was left out": {
			plot: func(s *scene) {
				s.grantAndWait()
				s.sql(`DELETE FROM audit_log WHERE event_id IN (SELECT id FROM audit_events WHERE type = 'grant.ended')`)
				s.sql(`DELETE FROM audit_events WHERE type = 'grant.ended'`)
			},
			want: []string{"G4: the audit log goes from", "has 0 events grant.ended, want 1"},
		},
		"an event that was edited": {
			plot: func(s *scene) {
				s.grantAndWait()
				s.sql(`UPDATE audit_events SET body = REPLACE(body, 'expired', 'revoked') WHERE type = 'grant.ended'`)
			},
			want: []string{"is not the hash of its body", "and its event says otherwise"},
		},
		"a check that is answered from a cache": {
			plot: (*scene).cachedCheck,
			want: []string{"G3: yes to check of user:p0@example.com debug customer:plain-0 at node 0"},
		},
		"a gateway that does not heed keys": {
			plot: (*scene).askTwice,
			want: []string{"was answered in 2 ways", "made 2 requests"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, tc.box)
			tc.plot(s)
			s.verify(tc.want)
		})
	}
}

// scene is one gateway with a box before its plain target.
type scene struct {
	*world
	path string // of the ledger
	late []func()
	h    chaos.History

	mu sync.Mutex // held while the box works
}

// delivery is a message on its way to the target.
type delivery struct {
	message access.Message
	verb    access.Verb
	forward func() // hands it to the target
	confirm func() // tells the gateway that it is done
}

func newScene(t *testing.T, box func(*scene, delivery)) *scene {
	t.Helper()
	w, s := newWorld(t, false)
	sc := &scene{world: w, path: s.dir + "/curfew.db", h: chaos.History{Skew: skew}}
	if box == nil {
		box = func(_ *scene, d delivery) {
			d.forward()
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { sc.pass(rw, r, box) }))
	t.Cleanup(server.Close)
	s.targets[plain] = server.URL
	w.onSQLite(s)
	return sc
}

// pass lets the box do what it does with one message.
func (s *scene) pass(w http.ResponseWriter, r *http.Request, box func(*scene, delivery)) {
	body, err := io.ReadAll(r.Body)
	d := delivery{}
	if err != nil || json.Unmarshal(body, &d.message) != nil {
		http.Error(w, "this is no message", http.StatusBadRequest)
		return
	}
	status := http.StatusBadGateway
	d.verb = d.message.Type
	d.confirm = func() { status = http.StatusNoContent }
	d.forward = func() {
		onward, err := http.NewRequest(http.MethodPost, s.targets[plain].URL(), bytes.NewReader(body))
		if err != nil {
			return
		}
		onward.Header = r.Header.Clone()
		answer, err := http.DefaultClient.Do(onward)
		if err != nil {
			return
		}
		_ = answer.Body.Close()
		status = answer.StatusCode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box(s, d)
	w.WriteHeader(status)
}

// forge tells the target to close what was opened, as an early deprovision would.
func (s *scene) forge(m access.Message) {
	hook, err := webhook.New(webhook.Config{Name: plain, URL: s.targets[plain].URL(), Secrets: []string{s.secret}})
	if err != nil {
		s.t.Error(err)
		return
	}
	m.Type, m.Data.Binding.Generation = access.VerbDeprovision, 7
	if _, err := hook.Deliver(context.Background(), m); err != nil {
		s.t.Error(err)
	}
}

// ask is given access to a resource of the plain target.
func (s *scene) ask(seconds int) {
	s.t.Helper()
	step := chaos.Step{Kind: chaos.Ask, Key: "key-" + strconv.Itoa(len(s.h.Steps)), About: s.about(), Seconds: seconds}
	call, _ := s.caller.say(context.Background(), 0, person(0), "/v1/requests", &step, bodyOf(step, seconds))
	if step.Calls = append(step.Calls, call); call.GrantID == "" {
		s.t.Fatalf("no grant: %s", call)
	}
	s.h.Steps = append(s.h.Steps, step)
}

func (s *scene) about() access.Entitled { return entitled(0, chaos.Resources, s.names()) }

func (s *scene) grantAndWait() {
	s.ask(1)
	s.rest()
}

func (s *scene) rest() {
	s.await("everything comes to rest", calm, s.ledger.unsettled)
}

// opened waits until the target has opened access.
func (s *scene) opened() {
	s.targets[plain].Await(s.t, "access is open", fake.Open(s.about()))
	s.await("that is confirmed", calm, s.counted(`SELECT COUNT(*) FROM bindings WHERE observed = 'present'`))
}

// counted says whether a query counts nothing.
func (s *scene) counted(query string) func(context.Context) string {
	return func(ctx context.Context) string {
		rows, err := s.ledger.query(ctx, query)
		if err != nil {
			return err.Error()
		}
		if n, _ := rows[0][0].(int64); n == 0 {
			return "nothing fits " + query
		}
		return ""
	}
}

// sql changes the ledger as somebody may who is not curfew: also what is only added to.
func (s *scene) sql(text string) {
	s.t.Helper()
	for _, statement := range []string{
		`UPDATE audit_guard SET removing = 1 WHERE id = 1`, text, `UPDATE audit_guard SET removing = 0 WHERE id = 1`,
	} {
		if _, err := s.ledger.query(context.Background(), statement); err != nil {
			s.t.Fatal(err)
		}
	}
}

// crash kills the gateway while its target holds a deprovision.
func (s *scene) crash(held fake.Step) {
	s.ask(1)
	s.opened()
	s.targets[plain].Script(held)
	s.targets[plain].Await(s.t, "the deprovision has come", fake.Seen(2))
	if err := s.nodes[0].hold(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	s.targets[plain].Down() // what hangs ends without an act
	if err := s.targets[plain].Up(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) again() {
	s.nodes[0].release()
	s.await("it serves again", calm, s.serving)
	s.rest()
}

// crashRecordedBeforeSent leaves what a gateway leaves that records an outcome
// before the target acted.
func (s *scene) crashRecordedBeforeSent() {
	s.crash(fake.Hang())
	s.sql(`UPDATE attempts SET class = 'confirmed' WHERE generation = 2`)
	s.sql(`UPDATE bindings SET observed = 'absent', next_at = NULL, claim = NULL, due_at = NULL`)
	s.again()
}

// crashSentBeforeClaimed leaves what a gateway leaves that sends before it commits
// its claim, and so sends anew under another name.
func (s *scene) crashSentBeforeClaimed() {
	s.crash(fake.Hang().Acting())
	s.sql(`DELETE FROM attempts WHERE generation = 2`)
	s.sql(`UPDATE bindings SET generation = 3, attempts = 0, claim = NULL, next_at = 1`)
	s.again()
}

// miscount leaves what a lost race of two counts leaves: a live grant whose
// binding is to be absent.
func (s *scene) miscount() {
	s.ask(5)
	s.opened()
	s.sql(`UPDATE bindings SET desired = 'absent', generation = generation + 1, attempts = 0, next_at = 1`)
	s.targets[plain].Await(s.t, "access is gone", fake.Gone(s.about()))
	s.rest()
}

// askTwice says one step twice, and loses its key on the way.
func (s *scene) askTwice() {
	s.ask(1)
	first := &s.h.Steps[0]
	unkeyed := *first
	unkeyed.Key = ""
	call, _ := s.caller.say(context.Background(), 0, person(0), "/v1/requests", &unkeyed, bodyOf(*first, 1))
	first.Calls = append(first.Calls, call)
	s.rest()
}

// cachedCheck answers a check as the one before it, which was asked while the
// grant was live.
func (s *scene) cachedCheck() {
	s.ask(1)
	before := s.caller.check(context.Background(), 0, s.about())
	if !before.Yes {
		s.t.Fatalf("not yes: %s", before)
	}
	s.rest()
	after := s.caller.check(context.Background(), 0, s.about())
	if after.Yes {
		s.t.Errorf("yes: %s", after)
	}
	after.Yes = before.Yes
	s.h.Checks = []chaos.Check{before, after}
}

// verify runs the checkers on what happened: they find what is wanted, and nothing
// when nothing is.
func (s *scene) verify(want []string) {
	s.t.Helper()
	h, err := s.history(s.h)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range h.Targets {
		h.Targets[i].Compares = true // so that it is judged on order, too
	}
	found := chaos.Verify(h)
	if len(want) == 0 && len(found) > 0 {
		s.t.Error(chaos.Report(0, found))
	}
	for _, w := range want {
		before, after, _ := strings.Cut(w, "bnd_…")
		if !slices.ContainsFunc(found, func(v chaos.Violation) bool {
			return strings.Contains(v.String(), before) && strings.Contains(v.String(), after)
		}) {
			s.t.Errorf("not found: %q\nbut %s", w, chaos.Report(0, found))
		}
	}
}
