package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// What an auditor does with the gateway as it is shipped: who has the log's key, and a
// checkpoint that was kept, takes nothing of what they are given on trust.

func TestAuditorTakesTheLogOutAndVerifiesIt(t *testing.T) {
	t.Parallel()
	onEach(t, 1, func(a *audited) {
		before := a.reviewed(bob)
		a.revoke(before)
		a.closed(before, access.EndRevoked)
		a.removed(before)
		a.runs(0, "audit", "checkpoint", "--out", "kept.checkpoint", "--key", a.pub)

		g := a.reviewed(alice)
		a.revoke(g)
		a.closed(g, access.EndRevoked)
		a.removed(g)
		started, seq := a.signed("the start", ofGrant(audit.GrantStarted, g))

		for _, format := range []string{"ndjson", "csv", "ocsf"} {
			a.Run(format, func(t *testing.T) {
				in := *a
				in.T = t
				in.takesOut(format, started, seq)
			})
		}
		a.Run("an event by itself", func(t *testing.T) {
			in := *a
			in.T = t
			in.provesOne(started, seq)
		})
		a.Run("who had access when", func(t *testing.T) {
			in := *a
			in.T = t
			in.looksBack(g)
		})
	})
}

// takesOut takes the log out in a format, and finds what is done to it.
func (a *audited) takesOut(format string, started audit.Event, seq int64) {
	name := "events." + format
	a.exports(name, "--format", format, "--since-checkpoint", "kept.checkpoint")
	r := a.verifies(0, name, "--key", a.pub, "--since-checkpoint", "kept.checkpoint")
	if r.Through < seq || r.Events != r.Through || len(r.Since) != 1 || r.Since[0] == 0 || r.Since[0] >= r.Through {
		a.Errorf("the report is %+v", r)
	}
	_, stranger, err := audit.NewKey(strings.NewReader(strings.Repeat("stranger", 8)), "curfew.example.com/audit")
	if err != nil {
		a.Fatal(err)
	}
	if r := a.verifies(unproved, name, "--key", stranger); r.Findings[0].Kind != audit.FoundUnknown {
		a.Errorf("by another key there is found %+v", r.Findings)
	}

	lines := strings.SplitAfter(strings.TrimSuffix(a.read(name), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, started.ID) })
	for what, tampering := range map[string]struct {
		lines []string
		kind  string
		id    string // of the event that is named; "": none is there to be named
	}{
		"an event is edited": {
			lines: replaced(lines, at, strings.ReplaceAll(lines[at], "alice@", "mallory@")), kind: audit.FoundEdited, id: started.ID,
		},
		"an event is removed": {lines: slices.Delete(slices.Clone(lines), at, at+1), kind: audit.FoundRemoved},
		"an event is inserted": {
			lines: slices.Insert(slices.Clone(lines), at, strings.ReplaceAll(lines[at], started.ID, otherID(started.ID))),
			kind:  audit.FoundInserted, id: otherID(started.ID),
		},
		"an event is moved": {lines: replaced(replaced(lines, at, lines[at-1]), at-1, lines[at]), kind: audit.FoundReordered, id: started.ID},
	} {
		a.Run(what, func(t *testing.T) {
			in := *a
			in.T = t
			in.w.write("changed."+format, strings.Join(tampering.lines, ""))
			r := in.verifies(unproved, "changed."+format, "--proof", name+".proof", "--key", a.pub)
			f := r.Findings[0]
			wantSeq := seq
			if tampering.kind == audit.FoundReordered {
				wantSeq-- // it stands one too early
			}
			if f.Kind != tampering.kind || f.Seq != wantSeq || tampering.id != "" && (f.Event == nil || f.Event.ID != tampering.id) {
				t.Errorf("there is found %+v; want %s at %d, of %s", f, tampering.kind, wantSeq, tampering.id)
			}
			if !strings.Contains(f.Text, tampering.id) {
				t.Errorf("people are told %q", f.Text)
			}
		})
	}
}

func replaced(lines []string, at int, line string) []string {
	lines = slices.Clone(lines)
	lines[at] = line
	return lines
}

// otherID is the id of an event that there is none of.
func otherID(id string) string {
	last := byte('0')
	if id[len(id)-1] == last {
		last = '1'
	}
	return id[:len(id)-1] + string(last)
}

// provesOne has one event proved, and finds that somebody else is in it.
func (a *audited) provesOne(started audit.Event, seq int64) {
	a.runs(0, "audit", "proof", started.ID, "--key", a.pub, "--out", "event.proof")
	if r := a.verifies(0, "event.proof", "--key", a.pub); r.Through != seq {
		a.Errorf("the proof is of event %d; want %d", r.Through, seq)
	}
	a.w.write("changed.proof", strings.ReplaceAll(a.read("event.proof"), "alice@", "mallory@"))
	if r := a.verifies(unproved, "changed.proof", "--key", a.pub); r.Findings[0].Kind != audit.FoundEdited {
		a.Errorf("there is found %+v", r.Findings)
	}
}

