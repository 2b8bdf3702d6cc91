package siem_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/fake/splunk"
)

const (
	eventPath = "/services/collector/event"
	ackPath   = "/services/collector/ack"
)

func newSplunk(t *testing.T, cfg siem.SplunkConfig) *siem.Splunk {
	t.Helper()
	s, err := siem.NewSplunk(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// splunkSink is a sender to a fake.
func splunkSink(t *testing.T, f *splunk.Fake, ack bool) *siem.Splunk {
	t.Helper()
	return newSplunk(t, siem.SplunkConfig{URL: f.URL(), Token: f.Token(), Ack: ack})
}

func mustSend(t *testing.T, s vendorSender, records []access.AuditRecord) (receipt string) {
	t.Helper()
	receipt, err := s.Send(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func checkSettled(t *testing.T, s *siem.Splunk, receipt string, want bool) {
	t.Helper()
	safe, err := s.Settled(t.Context(), receipt)
	if err != nil || safe != want {
		t.Errorf("Settled(%q) = %t, %v; want %t", receipt, safe, err, want)
	}
}

func TestEveryCodeOfSplunkIsJudged(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
		says   string
	}{
		"0, success":                         {200, `{"text":"Success","code":0}`, "taken", ""},
		"1, the token is disabled":           {403, `{"text":"Token disabled","code":1}`, "for an operator", "enable the token"},
		"2, a token is required":             {401, `{"text":"Token is required","code":2}`, "for an operator", "Authorization"},
		"3, invalid authorization":           {401, `{"text":"Invalid authorization","code":3}`, "for an operator", "Authorization"},
		"4, invalid token":                   {403, `{"text":"Invalid token","code":4}`, "for an operator", "`token`"},
		"5, no data":                         {400, `{"text":"No data","code":5}`, "record -1 is refused", ""},
		"6, invalid data without a number":   {400, `{"text":"Invalid data format","code":6}`, "record -1 is refused", ""},
		"6, of the first":                    {400, `{"text":"Invalid data format","code":6,"invalid-event-number":0}`, "record 0 is refused", ""},
		"6, of one that was not sent":        {400, `{"text":"Invalid data format","code":6,"invalid-event-number":3}`, "record -1 is refused", ""},
		"6, of a negative one":               {400, `{"text":"Invalid data format","code":6,"invalid-event-number":-2}`, "record -1 is refused", ""},
		"7, incorrect index":                 {400, `{"text":"Incorrect index","code":7,"invalid-event-number":0}`, "for an operator", "`index`"},
		"8, internal error":                  {500, `{"text":"Internal server error","code":8}`, "later", ""},
		"9, busy":                            {503, `{"text":"Server is busy","code":9}`, "later", ""},
		"10, the channel is missing":         {400, `{"text":"Data channel is missing","code":10}`, "for an operator", "`ack: true`"},
		"11, invalid channel":                {400, `{"text":"Invalid data channel","code":11}`, "for an operator", "Channel"},
		"12, no event":                       {400, `{"text":"Event field is required","code":12,"invalid-event-number":2}`, "record 2 is refused", ""},
		"13, a blank event":                  {400, `{"text":"Event field cannot be blank","code":13,"invalid-event-number":1}`, "record 1 is refused", ""},
		"14, no acknowledgement":             {400, `{"text":"ACK is disabled","code":14}`, "for an operator", "`ack: false`"},
		"15, fields":                         {400, `{"text":"Error in handling indexed fields","code":15,"invalid-event-number":0}`, "record 0 is refused", ""},
		"16, a token in the query":           {400, `{"text":"Query string authorization is not enabled","code":16}`, "for an operator", "query"},
		"17, of its health":                  {200, `{"text":"HEC is healthy","code":17}`, "for an operator", "health"},
		"18, its queues are full":            {503, `{"text":"HEC is unhealthy, queues are full","code":18}`, "later", ""},
		"19, it can not acknowledge":         {503, `{"text":"HEC is unhealthy, ack service unavailable","code":19}`, "later", ""},
		"20, both":                           {503, `{"text":"HEC is unhealthy, queues are full, ack service unavailable","code":20}`, "later", ""},
		"21, invalid token":                  {400, `{"text":"Invalid token","code":21}`, "for an operator", "`token`"},
		"22, the token is disabled":          {400, `{"text":"Token disabled","code":22}`, "for an operator", "enable the token"},
		"23, it is going down":               {503, `{"text":"Server is shutting down","code":23}`, "later", ""},
		"24, its queue is filling":           {200, `{"text":"HEC queue is approaching capacity","code":24}`, "taken", ""},
		"25, so are its acknowledgements":    {200, `{"text":"HEC ACK is approaching capacity","code":25}`, "taken", ""},
		"26, its queue is full":              {429, `{"text":"HEC queue is at capacity","code":26}`, "later", ""},
		"27, the channel is full":            {429, `{"text":"HEC ACK channel is at capacity","code":27}`, "later", ""},
		"a code that nobody knows":           {400, `{"text":"Something new","code":99}`, "for an operator", "Something new"},
		"a code that nobody knows with 503":  {503, `{"text":"Something new","code":99}`, "later", ""},
		"success with a status that is none": {503, `{"text":"Success","code":0}`, "later", ""},
		"too large":                          {413, `<html>too large</html>`, "record -1 is refused", "too large"},
		"too large, in words of its own":     {413, `{"text":"Request entity too large","code":27}`, "record -1 is refused", ""},
		"200 of somebody in between":         {200, `<html>Sign in</html>`, "for an operator", "check the URL"},
		"a redirect":                         {302, ``, "for an operator", "check the URL"},
		"another service at the address":     {404, `not found`, "for an operator", "check the URL"},
	} {
		bubble.Test(t, func(t *testing.T) {
			s := newSplunk(t, siem.SplunkConfig{URL: "https://splunk.example.com:8088", Token: vendorToken, Transport: saying(tc.status, tc.body)})
			_, err := s.Send(t.Context(), audited(1, 3))
			if got := outcome(err); got != tc.want {
				t.Errorf("%s: %s; want %s (%v)", name, got, tc.want, err)
			}
			if err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %v; want %q in it", name, err, tc.says)
			}
		})
	}
}

func TestSplunkHoldsEventsAsTheyWereGiven(t *testing.T) {
	for name, plain := range map[string]bool{"compressed": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			f := splunk.New(t, splunk.Config{Token: splunk.Token{Indexes: []string{"security"}}})
			s := newSplunk(t, siem.SplunkConfig{URL: f.URL(), Token: f.Token(), Index: "security", Host: "gw-1", Plain: plain})
			sent := audited(41, 3)
			if receipt := mustSend(t, s, sent); receipt != "" {
				t.Errorf("the receipt is %q; want none", receipt)
			}
			state := f.State()
			if len(state.Index) != 3 || len(state.Calls) != 1 || (state.Calls[0].Header.Get("Content-Encoding") == "gzip") == plain {
				t.Fatalf("it has\n%s", state)
			}
			for i, e := range state.Index {
				want := splunk.Event{Time: 1795345175.123456, Host: "gw-1", Source: "curfew", SourceType: "curfew:audit", Index: "security", Request: 1}
				if e.Time != want.Time || e.Host != want.Host || e.Source != want.Source || e.SourceType != want.SourceType || e.Index != want.Index {
					t.Errorf("event %d is %+v; want %+v", i, e, want)
				}
				if !bytes.Equal(e.Raw, sent[i].Body) {
					t.Errorf("event %d is %s; want %s", i, e.Raw, sent[i].Body)
				}
				if fields := fmt.Sprint(e.Fields); fields != fmt.Sprintf("map[event_id:evt_%08d event_type:grant.ended seq:%d]", 41+i, 41+i) {
					t.Errorf("the fields of event %d are %s", i, fields)
				}
			}
		})
	}
}

