package pagerduty_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PagerDuty/go-pagerduty/webhookv3"

	"github.com/curfew-access/curfew/connectors/pagerduty"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
)

const (
	hookSecret = "first-secret-of-the-subscription"
	hookOther  = "second-secret-of-the-subscription"
)

// hookTime is the time of the hook's clock, and of its events.
var hookTime = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// hookBook is a receiver that keeps a book, and knows an event again.
type hookBook struct {
	mu      sync.Mutex
	events  []access.IncidentEvent
	refused []string
	pokes   int
	take    func(context.Context) error // before anything is written down; nil: nothing
}

// be makes the ledger behind the book as it says.
func (b *hookBook) be(take func(context.Context) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.take = take
}

func (b *hookBook) ledger(ctx context.Context) error {
	b.mu.Lock()
	take := b.take
	b.mu.Unlock()
	if take == nil {
		return nil
	}
	return take(ctx)
}

func (b *hookBook) TakeIncidentEvent(ctx context.Context, e access.IncidentEvent) (bool, error) {
	if err := b.ledger(ctx); err != nil {
		return false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, known := range b.events {
		if known.ID == e.ID {
			return false, nil
		}
	}
	b.events = append(b.events, e)
	return true, nil
}

func (b *hookBook) RefuseHook(ctx context.Context, hook, source, reason string) {
	_ = b.ledger(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused = append(b.refused, hook+" "+source+" "+reason)
}

func (b *hookBook) poke() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pokes++
}

// hookScene is a hook with its receiver and its log.
type hookScene struct {
	t    *testing.T
	hook *pagerduty.Hook
	book *hookBook
	log  *bytes.Buffer
}

func newHookScene(t *testing.T, secrets ...string) *hookScene {
	t.Helper()
	s := &hookScene{t: t, book: &hookBook{}, log: &bytes.Buffer{}}
	var err error
	s.hook, err = pagerduty.NewHook(pagerduty.HookConfig{
		Secrets: secrets, Receiver: s.book, Poke: s.book.poke,
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return hookTime },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// send posts a body with lines of signatures.
func (s *hookScene) send(body string, signatures ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/hooks/pagerduty", strings.NewReader(body))
	for _, line := range signatures {
		r.Header.Add("X-PagerDuty-Signature", line)
	}
	w := httptest.NewRecorder()
	s.hook.ServeHTTP(w, r)
	return w
}

// tell posts a body that is signed.
func (s *hookScene) tell(body string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(body, hookSign(hookSecret, body))
}

func (s *hookScene) want(w *httptest.ResponseRecorder, status int, outcome string) {
	s.t.Helper()
	if w.Code != status {
		s.t.Errorf("answered %d, want %d", w.Code, status)
	}
	if n := s.hook.Counts()[outcome]; n == 0 {
		s.t.Errorf("nothing is counted as %s: %v", outcome, s.hook.Counts())
	}
}

func hookSign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// hookMessage is a message about incident PGR0VU2, changed as the test wants it.
func hookMessage(t testing.TB, change func(event, data map[string]any)) string {
	t.Helper()
	data := map[string]any{
		"id": "PGR0VU2", "type": "incident", "number": 2, "status": "resolved", "title": "A bump in the road",
		"assignees": []any{}, "priority": nil, "resolve_reason": nil,
	}
	event := map[string]any{
		"id": "5ac64822-4adc-4fda-ade0-410becf0de4f", "event_type": "incident.resolved", "resource_type": "incident",
		"occurred_at": hookTime.Format(time.RFC3339Nano), "agent": nil, "client": map[string]any{"name": "PagerDuty"}, "data": data,
	}
	change(event, data)
	raw, err := json.Marshal(map[string]any{"event": event})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func asItComes(map[string]any, map[string]any) {}

func TestHookTakesWhatAnySecretSigned(t *testing.T) {
	t.Parallel()
	body := hookMessage(t, asItComes)
	first, second, foreign := hookSign(hookSecret, body), hookSign(hookOther, body), hookSign("another's", body)
	cases := map[string]struct {
		lines []string
		want  int
	}{
		"by the first secret":                           {[]string{first}, 202},
		"by the second, while they are replaced":        {[]string{second}, 202},
		"by a foreign one and then by ours":             {[]string{foreign + "," + first}, 202},
		"with a space after the comma":                  {[]string{foreign + ", " + first + " "}, 202},
		"in the second line of the header":              {[]string{foreign, first}, 202},
		"in upper case":                                 {[]string{"v1=" + strings.ToUpper(first[3:])}, 202},
		"beside a version that is not known":            {[]string{"v2=00," + first}, 202},
		"by a foreign secret":                           {[]string{foreign}, 403},
		"by the empty secret":                           {[]string{hookSign("", body)}, 403},
		"for another body":                              {[]string{hookSign(hookSecret, body+" ")}, 403},
		"as another version":                            {[]string{"v2=" + first[3:]}, 403},
		"without its version":                           {[]string{first[3:]}, 403},
		"cut off":                                       {[]string{first[:len(first)-2]}, 403},
		"with a digit too many":                         {[]string{first + "00"}, 403},
		"no hexadecimal at all":                         {[]string{"v1=xyz"}, 403},
		"an empty one":                                  {[]string{"v1="}, 403},
		"an empty header":                               {[]string{""}, 403},
		"no header":                                     {nil, 403},
		"behind more foreign ones than PagerDuty sends": {[]string{strings.Repeat(foreign+",", 16) + first}, 403},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHookScene(t, hookSecret, hookOther)
			w := s.send(body, tc.lines...)
			if taken := len(s.book.events) == 1; w.Code != tc.want || taken != (tc.want == 202) {
				t.Errorf("answered %d, want %d; taken: %v", w.Code, tc.want, taken)
			}
			if refused := len(s.book.refused) == 1; refused != (tc.want == 403) {
				t.Errorf("written down as refused: %v", s.book.refused)
			}
		})
	}
}

// Where the vendor's own check can be used at all (one line, no spaces, a secret),
// both must say the same.
func TestHookAgreesWithTheVendorsOwnCheck(t *testing.T) {
	t.Parallel()
	body := hookMessage(t, asItComes)
	good, foreign := hookSign(hookSecret, body), hookSign("another's", body)
	for name, line := range map[string]string{
		"one": good, "two": foreign + "," + good, "wrong": foreign, "no header": "", "no version": good[3:],
		"upper case": "v1=" + strings.ToUpper(good[3:]), "no digits": "v1=", "another version": "v2=" + good[3:], "cut off": good[:20],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/pagerduty", strings.NewReader(body))
			r.Header.Set("X-PagerDuty-Signature", line)
			theirs := webhookv3.VerifySignature(r, hookSecret) == nil
			if ours := newHookScene(t, hookSecret).send(body, line).Code == 202; ours != theirs {
				t.Errorf("ours says %v, the vendor's %v", ours, theirs)
			}
		})
	}
}