// looksBack asks who had access before, during and after a grant, and takes a report.
func (a *audited) looksBack(g access.Grant) {
	during := g.StartsAt.Add(time.Millisecond)
	removed := a.sees(g).Binding.ConfirmedAt
	if removed == nil {
		a.Fatal("the removal is not confirmed")
	}
	for at, want := range map[time.Time]int{g.StartsAt.Add(-time.Millisecond): 0, during: 1, removed.Add(time.Millisecond): 0} {
		var page engine.Page[engine.AccessItem]
		said := a.runs(0, "audit", "access", "--at", at.UTC().Format(time.RFC3339Nano), "--subject", g.Subject.String(), "-o", "json")
		if err := json.Unmarshal([]byte(said), &page); err != nil {
			a.Fatal(err)
		}
		if len(page.Items) != want {
			a.Fatalf("at %s, of a grant since %s that was removed at %s, there is access %+v; want %d", at, g.StartsAt, removed, page.Items, want)
		}
		if want == 0 {
			continue
		}
		x := page.Items[0]
		if x.GrantID != g.ID || x.Reviews[0].Reviewer != subject(security) || x.RemovalState != engine.RemovalConfirmed ||
			!x.RemovedAt.Equal(*removed) || x.Proof.Agrees == nil || !*x.Proof.Agrees {
			a.Errorf("the access is %+v", x)
		}
	}
	a.reports(g)
}

// reports takes reports of who had access, and verifies the one that can be.
func (a *audited) reports(g access.Grant) {
	for form, sign := range map[string]string{"html": "<html", "csv": "grant_id,", "json": `"curfew_report"`} {
		name := "report." + form
		a.runs(0, "audit", "report", name, "--from", g.StartsAt.Add(-time.Hour).UTC().Format(time.RFC3339))
		text := a.read(name)
		for _, want := range []string{sign, g.ID, "alice@example.com", "security@example.com"} {
			if !strings.Contains(text, want) {
				a.Errorf("the report as %s does not say %q:\n%.2000s", form, want, text)
			}
		}
	}
	if r := a.verifies(0, "report.json", "--key", a.pub); r.Events == 0 {
		a.Errorf("the report proves nothing: %+v", r)
	}
	a.w.write("changed.json", strings.Replace(a.read("report.json"), `"id":"alice@`, `"id":"mallory@`, 1))
	if r := a.verifies(unproved, "changed.json", "--key", a.pub); !strings.Contains(r.Findings[0].Text, g.ID) {
		a.Errorf("there is found %+v", r.Findings)
	}
}

// TestAuditorWhoKnowsAnOlderKey changes the key of the log, over restarts as they are
// written down for operators.
func TestAuditorWhoKnowsAnOlderKey(t *testing.T) {
	t.Parallel()
	a := newAuditedOnPostgres(t, 1)
	newPub := filepath.Join(a.w.dir, "audit-2.pub")
	a.newKey("audit-key-2", newPub)
	a.revoked(alice)
	a.exports("first.ndjson")

	a.sign("audit-key-2", "audit-key")
	a.w.restart(t, 0)
	verifier := strings.TrimSpace(a.read("audit-2.pub"))
	a.signed("that the key is changed", func(e audit.Event) bool {
		return e.Type == audit.KeyChanged && strings.Contains(fmt.Sprint(e.Data["to"]), verifier)
	})
	a.runs(0, "audit", "checkpoint", "--out", "both.checkpoint", "--key", newPub)
	a.exports("both.ndjson", "--since-checkpoint", "both.checkpoint")
	a.verifies(0, "both.ndjson", "--key", newPub)

	a.sign("audit-key-2")
	a.w.restart(t, 0)
	a.removed(a.revoked(bob))
	a.runs(0, "audit", "export", "later.ndjson", "--key", newPub, "--since-checkpoint", "both.checkpoint")
	if r := a.verifies(unproved, "later.ndjson", "--key", a.pub); r.Findings[0].Kind != audit.FoundUnknown {
		t.Errorf("by the old key there is found %+v", r.Findings)
	}
	// What the old key signed leads to what the new one does.
	a.verifies(0, "first.ndjson", "--key", a.pub)
	a.verifies(0, "later.ndjson", "--key", newPub, "--since-checkpoint", "both.checkpoint")
	a.verifies(0, "both.ndjson", "--key", a.pub, "--since-checkpoint", "both.checkpoint")
}

// TestTwoGatewaysKeepOneLog has both of two gateways write.
func TestTwoGatewaysKeepOneLog(t *testing.T) {
	t.Parallel()
	a := newAuditedOnPostgres(t, 2)
	for n, who := range []string{alice, bob, alice, bob} {
		a.w.front = n % 2
		a.removed(a.revoked(who))
	}
	var through string
	for n := range 2 {
		a.w.front = n
		name := map[int]string{0: "one.ndjson", 1: "other.ndjson"}[n]
		a.exports(name)
		if n == 0 {
			through = a.read(name)
		} else if !strings.HasPrefix(a.read(name), through) {
			t.Error("the gateways tell different logs")
		}
		if started := strings.Count(a.read(name), `"type":"`+audit.GatewayStarted+`"`); started != 2 {
			t.Errorf("%d gateways are told to have started", started)
		}
	}
	a.w.front = 0
	a.verifies(0, "--config", filepath.Join(a.w.dir, "node1.yaml"))
	if status, said, err := a.w.call(guard, http.MethodGet, "/v1/audit/checkpoint?format=note", ""); err != nil || status != http.StatusOK || !strings.HasPrefix(string(said), "curfew.example.com/audit\n") {
		t.Errorf("the checkpoint is %d %s, %v", status, said, err)
	}
}