func TestRecordThatIsNoJSONIsRefusedBeforeItIsSent(t *testing.T) {
	f := splunk.New(t, splunk.Config{})
	s := splunkSink(t, f, false)
	for name, body := range map[string]string{"nothing": "", "a text": `"x"`, "null": "null", "half an object": `{"a":`, "two": `{}{}`} {
		records := audited(1, 3)
		records[1].Body = []byte(body)
		if _, err := s.Send(t.Context(), records); outcome(err) != "record 1 is refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := f.Calls(); len(calls) != 0 {
		t.Errorf("it was called: %v", calls)
	}
}

func TestShortFaultOfSplunkCostsOneCall(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		f := splunk.Unstarted(splunk.Config{})
		f.Script(splunk.Busy(), splunk.Close().Taking())
		s := newSplunk(t, siem.SplunkConfig{URL: "http://splunk.example.com:8088", Token: f.Token(), Transport: f.Transport()})
		mustSend(t, s, audited(1, 2))
		state := f.State()
		if len(state.Index) != 4 || len(state.Distinct("event_id")) != 2 || len(state.Calls) != 3 {
			t.Errorf("two events, of which a connection broke that had them:\n%s", state)
		}
	})
}

func TestSplunkThatAsksForPatienceIsHeard(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		f := splunk.Unstarted(splunk.Config{})
		f.Script(splunk.Busy().With("Retry-After", "60"))
		s := newSplunk(t, siem.SplunkConfig{URL: "http://splunk.example.com:8088", Token: f.Token(), Transport: f.Transport()})
		_, err := s.Send(t.Context(), audited(1, 1))
		if wish := retryAfter(err); wish != time.Minute || len(f.Calls()) != 1 {
			t.Errorf("RetryAfter = %s after %d calls; want 1m after 1 (%v)", wish, len(f.Calls()), err)
		}
	})
}

