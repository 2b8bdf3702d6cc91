package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

// screen is a form that alice has open, between an App and what it calls.
type screen struct {
	*world
	view slackapi.View
}

// newScreen has alice's form filled in for acme.
func newScreen(t *testing.T) *screen {
	t.Helper()
	s := &screen{world: newWorld(t)}
	s.desk.stock(t, shelf...)
	s.desk.decide = func(context.Context, Ask) (access.Decision, error) { return access.Decision{Effect: access.Allow}, nil }
	s.view = slackapi.View{ID: "V1", Hash: "h0", State: &slackapi.ViewState{Values: map[string]map[string]slackapi.BlockAction{}}}
	f, err := s.app.withFields(s.ctx(), Caller{}, sheet{chosen: chosen{wish: wish{Resource: "customer:acme", Reason: "disk full"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.redraw(t, f.view())
	s.choose(actReason, slackapi.BlockAction{Value: "disk full on db-3"})
	s.choose(actResource, slackapi.BlockAction{SelectedOption: *f.option})
	s.choose(actLength, slackapi.BlockAction{SelectedOption: *f.lengths[0]})
	return s
}

// redraw shows a form in the place of what there is, as it comes back from Slack.
func (s *screen) redraw(t *testing.T, v slackapi.ModalViewRequest) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got := slackapi.View{ID: s.view.ID, Hash: s.view.Hash, State: s.view.State}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	s.view = got
}

// choose puts something into the form.
func (s *screen) choose(id string, act slackapi.BlockAction) slackapi.BlockAction {
	act.ActionID = id
	s.view.State.Values[id] = map[string]slackapi.BlockAction{id: act}
	return act
}

func (s *screen) callback() *slackapi.InteractionCallback {
	cb := &slackapi.InteractionCallback{User: slackapi.User{ID: aliceID}, View: s.view, ResponseURL: "https://hooks.slack.com/actions/1"}
	cb.Team.ID = team
	return cb
}

// submit submits the form, and returns the form that is shown then.
func (s *screen) submit(t *testing.T) slackapi.ModalViewRequest {
	t.Helper()
	began := time.Now()
	r := s.app.formSubmitted(s.ctx(), s.callback())
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("she waited %s", took)
	}
	answer, ok := r.Body.(*slackapi.ViewSubmissionResponse)
	if !ok || answer.View == nil || answer.ResponseAction != slackapi.RAUpdate {
		t.Fatalf("the answer is %+v", r.Body)
	}
	return *answer.View
}

func initial(v slackapi.ModalViewRequest, id string) string {
	for _, b := range v.Blocks.BlockSet {
		input, ok := b.(*slackapi.InputBlock)
		if !ok {
			continue
		}
		switch e := input.Element.(type) {
		case *slackapi.SelectBlockElement:
			if e.ActionID == id && e.InitialOption != nil {
				return e.InitialOption.Value
			}
		case *slackapi.PlainTextInputBlockElement:
			if e.ActionID == id {
				return e.InitialValue
			}
		}
	}
	return ""
}

func TestSlowSubmissionIsNotCalledDoneAndKeepsItsInput(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		done := map[string]Ask{}
		s.desk.submit = func(_ context.Context, key string, ask Ask) (access.Case, error) {
			if first, known := done[key]; known {
				return granted(first), nil
			}
			time.Sleep(5 * time.Second)
			done[key] = ask
			return granted(ask), nil
		}
		still := s.submit(t)
		read(t, visibleBlocks(still.Blocks.BlockSet), "Still saving", "Submit again to see how it ended")
		for id, want := range map[string]string{actResource: "customer:acme", actLength: "for:30m", actReason: "disk full on db-3"} {
			if got := initial(still, id); got != want {
				t.Errorf("%s holds %q, not %q", id, got, want)
			}
		}
		if still.Submit == nil || len(s.slack.called("update_view")) != 0 {
			t.Fatal("it can not be submitted again, or was changed already")
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		late := s.slack.called("update_view")
		if len(late) != 1 || late[0].To != "V1" {
			t.Fatalf("what came of it was not shown: %+v", late)
		}
		read(t, visibleBlocks(late[0].View.Blocks.BlockSet), "Granted", "req_1")
		s.redraw(t, still) // she had pressed already
		read(t, visibleBlocks(s.submit(t).Blocks.BlockSet), "Granted", "req_1")
		if len(done) != 1 {
			t.Errorf("it was done under %d keys", len(done))
		}
	})
}

func TestSubmissionDoesNotWaitForAnOlderAnswerThatIsOnItsWay(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		s.desk.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) { return granted(ask), nil }
		s.slack.during("update_view", func() error { // Slack takes its time, and finds a form that was submitted
			time.Sleep(4 * time.Second)
			return conflict
		})
		act := s.choose(actLength, slackapi.BlockAction{SelectedOption: *option("for:2h", "2 h"), ActionTs: "1.000000"})
		cb := s.callback()
		go s.app.formActed(s.ctx(), cb, &act)
		time.Sleep(time.Second)
		began := time.Now()
		read(t, visibleBlocks(s.submit(t).Blocks.BlockSet), "Granted", "req_1")
		if took := time.Since(began); took != 0 {
			t.Errorf("it was submitted after %s", took)
		}
		time.Sleep(time.Minute)
		if n := len(s.slack.called("update_view")); n != 1 {
			t.Errorf("the form was changed %d times", n)
		}
	})
}

