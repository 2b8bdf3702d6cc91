package pagerduty_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	fake "github.com/curfew-access/curfew/tests/fake/pagerduty"
)

// Faults that pass are sat out, and take as long as they should.
func TestPassingFaultsAreSatOut(t *testing.T) {
	cases := map[string]struct {
		script          []fake.Step
		tries           int
		atLeast, atMost time.Duration
	}{
		"no fault":                             {nil, 1, 0, 0},
		"500":                                  {[]fake.Step{fake.Status(500)}, 2, 200 * time.Millisecond, time.Second},
		"502 three times":                      {[]fake.Step{fake.Status(502).Times(3)}, 4, time.Second, 5 * time.Second},
		"408":                                  {[]fake.Step{fake.Status(408)}, 2, 200 * time.Millisecond, time.Second},
		"429 with the seconds to wait":         {[]fake.Step{fake.RateLimited(20)}, 2, 20 * time.Second, 20 * time.Second},
		"429 twice":                            {[]fake.Step{fake.RateLimited(50).Times(2)}, 3, 100 * time.Second, 100 * time.Second},
		"429 without headers and body":         {[]fake.Step{fake.RateLimitedWordless().Times(3)}, 4, 30 * time.Second, 30 * time.Second},
		"429 with HTTP's own header":           {[]fake.Step{fake.Status(429).With("Retry-After", "3")}, 2, 3 * time.Second, 3 * time.Second},
		"a body that comes too slowly":         {[]fake.Step{fake.Slow()}, 2, 20 * time.Second, 21 * time.Second},
		"a body that breaks off":               {[]fake.Step{fake.CutOff().Times(2)}, 3, 500 * time.Millisecond, 2 * time.Second},
		"a connection that is closed":          {[]fake.Step{fake.CloseConnection()}, 2, 200 * time.Millisecond, time.Second},
		"a limit that is used up by an answer": {[]fake.Step{fake.Saying(noOne).With("Ratelimit-Remaining", "0").With("Ratelimit-Reset", "30")}, 1, 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.crowd(1)
				s.Script(c.script...)
				began := time.Now()
				s.onCall(s.open().OnCall())
				if took := time.Since(began); took < c.atLeast || took > c.atMost {
					s.t.Errorf("took %s; want %s to %s", took, c.atLeast, c.atMost)
				}
				if tries := s.State().To("/oncalls"); tries != c.tries {
					s.t.Errorf("%d tries; want %d", tries, c.tries)
				}
			})
		})
	}
}

const noOne = `{"oncalls":[],"limit":100,"offset":0,"more":false,"total":null}`

func TestRequestsStayInsideTheRateLimit(t *testing.T) {
	play(t, fake.Config{Limit: 10}, func(s *scene) {
		s.config.Transport = s.Transport()
		s.crowd(2_500)
		began := time.Now()
		if got := s.onCall(s.open().OnCall()); len(got.Shifts) != 2_500 {
			s.t.Errorf("%d shifts; want 2,500", len(got.Shifts))
		}
		for _, c := range s.Calls() {
			if c.Status != http.StatusOK {
				s.t.Errorf("%s: the limit was run into", c)
			}
		}
		if took := time.Since(began); took != 2*time.Minute {
			s.t.Errorf("took %s; 25 requests at 10 a minute take 2m", took)
		}
		if !strings.Contains(s.log.String(), "waiting for PagerDuty's rate limit") {
			s.t.Errorf("the log does not say so: %s", s.log)
		}
	})
}

