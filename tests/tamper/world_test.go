package tamper

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // opens PostgreSQL by hand
	_ "modernc.org/sqlite"             // and SQLite

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/ledger/postgres"
	"github.com/curfew-access/curfew/engine/ledger/sqlite"
	"github.com/curfew-access/curfew/tests/service"
)

var server = service.SharedPostgres{Settings: []string{"fsync=off"}}

func TestMain(m *testing.M) {
	code := m.Run()
	server.Close()
	os.Exit(code)
}

const (
	origin = "curfew.example.com/audit"
	events = 600 // in the log
	batch  = 40  // that are sealed at once: checkpoints are kept of 40, 120, 200 and so on
)

// database is a ledger with a log in it, and how it is opened.
type database struct {
	url      string // of PostgreSQL; else
	path     string // of the file
	keys     *audit.Keys
	signing  string
	verifier string
}

func (d database) open(t *testing.T) ledger.DB {
	t.Helper()
	if d.url != "" {
		db, err := postgres.Open(t.Context(), d.url)
		must(t, err)
		return db
	}
	db, err := sqlite.Open(t.Context(), d.path)
	must(t, err)
	return db
}

// fill writes the log, as a gateway does.
func fill(t *testing.T, d database) database {
	t.Helper()
	signing, verifier, err := audit.NewKey(rand.Reader, origin)
	must(t, err)
	d.signing, d.verifier = signing, verifier
	d.keys, err = audit.NewKeys(signing)
	must(t, err)
	l, err := ledger.Open(t.Context(), d.open(t))
	must(t, err)
	for n := 0; n < events; n += batch {
		must(t, l.Update(t.Context(), func(tx *ledger.Tx) error { return appendSome(tx, n) }))
		sealed, err := l.SealEvents(t.Context(), batch, d.keys)
		must(t, err)
		if sealed != batch {
			t.Fatalf("%d events were sealed", sealed)
		}
	}
	must(t, l.Close())
	return d
}

func appendSome(tx *ledger.Tx, first int) (err error) {
	bob := access.Subject{Type: "user", ID: "bob@example.com"}
	for n := range batch {
		alice := access.Entitled{
			Subject: access.Subject{Type: "user", ID: "alice@example.com"}, Action: access.Action{Name: "debug"},
			Resource: access.ResourceRef{Type: "customer", ID: fmt.Sprintf("c%d", first+n)},
		}
		err = errors.Join(err, tx.Append(audit.Event{
			Type: audit.GrantEnded, Actor: &bob, GrantID: audit.Text(fmt.Sprintf("grt_%d", first+n)), Data: map[string]any{"n": first + n + 1},
		}.About(alice)))
	}
	return err
}

// byHand is a connection of somebody who may do anything to the database.
type byHand struct {
	*sql.DB
	t        *testing.T
	postgres bool
	keys     *audit.Keys
}

func (d database) byHand(t *testing.T) *byHand {
	t.Helper()
	driver, source := "sqlite", "file:"+d.path
	if d.url != "" {
		driver, source = "pgx", d.url
	}
	db, err := sql.Open(driver, source)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return &byHand{db, t, d.url != "", d.keys}
}

// unguard takes the guards away, and what holds tables together.
func (h *byHand) unguard() {
	h.t.Helper()
	if h.postgres {
		h.do(`SET session_replication_role = replica`)
		return
	}
	h.do(`PRAGMA foreign_keys = 0`)
	guards := h.all(`SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'`)
	if len(guards) == 0 {
		h.t.Fatal("there are no guards")
	}
	for _, name := range guards {
		h.do(`DROP TRIGGER ` + name)
	}
}

// do changes the database.
func (h *byHand) do(query string, args ...any) {
	h.t.Helper()
	_, err := h.ExecContext(h.t.Context(), query, args...)
	if err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
}

// one reads one text.
func (h *byHand) one(query string, args ...any) (text string) {
	h.t.Helper()
	must(h.t, h.QueryRowContext(h.t.Context(), query, args...).Scan(&text))
	return text
}

// all reads texts.
func (h *byHand) all(query string, args ...any) (texts []string) {
	h.t.Helper()
	rows, err := h.QueryContext(h.t.Context(), query, args...)
	must(h.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		must(h.t, rows.Scan(&text))
		texts = append(texts, text)
	}
	must(h.t, rows.Err())
	return texts
}