func TestHookNamesEveryFaultOfItsConfiguration(t *testing.T) {
	t.Parallel()
	book, log := &hookBook{}, slog.New(slog.DiscardHandler)
	cases := map[string]struct {
		cfg  pagerduty.HookConfig
		want []string
	}{
		"no secret":    {pagerduty.HookConfig{Receiver: book, Log: log}, []string{"has no secret"}},
		"an empty one": {pagerduty.HookConfig{Secrets: []string{hookSecret, ""}, Receiver: book, Log: log}, []string{"secret 2", "is empty"}},
		"one with a line's end": {
			pagerduty.HookConfig{Secrets: []string{hookSecret + "\n"}, Receiver: book, Log: log}, []string{"secret 1", "white space"},
		},
		"all at once": {
			pagerduty.HookConfig{Secrets: []string{"", " " + hookSecret}}, []string{"secret 1", "secret 2", "no receiver", "no log"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pagerduty.NewHook(tc.cfg)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), hookSecret) {
				t.Error("a secret is in the error")
			}
		})
	}
}

func TestHookTakesEventsAsTheyAre(t *testing.T) {
	t.Parallel()
	responder := func(typ string) func(event, data map[string]any) {
		return func(event, data map[string]any) {
			event["event_type"] = typ
			clear(data)
			data["type"], data["incident"] = "incident_responder", map[string]any{"id": "PGR0VU2", "type": "incident_reference"}
		}
	}
	of := func(typ, status string) func(event, data map[string]any) {
		return func(event, data map[string]any) { event["event_type"], data["status"] = typ, status }
	}
	cases := map[string]struct {
		change  func(event, data map[string]any)
		outcome string
		typ     string // of what is taken; "" for nothing
	}{
		"resolved":                            {asItComes, "taken", "incident.resolved"},
		"reopened":                            {of("incident.reopened", "triggered"), "taken", "incident.reopened"},
		"triggered":                           {of("incident.triggered", "triggered"), "taken", "incident.triggered"},
		"acknowledged":                        {of("incident.acknowledged", "acknowledged"), "taken", "incident.acknowledged"},
		"unacknowledged":                      {of("incident.unacknowledged", "triggered"), "taken", "incident.unacknowledged"},
		"reassigned":                          {of("incident.reassigned", "acknowledged"), "taken", "incident.reassigned"},
		"delegated":                           {of("incident.delegated", "triggered"), "taken", "incident.delegated"},
		"escalated":                           {of("incident.escalated", "triggered"), "taken", "incident.escalated"},
		"a responder was added":               {responder("incident.responder.added"), "taken", "incident.responder.added"},
		"a responder replied":                 {responder("incident.responder.replied"), "taken", "incident.responder.replied"},
		"a status that is not known yet":      {of("incident.escalated", "pondered"), "taken", "incident.escalated"},
		"members that are not known yet":      {func(e, d map[string]any) { e["mood"], d["mood"] = "good", 1 }, "taken", "incident.resolved"},
		"without its number":                  {func(_, d map[string]any) { delete(d, "number") }, "taken", "incident.resolved"},
		"an event of no use":                  {of("incident.annotated", "triggered"), "ignored", ""},
		"an event that is not known yet":      {of("incident.pondered", "triggered"), "ignored", ""},
		"an event of no use that is odd":      {func(e, _ map[string]any) { e["event_type"], e["data"] = "service.updated", 7 }, "ignored", ""},
		"the test message":                    {func(e, _ map[string]any) { e["event_type"], e["resource_type"] = "pagey.ping", "pagey" }, "ignored", ""},
		"without an id":                       {func(e, _ map[string]any) { delete(e, "id") }, "malformed", ""},
		"with an id that is too long":         {func(e, _ map[string]any) { e["id"] = strings.Repeat("x", 129) }, "malformed", ""},
		"with an id that is none":             {func(e, _ map[string]any) { e["id"] = "a\nb" }, "malformed", ""},
		"without a type":                      {func(e, _ map[string]any) { delete(e, "event_type") }, "malformed", ""},
		"with a type that is a number":        {func(e, _ map[string]any) { e["event_type"] = 1 }, "malformed", ""},
		"without its time":                    {func(e, _ map[string]any) { delete(e, "occurred_at") }, "malformed", ""},
		"at a time that is none":              {func(e, _ map[string]any) { e["occurred_at"] = "yesterday" }, "malformed", ""},
		"about a service":                     {func(e, _ map[string]any) { e["resource_type"] = "service" }, "malformed", ""},
		"without data":                        {func(e, _ map[string]any) { delete(e, "data") }, "malformed", ""},
		"with data that is a list":            {func(e, _ map[string]any) { e["data"] = []any{} }, "malformed", ""},
		"without the incident's id":           {func(_, d map[string]any) { delete(d, "id") }, "malformed", ""},
		"without the incident's status":       {func(_, d map[string]any) { delete(d, "status") }, "malformed", ""},
		"without the type of its data":        {func(_, d map[string]any) { delete(d, "type") }, "malformed", ""},
		"resolved, about a responder":         {responder("incident.resolved"), "malformed", ""},
		"a responder of no incident":          {func(e, d map[string]any) { responder("incident.responder.added")(e, d); delete(d, "incident") }, "malformed", ""},
		"48 hours old, to the second":         {at(-48 * time.Hour), "taken", "incident.resolved"},
		"older than that":                     {at(-48*time.Hour - time.Second), "too_old", ""},
		"from the future by less than it may": {at(4 * time.Minute), "taken", "incident.resolved"},
		"from the future by more":             {at(6 * time.Minute), "taken", "incident.resolved"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHookScene(t, hookSecret)
			s.want(s.tell(hookMessage(t, tc.change)), 202, tc.outcome)
			s.wantTaken(tc.typ)
			skewed := strings.Contains(s.log.String(), "clock")
			if loud := strings.Contains(s.log.String(), "level=ERROR"); loud != (tc.outcome == "malformed") {
				t.Errorf("the log says\n%s", s.log)
			}
			if skewed != (name == "from the future by more") {
				t.Errorf("the log says of clocks\n%s", s.log)
			}
		})
	}
}

