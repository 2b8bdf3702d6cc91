package e2e_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/target"
	"github.com/curfew-access/curfew/tests/service"
)

var upgradeFrom = flag.String("upgrade-from", "", "make the ledgers of testdata/upgrade anew, with the older gateway's program at this `path`")

const (
	upgradeSQLite   = "testdata/upgrade/sqlite.tar.gz"
	upgradePostgres = "testdata/upgrade/postgres.sql"
)

// makeUpgrade has an older gateway live through what testdata/upgrade/README.md says,
// kills it, and puts away what it left.
func makeUpgrade(t *testing.T, program string, postgres *service.PostgresServer) {
	for kind, keep := range map[string]func(*testing.T, *world){
		"sqlite":   keepSQLite,
		"postgres": keepPostgres,
	} {
		t.Run("make "+kind, func(t *testing.T) {
			w, parts := layOutUpgrade(t, kind, postgres)
			w.program = program
			w.nodes = make([]*stage.Process, len(w.addrs))
			w.start(t, 0)
			t.Cleanup(func() { _ = w.node(0).Kill() })
			(&upgrade{part: parts[0], leaving: parts[1]}).make()
			if err := w.node(0).Kill(); err != nil {
				t.Fatal(err)
			}
			<-w.node(0).Ended()
			keep(t, w)
			w.left(t)
		})
	}
}

// besideOlder has a gateway work beside an older one, as during an upgrade: both write,
// both seal, and the log is one, whose tree has it all.
func besideOlder(t *testing.T, program string, postgres *service.PostgresServer) {
	t.Run("beside an older one", func(t *testing.T) {
		w, parts := layOutRemovals(t, stores{ledger: func(t *testing.T) string { return postgres.Database(t) }},
			setting{name: "beside", nodes: 2}, []trial{{name: "beside"}})
		a := auditorOf(parts[0])
		w.nodes = make([]*stage.Process, 2)
		t.Cleanup(w.close)
		a.configure("")
		w.program = program
		w.start(t, 0)
		a.revoked(alice)
		a.newKey("audit-key", a.pub)
		a.sign("audit-key")
		w.program = ""
		w.start(t, 1)
		for n, who := range []string{bob, alice, bob, alice, bob, alice} {
			w.front = n % 2
			a.revoked(who)
		}
		w.front = 1
		a.removed(a.revoked(bob))
		a.exports("beside.ndjson")
		a.verifies(0, "--config", filepath.Join(w.dir, "node1.yaml"))
		if got, want := strings.Split(strings.TrimSuffix(a.read("beside.ndjson"), "\n"), "\n"), w.written(t); !slices.Equal(got, want[:len(got)]) {
			t.Error("the gateways tell different logs")
		}
	})
}

// make has everybody come to where the upgrade finds them.
func (u *upgrade) make() {
	u.open(u.part, holder, year)
	u.open(u.leaving, leaver, year)
	u.askFor(u.part, asker, year, map[string]any{"reason": askFirst})
	u.askFor(u.part, scheduled, year/2, map[string]any{"starts_at": time.Now().Add(year / 2).UTC(), "for": year.String()})
	stays, closes := u.open(u.part, refused, year), u.open(u.part, closing, year)

	u.target.Otherwise(target.Answer(http.StatusServiceUnavailable))
	u.revoke(stays)
	u.becomes("the target refused", stays, func(now engine.GrantView) bool { return now.Binding.LastError != "" && now.Binding.Attempts > 0 })

	u.target.Otherwise(target.Hang())
	u.revoke(closes)
	u.w.until(u.T, "the target is being told to close", func() error { return u.told(closes, 1) })
	r := u.askFor(u.part, opening, year, nil)
	u.w.until(u.T, "the target is being told to open", func() error {
		if len(u.calls(*r.Grant, access.VerbProvision)) == 0 {
			return errors.New("it is not")
		}
		return nil
	})

	u.target.Otherwise(target.Serve())
	u.open(u.part, expired, moment)
}

// left holds what a killed gateway left against what it should have.
func (w *world) left(t *testing.T) {
	t.Helper()
	db := w.openLedger(t)
	defer func() { _ = db.Close() }()
	for text, want := range map[string]int{
		`SELECT COUNT(*) FROM grants WHERE state = 'active'`:                                               4,
		`SELECT COUNT(*) FROM grants WHERE state = 'active' AND expires_at < starts_at + 60000000`:         1,
		`SELECT COUNT(*) FROM bindings WHERE claim IS NOT NULL`:                                            2,
		`SELECT COUNT(*) FROM bindings WHERE claim IS NULL AND next_at IS NOT NULL AND desired = 'absent'`: 1,
	} {
		got := 0
		if err := db.QueryRowContext(t.Context(), text).Scan(&got); err != nil || got != want {
			t.Fatalf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
}

// open has access given to somebody, and waits until it is open.
func (u *upgrade) open(p *part, who string, length time.Duration) access.Grant {
	u.Helper()
	r := u.askFor(p, who, length, nil)
	if r.Grant == nil {
		u.Fatalf("%s is %s: %+v", who, r.State, r.Decision)
	}
	p.target.Await(u.T, "access is open", target.Open(p.entitled(who)))
	p.settles(*r.Grant, access.Present)
	return *r.Grant
}

// askFor asks for access in somebody's name.
func (u *upgrade) askFor(p *part, who string, length time.Duration, more map[string]any) engine.RequestView {
	u.Helper()
	all := map[string]any{"subject": subject(who)}
	for key, value := range more {
		all[key] = value
	}
	return p.ask(operator, length, all)
}

// contract is the key of a target in ledgers. It is written down here once more: a
// gateway that computed it otherwise would not find what older ones gave.
func (p *part) contract() string {
	sum := sha256.Sum256([]byte(p.id + "\n" + p.target.URL()))
	return hex.EncodeToString(sum[:])
}

// keepSQLite puts away the files that a killed gateway left, as they are.
func keepSQLite(t *testing.T, w *world) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, name := range []string{"curfew.db", "curfew.db-wal"} {
		body, err := os.ReadFile(filepath.Join(w.dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(body))})
		}
		if err == nil {
			_, err = archive.Write(body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close(), os.WriteFile(upgradeSQLite, packed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func restoreSQLite(t *testing.T, ledger string) {
	file, err := os.Open(upgradeSQLite)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(zip); ; {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		var body []byte
		if err == nil {
			body, err = io.ReadAll(archive)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(filepath.Dir(ledger), path.Base(entry.Name)), body, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// keepPostgres puts away a database as statements.
func keepPostgres(t *testing.T, w *world) {
	program, err := stage.Find(context.Background(), "pg_dump", "postgresql", "/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "--inserts", "--no-owner", "--no-privileges", w.ledger).Output()
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(out)) {
		// What is for psql alone, and comments, no server needs.
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "--") && strings.TrimSpace(line) != "" {
			kept.WriteString(line)
		}
	}
	if err := os.WriteFile(upgradePostgres, []byte(kept.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func restorePostgres(t *testing.T, server *service.PostgresServer, ledger string) {
	text, err := os.ReadFile(upgradePostgres)
	if err != nil {
		t.Fatal(err)
	}
	_, name, _ := strings.Cut(strings.TrimPrefix(ledger, "postgres://"), "/")
	name, _, _ = strings.Cut(name, "?")
	if err := server.Exec(name, string(text)); err != nil {
		t.Fatalf("restore: %.300s", err)
	}
}