func TestChoiceThatIsOnItsWayIsNotShownAgainOverANewerOne(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		slow := s.app.turns.take("V1", "1.000000")
		if _, err := s.app.show(s.ctx(), slow, "h0", loadingView()); err != nil {
			t.Fatal(err)
		}
		s.slack.during("update_view", func() error {
			time.Sleep(time.Second)
			return conflict
		})
		ended := make(chan error, 1)
		go func() {
			_, err := s.app.show(s.ctx(), s.app.turns.take("V1", "2.000000"), "h0", loadingView())
			ended <- err
		}()
		time.Sleep(time.Millisecond)
		s.app.turns.take("V1", "3.000000")
		if err := <-ended; !errors.Is(err, errOutrun) || len(s.slack.called("update_view")) != 2 {
			t.Errorf("it ended with %v after %d changes", err, len(s.slack.called("update_view")))
		}
	})
}

func TestWhoeverLeavesDoesNotWaitForTheirTurn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		s.slack.during("update_view", func() error { time.Sleep(time.Minute); return nil })
		mine := s.app.turns.take("V1", "1.000000")
		go func() { _, _ = s.app.show(s.ctx(), mine, "h0", loadingView()) }()
		time.Sleep(time.Second)
		ctx, leave := context.WithTimeout(s.ctx(), time.Second)
		defer leave()
		if _, err := s.app.show(ctx, s.app.turns.take("V1", "2.000000"), "h0", loadingView()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestFirstSubmissionCountsIfTheFormIsChangedBetween(t *testing.T) {
	reused := access.Invalid("idempotency_key_reused", "", "it was used for another body")
	for name, tc := range map[string]struct {
		reason string
		want   []string
	}{
		"what it was is known":    {"disk full", []string{"What you submitted first had counted already", "Granted", "req_1"}},
		"what it was did not fit": {strings.Repeat("ü", 2000), []string{"What you submitted first had counted already", "/access mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s := newScreen(t)
				var first *Ask
				s.desk.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) {
					if first != nil && first.Reason != ask.Reason {
						return access.Case{}, reused
					}
					if first == nil {
						time.Sleep(5 * time.Second)
					}
					first = &ask
					return granted(ask), nil
				}
				s.choose(actReason, slackapi.BlockAction{Value: tc.reason})
				s.redraw(t, s.submit(t))
				time.Sleep(5 * time.Second)
				act := s.choose(actReason, slackapi.BlockAction{Value: "something else", ActionTs: "2.000000"})
				s.app.formActed(s.ctx(), s.callback(), &act) // it still says that it is being saved
				changed := s.slack.called("update_view")
				s.redraw(t, changed[len(changed)-1].View)
				read(t, visibleBlocks(s.view.Blocks.BlockSet), "Still saving", "What policy says")
				read(t, visibleBlocks(s.submit(t).Blocks.BlockSet), tc.want...)
			})
		})
	}
}

