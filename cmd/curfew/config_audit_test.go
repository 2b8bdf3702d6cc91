package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/audit"
)

// auditKey makes a signing key of the log.
func auditKey(t *testing.T, name string) (signing, verifier string) {
	t.Helper()
	signing, verifier, err := audit.NewKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return signing, verifier
}

func TestAuditLogIsConfigured(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "external_url: https://curfew.example.com")
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Audit
	if a.Keys != nil || a.KeyFile != cfg.LedgerPath+".audit.key" || a.Name != "curfew.example.com/audit" || a.Keep != 0 || a.Publish != time.Hour {
		t.Errorf("the default is %+v", a)
	}
	if said := a.said(); !strings.Contains(said, "kept for ever") || !strings.Contains(said, "made at the first start: "+a.KeyFile) {
		t.Errorf("a check says %q", said)
	}
	signing, verifier := auditKey(t, "a/audit")
	old, oldVerifier := auditKey(t, "a/audit")
	cfg, err = load(t, "audit: {key: file:key, previous_keys: [file:old], keep: 400d, publish: 0s}", "key", signing+"\n", "old", old)
	if err != nil {
		t.Fatal(err)
	}
	a = cfg.Audit
	if got := strings.Join(a.Keys.Verifiers(), " "); got != verifier+" "+oldVerifier || a.KeyFile != "" || a.Keep != 400*24*time.Hour || a.Publish != 0 {
		t.Errorf("got %+v, signed by %s", a, got)
	}
	if said := a.said(); !strings.Contains(said, "kept for 400d") || !strings.Contains(said, verifier) {
		t.Errorf("a check says %q", said)
	}
	if cfg, err = load(t, "audit: {keep: 0}"); err != nil || cfg.Audit.Keep != 0 {
		t.Errorf("got %+v, %v", cfg.Audit, err)
	}
}

func TestKeyThatWasMadeIsReadAndIsAFaultWhenItCanNotBe(t *testing.T) {
	t.Parallel()
	signing, verifier := auditKey(t, "curfew.local/audit")
	cfg, err := load(t, "listen: 127.0.0.1:0", "curfew.db.audit.key", signing+"\n")
	if err != nil || cfg.Audit.Keys == nil || cfg.Audit.Keys.Verifiers()[0] != verifier {
		t.Errorf("got %+v, %v", cfg.Audit, err)
	}
	for name, content := range map[string]string{"empty": "", "something else": "hunter2"} {
		_, err = load(t, "listen: 127.0.0.1:0", "curfew.db.audit.key", content)
		if err == nil {
			t.Errorf("%s: it is taken", name)
			continue
		}
		wantFault(t, err, "audit.key: the key that was made beside the ledger")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "curfew.db.audit.key")
	if err := write(filepath.Join(dir, "curfew.yaml"), "listen: 127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(signing), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err = loadConfig(filepath.Join(dir, "curfew.yaml"), env)
	if err != nil || !slices.ContainsFunc(cfg.Warnings, func(w string) bool { return strings.HasSuffix(w, "chmod 600 "+path) }) {
		t.Errorf("a key that others may read: %v, %v", cfg.Warnings, err)
	}
}

func TestFaultsOfTheAuditLogNameTheirPlace(t *testing.T) {
	t.Parallel()
	signing, verifier := auditKey(t, "a/audit")
	other, _ := auditKey(t, "b/audit")
	const onPostgres = "ledger: env:LEDGER\n"
	for name, tc := range map[string]struct{ config, want string }{
		"an unknown key":              {"audit: {keys: x}", "audit.keys: there is no such key"},
		"a key in the file itself":    {"audit: {key: hunter2}", "audit.key: a secret does not stand in the configuration itself"},
		"a key that is not there":     {"audit: {key: env:NOWHERE}", "audit.key: the secret is not there"},
		"a key that is none":          {"audit: {key: env:PLAIN}", "audit.key: this is not a signing key"},
		"a verifier key":              {"audit: {key: file:verifier}", "audit.key: this is not a signing key"},
		"a previous key that is none": {"audit: {key: file:key, previous_keys: [env:PLAIN]}", "audit.previous_keys[0]: this is neither a signing key nor a verifier key"},
		"previous keys alone":         {"audit: {previous_keys: [file:key]}", "audit.key: it is missing, and previous_keys are there"},
		"keys of two logs":            {"audit: {key: file:key, previous_keys: [file:other]}", "all keys of a log have its name"},
		"keep is no time":             {"audit: {keep: long}", `audit.keep: "long" is not a length of time`},
		"keep is short":               {"audit: {keep: 29d}", `audit.keep: "29d" is too short; want 30d at least, or 0 for ever`},
		"keep without a key":          {onPostgres + "audit: {keep: 400d}", "audit.keep: events are removed only when a signed checkpoint holds them; name a key in audit.key"},
		"publish is no time":          {"audit: {publish: often}", `audit.publish: "often" is not a length of time`},
		"publish is too often":        {"audit: {publish: 1s}", `audit.publish: "1s" is too often; want a minute at least, or 0 for never`},
	} {
		_, err := load(t, tc.config, "key", signing, "other", other, "verifier", verifier)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
			continue
		}
		wantFault(t, err, tc.want)
		if strings.Contains(err.Error(), signing) || strings.Contains(err.Error(), other) {
			t.Errorf("%s: the key is printed", name)
		}
	}
}

// TestLedgerOnPostgreSQLWithoutAKeyIsAWarning: nothing of such a log can be proved.
func TestLedgerOnPostgreSQLWithoutAKeyIsAWarning(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "ledger: env:LEDGER")
	if err != nil || cfg.Audit.Keys != nil || cfg.Audit.KeyFile != "" || !slices.ContainsFunc(cfg.Warnings, func(w string) bool {
		return strings.Contains(w, "audit.key: it is missing") && strings.Contains(w, "curfew audit key new curfew.local/audit")
	}) {
		t.Errorf("got %+v, %v, %v", cfg.Audit, cfg.Warnings, err)
	}
}
