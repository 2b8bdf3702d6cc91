package slack

import (
	"net/http"
	"sync/atomic"

	"github.com/curfew-access/curfew/engine/trouble"
)

// outcome is what became of a message.
type outcome string

const (
	outcomeTaken     outcome = "taken"
	outcomeOverdue   outcome = "overdue"    // answered in time, and still at work
	outcomeIgnored   outcome = "ignored"    // there is no use for it
	outcomeChecked   outcome = "checked"    // Slack looked at the certificate
	outcomeMalformed outcome = "malformed"  // it is Slack's, but not as Slack writes
	outcomeUnsigned  outcome = "unsigned"   // no signature
	outcomeRefused   outcome = "refused"    // not signed by our secret
	outcomeStale     outcome = "stale"      // signed, too long ago or from the future
	outcomeTooLarge  outcome = "too_large"  // larger than Slack sends
	outcomeNotPost   outcome = "not_post"   // no message at all
	outcomeNotForm   outcome = "not_form"   // no form
	outcomeNotFound  outcome = "not_found"  // no path of ours
	outcomeUnread    outcome = "unread"     // it did not come whole, or not in time
	outcomeBusy      outcome = "busy"       // too many at once
	outcomeFailed    outcome = "failed"     // a fault of ours, or nothing could be said in time
	outcomeUnsent    outcome = "unanswered" // the answer could not be given back by the socket
)

// outcomeStatus is how each is answered over HTTP. Slack shows a person that
// something went wrong for all but 200.
var outcomeStatus = map[outcome]int{
	outcomeTaken: http.StatusOK, outcomeOverdue: http.StatusOK, outcomeIgnored: http.StatusOK, outcomeChecked: http.StatusOK,
	outcomeMalformed: http.StatusBadRequest, outcomeNotForm: http.StatusUnsupportedMediaType,
	outcomeUnsigned: http.StatusUnauthorized, outcomeRefused: http.StatusForbidden, outcomeStale: http.StatusForbidden,
	outcomeTooLarge: http.StatusRequestEntityTooLarge, outcomeNotPost: http.StatusMethodNotAllowed, outcomeNotFound: http.StatusNotFound,
	outcomeUnread: http.StatusServiceUnavailable, outcomeBusy: http.StatusServiceUnavailable,
	outcomeFailed: http.StatusInternalServerError, outcomeUnsent: http.StatusInternalServerError,
}

// tally counts messages by what became of them.
type tally struct{ counts map[outcome]*atomic.Int64 }

func newTally() *tally {
	t := &tally{counts: map[outcome]*atomic.Int64{}}
	for o := range outcomeStatus {
		t.counts[o] = &atomic.Int64{}
	}
	return t
}

func (t *tally) add(o outcome) { t.counts[o].Add(1) }

// Counts is how many messages there were since the start, by what became of
// them. Each outcome is in it from the beginning.
func (a *App) Counts() map[string]int64 {
	counts := map[string]int64{}
	for o, n := range a.tally.counts {
		counts[string(o)] = n.Load()
	}
	return counts
}

// lines are those of the log that many messages may want to write.
type lines struct{ unsigned, wrong, stale, other, socket trouble.Line }
