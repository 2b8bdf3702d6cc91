package e2e_test

import (
	"testing"

	"github.com/curfew-access/curfew/tests/fake/slack"
	"github.com/curfew-access/curfew/tests/service"
)

// The stories of people in Slack, told to the gateway as it is shipped, with a
// real Redis, by each kind of ledger. The fake Slack fails each of them for every
// view or message that Slack would refuse, and for every answer that comes late.

func TestSlackOnSQLite(t *testing.T) {
	t.Parallel()
	s := stores{ledger: func(*testing.T) string { return "sqlite:curfew.db" }, redis: service.Redis(t)}
	play(t, s, append(slackWorlds[:len(slackWorlds):len(slackWorlds)], cast{
		setting{name: "socket mode", slack: &workspace{socket: true}}, []story{{"by the socket", bySocket}},
	}, cast{
		setting{name: "later", slack: &workspace{}}, []story{{minutesPass, timePasses}},
	}, cast{
		setting{name: "own rules", slack: &workspace{rules: ruled, calm: true}}, []story{
			{"quorum of two", quorumOfTwo},
			{"own request", ownRequest},
			{"nobody answers", nobodyAnswers},
		},
	}))
}

func TestSlackOnPostgres(t *testing.T) {
	t.Parallel()
	redis, postgres := service.Redis(t), service.Postgres(t, "fsync=off")
	ledger := func(t *testing.T) string { return postgres.Database(t) }
	play(t, stores{ledger: ledger, redis: redis}, append(slackWorlds[:len(slackWorlds):len(slackWorlds)], cast{
		setting{name: "two nodes in Slack", nodes: 2, slack: &workspace{}}, []story{{"two nodes", twoNodes}},
	}))
}

var slackWorlds = []cast{
	{setting{name: "workspace", slack: &workspace{}}, []story{
		{"from nothing to access", fromNothingToAccess},
		{"the form says what policy says", formSaysWhatPolicySays},
		{"asked directly", askedDirectly},
		{"until the incident is resolved", untilResolved},
		{"the same submission twice", submittedTwice},
		{"approved by one click", approvedByOneClick},
		{"approved shorter", approvedShorter},
		{"denied with a comment", deniedWithComment},
		{"two reviewers at once", twoAtOnce},
		{askedOneByOne, reviewersAskedOneByOne},
		{"other channels answer", otherChannelsAnswer},
		{"break-glass", breakGlassUsed},
		{"not signed by Slack", notSignedBySlack},
		{"not one of us", notOneOfUs},
	}},
	{setting{name: "trouble", slack: &workspace{slow: true}}, []story{{"Slack, the gateway and the ledger fail", troubles}}},
}

func canSubmit(s slack.Sheet) bool { return s.CanSubmit() }