func at(offset time.Duration) func(event, data map[string]any) {
	return func(event, _ map[string]any) { event["occurred_at"] = hookTime.Add(offset).Format(time.RFC3339Nano) }
}

// wantTaken holds the book against one event of the type, or none.
func (s *hookScene) wantTaken(typ string) {
	s.t.Helper()
	if typ == "" {
		if len(s.book.events)+s.book.pokes != 0 {
			s.t.Errorf("taken: %+v, with %d pokes", s.book.events, s.book.pokes)
		}
		return
	}
	if len(s.book.events) != 1 || s.book.pokes != 1 {
		s.t.Fatalf("taken: %+v, with %d pokes", s.book.events, s.book.pokes)
	}
	e := s.book.events[0]
	if e.Type != typ || e.Source != "pagerduty" || e.Incident != "PGR0VU2" || e.ID == "" || e.OccurredAt.IsZero() || e.From != "192.0.2.1" {
		s.t.Errorf("taken: %+v", e)
	}
}

func TestHookDropsWhatIsNoMessageOfOneEvent(t *testing.T) {
	t.Parallel()
	one := hookMessage(t, asItComes)
	event := strings.TrimSuffix(strings.TrimPrefix(one, `{"event":`), "}")
	for name, body := range map[string]string{
		"nothing":               "",
		"no JSON":               "event=1",
		"half of it":            one[:len(one)/2],
		"something behind it":   one + "{}",
		"a list":                "[" + one + "]",
		"no event":              `{}`,
		"an event that is null": `{"event":null}`,
		"several events":        `{"events":[` + event + `]}`,
		"two events":            `{"event":` + event + `,"event":{"event_type":"incident.reopened"}}`,
		"two in another case":   `{"Event":{"event_type":"incident.reopened"},"event":` + event + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newHookScene(t, hookSecret)
			s.want(s.tell(body), 202, "malformed")
			s.wantTaken("")
			if !strings.Contains(s.log.String(), "level=ERROR") {
				t.Errorf("the log says\n%s", s.log)
			}
		})
	}
}

