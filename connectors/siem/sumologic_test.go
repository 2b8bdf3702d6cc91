package siem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/bubble"
	"github.com/curfew-access/curfew/tests/fake/sumologic"
)

func newSumoLogic(t *testing.T, cfg siem.SumoLogicConfig) *siem.SumoLogic {
	t.Helper()
	s, err := siem.NewSumoLogic(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func retryAfter(err error) time.Duration {
	var failed *access.DeliveryError
	if !errors.As(err, &failed) {
		return 0
	}
	return failed.RetryAfter
}

func TestSumoLogicHoldsALineAnEventWithWhatTheHeadersSay(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{Fields: []string{"env", "team"}})
	s := newSumoLogic(t, siem.SumoLogicConfig{
		URL: f.URL(), Category: " access/curfew ", SourceName: "audit", Host: "gw-1",
		Fields: map[string]string{"team": "platform", "env": "prod", "unknown": "x"},
	})
	sent := audited(1, 3)
	sent[1].Body = []byte("{\n  \"id\": \"evt_00000002\",\r\n  \"a\": \"one line\"\n}")
	if receipt := mustSend(t, s, sent); receipt != "" {
		t.Errorf("the receipt is %q; want none", receipt)
	}
	state := f.State()
	if len(state.Messages) != 3 || state.Calls[0].Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("it has\n%s", state)
	}
	sent[1].Body = []byte(`{"id":"evt_00000002","a":"one line"}`)
	for i, m := range state.Messages {
		if !bytes.Equal(m.Text, sent[i].Body) {
			t.Errorf("message %d is %s; want %s", i, m.Text, sent[i].Body)
		}
		if m.Category != "access/curfew" || m.Name != "audit" || m.Host != "gw-1" || fmt.Sprint(m.Fields) != "map[env:prod team:platform]" {
			t.Errorf("message %d is of %+v", i, m)
		}
	}
}

func TestEveryStatusThatSumoLogicNamesIsJudged(t *testing.T) {
	for name, tc := range map[string]struct {
		step sumologic.Step
		want string
		wait time.Duration
	}{
		"200":                        {sumologic.Serve(), "taken", 0},
		"401, an unknown URL":        {sumologic.Status(401), "for an operator", 0},
		"408, a part of it is taken": {sumologic.TimedOut(1), "later", 0},
		"413":                        {sumologic.Status(413), "record -1 is refused", 0},
		"429 with a time":            {sumologic.Throttled(90), "later", 90 * time.Second},
		"429 without":                {sumologic.Throttled(0), "later", 15 * time.Second},
		"503":                        {sumologic.Status(503), "later", 0},
		"504":                        {sumologic.Status(504), "later", 0},
		"a connection that breaks":   {sumologic.Close(), "later", 0},
	} {
		bubble.Test(t, func(t *testing.T) {
			f := sumologic.Unstarted(sumologic.Config{})
			f.Script(tc.step)
			s := newSumoLogic(t, siem.SumoLogicConfig{URL: "https://collectors.sumologic.com/receiver/v1/http/" + f.Code(), Transport: f.Transport()})
			_, err := s.Send(t.Context(), audited(1, 3))
			if outcome(err) != tc.want || retryAfter(err) != tc.wait || len(f.Calls()) != 1 {
				t.Errorf("%s: %v, to wait %s, after %d calls; want %s, %s, 1", name, err, retryAfter(err), len(f.Calls()), tc.want, tc.wait)
			}
		})
	}
}

func TestSumoLogicIsSentAMegabyteAtMost(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{})
	s := newSumoLogic(t, siem.SumoLogicConfig{URL: f.URL()})
	records := audited(1, 100)
	for i := range records { // with the ends of the lines that is what it takes
		records[i].Body = []byte(`{"a":"` + strings.Repeat("x", 9999-8) + `"}`)
	}
	mustSend(t, s, records)
	records[0].Body = append(records[0].Body, ' ')
	if _, err := s.Send(t.Context(), records); outcome(err) != "record -1 is refused" {
		t.Errorf("more than it takes: %v", err)
	}
	if calls := f.Calls(); len(calls) != 1 || calls[0].Bytes != 1_000_000 || calls[0].Lines != len(records) {
		t.Errorf("it was called: %v", calls)
	}
}

func TestRecordOfSeveralLinesThatIsNoJSONIsRefused(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{})
	records := audited(1, 3)
	records[2].Body = []byte("one\ntwo")
	_, err := newSumoLogic(t, siem.SumoLogicConfig{URL: f.URL()}).Send(t.Context(), records)
	if outcome(err) != "record 2 is refused" || len(f.Calls()) != 0 {
		t.Errorf("%v after %v", err, f.Calls())
	}
}

