package e2e_test

import (
	"context"
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // whose file is locked here

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/slack"
	"github.com/curfew-access/curfew/tests/fake/target"
)

// What fails here concerns everybody, so it fails one after the other.
func troubles(s *scene) {
	s.Run("Slack is down", func(t *testing.T) { s.with(t).slackIsDown() })
	s.Run("the gateway is killed", func(t *testing.T) { s.with(t).killedWhileItShows() })
	s.Run("the ledger takes long", func(t *testing.T) { s.with(t).ledgerTakesLong() })
	if s.w.line == nil { // where others may have the target, its loss is told later than a story can wait
		s.Run("a target is gone", func(t *testing.T) { s.with(t).targetIsGone() })
	}
}

// Slack is down while access is given and ends. Nothing waits for it, and what
// there is to say is said when it is back.
func (s *scene) slackIsDown() {
	before := s.asksInSlack(s.carol, "4s all is well")
	s.shown(s.carol, "Access granted", before.ID)
	s.shown(s.carol, "Access ended", before.ID)
	s.w.slack.Down()
	g := s.granted(s.carol, map[string]any{"while": nil, "for": brief.String()})
	s.w.target.Await(s.T, "access is open", target.Open(s.entitled(s.carol)))
	waits := s.ask(s.dan, map[string]any{"while": nil, "for": longest.String(), "action": access.Action{Name: "admin"}})
	g = s.ended(g, access.EndExpired)
	s.inTime("it ended", g.EndedAt, g.ExpiresAt, soon)
	if now := s.request(waits.ID); now.State != access.RequestPending {
		s.Errorf("what waits for a review is %s", now.State)
	}
	if err := s.w.slack.Up(); err != nil {
		s.Fatal(err)
	}
	s.shown(s.carol, "Access ended", g.ID)
	asked := s.shown(s.name, "Access request", waits.ID)
	s.comments(s.erin, asked, deny, "not any more")
	s.changes(asked, "Request denied")
	s.shown(s.dan, "Access denied", waits.ID)
	if n := s.count(s.carol, "Access ended", g.ID); n != 1 {
		s.Errorf("she was told %d times", n)
	}
}

// The gateway is killed after Slack has shown a message and before it can know. It
// is shown once more, under the same id, and nothing else happens twice.
func (s *scene) killedWhileItShows() {
	s.w.slack.Script(slack.Hang().Acting().On("chat.postMessage"))
	r := s.ask(s.dan, map[string]any{"while": nil, "for": longest.String()})
	asked := s.shown(s.name, "Access request", r.ID)
	if err := s.w.node(0).Kill(); err != nil {
		s.Fatal(err)
	}
	s.w.repeated = asked.ID()
	s.w.start(s.T, 0)
	again := s.w.slack.AwaitMessage(s.T, "it is shown again", func(m slack.Message) bool { return m.ID() == asked.ID() && m.TS != asked.TS })
	s.in(s.erin).Click(asked, approve)
	s.changes(asked, "Request approved")
	s.changes(again, "Request approved")
	s.in(s.frank).Click(again, approve)
	s.in(s.frank).AwaitTold("not the first")
	r = s.is(r.ID, access.RequestApproved)
	s.open(s.dan)
	s.shown(s.dan, "Access granted", r.ID)
	s.toldTarget(s.dan, 1, 0)
	if n := s.count(s.name, "", r.ID); n != 2 {
		s.Errorf("there are %d messages about it; want 2", n)
	}
}

// lateAnswer is one line that somebody types while the ledger takes long.
type lateAnswer struct {
	who, words string
	answer     slack.Message
}