func TestSubmissionThatFailsLateCanBeTriedAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		s.desk.submit = func(ctx context.Context, _ string, _ Ask) (access.Case, error) {
			<-ctx.Done()
			return access.Case{}, ctx.Err()
		}
		s.redraw(t, s.submit(t))
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(s.slack.called("update_view")); n != 0 {
			t.Errorf("the form changed %d times", n)
		}
		s.desk.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) { return granted(ask), nil }
		read(t, visibleBlocks(s.submit(t).Blocks.BlockSet), "Granted")
	})
}

func TestSlowCommandSaysSoAndLaterHowItEnded(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.desk.stock(t, shelf...)
		w.desk.live = func() ([]access.Case, error) { time.Sleep(5 * time.Second); return nil, nil }
		w.desk.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) {
			time.Sleep(5 * time.Second)
			return granted(ask), nil
		}
		for text, want := range map[string][2]string{"acme 2h x": {"Still saving", "Granted"}, "mine": {"takes its time", "You have no access now"}} {
			before := len(w.slack.called("respond"))
			r := w.app.command(w.ctx(), slackapi.SlashCommand{Command: "/access", Text: text, TeamID: team, UserID: aliceID, TriggerID: "1.2.3", ResponseURL: "https://hooks.slack.com/commands/1"})
			first, ok := r.Body.(ephemeral)
			if !ok || len(w.slack.called("respond")) != before {
				t.Fatalf("the answer is %+v", r.Body)
			}
			read(t, first.Text, want[0])
			unread(t, first.Text, "Granted")
			time.Sleep(4 * time.Second)
			synctest.Wait()
			later := w.slack.called("respond")
			if len(later) != before+1 {
				t.Fatalf("she was told %+v", later)
			}
			read(t, later[before].Response.Text, want[1])
		}
	})
}

func TestHowItEndedComesBehindThatItIsNotKnown(t *testing.T) {
	barely := patience + time.Millisecond
	for name, tc := range map[string]struct {
		by string
		do func(*screen)
	}{
		"a command": {"respond", func(s *screen) {
			s.desk.live = func() ([]access.Case, error) { time.Sleep(barely); return nil, nil }
			s.app.command(s.ctx(), slackapi.SlashCommand{Command: "/access", Text: "mine", TeamID: team, UserID: aliceID, ResponseURL: "https://hooks.slack.com/commands/1"})
		}},
		"a form": {"update_view", func(s *screen) {
			s.desk.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) {
				time.Sleep(barely)
				return granted(ask), nil
			}
			s.app.formSubmitted(s.ctx(), s.callback())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s := newScreen(t)
				var told time.Time
				s.slack.during(tc.by, func() error { told = time.Now(); return nil })
				began := time.Now()
				tc.do(s)
				time.Sleep(time.Second)
				synctest.Wait()
				if after := told.Sub(began); after != barely+onItsWay {
					t.Errorf("it was told after %s", after)
				}
			})
		})
	}
}

func TestSlowEndSaysSoAndLaterHowItEnded(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		s.desk.revoke = func(context.Context, string) (access.Grant, error) {
			time.Sleep(5 * time.Second)
			return grant(), nil
		}
		s.slack.during("respond", func() error { time.Sleep(4 * time.Second); return nil })
		go s.app.formActed(s.ctx(), s.callback(), &slackapi.BlockAction{ActionID: actEnd, Value: "grt_1", ActionTs: "1.000000"})
		time.Sleep(5500 * time.Millisecond) // it has ended, and that it has not is still on its way
		told := s.slack.called("respond")
		if len(told) != 1 {
			t.Fatalf("she was told %+v", told)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		told = s.slack.called("respond")
		if len(told) != 2 || told[0].Response.Replace || told[1].Response.Replace { // in a direct message: nothing is replaced
			t.Fatalf("she was told %+v", told)
		}
		read(t, told[0].Response.Text, "Still ending it")
		read(t, told[1].Response.Text, "Ended")
	})
}