func TestHookTakesAnEventOnce(t *testing.T) {
	t.Parallel()
	s := newHookScene(t, hookSecret)
	body := hookMessage(t, asItComes)
	s.want(s.tell(body), 202, "taken")
	s.want(s.tell(body), 202, "repeated")
	s.wantTaken("incident.resolved")
	if n := s.book.events[0].Number; n != 2 {
		t.Errorf("its number is %d", n)
	}
}

func TestHookRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodHead, http.MethodOptions} {
		s := newHookScene(t, hookSecret)
		w := httptest.NewRecorder()
		s.hook.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/hooks/pagerduty", nil))
		s.want(w, 405, "not_post")
		if w.Header().Get("Allow") != "POST" {
			t.Errorf("%s is answered with %v", method, w.Header())
		}
	}
	for name, length := range map[string]int64{"as it says": 256<<10 + 1, "without saying so": -1} {
		t.Run("a body that is too large, "+name, func(t *testing.T) {
			t.Parallel()
			s := newHookScene(t, hookSecret)
			body := hookMessage(t, asItComes)
			body += strings.Repeat(" ", 256<<10+1-len(body))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/pagerduty", strings.NewReader(body))
			r.ContentLength = length
			r.Header.Set("X-PagerDuty-Signature", hookSign(hookSecret, body))
			w := httptest.NewRecorder()
			s.hook.ServeHTTP(w, r)
			s.want(w, 413, "too_large")
			s.wantTaken("")
		})
	}
	s := newHookScene(t, hookSecret)
	body := hookMessage(t, asItComes)
	s.want(s.tell(body+strings.Repeat(" ", 256<<10-len(body))), 202, "taken")
}

