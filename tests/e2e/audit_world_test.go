package e2e_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/service"
)

// unproved is the exit code of a check that finds that events are not what was signed.
const unproved = 10

// audited is a world whose audit log somebody looks at, with the gateway's own program.
type audited struct {
	*part
	pub string // the file with the verifier key that whoever looks has
}

// onEach plays a story on SQLite, where the gateway makes the key of the log, and on
// PostgreSQL, where an operator does.
func onEach(t *testing.T, nodes int, play func(*audited)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		play(newAudited(t, stores{ledger: func(*testing.T) string { return "sqlite:curfew.db" }}, nodes, ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		play(newAuditedOnPostgres(t, nodes))
	})
}

func newAuditedOnPostgres(t *testing.T, nodes int) *audited {
	t.Helper()
	postgres := service.Postgres(t, "fsync=off")
	return newAudited(t, stores{ledger: func(t *testing.T) string { return postgres.Database(t) }}, nodes, "audit-key")
}

// newAudited starts gateways whose log is signed with the key in a file; "": that which
// the gateway makes.
func newAudited(t *testing.T, s stores, nodes int, key string) *audited {
	t.Helper()
	w, parts := layOutRemovals(t, s, setting{name: "audit", nodes: nodes}, []trial{{name: "audited"}})
	a := auditorOf(parts[0])
	a.T = t
	w.nodes = make([]*stage.Process, len(w.addrs))
	t.Cleanup(w.close)
	a.configure("")
	if key != "" {
		a.newKey(key, a.pub)
		w.configureMore(signedBy(key))
	}
	for n := range w.nodes {
		w.start(t, n)
	}
	if key == "" {
		a.readMadeKey()
	}
	return a
}

func auditorOf(p *part) *audited { return &audited{part: p, pub: filepath.Join(p.w.dir, "audit.pub")} }

// readMadeKey has the auditor know the key that the gateway made.
func (a *audited) readMadeKey() {
	a.Helper()
	const made = "curfew.db.audit.key"
	a.w.secrets[made] = strings.TrimSpace(a.read(made))
	a.w.write("audit.pub", a.runs(0, "audit", "key", "show", filepath.Join(a.w.dir, made)))
}

// newKey plants a key of the log, and writes its verifier key into a file.
func (a *audited) newKey(name, pub string) {
	a.Helper()
	signing, verifier, err := audit.NewKey(rand.Reader, "curfew.example.com/audit")
	if err != nil {
		a.Fatal(err)
	}
	a.w.plant(name, signing)
	a.w.write(filepath.Base(pub), verifier+"\n")
}

// sign has gateways, from their next start, sign with the key in a file, and with those
// from before.
func (a *audited) sign(key string, previous ...string) { a.configure(signedBy(key, previous...)) }

// signedBy is what a configuration says of keys.
func signedBy(key string, previous ...string) string {
	names := []string{}
	for _, name := range previous {
		names = append(names, fmt.Sprintf("%q", "file:"+name))
	}
	return fmt.Sprintf("audit: {key: \"file:%s\", previous_keys: [%s]}\n", key, strings.Join(names, ", "))
}

// configure writes the configuration of each gateway, with more in it.
func (a *audited) configure(more string) {
	a.w.writeRemovals([]*part{a.part}, false)
	a.w.configureMore(more)
}

// configureMore adds to the configuration of each gateway.
func (w *world) configureMore(more string) {
	for n := range w.addrs {
		name := fmt.Sprintf("node%d.yaml", n)
		text, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			w.t.Fatal(err)
		}
		w.write(name, string(text)+more)
	}
}

// runs runs the gateway's program as an auditor, which must end with a code, and
// returns what it printed.
func (a *audited) runs(code int, args ...string) string {
	a.Helper()
	cmd := exec.CommandContext(a.Context(), filepath.Join(bin, "curfew"), args...)
	cmd.Env = append(os.Environ(), "CURFEW_URL="+a.w.url(a.w.front), "CURFEW_TOKEN="+a.w.secrets["token-"+guard])
	cmd.Dir = a.w.dir
	var said, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &faults
	err := cmd.Run()
	a.w.record(said.String() + faults.String())
	if err != nil && !errors.As(err, new(*exec.ExitError)) || cmd.ProcessState.ExitCode() != code {
		a.Fatalf("curfew %s: %v; want exit code %d\n%s%s", strings.Join(args, " "), err, code, &said, &faults)
	}
	return said.String()
}