func TestReceiptIsSettledOnceWhatItStandsForIsIndexed(t *testing.T) {
	f := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true}})
	f.Hold()
	s := splunkSink(t, f, true)
	first, second := mustSend(t, s, audited(1, 2)), mustSend(t, s, audited(3, 1))
	if first == second || !strings.HasSuffix(first, "/0") || !strings.HasSuffix(second, "/1") {
		t.Fatalf("the receipts are %q and %q", first, second)
	}
	checkSettled(t, s, first, false)
	f.IndexNext()
	checkSettled(t, s, second, false)
	checkSettled(t, s, first, true)
	checkSettled(t, s, first, false) // a yes is said once
	f.Flow()

	// Another process asks with a receipt that it did not get itself.
	checkSettled(t, splunkSink(t, f, true), second, true)
}

func TestReceiptIsLostWithSplunksMemory(t *testing.T) {
	f := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true}})
	f.Hold()
	s := splunkSink(t, f, true)
	receipt := mustSend(t, s, audited(1, 2))
	f.Restart()
	f.Flow()
	checkSettled(t, s, receipt, false)
	if n := len(f.State().Index); n != 0 {
		t.Errorf("%d events are indexed; want none", n)
	}
	again := mustSend(t, s, audited(1, 2))
	checkSettled(t, s, again, true)
}

func TestReceiptThatIsNoneOfSplunksIsNeverSafe(t *testing.T) {
	f := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true}})
	s := splunkSink(t, f, true)
	for _, receipt := range []string{"", "x", "/1", "no-channel/1", "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b/", "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b/x"} {
		checkSettled(t, s, receipt, false)
	}
	if calls := f.Calls(); len(calls) != 0 {
		t.Errorf("Splunk was asked: %v", calls)
	}
	checkSettled(t, s, "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b/7", false) // it asks, of a number that there is not
	if calls := f.Calls(); len(calls) != 1 || calls[0].Channel != "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b" {
		t.Errorf("Splunk was asked: %v", calls)
	}
}

func TestFaultsOfTheQuestionWhatIsIndexed(t *testing.T) {
	const receipt = "9f8e7d6c-5b4a-4e3d-8c2b-1a0f9e8d7c6b/0"
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a token without acknowledgement": {400, `{"text":"ACK is disabled","code":14}`, "for an operator"},
		"an invalid token":                {403, `{"text":"Invalid token","code":4}`, "for an operator"},
		"busy":                            {503, `{"text":"Server is busy","code":9}`, "later"},
		"an answer that says nothing":     {200, `{"text":"Success","code":0}`, "later"},
		"nothing at all":                  {200, ``, "for an operator"},
	} {
		bubble.Test(t, func(t *testing.T) {
			s := newSplunk(t, siem.SplunkConfig{URL: "https://splunk.example.com:8088", Token: vendorToken, Ack: true, Transport: saying(tc.status, tc.body)})
			safe, err := s.Settled(t.Context(), receipt)
			if safe || outcome(err) != tc.want {
				t.Errorf("%s: %t, %v; want %s", name, safe, err, tc.want)
			}
		})
	}
}