func TestHookAlertsOfARefusalOnceAMinute(t *testing.T) {
	t.Parallel()
	bubble.Test(t, func(t *testing.T) {
		s := newHookScene(t, hookSecret)
		body := hookMessage(t, asItComes)
		for range 120 {
			s.send(body, hookSign("another's", body))
			time.Sleep(time.Second) // fake: the bubble's clock
		}
		s.send(body)
		for reason, times := range map[string]int{"is by a secret that is configured": 2, "there is no signature": 1} {
			if n := strings.Count(s.log.String(), reason); n != times {
				t.Errorf("%q stands %d times, want %d, in\n%s", reason, n, times, s.log)
			}
		}
		for _, part := range []string{"level=ERROR", "24 h", "three refusals", "source=192.0.2.1"} {
			if !strings.Contains(s.log.String(), part) {
				t.Errorf("%q is not in\n%s", part, s.log)
			}
		}
		if n := s.hook.Counts()["refused"]; n != 121 {
			t.Errorf("%d are counted", n)
		}
		want := []string{"pagerduty 192.0.2.1 signature_wrong", "pagerduty 192.0.2.1 signature_missing"}
		if s.book.refused[0] != want[0] || s.book.refused[120] != want[1] {
			t.Errorf("written down as %q and %q", s.book.refused[0], s.book.refused[120])
		}
		for _, secret := range []string{hookSecret, hookSign(hookSecret, body), hookSign("another's", body)} {
			if strings.Contains(s.log.String(), secret) {
				t.Error("a secret or a signature is in the log")
			}
		}
	})
}

// blocked is a ledger that does not answer for so long.
func blocked(d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		time.Sleep(d) // fake: the bubble's clock
		return nil
	}
}

func TestHookAnswersInTimeWhateverTheLedgerDoes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		take    func(context.Context) error
		signed  bool
		status  int
		outcome string
	}{
		"it is slow, and in time":        {blocked(2 * time.Second), true, 202, "taken"},
		"it takes a minute":              {blocked(time.Minute), true, 503, "unavailable"},
		"it ends with its caller":        {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, true, 503, "unavailable"},
		"it is away":                     {func(context.Context) error { return errors.New("away") }, true, 503, "unavailable"},
		"it panics":                      {func(context.Context) error { panic("at the wrong moment") }, true, 503, "unavailable"},
		"it takes a minute to a refusal": {blocked(time.Minute), false, 403, "refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble.Test(t, func(t *testing.T) {
				s := newHookScene(t, hookSecret)
				s.book.be(tc.take)
				secret := hookSecret
				if !tc.signed {
					secret = "another's"
				}
				body, began := hookMessage(t, asItComes), time.Now()
				w := s.send(body, hookSign(secret, body))
				s.want(w, tc.status, tc.outcome)
				if took := time.Since(began); took >= 5*time.Second {
					t.Errorf("it took %s", took)
				}
				if tc.status == 503 && w.Header().Get("Retry-After") == "" {
					t.Error("it does not say when to come again")
				}
				time.Sleep(2 * time.Minute) // fake: the bubble's clock; what was begun comes to its end
			})
		})
	}
}