func TestSumoLogicIsAskedByOneAtATime(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		f := sumologic.Unstarted(sumologic.Config{})
		f.Script(sumologic.Hang())
		s := newSumoLogic(t, siem.SumoLogicConfig{URL: "https://collectors.sumologic.com/receiver/v1/http/" + f.Code(), Transport: f.Transport()})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { _, _ = s.Send(t.Context(), audited(i+1, 1)) })
		}
		synctest.Wait()
		if n := len(f.Calls()); n != 1 {
			t.Errorf("%d requests are under way; want 1", n)
		}
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := s.Send(impatient, audited(4, 1)); outcome(err) != "later" {
			t.Errorf("whose turn does not come: %v", err)
		}
		f.Release()
		all.Wait()
		if state := f.State(); state.AtOnce != 1 || len(state.Messages) != 2 {
			t.Errorf("%d at once:\n%s", state.AtOnce, state)
		}
	})
}

func TestBlankMetadataIsTheSourcesOwn(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{})
	mustSend(t, newSumoLogic(t, siem.SumoLogicConfig{URL: f.URL(), Category: " ", Host: "  "}), audited(1, 1))
	if h := f.Calls()[0].Header; h.Values("X-Sumo-Category") != nil || h.Values("X-Sumo-Host") != nil || h.Values("X-Sumo-Fields") != nil {
		t.Errorf("the headers are %v", h)
	}
}

// This is how Sumo Logic is: what a budget drops can not be told from what is kept.
func TestBudgetDropsWithoutAWord(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{Budget: 1})
	mustSend(t, newSumoLogic(t, siem.SumoLogicConfig{URL: f.URL()}), audited(1, 3))
	if state := f.State(); len(state.Messages) != 1 || state.Dropped != 2 {
		t.Errorf("it has\n%s", state)
	}
}

func TestSumoLogicsCheckNamesAWrongURL(t *testing.T) {
	f := sumologic.New(t, sumologic.Config{})
	if err := newSumoLogic(t, siem.SumoLogicConfig{URL: f.URL()}).Check(t.Context()); err != nil {
		t.Error(err)
	}
	err := newSumoLogic(t, siem.SumoLogicConfig{URL: f.URL() + "x"}).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "set `url`") || strings.Contains(err.Error(), f.Code()[:12]) {
		t.Errorf("Check = %v", err)
	}
	if state := f.State(); len(state.Messages) != 0 {
		t.Errorf("it left something behind:\n%s", state)
	}
}

func TestSumoLogicsConfigurationReportsEveryFault(t *testing.T) {
	bad := siem.SumoLogicConfig{
		URL: "ftp://" + vendorCode, Category: "a\r\nX-Evil: b", SourceName: "\x00", Host: "gw\n", Timeout: -1,
		Fields: map[string]string{"a b": "x", "team": "a,b=c", "env": "", "line": "a\nb"},
	}
	_, err := siem.NewSumoLogic(bad)
	for _, want := range []string{"the URL", "the category", "the source name", "the host", "the timeout", `"a b"`, "the field team", "the field env", "the field line"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the faults are %v; want %q among them", err, want)
		}
	}
	checkSecrets(t, "the configuration", bad, err)
	for name, url := range map[string]string{
		"nothing":             "",
		"the host alone":      "https://collectors.sumologic.com/",
		"in the clear":        "http://collectors.sumologic.com/receiver/v1/http/" + vendorCode,
		"a user":              "https://a:b@collectors.sumologic.com/receiver/v1/http/" + vendorCode,
		"what can not be one": "https://collectors.sumologic.com/%zz" + vendorCode,
	} {
		cfg := siem.SumoLogicConfig{URL: url}
		err := cfg.Check()
		if err == nil {
			t.Errorf("%s is taken", name)
		}
		checkSecrets(t, name, err)
	}
}

// The secret has two equals signs, which some write in another way.
func TestSecretOfAURLThatIsEscapedIsHidden(t *testing.T) {
	escaped := strings.ReplaceAll(vendorCode, "=", "%3D")
	s := newSumoLogic(t, siem.SumoLogicConfig{
		URL: "https://collectors.sumologic.com/receiver/v1/http/" + escaped, Transport: saying(http.StatusUnauthorized, "no source "+vendorCode+" "+escaped),
	})
	_, err := s.Send(t.Context(), audited(1, 1))
	checkSecrets(t, "an escaped URL", s, err)
}
