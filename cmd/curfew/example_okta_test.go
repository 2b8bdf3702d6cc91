package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever tries the example without Okta gets in at once.
func TestOktaExampleLetsAliceIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/okta-workflows")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "local", "curfew.yaml")
	text := strings.Replace(read(path), "listen: 127.0.0.1:8080", "listen: 127.0.0.1:0", 1)
	if err := write(path, text); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"CURFEW_WEBHOOK_SECRET": "whsec_" + strings.Repeat("c2VjcmV0", 5), "OKTA_CLIENT_TOKEN": "a-token-of-your-own",
		"CURFEW_TOKEN_OPERATOR": strings.Repeat("o", 43), "CURFEW_TOKEN_ALICE": strings.Repeat("a", 43),
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	cfg, err := loadConfig(path, lookup)
	if err != nil || len(cfg.Warnings)+len(cfg.Missing) > 0 {
		t.Fatalf("%v; %v; %v", err, cfg.Warnings, cfg.Missing)
	}
	g, err := newGateway(t.Context(), cfg, options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(g.Run(ctx), g.Close()) }()
	env["CURFEW_URL"], env["CURFEW_TOKEN"] = g.URL(), env["CURFEW_TOKEN_ALICE"]
	var out, errs bytes.Buffer
	code := run(ctx, []string{"request", "app/payments-admin", "view", "--for", "2h", "--reason", "to try it"},
		stdio{In: strings.NewReader(""), Out: &out, Err: &errs, LookupEnv: lookup})
	cancel()
	if code != exitOK || !strings.Contains(out.String(), "approved") {
		t.Errorf("it exits with %d: %s%s", code, out.String(), errs.String())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
