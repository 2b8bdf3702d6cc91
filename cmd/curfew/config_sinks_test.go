package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// sinksOf is a configuration of sinks, one a line.
func sinksOf(sinks ...string) string { return "sinks:\n  - " + strings.Join(sinks, "\n  - ") }

const (
	splunkLine = "{splunk: {url: 'https://splunk.example.com:8088', token: env:TOKEN}}"
	hookLine   = "{webhook: {url: 'http://127.0.0.1/', secret: env:WEBHOOK}}"
	fileLine   = "{file: {path: audit.log}}"
	syslogLine = "{syslog: {address: 'logs.example.com:6514'}}"
)

func TestSinksAreReadWithTheirDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, sinksOf(splunkLine, "{name: sumo-eu, format: ocsf, sumologic: {url: file:sumo}}", hookLine, fileLine, syslogLine),
		"sumo", "https://collectors.example.com/receiver/v1/http/hunter2-hunter2\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range cfg.Sinks {
		got = append(got, fmt.Sprintf("%s %s %s %d %d %v", s.Name, s.Kind, s.Format, s.MaxBytes, s.MaxRecord, s.Sender))
	}
	want := []string{
		"splunk splunk json 1048576 0 Splunk at splunk.example.com:8088",
		"sumo-eu sumologic ocsf 900000 0 ",
		"webhook webhook json 262144 0 webhook sink",
		"file file json 524288 16777216 file sink " + filepath.Join(filepath.Dir(cfg.Path), "audit.log"),
		"syslog syslog json 262144 61440 syslog sink logs.example.com:6514",
	}
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]) || strings.Contains(got[i], "hunter2") {
			t.Fatalf("got %q\nwant %q", got, want)
		}
	}
	if said := cfg.sinksSaid(); said != "splunk, sumo-eu (sumologic), webhook, file, syslog" {
		t.Errorf("said is %q, with %q", said, cfg.Warnings)
	}
	if cfg.Sinks[3].File == nil || cfg.Sinks[0].Format != audit.FormatJSON {
		t.Errorf("got %+v", cfg.Sinks)
	}
	if listed := cfg.engineSinks(); len(listed) != 5 || listed[1].Name != "sumo-eu" || listed[1].Kind != "sumologic" {
		t.Errorf("the engine is told %+v", listed)
	}
}

func TestSinksTakeAllTheirKeys(t *testing.T) {
	t.Parallel()
	_, err := load(t, sinksOf(
		"{splunk: {url: 'https://s.example.com', token: env:TOKEN, index: audit, source: a, sourcetype: b, host: c, ack: true, gzip: false}}",
		"{webhook: {url: 'https://h.example.com/', secret: env:WEBHOOK, previous_secrets: [env:WEBHOOK], headers: {X-Team: sec, Authorization: env:TOKEN}, timeout: 5s}}",
		"{file: {path: audit.log, max_size: 10MiB, keep: 0, compress: false}}",
		"{syslog: {address: 'l.example.com:6514', tls: {server_name: logs}, facility: local3, app_name: gate, host: g1, enterprise: 4711, max_message: 8KiB}}",
		"{name: near, syslog: {address: '127.0.0.1:514', insecure: true}}",
	))
	if err != nil {
		t.Error(err)
	}
}

func TestFaultsOfSinksNameTheirPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ config, want string }{
		"no kind":                      {sinksOf("{name: a}"), "sinks[0]: a sink is one of splunk, sumologic, webhook, file and syslog, and this is none"},
		"two kinds":                    {sinksOf("{file: {path: a}, syslog: {address: 'a:1'}}"), "sinks[0]: a sink is one of splunk, sumologic, webhook, file and syslog, and this is file and syslog"},
		"an unknown kind":              {sinksOf("{kafka: {}}"), "sinks[0].kafka: there is no such key"},
		"an unknown key":               {sinksOf("{file: {path: a, colour: red}}"), "sinks[0].file.colour: there is no such key"},
		"two of one kind":              {sinksOf(fileLine, "{file: {path: b.log}}"), `sinks[1].name: "file" is sinks[0] already`},
		"a name that is none":          {sinksOf("{name: 'My Splunk', file: {path: a}}"), `sinks[0].name: "My Splunk" is no name of a sink`},
		"a format that is none":        {sinksOf("{format: csv, file: {path: a}}"), `sinks[0].format: "csv" is not json or ocsf`},
		"a secret in the file":         {sinksOf("{splunk: {url: 'https://s', token: hunter2-hunter2}}"), "sinks[0].splunk.token: a secret does not stand in the configuration itself"},
		"Sumo Logic's URL in the file": {sinksOf("{sumologic: {url: 'https://x/receiver/v1/http/hunter2'}}"), "sinks[0].sumologic.url: a secret does not stand"},
		"a webhook without a secret":   {sinksOf("{webhook: {url: 'https://h'}}"), "sinks[0].webhook.secret: it is missing"},
		"a webhook's timeout":          {sinksOf("{webhook: {url: 'https://h', secret: env:WEBHOOK, timeout: 1h}}"), "sinks[0].webhook: the timeout 1h0m0s"},
		"a webhook's secret of a kind": {sinksOf("{webhook: {url: 'https://h', secret: env:PLAIN}}"), "sinks[0].webhook: signing secret 1 of 1"},
		"no path":                      {sinksOf("{file: {}}"), "sinks[0].file.path: it is missing"},
		"one path for two":             {sinksOf("{name: a, file: {path: a.log}}", "{name: b, file: {path: ./a.log}}"), "sinks[1].file.path: it is that of sinks[0] already"},
		"the ledger's own file":        {sinksOf("{file: {path: curfew.db}}"), "sinks[0].file.path: it is the ledger's own"},
		"a file beside the ledger":     {sinksOf("{file: {path: curfew.db-wal}}"), "sinks[0].file.path: it is the ledger's own"},
		"the key of the audit log":     {sinksOf("{file: {path: ./curfew.db.audit.key}}"), "sinks[0].file.path: it is the ledger's own"},
		"a size that is none":          {sinksOf("{file: {path: a.log, max_size: much}}"), "sinks[0].file.max_size: want a size"},
		"syslog in clear to elsewhere": {sinksOf("{syslog: {address: 'logs.example.com:514', insecure: true}}"), "sinks[0].syslog: without TLS it goes to this machine only"},
		"syslog with TLS of nothing":   {sinksOf("{syslog: {address: 'a:1', tls: {}}}"), "sinks[0].syslog.tls: it names no file"},
		"syslog's small messages":      {sinksOf("{syslog: {address: 'a:1', max_message: 4KiB}}"), "sinks[0].syslog.max_message: it is too small"},
		"a facility that is none":      {sinksOf("{syslog: {address: 'a:1', facility: loud}}"), `sinks[0].syslog: "loud" is no facility`},
		"files that can not be used":   {sinksOf("{syslog: {address: 'a:1', tls: {ca: bad.pem}}}"), "sinks[0].syslog.tls: the CA file holds no certificate"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.config, "bad.pem", "none")
			wantFault(t, err, tc.want)
		})
	}
}

func TestAllFaultsOfSinksAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, sinksOf("{name: A, file: {}}", "{splunk: {url: 'ftp://x', token: env:TOKEN, index: 'No Index'}}", "{}"))
	for _, want := range []string{"sinks[0].name: ", "sinks[0].file.path: ", "sinks[1].splunk: the URL", "sinks[1].splunk: the index", "sinks[2]: "} {
		if !slices.ContainsFunc(strings.Split(fmt.Sprint(err), "\n"), func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no line begins with %q in:\n%v", want, err)
		}
	}
}

// What it has not had is kept for a sink, so one that can not be used yet must not be
// taken for one that is not wanted any more.
func TestASinkWithoutItsSecretIsThereAndSentNothing(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"a token":               "{splunk: {url: 'https://s.example.com', token: env:NOWHERE}}",
		"a URL":                 "{sumologic: {url: file:nowhere}}",
		"a signing secret":      "{webhook: {url: 'https://h.example.com', secret: env:NOWHERE}}",
		"the value of a header": "{webhook: {url: 'https://h.example.com', secret: env:WEBHOOK, headers: {Authorization: env:NOWHERE}}}",
		"a file of TLS":         "{syslog: {address: 'a:1', tls: {ca: nowhere.pem}}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, sinksOf(line))
			if err != nil || len(cfg.Sinks) != 1 || len(cfg.Unsent) != 1 || !errors.Is(cfg.Unsent[0], errSecretMissing) {
				t.Fatalf("read as %+v, %v, %v", cfg.Sinks, cfg.Unsent, err)
			}
			if _, err := cfg.Sinks[0].Sender.Send(t.Context(), make([]access.AuditRecord, 1)); !access.IsPermanent(err) {
				t.Errorf("sending gives %v", err)
			}
		})
	}
}

// A gateway takes access away whatever its sinks are like, so it starts without them.
func TestADirectoryThatIsNotThereIsWarnedOf(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, sinksOf("{file: {path: nowhere/audit.log}}"))
	if err != nil || !slices.ContainsFunc(cfg.Warnings, func(w string) bool { return strings.HasPrefix(w, "sinks[0].file: the directory ") }) {
		t.Errorf("%q, %v", cfg.Warnings, err)
	}
	wantFault(t, cfg.askSinks(t.Context()), `the sink "file": the directory `)
}

func TestATokenInClearIsWarnedOf(t *testing.T) {
	t.Parallel()
	for url, warned := range map[string]bool{"http://splunk.example.com": true, "http://127.0.0.1:8088": false, "https://splunk.example.com": false} {
		cfg, err := load(t, sinksOf("{splunk: {url: '"+url+"', token: env:TOKEN}}"))
		if err != nil || slices.ContainsFunc(cfg.Warnings, func(w string) bool { return strings.HasPrefix(w, "sinks[0].splunk.url: ") }) != warned {
			t.Errorf("%s: %q, %v", url, cfg.Warnings, err)
		}
	}
}