// What is taken after the answer was given is known when it comes again, and
// facts are asked for all the same.
func TestHookKnowsAgainWhatWasTakenTooLate(t *testing.T) {
	t.Parallel()
	bubble.Test(t, func(t *testing.T) {
		s := newHookScene(t, hookSecret)
		s.book.be(blocked(10 * time.Second))
		body := hookMessage(t, asItComes)
		s.want(s.tell(body), 503, "unavailable")
		time.Sleep(time.Minute) // fake: the bubble's clock
		s.book.be(nil)
		s.want(s.tell(body), 202, "repeated")
		s.wantTaken("incident.resolved")
	})
}

func TestHookBoundsWhatWaitsForTheLedger(t *testing.T) {
	t.Parallel()
	bubble.Test(t, func(t *testing.T) {
		s := newHookScene(t, hookSecret)
		s.book.be(blocked(time.Minute))
		send := func(n int) {
			var all sync.WaitGroup
			for i := range n {
				body := hookMessage(t, func(e, _ map[string]any) { e["id"] = fmt.Sprint("event-", i) })
				all.Go(func() { s.tell(body) })
			}
			all.Wait()
		}
		send(40)
		if c := s.hook.Counts(); c["unavailable"] != 16 || c["busy"] != 24 {
			t.Errorf("of 40 at once: %v", c)
		}
		send(1) // nobody waits for the 16 any more, and they are still at it
		if c := s.hook.Counts(); c["busy"] != 25 {
			t.Errorf("one more: %v", c)
		}
		time.Sleep(2 * time.Minute) // fake: the bubble's clock
		s.book.be(nil)
		send(1)
		if c := s.hook.Counts(); c["repeated"]+c["taken"] != 1 {
			t.Errorf("when the ledger is back: %v", c)
		}
	})
}

// Who begins a message and does not go on holds no place for long.
func TestHookDoesNotWaitForABodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	s := newHookScene(t, hookSecret)
	server := httptest.NewServer(s.hook)
	defer server.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("HTTP/1.1 503"))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 503" {
		t.Errorf("answered %q, %v", answer, err)
	}
}

func FuzzHookTakesOnlyWholeEvents(f *testing.F) {
	f.Add(hookMessage(f, asItComes))
	f.Add(hookMessage(f, func(e, d map[string]any) {
		e["event_type"], d["type"], d["incident"] = "incident.responder.added", "incident_responder", map[string]any{"id": "P1"}
	}))
	f.Add(`{"event":{"event_type":"incident.resolved"},"event":null}`)
	f.Add(`{"event":{"event_type":"pagey.ping"}}`)
	f.Add("{\"event\":{\"id\":\"\\ud800\",\"data\":{}}}")
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		s := newHookScene(t, hookSecret)
		w := s.tell(body)
		if len(body) <= 256<<10 && w.Code != 202 {
			t.Fatalf("answered %d", w.Code)
		}
		for _, e := range s.book.events {
			ids := len(e.ID) > 0 && len(e.ID) <= 128 && len(e.Incident) > 0 && len(e.Incident) <= 128
			if !ids || !strings.HasPrefix(e.Type, "incident.") || e.OccurredAt.IsZero() && !strings.Contains(body, "0001-") {
				t.Errorf("taken: %+v", e)
			}
		}
	})
}
