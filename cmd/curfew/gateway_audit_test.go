package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

var administrator = engine.Call{Caller: access.Subject{Type: "service", ID: "admin"}}

// signedBy waits for a checkpoint above the size that the keys of the gateway signed,
// and no others.
func signedBy(t *testing.T, g *gateway, above int64) engine.AuditCheckpoint {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		c, err := g.engine.AuditCheckpoint(ctx, administrator)
		if err == nil && c.Size > above {
			if _, err = audit.OpenCheckpoint(c.Checkpoint, c.Keys[0]); err == nil && strings.Count(c.Checkpoint, "\n— ") == len(c.Keys) {
				return c
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no checkpoint is signed: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// keyChanges lists what events say of keys, in order of the keys: "from,from>to,to". It
// waits for so many.
func keyChanges(t *testing.T, g *gateway, n int) (changes []string) {
	t.Helper()
	page, err := g.engine.Events(t.Context(), administrator, engine.EventFilter{Type: audit.KeyChanged})
	for end := time.Now().Add(30 * time.Second); err == nil && len(page.Items) < n && time.Now().Before(end); {
		page, err = g.engine.Events(t.Context(), administrator, engine.EventFilter{Type: audit.KeyChanged})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range page.Items {
		var event struct{ Data struct{ From, To []string } }
		if err := json.Unmarshal(raw.Body, &event); err != nil {
			t.Fatal(err)
		}
		slices.Sort(event.Data.From)
		slices.Sort(event.Data.To)
		changes = append(changes, strings.Join(event.Data.From, ",")+">"+strings.Join(event.Data.To, ","))
	}
	return changes
}

func TestFirstStartMakesAKeyThatStays(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, stop := serve(t, dir, options{})
	first := signedBy(t, g, 0)
	stop()
	path := g.cfg.LedgerPath + ".audit.key"
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key file is %v, %v", info, err)
	}
	before, _ := os.ReadFile(filepath.Clean(path))
	g, stop = serve(t, dir, options{})
	again := signedBy(t, g, first.Size)
	after, _ := os.ReadFile(filepath.Clean(path))
	if again.Keys[0] != first.Keys[0] || !bytes.Equal(before, after) || again.Origin != "curfew.local/audit" {
		t.Errorf("the first start signs with %v, the second with %v, as %s", first.Keys, again.Keys, again.Origin)
	}
	if got := strings.Join(keyChanges(t, g, 1), " "); got != ">"+first.Keys[0] {
		t.Errorf("events tell of keys %q", got)
	}
	stop()
	changes := 0
	for _, typ := range eventTypes(t, g.cfg.LedgerPath) {
		if typ == audit.KeyChanged {
			changes++
		}
	}
	if changes != 1 {
		t.Errorf("of two starts with one key %d events tell of another", changes)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".audit-key-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("what a key was written to is left: %v, %v", left, err)
	}
}

func TestKeyFileIsNeverReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := write(path, "mine"); err != nil {
		t.Fatal(err)
	}
	if err := makeKeyFile(path, "a/audit"); err == nil || !strings.Contains(err.Error(), "never replaced") {
		t.Errorf("got %v", err)
	}
	if raw, _ := os.ReadFile(filepath.Clean(path)); string(raw) != "mine" {
		t.Errorf("the file holds %q", raw)
	}
}

// TestVerifierFollowsTheLogOverAChangeOfKeys: who knows only the old key takes what is
// signed while both are in use, and who learned the new one meanwhile takes all that
// comes.
func TestVerifierFollowsTheLogOverAChangeOfKeys(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	config, err := os.ReadFile(filepath.Join(dir, "curfew.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	old, oldVerifier := auditKey(t, "curfew.example.com/audit")
	fresh, freshVerifier := auditKey(t, "curfew.example.com/audit")
	for name, key := range map[string]string{"old": old, "new": fresh} {
		if err := write(filepath.Join(dir, name), key); err != nil {
			t.Fatal(err)
		}
	}
	under := func(keys string, above int64, n int) (engine.AuditCheckpoint, []string) {
		t.Helper()
		if err := write(filepath.Join(dir, "curfew.yaml"), string(config)+"\naudit: "+keys+"\n"); err != nil {
			t.Fatal(err)
		}
		g, stop := serve(t, dir, options{})
		defer stop()
		changes := keyChanges(t, g, n)
		c := signedBy(t, g, above)
		if above > 0 {
			if _, err := g.engine.AuditConsistency(t.Context(), administrator, above, c.Size); err != nil {
				t.Errorf("the log of %d does not go on from that of %d: %v", c.Size, above, err)
			}
		}
		return c, changes
	}
	opens := func(c engine.AuditCheckpoint, verifier string, want bool) {
		t.Helper()
		if _, err := audit.OpenCheckpoint(c.Checkpoint, verifier); (err == nil) != want {
			t.Errorf("the checkpoint of %d and the key %s: %v", c.Size, verifier, err)
		}
	}
	before, _ := under("{key: file:old}", 0, 1)
	opens(before, oldVerifier, true)
	opens(before, freshVerifier, false)
	both, _ := under("{key: file:new, previous_keys: [file:old]}", before.Size, 2)
	opens(both, oldVerifier, true)
	opens(both, freshVerifier, true)
	after, changes := under("{key: file:new}", both.Size, 3)
	opens(after, oldVerifier, false)
	opens(after, freshVerifier, true)
	two := []string{oldVerifier, freshVerifier}
	slices.Sort(two)
	want := []string{">" + oldVerifier, oldVerifier + ">" + strings.Join(two, ","), strings.Join(two, ",") + ">" + freshVerifier}
	if !slices.Equal(changes, want) {
		t.Errorf("events tell of keys %q, want %q", changes, want)
	}
}

// TestProofOfTheCommandLineIsCheckedWithAKey: what a gateway answers that has another
// key, or another event, is refused.
func TestProofOfTheCommandLineIsCheckedWithAKey(t *testing.T) {
	t.Parallel()
	g, _ := serve(t, home(t, okTarget(t)), options{})
	c := signedBy(t, g, 0)
	_, stranger := auditKey(t, c.Origin)
	out := filepath.Join(t.TempDir(), "proof.json")
	var printed strings.Builder
	if code, errs := curfew(t.Context(), g, "admin", &printed, "audit", "proof", "1", "--key", c.Keys[0], "--out", out); code != 0 {
		t.Fatal(errs)
	}
	if !strings.Contains(printed.String(), "event 1 is in the log of") || !strings.Contains(printed.String(), "(checked)") {
		t.Errorf("it prints %s", &printed)
	}
	if code, errs := curfew(t.Context(), g, "admin", io.Discard, "audit", "proof", "1", "--key", stranger); code != 1 || !strings.Contains(errs, "none of the keys") {
		t.Errorf("with another key it exits with %d: %s", code, errs)
	}
	raw, err := os.ReadFile(filepath.Clean(out))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*engine.AuditProof){
		"as it is": nil,
		"another event": func(p *engine.AuditProof) {
			p.Event = json.RawMessage(strings.Replace(string(p.Event), `"version":1`, `"version":2`, 1))
		},
		"another place": func(p *engine.AuditProof) { p.Seq = 2 },
		"another size":  func(p *engine.AuditProof) { p.Size++ },
		"no checkpoint": func(p *engine.AuditProof) { p.Checkpoint = nil },
		"another leaf":  func(p *engine.AuditProof) { p.Event, p.Leaf = nil, audit.Hash{1} },
		"another proof": func(p *engine.AuditProof) { p.Proof = append(p.Proof, audit.Hash{1}) },
	} {
		var p engine.AuditProof
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(&p)
		}
		if err := checkProof("1", p, c.Keys); (err == nil) != (change == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLogWhoseKeyIsLostGoesOnUnderAnother: no key is made in the place of one that
// signed, and its verifier key is enough to go on.
func TestLogWhoseKeyIsLostGoesOnUnderAnother(t *testing.T) {
	t.Parallel()
	dir := home(t, okTarget(t))
	g, stop := serve(t, dir, options{})
	lost := signedBy(t, g, 0).Keys[0]
	stop()
	if err := os.Remove(g.cfg.Audit.KeyFile); err != nil {
		t.Fatal(err)
	}
	_, err := newGateway(t.Context(), g.cfg.withoutKeys(), options{})
	if err == nil || !strings.Contains(err.Error(), "is gone: "+g.cfg.Audit.KeyFile) || !strings.Contains(err.Error(), lost) {
		t.Fatalf("a start without it says %v", err)
	}
	config, err := os.ReadFile(filepath.Join(dir, "curfew.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fresh, verifier := auditKey(t, "curfew.local/audit")
	for name, text := range map[string]string{
		"new": fresh, "lost.pub": lost + "\n", "curfew.yaml": string(config) + "\naudit: {key: file:new}\n",
	} {
		if err := write(filepath.Join(dir, name), text); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := loadConfig(filepath.Join(dir, "curfew.yaml"), env)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkAgainstLedger(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "audit.key: the newest checkpoint in the ledger") {
		t.Errorf("a check of another key says %v", err)
	}
	if err := write(filepath.Join(dir, "curfew.yaml"), string(config)+"\naudit: {key: file:new, previous_keys: [file:lost.pub]}\n"); err != nil {
		t.Fatal(err)
	}
	if cfg, err = loadConfig(filepath.Join(dir, "curfew.yaml"), env); err != nil {
		t.Fatal(err)
	}
	if err := checkAgainstLedger(t.Context(), cfg); err != nil {
		t.Errorf("a check of another key with the verifier before says %v", err)
	}
	g, _ = serve(t, dir, options{})
	if c := signedBy(t, g, 0); c.Keys[0] != verifier || len(c.Keys) != 1 {
		t.Errorf("it is signed by %v", c.Keys)
	}
	if got, want := keyChanges(t, g, 2)[1], lost+">"+verifier; got != want {
		t.Errorf("an event tells of %s, want %s", got, want)
	}
}

// withoutKeys is a configuration whose key file was not there when it was read.
func (c Config) withoutKeys() Config {
	c.Audit.Keys = nil
	return c
}
