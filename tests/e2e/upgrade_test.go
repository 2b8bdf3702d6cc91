package e2e_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/examples/stage"
	"github.com/curfew-access/curfew/tests/fake/target"
	"github.com/curfew-access/curfew/tests/service"
)

// TestUpgradeWithLiveGrants starts the gateway on ledgers that an older one left
// behind when it was killed: see testdata/upgrade.
func TestUpgradeWithLiveGrants(t *testing.T) {
	t.Parallel()
	postgres := service.Postgres(t, "fsync=off")
	if *upgradeFrom != "" {
		makeUpgrade(t, *upgradeFrom, postgres)
		besideOlder(t, *upgradeFrom, postgres)
	}
	for kind, restore := range map[string]func(*testing.T, string){
		"sqlite":   restoreSQLite,
		"postgres": func(t *testing.T, ledger string) { restorePostgres(t, postgres, ledger) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, parts := layOutUpgrade(t, kind, postgres)
			restore(t, w.ledgerPath())
			db := w.openLedger(t)
			moveOn(t, db, parts)
			before := auditLog(t, db)
			a := auditorOf(parts[0])
			w.writeRemovals(parts, true)
			if kind == "postgres" {
				a.newKey("audit-key", a.pub)
				w.configureMore(signedBy("audit-key"))
			}
			w.nodes = make([]*stage.Process, len(w.addrs))
			t.Cleanup(w.close)
			w.start(t, 0)
			if kind == "sqlite" {
				a.readMadeKey()
			}
			(&upgrade{part: parts[0], leaving: parts[1]}).play()
			a.proves(before)
			keepsAuditLog(t, before, auditLog(t, db))
		})
	}
}

// The targets of the older gateway: one goes on, and one is retired by the upgrade.
var upgraded = []trial{
	{name: "upgrade", pace: unhurriedPace},
	{name: "upgrade", pace: unhurriedPace, after: retired},
}

// unhurriedPace leaves attempts under way, and waits, for as long as it takes to kill
// a gateway meanwhile.
const unhurriedPace = "timeout: 60s, retry_first: 2m"

// Who had what when the older gateway was killed.
const (
	holder    = "holder"    // live access
	leaver    = "leaver"    // live access, through the target that is retired
	asker     = "asker"     // a request that nobody has answered
	scheduled = "scheduled" // access that begins much later
	refused   = "refused"   // ended access, whose target would not close it
	opening   = "opening"   // the target was just being told to open
	closing   = "closing"   // the target was just being told to close
	expired   = "expired"   // access that ended when there was no gateway
)

func layOutUpgrade(t *testing.T, kind string, postgres *service.PostgresServer) (*world, []*part) {
	ledger := func(*testing.T) string { return "sqlite:curfew.db" }
	if kind == "postgres" {
		ledger = func(t *testing.T) string { return postgres.Database(t) }
	}
	return layOutRemovals(t, stores{ledger: ledger}, setting{name: "upgrade"}, upgraded)
}

// upgrade is what the gateway makes of a ledger of an older one.
type upgrade struct {
	*part
	leaving *part
}

func (u *upgrade) play() {
	u.Helper()
	// What ended, ends: at once, and under the number that it had.
	for who, why := range map[string]access.EndReason{expired: access.EndExpired, refused: access.EndRevoked, closing: access.EndRevoked} {
		g := u.grantOf(who)
		u.closed(g, why)
		u.once(g, access.VerbDeprovision, 2)
	}
	// What was given is there, and what was to be opened is opened.
	open := u.grantOf(opening)
	u.target.Await(u.T, "access is open", target.Open(u.entitled(opening)))
	u.settles(open, access.Present)
	u.once(open, access.VerbProvision, 1)
	u.goesOn(u.part, holder)
	u.goesOn(u.leaving, leaver)
	u.waits()
	u.holdsIDs()
}

// goesOn holds that somebody has access as before, and that it ends where it began.
func (u *upgrade) goesOn(p *part, who string) {
	u.Helper()
	g := u.grantOf(who)
	if now := p.sees(g); !now.Live || now.Binding.Observed != access.Present || !p.may(who) {
		u.Errorf("the grant is %+v; want it live and open", now)
	}
	if n := len(p.calls(g, access.VerbProvision)); n != 0 {
		u.Errorf("what was open was opened again, %d times", n)
	}
	p.revoke(g)
	p.closed(g, access.EndRevoked)
	p.once(g, access.VerbDeprovision, 2)
}

// waits holds what is not yet to be against what it was, and has it come.
func (u *upgrade) waits() {
	u.Helper()
	later := u.grantOf(scheduled)
	if now := u.sees(later); now.State != access.GrantScheduled || u.may(scheduled) {
		u.Errorf("the grant is %+v; want it scheduled", now)
	}
	u.revoke(later)
	u.endedAs(u.sees(later), access.EndRevoked)
	var page engine.Page[engine.RequestView]
	u.must(operator, http.MethodGet, "/v1/requests?scope=all&state=pending&limit=10", nil, &page)
	if len(page.Items) != 1 || page.Items[0].Subject != subject(asker) {
		u.Fatalf("the requests that wait are %+v; want that of the %s", page.Items, asker)
	}
	var r engine.RequestView
	u.must(security, http.MethodPost, "/v1/requests/"+page.Items[0].ID+"/approve", map[string]any{}, &r)
	if r.Grant == nil {
		u.Fatalf("the approval is answered with %+v", r)
	}
	u.settles(*r.Grant, access.Present)
	u.once(*r.Grant, access.VerbProvision, 1)
}

