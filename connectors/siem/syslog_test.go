package siem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/tests/fake/syslog"
)

// secureLogs is a collector, and a sink that is set to send to it.
func secureLogs(t *testing.T, cfg siem.SyslogConfig) (*siem.Syslog, *syslog.Collector) {
	t.Helper()
	logs := syslog.New(t, syslog.Config{})
	as, err := connectors.OpenCredentials(connectors.CredentialFiles{CA: logs.CA()})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Address, cfg.As = logs.Address(), as
	return newSyslog(t, cfg), logs
}

func newSyslog(t *testing.T, cfg siem.SyslogConfig) *siem.Syslog {
	t.Helper()
	sink, err := siem.NewSyslog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

func came(n int) func(syslog.State) bool {
	return func(s syslog.State) bool { return len(s.Messages) >= n }
}

func TestSyslogMessagesAreReadBackByAnotherParser(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{Host: "gate-1", AppName: "curfew-test", Facility: "local3", Enterprise: 4711})
	records := sealed(1, 2)
	ascii := access.AuditRecord{
		Seq: 3, EventID: "evt_3", Type: "access_request.callback_delivered", Time: time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC),
		Body: []byte(`{"request_id":"req_1","grant_id":null,"actor":null,"resource":{"type":"customer","id":"acme"}}`),
	}
	records = append(records, ascii)
	if receipt, err := sink.Send(t.Context(), records); err != nil || receipt != "" {
		t.Fatalf("%q, %v", receipt, err)
	}
	got := logs.Await(t, "all have come", came(3))
	if len(got.Broken) != 0 || len(got.Messages) != 3 {
		t.Fatalf("got %+v", got)
	}
	for i, m := range got.Messages {
		r := records[i]
		if m.Text != string(r.Body) || m.Facility != 19 || m.Severity != 5 || !m.Time.Equal(r.Time) || m.Host != "gate-1" ||
			m.App != "curfew-test" || m.Element != "curfew@4711" || m.Data["id"] != r.EventID || m.Data["type"] != r.Type || m.Data["seq"] != strconv.FormatInt(r.Seq, 10) {
			t.Errorf("message %d is %+v", i, m)
		}
	}
	first, last := got.Messages[0], got.Messages[2]
	if first.ID != "grant.started" || !first.Marked || first.Data["grant_id"] != "grt_1" || first.Data["subject"] != `user:a"]\z@example.com` {
		t.Errorf("the first is %+v", first)
	}
	if last.ID != ascii.Type[:32] || last.Marked || last.Data["request_id"] != "req_1" || last.Data["resource"] != "customer:acme" {
		t.Errorf("the last is %+v", last)
	}
	if _, there := last.Data["grant_id"]; there {
		t.Errorf("what is null is said: %v", last.Data)
	}
}

func TestSyslogReadsWhatItRepeatsFromAnOCSFEventToo(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	record := sealed(1, 1)[0]
	quoted, err := json.Marshal(string(record.Body))
	if err != nil {
		t.Fatal(err)
	}
	record.Body = fmt.Appendf(nil, `{"class_uid":3005,"raw_data":%s,"resource":"another form"}`, quoted)
	if _, err := sink.Send(t.Context(), []access.AuditRecord{record}); err != nil {
		t.Fatal(err)
	}
	m := logs.Await(t, "it has come", came(1)).Messages[0]
	if m.Data["grant_id"] != "grt_1" || m.Facility != 13 || m.App != "curfew" || m.Element != "curfew@32473" {
		t.Errorf("got %+v", m)
	}
}

// Some collectors take the mark of UTF-8 for a part of the text, which then is no JSON.
func TestSyslogCanWriteItsJSONInASCII(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{ASCII: true})
	record := sealed(1, 1)[0]
	record.Body = []byte(`{"reason":"Zoë & 日本 😀 \\u0041 \"quoted\""}`)
	if _, err := sink.Send(t.Context(), []access.AuditRecord{record}); err != nil {
		t.Fatal(err)
	}
	m := logs.Await(t, "it has come", came(1)).Messages[0]
	var sent, got any
	if err := errors.Join(json.Unmarshal(record.Body, &sent), json.Unmarshal([]byte(m.Text), &got)); err != nil || !reflect.DeepEqual(sent, got) {
		t.Errorf("it says %s: %v", m.Text, err)
	}
	if m.Marked || strings.ContainsFunc(m.Text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		t.Errorf("it is not ASCII: %s", m.Text)
	}
}

