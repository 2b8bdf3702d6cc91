package e2e_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/curfew-access/curfew/engine/audit"
)

// TestLogThatWasChangedWhileTheGatewayWasDown has somebody edit an event in the
// database, and its hash. The gateway seals nothing onto that, says so wherever it is
// looked for, and serves; and goes on by itself when the log is what it was.
func TestLogThatWasChangedWhileTheGatewayWasDown(t *testing.T) {
	t.Parallel()
	onEach(t, 1, func(a *audited) {
		g := a.revoked(alice)
		a.removed(g)
		changed, seq := a.signed("the end", ofGrant(audit.GrantEnded, g))
		body := a.w.written(a.T)[seq-1]
		config := filepath.Join(a.w.dir, "node0.yaml")
		a.verifies(0, "--config", config)

		if err := a.w.node(0).End(); err != nil {
			a.Fatal(err)
		}
		edited := strings.Replace(body, `"channel":"api"`, `"channel":"web"`, 1)
		a.byHand(`UPDATE audit_events SET body = $1 WHERE id = $2`, edited, changed.ID)
		a.byHand(`UPDATE audit_log SET leaf = $1 WHERE seq = $2`, leafOf(edited), seq)
		a.w.start(a.T, 0)
		a.saysBroken(true)

		sealed := len(a.events())
		a.revoked(bob) // is served, and waits for its place in the log
		if now := len(a.events()); now != sealed {
			a.Errorf("%d events were sealed onto a log that was changed", now-sealed)
		}
		r := a.verifies(unproved, "--config", config)
		if !slices.ContainsFunc(r.Findings, func(f audit.Finding) bool {
			return f.Kind == audit.FoundUnsigned && f.Seq <= seq && seq <= f.Through
		}) {
			a.Errorf("there is found %+v; want event %d among what is not signed", r.Findings, seq)
		}

		// With the hash that was signed it is known which event it is.
		a.byHand(`UPDATE audit_log SET leaf = $1 WHERE seq = $2`, leafOf(body), seq)
		a.saysBroken(false)
		r = a.verifies(unproved, "--config", config)
		if len(r.Findings) != 1 || r.Findings[0].Kind != audit.FoundEdited || r.Findings[0].Seq != seq || !strings.Contains(r.Findings[0].Text, changed.ID) {
			a.Errorf("there is found %+v; want that %s was edited", r.Findings, changed.ID)
		}
		a.byHand(`UPDATE audit_events SET body = $1 WHERE id = $2`, body, changed.ID)
		a.signed("that it was noticed", func(e audit.Event) bool { return e.Type == audit.AlarmResolved && e.Data["kind"] == "audit_broken" })
		a.verifies(0, "--config", config)
	})
}

// saysBroken waits until the gateway says that the log was changed, or does not say so
// any more, to the probe and by its alarm.
func (a *audited) saysBroken(is bool) {
	a.Helper()
	alarm, probe := "an alarm is over", `"name":"audit","status":"ok"`
	if is {
		alarm, probe = "ALARM", `"name":"audit","status":"degraded"`
	}
	a.w.until(a.T, fmt.Sprintf("it is said that the log was changed: %t", is), func() error {
		said, err := a.w.readiness(0)
		switch {
		case err != nil:
			return err
		case !strings.Contains(said, probe):
			return errors.New(said)
		}
		for line := range strings.Lines(a.read("node0.log")) {
			if strings.Contains(line, alarm) && strings.Contains(line, "alarm=audit_broken:audit") {
				return nil
			}
		}
		return errors.New("the alarm is not as it should be")
	})
}