// holdsIDs holds all that the targets were told against one id for each delivery.
func (u *upgrade) holdsIDs() {
	u.Helper()
	for _, c := range slices.Concat(u.target.Calls(), u.leaving.target.Calls()) {
		want := int64(2)
		if c.Type() == access.VerbProvision {
			want = 1
		}
		if c.Refused != nil || c.Generation() != want || c.Entitled().Subject == subject(scheduled) {
			u.Errorf("a target was told what it should not be: %s", c)
		}
	}
}

// grantOf is the one grant of somebody.
func (u *upgrade) grantOf(who string) access.Grant {
	u.Helper()
	var page engine.Page[access.Grant]
	u.must(operator, http.MethodGet, "/v1/grants?scope=all&limit=100", nil, &page)
	at := slices.IndexFunc(page.Items, func(g access.Grant) bool { return g.Subject == subject(who) })
	if at < 0 {
		u.Fatalf("there is no grant of %s among %d", who, len(page.Items))
	}
	return page.Items[at]
}

// moveOn makes of a ledger that was put away one that was left behind some minutes
// ago: no access lasts longer than a year, and a ledger in a repository gets older.
// What has an end ahead of it gets one ahead of today, what was waited for is due, and
// bindings get the addresses that their targets have in this test.
func moveOn(t *testing.T, db *sql.DB, parts []*part) {
	t.Helper()
	now := time.Now()
	end, day := now.Add(year).UnixMicro(), (24 * time.Hour).Microseconds()
	exec := func(text string, args ...any) {
		t.Helper()
		done, err := db.ExecContext(t.Context(), text, args...)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v; want some", text, n, err)
		}
	}
	exec(`UPDATE grants SET expires_at = $1 WHERE state = 'active' AND expires_at > starts_at + $2`, end, day)
	exec(`UPDATE grants SET starts_at = $1, expires_at = $2 WHERE state = 'scheduled'`, now.Add(year/2).UnixMicro(), end)
	exec(`UPDATE requests SET lapses_at = $1 WHERE state = 'pending'`, end)
	exec(`UPDATE bindings SET next_at = $1 WHERE next_at IS NOT NULL`, now.UnixMicro())
	for _, p := range parts {
		exec(`UPDATE bindings SET contract = $1 WHERE target = $2`, p.contract(), p.id)
	}
}

// sealed is an entry of the audit log.
type sealed struct{ event, leaf, body string }

func auditLog(t *testing.T, db *sql.DB) (log []sealed) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(),
		`SELECT l.seq, l.event_id, l.leaf, e.body FROM audit_log l JOIN audit_events e ON e.id = l.event_id ORDER BY l.seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int
		var entry sealed
		if err := rows.Scan(&seq, &entry.event, &entry.leaf, &entry.body); err != nil {
			t.Fatal(err)
		}
		if log = append(log, entry); seq != len(log) {
			t.Fatalf("the audit log goes from %d to %d", len(log)-1, seq)
		}
		if entry.leaf != hex.EncodeToString(audit.Leaf([]byte(entry.body))) {
			t.Errorf("the leaf of event %d is not the hash of its body", seq)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return log
}

// proves holds that what the older gateway wrote is in the tree that is signed: it kept
// hashes of its events, and no tree.
func (a *audited) proves(before []sealed) {
	a.Helper()
	a.w.until(a.T, "all of before is signed", func() error { return a.signedUpTo(int64(len(before))) })
	a.exports("upgraded.ndjson")
	if r := a.verifies(0, "upgraded.ndjson", "--key", a.pub); r.After != 0 || r.Events < int64(len(before)) {
		a.Errorf("the export holds the events behind %d, %d of them", r.After, r.Events)
	}
	if lines := strings.Split(a.read("upgraded.ndjson"), "\n"); len(lines) < len(before) || lines[len(before)-1] != before[len(before)-1].body {
		a.Error("the export does not begin with the events of before")
	}
	a.verifies(0, "--config", filepath.Join(a.w.dir, "node0.yaml"))
}

// keepsAuditLog holds that a log has become longer, and is otherwise as it was.
func keepsAuditLog(t *testing.T, before, after []sealed) {
	t.Helper()
	if len(before) == 0 || len(after) <= len(before) || !slices.Equal(before, after[:len(before)]) {
		t.Errorf("the audit log had %d events and now has %d; want it longer, and all of before as it was", len(before), len(after))
	}
}

// ledgerPath is where the ledger of a world is: a file, or a URL.
func (w *world) ledgerPath() string {
	if w.ledger == "sqlite:curfew.db" {
		return w.dir + "/curfew.db"
	}
	return w.ledger
}

// openLedger opens the ledger past the gateway, until the test ends.
func (w *world) openLedger(t *testing.T) *sql.DB {
	t.Helper()
	driver, source := "pgx", w.ledgerPath()
	if source != w.ledger {
		driver, source = "sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(5000)", source)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