// The ledger takes five seconds for everything. Everybody hears within three, and
// of nothing that is not in the ledger; later they hear how it ended.
func (s *scene) ledgerTakesLong() {
	waits := s.ask(s.dan, map[string]any{"while": nil, "for": short.String(), "action": access.Action{Name: "admin"}})
	asked := s.shown(s.name, "Access request", waits.ID)
	lines := []*lateAnswer{{who: s.carol, words: "10m while it takes long"}, {who: s.bob, words: "10m and is denied"}}
	opening, clicking, filling := s.in(s.alice), s.in(s.erin), s.in(s.carol)
	filling.Type("/access")
	form := filling.View()
	s.choose(form, "5 min", "kept while it saves")
	form.AwaitText("Allowed at once")

	release := s.w.stall(s.T)
	var all sync.WaitGroup
	for _, l := range lines {
		all.Go(func() { l.answer = s.types(l.who, s.name+" debug "+l.words) })
	}
	all.Go(func() { opening.Type("/access") })
	all.Go(func() { clicking.Click(asked, approve) })
	all.Go(func() { form.Submit() })
	all.Wait()
	if now := form.AwaitText("Still saving"); now.Value(fieldReason) != "kept while it saves" || now.Value(fieldLength) == "" {
		s.Errorf("what she filled in is gone:\n%s", now.Visible())
	}
	if !opening.SeesForm() {
		s.Error("the form did not open")
	}
	opening.View().Close()
	for _, l := range lines {
		if said := l.answer.Visible(); requestID.MatchString(said) || !strings.Contains(said, "Still") {
			s.Errorf("%s is told %q while nothing can be stored", l.who, said)
		}
	}
	clicking.AwaitTold("Still saving")
	release()

	for _, l := range lines {
		told := s.w.slack.AwaitMessage(s.T, l.who+" hears how it ended", func(m slack.Message) bool {
			return m.To == s.in(l.who).ID && requestID.MatchString(m.Visible())
		})
		r := s.request(requestID.FindString(told.Visible()))
		if want := map[string]access.RequestState{s.carol: access.RequestApproved, s.bob: access.RequestDenied}[l.who]; r.State != want {
			s.Errorf("the request of %s is %s; want %s", l.who, r.State, want)
		}
	}
	s.changes(asked, "Request approved")
	s.is(waits.ID, access.RequestApproved)
	submitted := s.is(requestID.FindString(form.AwaitText("Granted").Visible()), access.RequestApproved)
	if again := filling.Again(); !strings.Contains(string(again.Body), submitted.ID) {
		s.Errorf("submitted again, the form says %s; want %s", again.Body, submitted.ID)
	}
	s.open(s.carol)
}

// stall has everything in the ledger take five seconds from now on: on SQLite
// nothing can be committed for as long, and PostgreSQL is far away. Release ends
// it, and on SQLite not before the time is over.
func (w *world) stall(t *testing.T) (release func()) {
	t.Helper()
	const length = 5 * time.Second
	if w.line != nil {
		w.line.Delay(length / 2)
		return func() {
			if err := w.line.Heal(); err != nil {
				t.Error(err)
			}
		}
	}
	db := w.file(t)
	tx, err := db.BeginTx(context.Background(), nil) // the lock of the one writer
	if err != nil {
		t.Fatal(err)
	}
	over := time.NewTimer(length)
	return func() {
		<-over.C
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	}
}

// file is the ledger's own, on SQLite.
func (w *world) file(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "curfew.db")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

var alarmID = regexp.MustCompile(`alm_[0-9a-z]{26}`)

// The secret of a target is lost while access is open there. That access may still
// exist is told to the operators at once, and that it is over in the same message.
func (s *scene) targetIsGone() {
	g := s.granted(s.carol, map[string]any{"while": nil, "for": longest.String(), "action": access.Action{Name: "admin"}})
	s.w.until(s.T, "the target has confirmed", func() error {
		now := s.sees(g)
		if now.Binding.Observed != access.Present {
			return errNotYet
		}
		return nil
	})
	secret := filepath.Join(s.w.dir, "webhook-secret")
	if err := os.Remove(secret); err != nil {
		s.Fatal(err)
	}
	s.w.restart(s.T, 0)
	s.must(s.carol, http.MethodPost, "/v1/grants/"+g.ID+"/revoke", map[string]any{}, nil)
	told := s.shown(operators, "overdue", g.BindingID)
	if !strings.Contains(told.Visible(), "may still") {
		s.Errorf("it is not said that access may still exist:\n%s", told)
	}
	s.w.write("webhook-secret", s.w.secrets["webhook-secret"])
	s.w.restart(s.T, 0)
	s.w.until(s.T, "the target is told after all", func() error {
		if now := s.sees(g); now.Binding.Observed != access.Absent {
			return errNotYet
		}
		return nil
	})
	alarm := alarmID.FindString(told.Visible())
	s.shown(operators, "Over:", alarm)
	if n := s.count(operators, "", alarm); alarm == "" || n != 1 {
		s.Errorf("the operators were told of the alarm %q %d times", alarm, n)
	}
}