func TestSlowCatalogueAndPolicyAreSaidToBe(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		s.desk.decide = func(context.Context, Ask) (access.Decision, error) {
			time.Sleep(time.Minute) // whatever the context says
			return access.Decision{Effect: access.Allow}, nil
		}
		act := s.choose(actLength, slackapi.BlockAction{SelectedOption: *option("for:2h", "2 h"), ActionTs: "1.000000"})
		began := time.Now()
		s.app.formActed(s.ctx(), s.callback(), &act)
		if took := time.Since(began); took > patience {
			t.Errorf("it took %s", took)
		}
		shown := s.slack.called("update_view")
		if len(shown) != 2 || shown[0].Hash != "h0" || shown[1].Hash != "h1" {
			t.Fatalf("it showed %+v", shown)
		}
		read(t, visibleBlocks(shown[0].View.Blocks.BlockSet), "Policy is being asked")
		read(t, visibleBlocks(shown[1].View.Blocks.BlockSet), "not known now", "policy decides then")
		s.desk.resources = func(string, int) ([]access.Resource, error) { time.Sleep(time.Minute); return shelf, nil }
		cb := s.callback()
		cb.ActionID = actResource
		if got := s.app.suggest(s.ctx(), cb); len(got) != 1 || got[0].Value != valueNone || got[0].Text.Text != "The catalogue does not answer; type again" {
			t.Errorf("options: %+v", got)
		}
		time.Sleep(2 * time.Minute)
	})
}

// patientDesk answers no question, and ends with whoever asks.
type patientDesk struct {
	*deskFake
	asked []time.Duration // how long each question waited
}

func (d *patientDesk) wait(ctx context.Context) error {
	began := time.Now()
	<-ctx.Done()
	d.asked = append(d.asked, time.Since(began))
	return ctx.Err()
}

func (d *patientDesk) Resources(ctx context.Context, _ Caller, _ string, _ int) ([]access.Resource, error) {
	return nil, d.wait(ctx)
}

func (d *patientDesk) Resource(ctx context.Context, _ Caller, _ access.ResourceRef) (access.Resource, error) {
	return access.Resource{}, d.wait(ctx)
}

// A ledger that does not answer must not be kept busy by what nobody waits for.
func TestWhatNobodyWaitsForIsNotAskedAnyLonger(t *testing.T) {
	for name, tc := range map[string]struct {
		do    func(*screen)
		most  time.Duration
		shows string
	}{
		"options": {func(s *screen) {
			cb := s.callback()
			cb.ActionID = actResource
			s.app.suggest(s.ctx(), cb)
		}, patience, ""},
		"what a choice offers": {func(s *screen) {
			act := s.choose(actLength, slackapi.BlockAction{SelectedOption: *option("for:2h", "2 h"), ActionTs: "1.000000"})
			s.app.formActed(s.ctx(), s.callback(), &act)
		}, callTimeout, "Nothing was asked for: choose again"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s := newScreen(t)
				d := &patientDesk{deskFake: s.desk}
				s.app.cfg.Desk = d
				tc.do(s)
				time.Sleep(time.Hour)
				synctest.Wait()
				if len(d.asked) != 1 || d.asked[0] > tc.most {
					t.Errorf("the Desk was asked for %v", d.asked)
				}
				shown := s.slack.called("update_view")
				if tc.shows == "" {
					return
				}
				if len(shown) != 1 {
					t.Fatalf("it showed %+v", shown)
				}
				read(t, visibleBlocks(shown[0].View.Blocks.BlockSet), tc.shows)
			})
		})
	}
}

// conflict is how Slack says that a form has changed.
var conflict = access.Permanent(&refused{method: "views.update", code: "hash_conflict"})

