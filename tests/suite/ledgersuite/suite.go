// Package ledgersuite is what every database under the ledger must do, as an
// ordinary package: a database's test is a factory and one call.
package ledgersuite

import (
	"errors"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Database is a database under test.
type Database interface {
	// Open opens the same, initially empty database each time it is called. The
	// one opened before is closed by then.
	Open(t *testing.T) ledger.DB
}

// Run runs the suite. fresh makes an empty database.
func Run(t *testing.T, fresh func(t *testing.T) Database) {
	cases := map[string]func(*testing.T, *fixture){
		"the legal moves are those of access.Moves":              movesAgree,
		"an illegal move is refused by the database itself":      illegalMoves,
		"a transaction that fails leaves no trace":               failureLeavesNoTrace,
		"nothing runs in a transaction after its first failure":  nothingAfterFailure,
		"a transaction that panics fails alone":                  panicFailsAlone,
		"writers at once lose nothing":                           writersAtOnce,
		"a view can not change anything":                         viewsDoNotChange,
		"the clock never goes back, also over a restart":         clockNeverGoesBack,
		"everything is there after a restart":                    survivesRestart,
		"a ledger of a newer release is refused":                 newerSchema,
		"a decision is stored whole":                             decisionsAreWhole,
		"the decision log is found again":                        decisionLog,
		"a chunk of the decision log is there once":              chunksOnce,
		"old decisions are forgotten, by one node":               decisionsForgotten,
		"decisions of requests are listed in order":              decisionsListed,
		"a request closes once":                                  requestsCloseOnce,
		"a grant ends once":                                      grantsEndOnce,
		"newer facts move a bound grant that is as it was read":  grantsMove,
		"a move at once with an end, or with another move":       moveRace,
		"lists page by cursor, newest first":                     listsPage,
		"a list of one's own holds what one may review":          ownLists,
		"the next deadline of each kind is the soonest":          nextDeadline,
		"a binding is one per contract":                          bindingsPerContract,
		"a binding without a live grant is not claimed present":  staleClaims,
		"a clock that is behind does not lose a grant":           behindClock,
		"an end and a beginning at once leave the right desire":  countRace,
		"two reviews at once are counted one after the other":    reviewRace,
		"an Idempotency-Key is kept once, whoever comes at once": idempotencyRace,
		"every statement is understood, with its types":          statements,
		"claims at once do no double work":                       claimsAtOnce,
		"what waits for a target that was down is revived":       revived,
		"what a target is tried with is new, if there is any":    triedWith,
		"a token leads to its attempt, and is not kept itself":   tokensFound,
		"what was accepted is not over before the word":          acceptedAttempts,
		"what waits for a word outlives the process":             waitsKept,
		"of words at once with one token one is taken":           wordsAtOnce,
		"a named lock is held until the transaction ends":        namedLocks,
		"an empty database has no schema, and that is no error":  emptyDatabase,
		"events are sealed gapless and in order of their commit": sealing,
		"people are what all sources say of them":                peopleUnion,
		"what was committed is read, though rows are remembered": committedIsRead,
		"people are found by their Slack account":                peopleByAccount,
		"resources are found by what people type":                resourcesAreFound,
		"a snapshot is in force, and told of":                    snapshotApplied,
		"what a snapshot stages is found and deleted":            snapshotStaged,
		"a run of a source ends once":                            runEndsOnce,
		"many resources leave the catalogue at once":             manyLeaving,
		"a search finds each name once, in pages":                searched,
		"the standings of many are those of each":                standingsAbout,
		"one task answers a denial, whoever comes at once":       accessTasks,
		"a callback is claimed once, and settled by its claim":   callbackClaims,
		"a key is published until its time is over":              signingKeys,
		"what is live and what is overdue is counted":            figuresCount,
		"one revision of the policies is active":                 policyCompareAndSet,
		"what changes under a live grant is evaluated once":      rechecks,
		"live grants are judged by one revision at a time":       policyRecheck,
		"a task is closed once, and a grant has one open flag":   tasks,
		"what a source said is kept as it was":                   snapshotsKept,
		"a duty is handed back by itself":                        dutiesOneByOne,
		"incidents that grants depend on are listed":             incidentsWanted,
		"an inbound event is taken once, whoever comes at once":  inboundOnce,
		"what is told of an incident last counts":                closedIncidents,
		"what is bound to an incident is found":                  boundToIncident,
		"a request that waits is found when it is time":          waitings,
		"the newest decision of a review is its last":            reviewedUnder,
		"an end is told of once":                                 endingsTold,
		"a task is asked for every day":                          tasksAskedFor,
		"a reader is shown notices one after the other":          noticesInTurn,
		"what is shown follows what it is about":                 noticesFollow,
		"a notice that failed waits, and so may its reader":      noticesPutOff,
		"what somebody waits for is shown before all else":       noticesUrgent,
		"old notices are forgotten when what they tell is over":  noticesForgotten,
		"claims of notices at once tell nobody two things":       noticeClaims,
		"a follower begins at the head, and moves once":          followers,
		"who is in a group is found, and who was asked":          whoIsAsked,
		"bindings are found by what is wrong with them":          bindingsListed,
		"what happened to a binding is read in its order":        bindingHistory,
		"of attempts the newest are read, and a span counted":    attemptsCounted,
		"one task at a time would have a binding declared gone":  forceCloses,
		"what a target said of a binding is kept":                verificationsKept,
		"bindings that are not asked about are found":            unaskedFound,
		"a question is asked by one, whoever asks at once":       questionsAtOnce,
		"questions and settling do not wait for each other":      questionsAndSettling,
		"what drifted and what waits to be asked is counted":     verificationsCounted,
		"an alarm is raised once, and is over once":              alarmsOnce,
		"a pager is told what it was not":                        alarmsTold,
		"what is overdue is counted for each target":             overdueCounted,
		"what is shown of an alarm follows it":                   alarmNotices,
		"who had access is found, however long that lasted":      accessFound,
		"a removal is settled when there is nothing to do":       accessSettled,
		"what happened around a time is read for many at once":   happenedAround,
		"what was tried is counted for many at once":             triedAtOnce,
		"a sink begins with what is kept, and keeps its place":   sinksBegin,
		"a sink is moved by whoever has it, from where it is":    sinkMoves,
		"what a sink would not take is kept for it":              sinksSetAside,
		"of two nodes one sends, and the other goes on":          sinksOfNodes,
		"events stay that are needed, or not kept elsewhere":     eventsAreHeld,
		"events that are young stay":                             youngEventsStay,
		"events that are gone are proved":                        removedEventsAreProved,
		"events that were edited are not removed":                editedEventsAreNotRemoved,
		"a sink that comes while events are removed keeps them":  sinksComeInTime,
		"nodes that remove events at once do it once":            removalsAtOnce,
		"of nodes at once one publishes a checkpoint":            publishedOnce,
		"the tree of the log is that of its leaves, at any size": treeIsThatOfLeaves,
		"a seal is signed, and what signed it is known":          checkpointsOfSeals,
		"a log without a tree catches up":                        treeCatchesUp,
		"of sealers at once one seals":                           sealersAtOnce,
		"an older node that seals beside is caught up with":      olderSealerBeside,
		"who is overtaken has sealed nothing":                    sealsAlone,
		"an event that is edited while it waits is found":        editedWhileItWaits,
		"what is removed stays in the tree":                      removedTile,
		"an event without a number waits":                        eventsWait,
		"the log is only added to":                               onlyAddedTo,
		"nothing is sealed onto a log that was changed":          changedLogs,
		"a log whose end was made anew is not sealed onto":       logsMadeAnew,
	}
	for name, check := range cases {
		t.Run(name, func(t *testing.T) {
			f := &fixture{t: t, database: fresh(t)}
			f.open()
			defer func() { _ = f.l.Close() }()
			check(t, f)
		})
	}
}

// fixture is a ledger with short verbs.
type fixture struct {
	t        *testing.T
	database Database
	db       ledger.DB
	l        *ledger.Ledger
}

func (f *fixture) open() {
	f.t.Helper()
	f.db = f.database.Open(f.t)
	var err error
	f.l, err = ledger.Open(f.t.Context(), f.db)
	f.must(err)
}

func (f *fixture) reopen() {
	f.t.Helper()
	f.must(f.l.Close())
	f.open()
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) update(fn func(*ledger.Tx) error) {
	f.t.Helper()
	f.must(f.l.Update(f.t.Context(), fn))
}

func (f *fixture) view(fn func(*ledger.Tx) error) {
	f.t.Helper()
	f.must(f.l.View(f.t.Context(), fn))
}

// raw runs SQL that no method would.
func (f *fixture) raw(query string, args ...any) error {
	return f.db.Update(f.t.Context(), func(tx ledger.Querier) error {
		_, err := tx.ExecContext(f.t.Context(), query, args...)
		return err
	})
}

var (
	alice = access.Subject{Type: "user", ID: "alice@example.com"}
	bob   = access.Subject{Type: "user", ID: "bob@example.com"}
	carol = access.Subject{Type: "user", ID: "carol@example.com"}
	acme  = access.ResourceRef{Type: "customer", ID: "acme"}
	what  = access.Entitled{Subject: alice, Action: access.Action{Name: "debug"}, Resource: acme}
)

func decision(now time.Time) access.DecisionRecord {
	return access.DecisionRecord{
		ID: access.NewID(access.KindDecision, now), Phase: access.PhaseRequest, Revision: "r1", DecidedAt: now,
		Took: 1234 * time.Microsecond,
		Input: access.Input{Requester: alice, Context: access.InputContext{
			Now: now, Reason: "because", OnCall: access.OnCall{Known: true, Shifts: []access.Shift{{Level: 1}}},
		}},
		Decision: access.Decision{
			Effect: access.Review, Reasons: []access.Reason{{Code: "needs_review", Title: "Needs review"}}, Revision: "r1",
			Reviewers: &access.Reviewers{Groups: []string{"security"}, Quorum: 1},
		},
	}
}

// addRequest stores a pending request with its decision.
func addRequest(tx *ledger.Tx, x access.Entitled) (access.Request, error) {
	d := decision(tx.Now())
	lapses, length := tx.Now().Add(time.Hour), access.Duration(time.Hour)
	r := access.Request{
		ID: access.NewID(access.KindRequest, tx.Now()), Entitled: x, Requester: x.Subject, For: &length, Reason: "because",
		Channel: access.ChannelAPI, State: access.RequestPending, DecisionID: d.ID, LapsesAt: &lapses, CreatedAt: tx.Now(),
	}
	return r, errors.Join(tx.PutDecision(d), tx.AddRequest(r), tx.SetReviewers(r.ID, []string{"group:security"}))
}

// addGrant stores an active grant of the length, with its request and binding.
func addGrant(tx *ledger.Tx, x access.Entitled, length time.Duration) (access.Grant, error) {
	r, err := addRequest(tx, x)
	if err != nil {
		return access.Grant{}, err
	}
	binding, err := tx.TakeBinding(access.NewID(access.KindBinding, tx.Now()), x, "box", "box-1")
	if err != nil {
		return access.Grant{}, err
	}
	g := access.Grant{
		ID: access.NewID(access.KindGrant, tx.Now()), RequestID: r.ID, BindingID: binding.ID, Entitled: x, State: access.GrantActive,
		StartsAt: tx.Now(), ExpiresAt: tx.Now().Add(length), DecisionID: r.DecisionID, CreatedAt: tx.Now(),
	}
	return g, errors.Join(
		tx.CloseRequest(r.ID, access.RequestApproved), tx.AddGrant(g),
		tx.Append(audit.Event{Type: audit.GrantStarted, GrantID: audit.Text(g.ID)}))
}

func (f *fixture) grant(x access.Entitled, length time.Duration) (g access.Grant) {
	f.t.Helper()
	f.update(func(tx *ledger.Tx) (err error) {
		g, err = addGrant(tx, x, length)
		return err
	})
	return g
}

// endOne ends a grant whose binding is locked, as the engine does.
func endOne(tx *ledger.Tx, g access.Grant, why access.EndReason) error {
	ended, err := tx.EndGrants([]ledger.Ending{{Grant: g, Why: why}})
	if err == nil && !ended[g.ID] {
		err = ledger.GrantEnded(g.ID)
	}
	return err
}

// desire recomputes what a locked binding should be, as the engine does.
func desire(tx *ledger.Tx, bindingID string) error {
	live, err := tx.LiveGrantsOn(bindingID)
	if err != nil {
		return err
	}
	b, err := tx.Binding(bindingID)
	if err != nil {
		return err
	}
	b.Desired = access.Absent
	if len(live[bindingID]) > 0 {
		b.Desired = access.Present
	}
	return tx.PutBindings(ledger.Claimed{Binding: b})
}
