package access

// RequestState is where a request is. All but RequestPending are final.
type RequestState string

// The states of a request.
const (
	RequestPending   RequestState = "pending"   // a reviewer acts next, or lapses_at passes
	RequestApproved  RequestState = "approved"  // policy or its reviewers said yes; there is a grant
	RequestDenied    RequestState = "denied"    // policy or a reviewer said no
	RequestWithdrawn RequestState = "withdrawn" // the asker took it back
	RequestLapsed    RequestState = "lapsed"    // nobody answered in time
)

// GrantState is where a grant is. Whether it gives access is Grant.LiveAt.
type GrantState string

// The states of a grant.
const (
	GrantScheduled GrantState = "scheduled" // starts_at is ahead; policy is asked again then
	GrantActive    GrantState = "active"    // live until expires_at, or an earlier end
	GrantEnded     GrantState = "ended"     // final; end_reason says why
)

// EndReason says why a grant ended.
type EndReason string

// The reasons for which a grant ends.
const (
	EndExpired          EndReason = "expired"           // its time was over
	EndRevoked          EndReason = "revoked"           // a person ended it
	EndOffCall          EndReason = "off_call"          // the shift that it was bound to ended early
	EndIncidentResolved EndReason = "incident_resolved" // the incident that it was bound to was resolved
	EndResourceGone     EndReason = "resource_gone"     // its resource was archived
	EndPolicyChanged    EndReason = "policy_changed"    // policy would no longer give it
	EndNotStarted       EndReason = "not_started"       // its time was over before it could start
	EndDeniedAtStart    EndReason = "denied_at_start"   // policy said no when it was to start
)

// Presence is whether a binding exists in the target system.
type Presence string

// What a binding can be. Desired is never Unknown.
const (
	Absent  Presence = "absent"
	Present Presence = "present"
	Unknown Presence = "unknown" // a delivery left and was not confirmed: the target may have acted
)

// TaskState is where a task is: something that a second person must close.
type TaskState string

// The states of a task.
const (
	TaskOpen     TaskState = "open"
	TaskDone     TaskState = "done"
	TaskRejected TaskState = "rejected"
)

// TaskKind says what a second person is asked to close.
type TaskKind string

// The kinds of task.
const (
	TaskAfterReview TaskKind = "after_review" // access was used before anybody looked
	TaskFlag        TaskKind = "flag"         // policy would no longer give a live grant
	TaskBulkEnd     TaskKind = "bulk_end"     // many grants would end at once
	TaskForceClose  TaskKind = "force_close"  // a binding is declared gone without the target's word
)

// Move is one legal change of state of a kind of object.
type Move struct{ Object, From, To string }

// Moves lists every legal change of state: what is not here can not happen. The
// ledger holds the same pairs as rows that a foreign key refers to.
func Moves() map[Move]bool {
	moves := map[Move]bool{}
	add := func(object, from string, to ...string) {
		for _, t := range to {
			moves[Move{object, from, t}] = true
		}
	}
	add("request", string(RequestPending),
		string(RequestApproved), string(RequestDenied), string(RequestWithdrawn), string(RequestLapsed))
	add("grant", string(GrantScheduled), string(GrantActive), string(GrantEnded))
	add("grant", string(GrantActive), string(GrantEnded))
	add("task", string(TaskOpen), string(TaskDone), string(TaskRejected))
	return moves
}