func TestFormThatChangedMeanwhile(t *testing.T) {
	act := func(ts string) *slackapi.BlockAction {
		return &slackapi.BlockAction{ActionID: actLength, SelectedOption: *option("for:2h", "2 h"), ActionTs: ts}
	}
	hashes := func(s *screen) (all []string) {
		for _, c := range s.slack.called("update_view") {
			all = append(all, c.Hash)
		}
		return all
	}
	refuseOnce := func(s *screen, times int) {
		s.slack.during("update_view", func() error {
			if times--; times >= 0 {
				return conflict
			}
			return nil
		})
	}
	for name, tc := range map[string]struct {
		do   func(s *screen)
		want string
	}{
		"by an answer of ours to something older: the newer is shown": {func(s *screen) {
			s.app.formActed(s.ctx(), s.callback(), act("1.000000"))
			refuseOnce(s, 1)
			s.app.formActed(s.ctx(), s.callback(), act("2.000000"))
		}, "h0 h0 h1"},
		"by what we know nothing of: it stays": {func(s *screen) {
			refuseOnce(s, 1)
			s.app.formActed(s.ctx(), s.callback(), act("1.000000"))
		}, "h0"},
		"more than once: it stays": {func(s *screen) {
			s.app.formActed(s.ctx(), s.callback(), act("1.000000"))
			refuseOnce(s, 2)
			s.app.formActed(s.ctx(), s.callback(), act("2.000000"))
		}, "h0 h0 h1"},
		"the older comes later: it is not shown": {func(s *screen) {
			s.app.formActed(s.ctx(), s.callback(), act("2.000000"))
			s.app.formActed(s.ctx(), s.callback(), act("1.000000"))
		}, "h0"},
		"it was submitted: what was chosen before is not shown": {func(s *screen) {
			s.desk.submit = func(_ context.Context, _ string, ask Ask) (access.Case, error) { return granted(ask), nil }
			turn := s.app.turns.take("V1", "1.000000")
			s.app.formSubmitted(s.ctx(), s.callback())
			if _, err := s.app.show(s.ctx(), turn, "h0", loadingView()); !errors.Is(err, errOutrun) {
				panic(err)
			}
			s.app.formActed(s.ctx(), s.callback(), act("2.000000")) // it was refused, and goes on
		}, "h0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScreen(t)
			tc.do(s)
			if got := strings.Join(hashes(s), " "); got != tc.want {
				t.Errorf("it changed forms of the hashes %q, want %q", got, tc.want)
			}
		})
	}
}

func TestOpenFormsAreForgottenInTime(t *testing.T) {
	var all turns
	first := all.take("V0", "5.000000")
	for i := range maxOpenForms {
		all.take("V0", "1.000000")
		all.take("other "+strings.Repeat("x", i), "1.000000")
	}
	if all.of("V0") != first.openForm {
		t.Error("one that is in use was forgotten")
	}
	if len(all.views) != maxOpenForms {
		t.Errorf("%d are remembered", len(all.views))
	}
}

func TestFormOpensBeforeAnybodyIsAsked(t *testing.T) {
	w := newWorld(t)
	if err := w.app.openRequest(w.ctx(), "1.2.3", prefill{team: team, user: aliceID}); err != nil {
		t.Fatal(err)
	}
	calls := w.slack.called("")
	if len(calls) != 1 || calls[0].Method != "open" || calls[0].To != "1.2.3" || len(w.desk.called("")) != 0 {
		t.Fatalf("the calls: %+v", calls)
	}
	read(t, visibleBlocks(calls[0].View.Blocks.BlockSet), "? Resource", "? Reason", "? Emergency")
	if err := w.app.openRequest(w.ctx(), "1.2.4", prefill{team: team, user: aliceID, again: "req_1"}); err != nil {
		t.Fatal(err) // it is open, if empty
	}
	if calls = w.slack.called(""); calls[1].Method != "open" || calls[1].To != "1.2.4" {
		t.Errorf("something else came first: %+v", calls[1])
	}
	read(t, visibleBlocks(calls[1].View.Blocks.BlockSet), "One moment")
}

func TestSuggestionsAreAsManyAsSlackTakes(t *testing.T) {
	s := newScreen(t)
	s.desk.resources = func(string, int) ([]access.Resource, error) { return make([]access.Resource, 150), nil }
	cb := s.callback()
	cb.ActionID = actResource
	if got := s.app.suggest(s.ctx(), cb); len(got) != maxOptions {
		t.Errorf("%d options", len(got))
	}
	cb.Value = strings.Repeat("x", maxBody)
	s.app.suggest(s.ctx(), cb)
	if asked := s.desk.called("resources"); len(asked[len(asked)-1].Text) > 4*maxTyped {
		t.Errorf("a search for %d bytes", len(asked[len(asked)-1].Text))
	}
	cb.ActionID = "form.other"
	if got := s.app.suggest(s.ctx(), cb); len(got) != 0 {
		t.Errorf("another list has %d options", len(got))
	}
}

