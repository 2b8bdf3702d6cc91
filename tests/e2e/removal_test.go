package e2e_test

import (
	"testing"

	"github.com/curfew-access/curfew/tests/service"
)

// What others in this trade failed at when access was to end, told to the gateway as
// it is shipped: each story is named for the rule that keeps it from us. What needs
// no program to be shown is told in the packages; docs/testing.md has the list.

// removals need nothing but a target each.
var removals = []trial{
	{name: "a removal that timed out after it succeeded is told again under the same id", play: timedOutAfterSuccess},
	{name: "an answer never seen before is tried again", play: unknownAnswers},
	{name: "a target whose certificate is over is tried until it has another", url: shielded, play: certificateEnds},
	{name: "a provision that never succeeds still ends", play: neverProvisioned},
	{name: "revoke before the provision was confirmed", play: revokedMeanwhile},
	{name: "a resource that left the catalogue takes its access along", synced: true, play: resourceGone},
	{name: "an accepted message is not a done one", terms: patientCallback, play: wordComesLater},
	{name: "a word that never comes is waited for no longer than agreed", terms: hastyCallback, play: wordNeverComes},
	{name: "a word that comes late is the truth still", terms: hastyCallback, play: wordComesTooLate},
	{name: "a word that is said twice counts once", terms: patientCallback, play: wordComesTwice},
	{name: "a word about what was overtaken does not count", terms: patientCallback, play: wordIsOvertaken},
	{name: "a word with another's token is refused", terms: patientCallback, play: wordOfAnother},
	{name: "access that another system gave back is found", terms: asked, play: readded},
	{name: "access that another system gave back is taken away again", terms: repaired, play: readdedAndRepaired},
	{name: "a removal is declared done by two persons only", play: forcedClosed},
	{name: "an operator has it tried at once", pace: "timeout: 1s, retry_first: 100ms, retry_cap: 5m", play: triedAtOnce},
	{name: "a source that lost most of what it knew is not believed", synced: true, play: shrunk},
}

// edits are of a configuration that changes while access is live.
var edits = []trial{
	{name: "a target that was removed is missed at once", after: removed, play: targetRemoved},
	{name: "a target that was removed is missed when its access ends", synced: true, after: removed, play: targetLost},
	{name: "a target of another name is another target", after: renamed, play: targetRenamed},
	{name: "a target that is retired takes no new access and closes the old", after: retired, play: targetRetired},
	{name: "a secret that is gone is missed", after: withoutSecret, play: secretGone},
	{name: "a secret that changed closes what was given under the old one", after: rotated, play: secretRotated},
	{name: "a scheduled start whose target is gone opens nothing", synced: true, after: removed, play: targetGoneBeforeStart},
}

func TestRemovalsOnSQLite(t *testing.T) {
	t.Parallel()
	s := stores{ledger: func(*testing.T) string { return "sqlite:curfew.db" }, redis: service.Redis(t)}
	tryEverything(t, s)
}

func TestRemovalsOnPostgres(t *testing.T) {
	t.Parallel()
	redis, postgres := service.Redis(t), service.Postgres(t, "fsync=off")
	s := stores{ledger: func(t *testing.T) string { return postgres.Database(t) }, redis: redis}
	tryEverything(t, s)
	together([]struct {
		setting setting
		trials  []trial
	}{
		{setting{name: "removals by two", nodes: 2}, []trial{
			{name: "two who approve at once, each at another gateway, make one grant", play: approvedTwice},
		}},
		{setting{name: "removals from afar", far: true}, []trial{
			{name: "an end that passed before it was written is an end", play: pastWhenWritten},
		}},
	}, func(c struct {
		setting setting
		trials  []trial
	}) {
		t.Run(c.setting.name, func(t *testing.T) { tryAll(t, s, c.setting, c.trials) })
	})
}

func tryEverything(t *testing.T, s stores) {
	t.Run("as it is", func(t *testing.T) { tryAll(t, s, setting{name: "removals"}, removals) })
	t.Run("edited", func(t *testing.T) { tryAll(t, s, setting{name: "removals edited"}, edits) })
}
