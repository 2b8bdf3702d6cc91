package ledgersuite

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// statements: the database understands each query, and the types of what is bound
// in it. Databases differ in what they infer.
func statements(t *testing.T, f *fixture) {
	g := f.grant(what, time.Hour)
	for name, read := range reads(g) {
		if err := f.l.Update(t.Context(), read); err != nil {
			t.Errorf("%s, to change something: %v", name, err)
		}
		if err := f.l.View(t.Context(), read); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range changes(g) {
		if err := f.l.Update(t.Context(), change); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// discard runs a query for its error.
func discard[T any](_ T, err error) error { return err }

// missing runs a query for something that is not there.
func missing[T any](_ T, err error) error {
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("found, or failed: %w", err)
}

// reads are the queries that change nothing.
func reads(g access.Grant) map[string]func(*ledger.Tx) error {
	ids := []string{g.BindingID, "bnd_none", "bnd_other"}
	now := g.CreatedAt
	full := ledger.Filter{
		State: "active", Subject: alice.String(), Resource: acme.String(), Involving: alice.String(), Principals: []string{"group:a", "user:b"},
		Before: "zzz", Limit: 5,
	}
	return map[string]func(*ledger.Tx) error{
		"where decisions lie":            func(tx *ledger.Tx) error { return discard(tx.DecisionSpans("dec_0", "dec_z", 5)) },
		"decisions of requests":          func(tx *ledger.Tx) error { return discard(tx.Decisions("dec_0", "dec_z", 5)) },
		"the attempts on a binding":      func(tx *ledger.Tx) error { return discard(tx.Attempts(g.BindingID)) },
		"a page of events by everything": func(tx *ledger.Tx) error { return discard(tx.Events(allEvents())) },
		"bindings with their claims":     func(tx *ledger.Tx) error { return discard(tx.Claimed(ids...)) },
		"what is deliverable":            func(tx *ledger.Tx) error { return discard(tx.Deliverable("box-1", 5)) },
		"the next delivery":              func(tx *ledger.Tx) error { return discard(tx.NextDelivery("box-1")) },
		"bindings without any target":    func(tx *ledger.Tx) error { return discard(tx.BindingsWithoutTarget(nil, tx.Now(), 5)) },
		"bindings without one of two":    func(tx *ledger.Tx) error { return discard(tx.BindingsWithoutTarget([]string{"a", "b"}, tx.Now(), 5)) },
		"bindings to alert":              func(tx *ledger.Tx) error { return discard(tx.BindingsToAlert(now, 5)) },
		"the contracts that are needed":  func(tx *ledger.Tx) error { return discard(tx.Contracts()) },
		"a person by their account":      func(tx *ledger.Tx) error { _, _, err := tx.PersonBySlack("U1"); return err },
		"a person by their name":         func(tx *ledger.Tx) error { _, _, err := tx.Person(alice); return err },
		"a page of resources": func(tx *ledger.Tx) error {
			return discard(tx.FindResources(ledger.ResourceFilter{After: "a:b", Limit: 5}))
		},
		"the grant of a request":              func(tx *ledger.Tx) error { return discard(tx.GrantOfRequest(g.RequestID)) },
		"grants by everything":                func(tx *ledger.Tx) error { return discard(tx.Grants(full)) },
		"requests by everything":              func(tx *ledger.Tx) error { return discard(tx.Requests(full)) },
		"the live grants of a subject":        func(tx *ledger.Tx) error { return discard(tx.LiveGrantsOf(alice)) },
		"the live grants on bindings":         func(tx *ledger.Tx) error { return discard(tx.LiveGrantsOn(ids...)) },
		"the grants on what a run archives":   func(tx *ledger.Tx) error { return discard(tx.UnendedGrantsLeaving("run_1")) },
		"the grants to end":                   func(tx *ledger.Tx) error { return discard(tx.GrantsToEnd(5)) },
		"the grants to start":                 func(tx *ledger.Tx) error { return discard(tx.GrantsToStart(5)) },
		"which grants are active":             func(tx *ledger.Tx) error { return discard(tx.ActiveAmong([]string{g.ID, "x", "y"}, now)) },
		"a page of active grants":             func(tx *ledger.Tx) error { return discard(tx.ActiveGrants("", 5)) },
		"the next end":                        func(tx *ledger.Tx) error { return discard(tx.NextEnd()) },
		"the next start":                      func(tx *ledger.Tx) error { return discard(tx.NextStart(now)) },
		"the standing of an access":           func(tx *ledger.Tx) error { return discard(tx.Standing(what)) },
		"the standings of bindings":           func(tx *ledger.Tx) error { return discard(tx.Standings(ids...)) },
		"the standings of many":               func(tx *ledger.Tx) error { return discard(tx.StandingsAbout(what, what, what)) },
		"who has access":                      func(tx *ledger.Tx) error { return discard(tx.SubjectsOn("user", what.Action, acme, "a", 5)) },
		"what there may be access to":         func(tx *ledger.Tx) error { return discard(tx.ResourcesFor(alice, what.Action, "customer", "a", 5)) },
		"what there may be done":              func(tx *ledger.Tx) error { return discard(tx.ActionsOn(alice, acme)) },
		"what the lease may not know":         func(tx *ledger.Tx) error { return discard(tx.Unsaid()) },
		"the active policy":                   func(tx *ledger.Tx) error { return discard(tx.ActivePolicy()) },
		"requests to ask about again":         func(tx *ledger.Tx) error { return discard(tx.RequestsToNudge(5)) },
		"how a request waits":                 func(tx *ledger.Tx) error { return discard(tx.Waiting(g.RequestID)) },
		"how no request waits":                func(tx *ledger.Tx) error { return missing(tx.Waiting("req_none")) },
		"grants that are about to end":        func(tx *ledger.Tx) error { return discard(tx.GrantsToTell(g, 5)) },
		"tasks to ask for again":              func(tx *ledger.Tx) error { return discard(tx.TasksToRemind(5)) },
		"who is asked next":                   func(tx *ledger.Tx) error { return discard(tx.NextNudge()) },
		"requests that nobody answered":       func(tx *ledger.Tx) error { return discard(tx.LapsedRequests(5)) },
		"whether one is a reviewer":           func(tx *ledger.Tx) error { return discard(tx.IsReviewer(g.RequestID, []string{"group:a", "user:b"})) },
		"a task that there is not":            func(tx *ledger.Tx) error { return missing(tx.AccessTask("art_none")) },
		"an approval that there is not":       func(tx *ledger.Tx) error { return missing(tx.AccessTaskOfApproval("apr_none")) },
		"callbacks to make":                   func(tx *ledger.Tx) error { return discard(tx.CallbacksDue(5)) },
		"the next callback":                   func(tx *ledger.Tx) error { return discard(tx.NextCallback()) },
		"the reviews of a request":            func(tx *ledger.Tx) error { return discard(tx.Reviews(g.RequestID)) },
		"several requests with their reviews": func(tx *ledger.Tx) error { return noReviews(tx.RequestsAndReviews([]string{g.RequestID, "x", "y"})) },
	}
}

func noReviews(_ map[string]access.Request, _ map[string][]access.ReviewRecord, err error) error {
	return err
}

func allEvents() ledger.EventFilter {
	return ledger.EventFilter{
		Type: "t", Subject: "s", Resource: "r", Actor: "a", RequestID: "q", GrantID: "g", BindingID: "b", After: 1, Newest: true, Limit: 5,
	}
}

// changes are the statements that change or hold something.
func changes(g access.Grant) map[string]func(*ledger.Tx) error {
	delivery := access.Delivery{BindingID: g.BindingID, Generation: 1, Attempt: 1, Owner: "me", StartedAt: g.CreatedAt}
	return map[string]func(*ledger.Tx) error{
		"an attempt and its end": func(tx *ledger.Tx) error {
			end := ledger.Finished{Delivery: delivery, Class: access.ClassRefused, Status: 500, Detail: "no"}
			return errors.Join(tx.AddAttempts([]access.Delivery{delivery}), tx.FinishAttempts([]ledger.Finished{end, end, end}))
		},
		"several bindings stored": func(tx *ledger.Tx) error {
			b, err := tx.Binding(g.BindingID)
			why := access.EndRevoked
			full := ledger.Claimed{Binding: b, Claim: "me"}
			full.EndReason, full.NextAt, full.DueAt, full.ConfirmedAt, full.ReportedAt = &why, &g.StartsAt, &g.StartsAt, &g.StartsAt, &g.StartsAt
			return errors.Join(err, tx.PutBindings(ledger.Claimed{Binding: b}, full, full))
		},
		"bindings held of which the target is missing": func(tx *ledger.Tx) error {
			return discard(tx.HoldBindingsWithoutTarget([]string{"a", "b"}, tx.Now(), 5))
		},
		"bindings to alert held":     func(tx *ledger.Tx) error { return discard(tx.HoldBindingsToAlert(tx.Now(), 5)) },
		"lapsed requests held":       func(tx *ledger.Tx) error { return discard(tx.HoldLapsedRequests(5)) },
		"one binding held":           func(tx *ledger.Tx) error { return discard(tx.HoldOneDeliverable("box-1", g.BindingID)) },
		"grants to end held":         func(tx *ledger.Tx) error { return discard(tx.HoldGrantsToEnd(5)) },
		"claims released":            func(tx *ledger.Tx) error { return tx.ReleaseClaims() },
		"a subject and a source":     func(tx *ledger.Tx) error { return errors.Join(tx.LockEntitled(what), tx.LockSource("people", "file")) },
		"something unsaid, and said": unsaidAndSaid(g),
		"a duty taken and left": func(tx *ledger.Tx) error {
			mine, err := tx.TakeDuty("mend", "me", tx.Now().Add(time.Hour))
			if err == nil && !mine {
				err = errors.New("a duty that nobody has was not taken")
			}
			others, again := tx.TakeDuty("mend", "you", tx.Now().Add(time.Hour))
			if again == nil && others {
				err = errors.New("a duty was taken twice")
			}
			return errors.Join(err, again, tx.LeaveDuties("me"))
		},
		"a task": func(tx *ledger.Tx) error {
			return tx.OpenTask(access.NewID(access.KindTask, tx.Now()), access.TaskAfterReview, g, bob, "because")
		},
		"answers forgotten": func(tx *ledger.Tx) error { return tx.ForgetAnswers(tx.Now()) },
		"several grants ended, that have changed": func(tx *ledger.Tx) error {
			moved := ledger.Ending{Grant: g, Why: access.EndExpired}
			moved.ExpiresAt = moved.ExpiresAt.Add(time.Hour)
			ended, err := tx.EndGrants([]ledger.Ending{moved, moved, moved})
			if err == nil && len(ended) > 0 {
				err = errors.New("a grant ended that had changed")
			}
			return err
		},
	}
}

func unsaidAndSaid(g access.Grant) func(*ledger.Tx) error {
	return func(tx *ledger.Tx) error {
		err := errors.Join(tx.MarkUnsaid(g.BindingID, g.ExpiresAt), tx.MarkUnsaid(g.BindingID, g.StartsAt))
		waiting, unread := tx.Unsaid()
		if unread == nil && (len(waiting) != 1 || !waiting[0].Keep.Equal(g.ExpiresAt)) {
			err = errors.New("what the lease may not know is not what was noted")
		}
		return errors.Join(err, unread, tx.DropUnsaid(waiting))
	}
}