func TestVerdictSaysUntilWhen(t *testing.T) {
	oncall, incident := "oncall", "incident:Q1"
	shift := func(schedule string, hours int) access.Shift {
		return access.Shift{Level: 1, Schedule: &access.Ref{ID: schedule}, End: ptr(noon.Add(time.Duration(hours) * time.Hour))}
	}
	of := &access.Until{OnCall: []access.ShiftRef{{Schedule: "S1", Level: 1}}, GraceSeconds: 600}
	for name, tc := range map[string]struct {
		ask  Ask
		d    access.Decision
		want string
	}{
		"a length":                      {Ask{For: &twoHours}, access.Decision{}, "*Allowed at once*, until 2026-11-23 14:00 UTC"},
		"the shift, and the grace":      {Ask{While: &oncall}, access.Decision{Until: of}, "as planned until 2026-11-23 15:10 UTC"},
		"the shift, by the cap":         {Ask{While: &oncall}, access.Decision{Until: of, MaxSeconds: ptr(int64(3600))}, "as planned until 2026-11-23 13:00 UTC"},
		"a shift that is not known":     {Ask{While: &oncall}, access.Decision{Until: &access.Until{}, MaxSeconds: ptr(int64(3600))}, "while you are on call, at most until 2026-11-23 13:00 UTC"},
		"on call, and nothing is bound": {Ask{While: &oncall}, access.Decision{}, "while you are on call"},
		"the incident":                  {Ask{While: &incident}, access.Decision{MaxSeconds: ptr(int64(7200))}, "until the incident is resolved, at most until 2026-11-23 14:00 UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.d.Effect = access.Allow
			got := verdict(tc.d, tc.ask, outlook{now: noon, oncall: access.OnCall{Known: true, Shifts: []access.Shift{shift("S1", 3), shift("S2", 9)}}})
			read(t, got, tc.want)
			if !strings.Contains(tc.want, "at most") {
				unread(t, got, "at most")
			}
		})
	}
}

func TestFormThatIsStillFilledInLosesToWhatIsChosenInIt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newScreen(t)
		s.desk.decide = func(_ context.Context, ask Ask) (access.Decision, error) {
			if ask.For.String() == "30m" {
				time.Sleep(time.Second)
			}
			return access.Decision{Effect: access.Allow}, nil
		}
		go func() {
			p := prefill{team: team, user: aliceID, wish: wish{Resource: "customer:acme", Length: "for:30m", Reason: "x"}}
			if err := s.app.openRequest(s.ctx(), "1.2.3", p); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(500 * time.Millisecond) // it is filled in, and policy is being asked
		act := s.choose(actLength, slackapi.BlockAction{SelectedOption: *option("for:2h", "2 h"), ActionTs: "1.000000"})
		s.app.formActed(s.ctx(), s.callback(), &act)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		shown := s.slack.called("update_view")
		if len(shown) != 2 {
			t.Fatalf("it showed %d forms", len(shown))
		}
		read(t, visibleBlocks(shown[1].View.Blocks.BlockSet), "for 2 h", "Allowed at once")
	})
}

func TestFormThatCanNotBeFilledInSaysWhyAndAsksNothing(t *testing.T) {
	s := newScreen(t)
	s.desk.resource = func(access.ResourceRef) (access.Resource, error) {
		return access.Resource{}, access.NotFound("resource", "customer:acme")
	}
	p := prefill{team: team, user: aliceID, wish: wish{Resource: "customer:acme", Action: "debug", Length: "for:30m", Reason: "disk full"}}
	if err := s.app.openRequest(s.ctx(), "1.2.3", p); err != nil {
		t.Fatal(err)
	}
	shown := s.slack.called("update_view")
	if len(shown) != 1 || initial(shown[0].View, actReason) != "disk full" || len(s.desk.called("decide")) != 0 {
		t.Fatalf("it showed %+v", shown)
	}
	read(t, visibleBlocks(shown[0].View.Blocks.BlockSet), "There is no resource", "? Resource", "Choose a resource")
}
