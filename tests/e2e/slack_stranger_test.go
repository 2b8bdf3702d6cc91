package e2e_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/tests/fake/slack"
)

// Somebody who is not Slack sends what would give Carol access.
func notSignedBySlack(s *scene) {
	carol := s.in(s.carol)
	carol.Type("/access help")
	hook, body := carol.Body()
	form, err := url.ParseQuery(body)
	if err != nil {
		s.Fatal(err)
	}
	form.Set("text", s.name+" debug 10m never asked for")
	for how, want := range map[slack.Signature]int{
		slack.Unsigned: http.StatusUnauthorized, slack.Forged: http.StatusForbidden, slack.OtherScheme: http.StatusForbidden,
		slack.Old: http.StatusForbidden, slack.Early: http.StatusForbidden, slack.Tampered: http.StatusForbidden,
	} {
		s.sends(s.w.slack.Request(hook, form.Encode(), how), want)
	}
	s.sends(s.w.slack.Request(hook, form.Encode()+"&more="+strings.Repeat("x", 256<<10), slack.Good), http.StatusRequestEntityTooLarge)
	inAddress := s.w.slack.Request(hook, "", slack.Good) // nothing that is signed
	inAddress.URL.RawQuery = form.Encode()
	s.sends(inAddress, http.StatusBadRequest)
	s.w.event(s.T, "type=hook.refused", "hook", "slack")
	s.asksNothing()
	s.toldTarget(s.carol, 0, 0)
}

// sends sends a request to the gateway, which must answer it with a status.
func (s *scene) sends(r *http.Request, want int) {
	s.Helper()
	response, err := s.w.slack.Do(r)
	if err != nil {
		s.Error(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	if s.w.record(string(said)); err != nil || response.StatusCode != want {
		s.Errorf("a message is answered %s: %s (%v); want %d", response.Status, said, err, want)
	}
}

// asksNothing fails if there is any request about the resource of the story.
func (s *scene) asksNothing() {
	s.Helper()
	var page engine.Page[engine.RequestView]
	s.must(operator, http.MethodGet, "/v1/requests?scope=all&limit=500", nil, &page)
	for _, r := range page.Items {
		if r.Resource.ID == s.name {
			s.Errorf("there is a request: %+v", r)
		}
	}
}

// Whoever Slack does not vouch for as one of us can do nothing, and is told why.
func notOneOfUs(s *scene) {
	for _, tc := range []struct {
		account slack.User
		told    string
	}{
		{slack.User{Name: "ghost"}, "your address"},
		{slack.User{Email: "unconfirmed@example.com", Unconfirmed: true}, "not confirmed"},
		{slack.User{Email: "robot@example.com", Bot: true}, "Bots"},
		{slack.User{Email: "guest@example.com", Restricted: true}, "Guests"},
		{slack.User{Email: "visitor@example.com", UltraRestricted: true}, "Guests"},
		{slack.User{Email: "stranger@example.net", Stranger: true}, "another workspace"},
		{slack.User{Email: "neighbour@example.com", TeamID: "T00000099"}, "another workspace"},
		{slack.User{Email: "leaver@example.com", Deleted: true}, "deactivated"},
	} {
		who := s.w.slack.AddUser(tc.account)
		if answer := s.types(who.ID, s.name+" debug 10m let me in"); !strings.Contains(answer.Visible(), tc.told) {
			s.Errorf("%s is told %q; want something of %q", who.Name, answer.Visible(), tc.told)
		}
	}
	r := s.asksInSlack(s.dan, "10m one of us")
	asked := s.shown(s.name, "Access request", r.ID)
	guest := s.in("guest@example.com")
	guest.Click(asked, approve)
	guest.AwaitTold("Guests")
	if r = s.request(r.ID); len(r.Reviews) > 0 {
		s.Errorf("the click of a guest counted: %+v", r.Reviews)
	}
}
