package siem_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/tests/fake/syslog"
	"github.com/curfew-access/curfew/tests/service"
)

// documented is the configuration of rsyslog in docs/siem.md, with places of a test's
// own.
func documented(t *testing.T, ca, cert, key, out string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/siem.md")
	if err != nil {
		t.Fatal(err)
	}
	_, conf, there := strings.Cut(string(text), "```\n# /etc/rsyslog.d/curfew.conf\n")
	conf, _, ends := strings.Cut(conf, "```")
	if !there || !ends {
		t.Fatal("docs/siem.md does not have it")
	}
	return strings.NewReplacer("/etc/rsyslog-tls/ca.pem", ca, "/etc/rsyslog-tls/logs.pem", cert, "/etc/rsyslog-tls/logs.key", key,
		"/var/log/curfew.ndjson", out, "6514", "PORT").Replace(conf)
}

// A collector that is none of ours, set up as the documents say: each side shows who it
// is, and what was sent is read back as JSON.
func TestRsyslogWritesDownWhatItIsSent(t *testing.T) {
	t.Parallel()
	certificates := syslog.New(t, syslog.Config{})
	cert, key := certificates.ServerCertificate(t)
	mine, myKey := certificates.ClientCertificate(t, "gate")
	out := filepath.Join(t.TempDir(), "curfew.ndjson")
	server := service.Rsyslog(t, documented(t, certificates.CA(), cert, key, out))
	as, err := connectors.OpenCredentials(connectors.CredentialFiles{CA: certificates.CA(), Cert: mine, Key: myKey})
	if err != nil {
		t.Fatal(err)
	}
	sink := newSyslog(t, siem.SyslogConfig{Address: server.Addr, As: as, ASCII: true})
	records := sealed(1, 50)
	records[7].Body = []byte(`{"long":"` + strings.Repeat("x", 50<<10) + `"}`)
	for _, batch := range [][2]int{{0, 20}, {20, 50}} {
		if _, err := sink.Send(t.Context(), records[batch[0]:batch[1]]); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for deadline := time.After(30 * time.Second); len(lines) < len(records); {
		text, _ := os.ReadFile(out) // not there yet is empty
		lines = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		select {
		case <-deadline:
			t.Fatalf("it wrote %d lines:\n%.2000s", len(lines), text)
		case <-time.After(10 * time.Millisecond):
		}
	}
	for i, line := range lines {
		var got, want any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("line %d: %v: %.200s", i+1, err, line)
		}
		if err := json.Unmarshal(records[i].Body, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("line %d is %.200s, want %.200s", i+1, line, records[i].Body)
		}
	}
}