func TestSyslogWarnsOfWhatWasRefusedOrWentWrong(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	grave := map[string]int{
		"request.denied": 4, "operation.denied": 4, "caller.refused": 4, "binding.attempt_failed": 4, "binding.overdue": 4, "alarm.raised": 4,
		"sink.event_set_aside": 4, "access_request.callback_failed": 4,
		"request.approved": 5, "grant.ended": 5, "alarm.resolved": 5, "audit.checkpointed": 5,
	}
	var records []access.AuditRecord
	for typ := range grave {
		record := sealed(1, 1)[0]
		record.Type = typ
		records = append(records, record)
	}
	if _, err := sink.Send(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	for _, m := range logs.Await(t, "all have come", came(len(records))).Messages {
		if m.Severity != grave[m.ID] {
			t.Errorf("%s has the severity %d", m.ID, m.Severity)
		}
	}
}

func TestSyslogKeepsItsConnection(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	for seq := int64(1); seq <= 3; seq++ {
		if _, err := sink.Send(t.Context(), sealed(seq, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if s := logs.Await(t, "all have come", came(3)); s.Connections != 1 {
		t.Errorf("it took %d connections", s.Connections)
	}
}

// A collector that restarts between two batches costs nothing.
func TestSyslogFindsOutThatItsConnectionWasClosedBeforeItSends(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	for seq := int64(1); seq <= 5; seq++ {
		if _, err := sink.Send(t.Context(), sealed(seq, 1)); err != nil {
			t.Fatal(err)
		}
		logs.Await(t, "it has come", came(int(seq)))
		logs.Down()
		if err := logs.Up(); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range logs.State().Messages {
		if m.Data["seq"] != strconv.Itoa(i+1) {
			t.Errorf("message %d has the number %s", i+1, m.Data["seq"])
		}
	}
}

// A collector that dies in the middle of a batch gets all of it again.
func TestSyslogSendsABatchAgainThatWasCutOff(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	logs.CloseAfter(3)
	records := sealed(1, 200)
	for i := range records { // more than all buffers on the way hold
		records[i].Body = fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 64<<10))
	}
	_, err := sink.Send(t.Context(), records)
	var failed *access.DeliveryError
	if !errors.As(err, &failed) || access.IsPermanent(err) {
		t.Fatalf("got %v", err)
	}
	if _, err := sink.Send(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	got := logs.Await(t, "all have come", came(203)).Messages
	for i, m := range got[3:] {
		if m.Data["seq"] != strconv.Itoa(i+1) || len(m.Text) != len(records[i].Body) {
			t.Fatalf("message %d of the second time has the number %s and %d bytes", i+1, m.Data["seq"], len(m.Text))
		}
	}
}

func TestSyslogDoesNotWaitForEverForACollectorThatHangs(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{Timeout: 300 * time.Millisecond})
	if _, err := sink.Send(t.Context(), sealed(1, 1)); err != nil {
		t.Fatal(err)
	}
	logs.Await(t, "it has come", came(1))
	logs.Hang()
	records := sealed(2, 300)
	for i := range records {
		records[i].Body = fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 64<<10))
	}
	_, err := sink.Send(t.Context(), records)
	if !errors.Is(err, context.DeadlineExceeded) || access.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
	logs.Release()
	if _, err := sink.Send(t.Context(), sealed(2, 1)); err != nil {
		t.Fatal(err)
	}
	logs.Await(t, "the next has come, over another connection", func(s syslog.State) bool {
		return s.Connections == 2 && slices.ContainsFunc(s.Messages, func(m syslog.Message) bool { return m.Text == string(sealed(2, 1)[0].Body) })
	})
}

func TestSyslogEndsWithItsCaller(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	logs.Hang()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sink.Send(ctx, sealed(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSyslogTrustsNobodyByChance(t *testing.T) {
	logs, others := syslog.New(t, syslog.Config{KnowsWho: true}), syslog.New(t, syslog.Config{})
	cert, key := logs.ClientCertificate(t, "gate-1")
	strangers, strangersKey := others.ClientCertificate(t, "gate-1")
	cases := map[string]struct {
		files connectors.CredentialFiles
		name  string
		good  bool
	}{
		"both know each other":                {connectors.CredentialFiles{CA: logs.CA(), Cert: cert, Key: key}, "", true},
		"it has the other name":               {connectors.CredentialFiles{CA: logs.CA(), Cert: cert, Key: key}, "logs.example.com", true},
		"it does not have the name":           {connectors.CredentialFiles{CA: logs.CA(), Cert: cert, Key: key}, "elsewhere.example.com", false},
		"another authority vouches for it":    {connectors.CredentialFiles{CA: others.CA(), Cert: cert, Key: key}, "", false},
		"nobody says who calls":               {connectors.CredentialFiles{CA: logs.CA()}, "", false},
		"the caller's authority is not known": {connectors.CredentialFiles{CA: logs.CA(), Cert: strangers, Key: strangersKey}, "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			as, err := connectors.OpenCredentials(tc.files)
			if err != nil {
				t.Fatal(err)
			}
			sink := newSyslog(t, siem.SyslogConfig{Address: logs.Address(), ServerName: tc.name, As: as})
			_, err = sink.Send(t.Context(), sealed(1, 1))
			if tc.good != (err == nil) || !tc.good && !access.IsPermanent(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSyslogInClearStaysOnTheMachine(t *testing.T) {
	logs := syslog.New(t, syslog.Config{Plain: true})
	sink := newSyslog(t, siem.SyslogConfig{Address: logs.Address(), Insecure: true})
	if _, err := sink.Send(t.Context(), sealed(1, 2)); err != nil {
		t.Fatal(err)
	}
	logs.Await(t, "both have come", came(2))
}

func TestSyslogSaysEveryFaultOfItsConfiguration(t *testing.T) {
	as := &connectors.Credentials{}
	cases := map[string]struct {
		cfg  siem.SyslogConfig
		want []string
	}{
		"all at once": {siem.SyslogConfig{Address: "logs", Facility: "loud", AppName: "my app", Host: "é", Enterprise: -1, Timeout: -1},
			[]string{`"logs" is not <host>:<port>`, `"loud" is no facility`, "the app_name", "the host", "-1 is no private", "the timeout"}},
		"a facility beyond the last": {siem.SyslogConfig{Address: "a:1", Facility: "24"}, []string{`"24" is no facility`}},
		"in clear to elsewhere":      {siem.SyslogConfig{Address: "logs.example.com:514", Insecure: true}, []string{"this machine only"}},
		"in clear with TLS":          {siem.SyslogConfig{Address: "127.0.0.1:514", Insecure: true, As: as}, []string{"insecure and has TLS"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := siem.NewSyslog(tc.cfg)
			for _, want := range tc.want {
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
	for _, facility := range []string{"", "0", "23", "audit", "local0"} {
		if _, err := siem.NewSyslog(siem.SyslogConfig{Address: "a:1", Facility: facility}); err != nil {
			t.Errorf("%q: %v", facility, err)
		}
	}
}

func TestSyslogThatIsNotThereIsTriedAgain(t *testing.T) {
	sink, logs := secureLogs(t, siem.SyslogConfig{})
	logs.Down()
	if _, err := sink.Send(t.Context(), sealed(1, 1)); err == nil || access.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
	if err := logs.Up(); err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Send(t.Context(), sealed(1, 1)); err != nil {
		t.Error(err)
	}
}

func TestAnEventThatSyslogCanNotCarryIsRefusedByItself(t *testing.T) {
	sink, _ := secureLogs(t, siem.SyslogConfig{})
	records := sealed(1, 3)
	records[2].Type = "no type"
	_, err := sink.Send(t.Context(), records)
	var rejected *access.RejectedError
	if !errors.As(err, &rejected) || rejected.Index != 2 {
		t.Errorf("got %v", err)
	}
}