// What was taken is not sent again and again while an operator looks for the fault.
func TestAcknowledgementThatDoesNotComeIsAMisconfiguration(t *testing.T) {
	f := splunk.New(t, splunk.Config{})
	s := splunkSink(t, f, true)
	for range 3 {
		if _, err := s.Send(t.Context(), audited(1, 2)); outcome(err) != "for an operator" || !strings.Contains(err.Error(), "`ack: false`") {
			t.Errorf("Send = %v; want the remedy", err)
		}
	}
	if state := f.State(); len(state.Index) != 2 || state.To(ackPath) != 2 || state.To(eventPath) != 1 {
		t.Errorf("it has\n%s", state)
	}
	f.AddToken(splunk.Token{Value: f.Token(), Ack: true})
	checkSettled(t, s, mustSend(t, s, audited(1, 2)), true)
	mustSend(t, s, audited(3, 2))
	if state := f.State(); state.To(ackPath) != 4 {
		t.Errorf("it is in doubt for ever:\n%s", state)
	}
}

func TestSplunksCheckNamesWhatIsWrongAndLeavesNothingBehind(t *testing.T) {
	for name, tc := range map[string]struct {
		token splunk.Token
		key   string
		ack   bool
		sick  int
		says  string // "": it is well
	}{
		"a good token":                           {},
		"a good token with acknowledgement":      {token: splunk.Token{Ack: true}, ack: true},
		"a queue that fills":                     {sick: 24},
		"a token that is unknown":                {key: "nobody-gave-this", says: "set `token`"},
		"a token that is disabled":               {token: splunk.Token{Disabled: true}, says: "enable the token"},
		"no acknowledgement where it is awaited": {ack: true, says: "`ack: false`"},
		"acknowledgement where it is not":        {token: splunk.Token{Ack: true}, says: "`ack: true`"},
		"full queues":                            {sick: 18, says: "queues are full"},
	} {
		bubble.Test(t, func(t *testing.T) {
			f := splunk.Unstarted(splunk.Config{Token: tc.token})
			if tc.sick != 0 {
				f.Sicken(tc.sick)
			}
			if tc.key == "" {
				tc.key = f.Token()
			}
			s := newSplunk(t, siem.SplunkConfig{URL: "http://splunk.example.com:8088", Token: tc.key, Ack: tc.ack, Transport: f.Transport()})
			err := s.Check(t.Context())
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %v; want %q", name, err, tc.says)
			}
			if state := f.State(); len(state.Index)+state.Queued != 0 {
				t.Errorf("%s: it left something behind:\n%s", name, state)
			}
		})
	}
}

func TestSplunksConfigurationReportsEveryFault(t *testing.T) {
	bad := siem.SplunkConfig{URL: "splunk.example.com", Token: "a b" + vendorToken, Index: "Main!", Host: "gw\r\nX: y", Timeout: -time.Second}
	_, err := siem.NewSplunk(bad)
	for _, want := range []string{"the URL", "the token", "the index", "the host", "the timeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the faults are %v; want %q among them", err, want)
		}
	}
	if bad.Check() == nil {
		t.Error("Check finds nothing")
	}
	checkSecrets(t, "the configuration", bad, err)
	for name, cfg := range map[string]siem.SplunkConfig{
		"no token":        {URL: "https://splunk.example.com:8088"},
		"no URL":          {Token: vendorToken},
		"a query":         {URL: "https://splunk.example.com:8088?token=x", Token: vendorToken},
		"a user":          {URL: "https://x:y@splunk.example.com:8088", Token: vendorToken},
		"an index of two": {URL: "https://splunk.example.com:8088", Token: vendorToken, Index: "a,b"},
	} {
		if cfg.Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestSplunksURLIsTakenAsItIsFound(t *testing.T) {
	for given, want := range map[string]string{
		"https://splunk.example.com:8088":                              "/services/collector/event",
		"https://splunk.example.com:8088/":                             "/services/collector/event",
		"https://splunk.example.com:8088/services/collector":           "/services/collector/event",
		"https://splunk.example.com:8088/services/collector/event":     "/services/collector/event",
		"https://splunk.example.com:8088/services/collector/event/1.0": "/services/collector/event",
		"https://proxy.example.com/hec/":                               "/hec/services/collector/event",
	} {
		got := ""
		s := newSplunk(t, siem.SplunkConfig{URL: given, Token: vendorToken, Transport: answering(func(r *http.Request) (int, string) {
			got = r.URL.Path
			return http.StatusOK, `{"text":"Success","code":0}`
		})})
		mustSend(t, s, audited(1, 1))
		if got != want {
			t.Errorf("%s: it is called at %s; want %s", given, got, want)
		}
	}
}