// exports takes the log out in a format, which is verified with what the auditor has.
func (a *audited) exports(name string, more ...string) {
	a.Helper()
	a.runs(0, append([]string{"audit", "export", name, "--key", a.pub}, more...)...)
}

// verifies checks a file offline, or what the arguments name, which must end with a
// code, and returns what was found.
func (a *audited) verifies(code int, args ...string) (r audit.Report) {
	a.Helper()
	said := a.runs(code, append([]string{"audit", "verify", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(said), &r); err != nil {
		a.Fatalf("%v: %s", err, said)
	}
	if r.Verified != (code == 0) {
		a.Fatalf("the exit code is %d, and the report %+v", code, r)
	}
	return r
}

// signedUpTo reports an event that the newest checkpoint does not hold yet.
func (a *audited) signedUpTo(seq int64) error {
	var c engine.AuditCheckpoint
	err := a.w.try(guard, http.MethodGet, "/v1/audit/checkpoint", nil, &c)
	if err == nil && c.Size < seq {
		err = fmt.Errorf("%d events are signed; want %d", c.Size, seq)
	}
	return err
}

// signed waits until an event is in the log that is signed, and returns it.
func (a *audited) signed(what string, is func(audit.Event) bool) (found audit.Event, seq int64) {
	a.Helper()
	a.w.until(a.T, what+" is in the log, and signed", func() error {
		at := slices.IndexFunc(a.events(), func(e audit.Event) bool { found = e; return is(e) })
		if at < 0 {
			return errors.New("it is not")
		}
		seq = int64(at) + 1
		return a.signedUpTo(seq)
	})
	return found, seq
}

// events are those that are sealed, in their order.
func (a *audited) events() (all []audit.Event) {
	a.Helper()
	for _, body := range a.w.written(a.T) {
		var e audit.Event
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			a.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// ofGrant is an event of a type that a grant has.
func ofGrant(typ string, g access.Grant) func(audit.Event) bool {
	return func(e audit.Event) bool { return e.Type == typ && string(e.GrantID) == g.ID }
}

// removed waits until the removal of the access of a binding is signed.
func (a *audited) removed(g access.Grant) {
	a.Helper()
	a.signed("the removal", func(e audit.Event) bool {
		return e.Type == audit.BindingDeprovisioned && string(e.BindingID) == g.BindingID
	})
}

// reviewed is access that somebody else said yes to.
func (a *audited) reviewed(who string) access.Grant {
	a.Helper()
	r := a.ask(who, hour, map[string]any{"reason": askFirst})
	a.must(security, http.MethodPost, "/v1/requests/"+r.ID+"/approve", map[string]any{"comment": "go on"}, &r)
	if r.Grant == nil {
		a.Fatalf("the approval is answered with %+v", r)
	}
	a.settles(*r.Grant, access.Present)
	return *r.Grant
}

// read is a file of the world.
func (a *audited) read(name string) string {
	a.Helper()
	text, err := os.ReadFile(filepath.Join(a.w.dir, name))
	if err != nil {
		a.Fatal(err)
	}
	return string(text)
}

// byHand changes one row of the ledger, as somebody does who may do anything to the
// database.
func (a *audited) byHand(text string, args ...any) {
	a.Helper()
	db := a.w.openLedger(a.T)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	unguarded := []string{`SET session_replication_role = replica`} // no trigger is asked
	if a.w.ledgerPath() != a.w.ledger {
		unguarded = []string{`DROP TRIGGER IF EXISTS audit_log_append_only_update`, `DROP TRIGGER IF EXISTS audit_events_append_only_update`}
	}
	for _, statement := range unguarded {
		if _, err := db.ExecContext(a.Context(), statement); err != nil {
			a.Fatal(err)
		}
	}
	done, err := db.ExecContext(a.Context(), text, args...)
	if err != nil {
		a.Fatal(err)
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		a.Fatalf("%s: %d rows, %v; want one", text, n, err)
	}
}

// leafOf is the leaf of an event's bytes, as the ledger has it.
func leafOf(body string) string { return hex.EncodeToString(audit.Leaf([]byte(body))) }