func TestLastingFaultsHaveAName(t *testing.T) {
	again := func(step fake.Step) fake.Step { return step.Times(7) }
	cases := map[string]struct {
		step fake.Step
		want error
		says string
	}{
		"a wrong key":                 {fake.Status(401), pagerduty.ErrUnauthorised, "the API key is wrong or was deleted"},
		"a plan without it":           {fake.Status(402), pagerduty.ErrPlan, "402"},
		"a key that may not":          {fake.Status(403), pagerduty.ErrForbidden, "make a read-only key"},
		"no such thing":               {fake.Status(404), pagerduty.ErrNotFound, "GET /oncalls"},
		"a refusal":                   {fake.Status(400), pagerduty.ErrRefused, "code 2000: Bad Request"},
		"a redirect":                  {fake.Status(302).With("Location", "https://elsewhere.test/"+key), pagerduty.ErrRefused, "302"},
		"429 all the time":            {again(fake.RateLimitedWordless()), pagerduty.ErrRateLimited, "429"},
		"429 for longer than a call":  {fake.RateLimited(200), pagerduty.ErrRateLimited, "it asks to wait 3m20s"},
		"500 all the time":            {again(fake.Status(500)), pagerduty.ErrUnreachable, "500"},
		"no answer ever":              {again(fake.CloseConnection()), pagerduty.ErrUnreachable, "no answer from https://api.pagerduty.test"},
		"bodies that never come":      {again(fake.Slow()), pagerduty.ErrUnreachable, "nothing within"},
		"what is no JSON":             {fake.Saying("<html>" + key), pagerduty.ErrMalformed, "no JSON object"},
		"JSON that breaks off":        {fake.Saying(`{"oncalls":[`), pagerduty.ErrMalformed, "no JSON object"},
		"an empty answer":             {fake.Saying(``), pagerduty.ErrMalformed, "no JSON object"},
		"an object without a list":    {fake.Saying(`{}`), pagerduty.ErrMalformed, `no list "oncalls"`},
		"null for the list":           {fake.Saying(`{"oncalls":null,"more":false}`), pagerduty.ErrMalformed, `no list "oncalls"`},
		"an object for the list":      {fake.Saying(`{"oncalls":{},"more":false}`), pagerduty.ErrMalformed, `no list "oncalls"`},
		"no word of more":             {fake.Saying(`{"oncalls":[]}`), pagerduty.ErrMalformed, "whether there is more"},
		"a list of something else":    {fake.Saying(`{"oncalls":["` + key + `"],"more":false}`), pagerduty.ErrMalformed, "GET /oncalls"},
		"an answer that is too long":  {fake.Huge(9 << 20), pagerduty.ErrMalformed, "longer than 8 MiB"},
		"an error that repeats a key": {fake.Status(403).Body(`{"error":{"message":"bad key ` + key + `","code":1}}`), pagerduty.ErrForbidden, "withheld"},
		"another page than was asked": {fake.Saying(`{"oncalls":[],"offset":100,"more":false}`), pagerduty.ErrMalformed, "page from 100"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.crowd(1)
				s.Script(c.step)
				got, err := s.open().OnCall().Fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
					s.t.Fatalf("error = %v; want %v that says %q", err, c.want, c.says)
				}
				if got.Shifts != nil || got.Source != "" {
					s.t.Errorf("a snapshot came with the error: %+v", got)
				}
				s.quiet(err.Error())
			})
		})
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.Script(fake.Slow().Times(20))
		ctx, cancel := context.WithTimeout(s.t.Context(), 7*time.Second)
		defer cancel()
		began := time.Now()
		_, err := s.open().OnCall().Fetch(ctx, access.SourceAsk{Now: began})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, pagerduty.ErrUnreachable) || time.Since(began) != 7*time.Second {
			s.t.Errorf("error = %v after %s; want the deadline after 7s", err, time.Since(began))
		}
	})
}

func TestFetchHasADeadlineOfItsOwn(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.config.Transport = s.Transport()
		s.crowd(3_000)
		for range 30 { // no page takes too long, all together do
			s.Script(fake.RateLimited(25), fake.Serve())
		}
		began := time.Now()
		_, err := s.open().OnCall().Fetch(context.WithoutCancel(s.t.Context()), access.SourceAsk{Now: began})
		if took := time.Since(began); !errors.Is(err, pagerduty.ErrRateLimited) && !errors.Is(err, pagerduty.ErrUnreachable) || took > pagerduty.FetchTimeout {
			s.t.Errorf("error = %v after %s", err, took)
		}
	})
}

func TestOneRequestAtATime(t *testing.T) {
	play(t, fake.Config{}, func(s *scene) {
		s.Script(fake.Slow())
		done := make(chan error, 2)
		client := s.open()
		for _, fetch := range []func(context.Context, access.SourceAsk) (access.Snapshot, error){client.OnCall().Fetch, client.Incidents().Fetch} {
			go func() {
				_, err := fetch(s.t.Context(), access.SourceAsk{Now: time.Now()})
				done <- err
			}()
		}
		time.Sleep(time.Second)
		if calls := s.Calls(); len(calls) != 1 {
			s.t.Errorf("%d requests while one is under way; want 1", len(calls))
		}
		s.Release()
		for range 2 {
			if err := <-done; err != nil {
				s.t.Error(err)
			}
		}
	})
}

func TestClockSkewIsSaid(t *testing.T) {
	cases := map[string]struct {
		skew time.Duration
		want string
	}{
		"none":               {0, ""},
		"half a minute":      {30 * time.Second, ""},
		"half a minute less": {-30 * time.Second, ""},
		"ahead":              {2 * time.Minute, "PagerDuty's clock is 2m0s ahead of ours"},
		"behind":             {-45 * time.Minute, "PagerDuty's clock is 45m0s behind ours"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Config{}, func(s *scene) {
				s.crowd(1)
				s.Skew(c.skew)
				s.Script(fake.RateLimited(40)) // a wait is no skew
				for _, got := range []access.Snapshot{s.onCall(s.open().OnCall()), s.incidents()} {
					if c.want != "" {
						s.fault(got, c.want)
					} else if len(got.Faults) > 0 {
						s.t.Errorf("faults = %q", got.Faults)
					}
				}
			})
		})
	}
}