// id is that of an event.
func (h *byHand) id(seq int) string {
	return h.one(`SELECT event_id FROM audit_log WHERE seq = $1`, seq)
}

// edit has an event say that somebody else did it.
func (h *byHand) edit(seq int) (body string) {
	id := h.id(seq)
	body = strings.Replace(h.one(`SELECT body FROM audit_events WHERE id = $1`, id), "bob@", "eve@", 1)
	h.do(`UPDATE audit_events SET body = $1, actor = 'user:eve@example.com' WHERE id = $2`, body, id)
	return body
}

// hash has the leaf of an event be that of what it says.
func (h *byHand) hash(seq int, body string) {
	h.do(`UPDATE audit_log SET leaf = $1 WHERE seq = $2`, hex.EncodeToString(audit.Leaf([]byte(body))), seq)
}

// tree is the tree of what the leaves are now, up to a size.
func (h *byHand) tree(size int, whole func(audit.Node)) (edge audit.Edge) {
	h.t.Helper()
	for _, text := range h.all(`SELECT leaf FROM audit_log WHERE seq <= $1 ORDER BY seq`, size) {
		raw, err := hex.DecodeString(text)
		must(h.t, err)
		edge.Add(audit.Hash(raw), whole)
	}
	return edge
}

// regrow makes all that is stored of the tree follow from the leaves.
func (h *byHand) regrow(size int) {
	var nodes []audit.Node
	edge := h.tree(size, func(n audit.Node) { nodes = append(nodes, n) })
	h.do(`DELETE FROM audit_nodes`)
	for _, n := range nodes {
		h.do(`INSERT INTO audit_nodes (level, n, hash) VALUES ($1, $2, $3)`, n.Level, n.N, hex.EncodeToString(n.Hash[:]))
	}
	h.do(`UPDATE audit_head SET seq = $1, size = $1, edge = $2`, size, edge.Text())
}

// sign has all checkpoints be of what the tree is now, by the keys.
func (h *byHand) sign(keys *audit.Keys) {
	h.t.Helper()
	for _, size := range h.all(`SELECT size FROM audit_checkpoints`) {
		n, err := strconv.Atoi(size)
		must(h.t, err)
		h.do(`UPDATE audit_checkpoints SET note = $1 WHERE size = $2`, h.note(keys, n), n)
	}
	h.do(`UPDATE audit_head SET checkpoint = $1`, h.note(keys, events))
}

func (h *byHand) note(keys *audit.Keys, size int) string {
	h.t.Helper()
	note, err := keys.Sign(audit.Checkpoint{Size: int64(size), Root: h.tree(size, nil).Root()})
	must(h.t, err)
	return note
}

func strangerKeys(t *testing.T) *audit.Keys {
	t.Helper()
	signing, _, err := audit.NewKey(rand.Reader, origin)
	must(t, err)
	keys, err := audit.NewKeys(signing)
	must(t, err)
	return keys
}

// inspect verifies the ledger.
func (d database) inspect(t *testing.T, since ...string) audit.Report {
	t.Helper()
	db := d.open(t)
	defer func() { must(t, db.Close()) }()
	report, err := ledger.Inspect(t.Context(), db, audit.Trust{Keys: []string{d.verifier}, Since: since}, func(int64, int64) {})
	must(t, err)
	return report
}

// onBoth runs a test on each database. full is a log that may be copied.
func onBoth(t *testing.T, test func(t *testing.T, full func(*testing.T) database)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		full := fill(t, database{path: filepath.Join(t.TempDir(), "full.db")})
		test(t, func(t *testing.T) database {
			t.Helper()
			copied := full
			copied.path = filepath.Join(t.TempDir(), "copy.db")
			content, err := os.ReadFile(full.path)
			must(t, err)
			must(t, os.WriteFile(copied.path, content, 0o600))
			return copied
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		full := fill(t, database{url: server.Database(t)})
		copies := 0
		test(t, func(t *testing.T) database {
			t.Helper()
			copies++
			from, rest, _ := strings.Cut(full.url[strings.LastIndexByte(full.url, '/')+1:], "?")
			name := fmt.Sprintf("%s_%d", from, copies)
			must(t, server.Server(t).Exec("postgres", "CREATE DATABASE "+name+" TEMPLATE "+from+" STRATEGY FILE_COPY"))
			copied := full
			copied.url = strings.TrimSuffix(full.url, from+"?"+rest) + name + "?" + rest
			return copied
		})
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
