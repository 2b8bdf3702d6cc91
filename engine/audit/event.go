// Package audit owns what is written down: the event envelope, its canonical
// bytes, and the sealing of committed events into one gapless sequence.
//
// An event commits in the transaction of the change that it tells of, or the
// change does not happen. The package decides nothing and stores nothing: the
// ledger keeps the rows.
package audit

import (
	"encoding/json"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/curfew-access/curfew/engine/access"
)

// Version is the version of the envelope.
const Version = 1

// The types of event, noun.past.
const (
	RequestSubmitted       = "request.submitted"
	RequestReviewed        = "request.reviewed"
	RequestApproved        = "request.approved"
	RequestDenied          = "request.denied"
	RequestReminded        = "request.reminded"  // nobody answered; its reviewers are asked again
	RequestEscalated       = "request.escalated" // nobody answered; others may too from now on
	RequestWithdrawn       = "request.withdrawn"
	RequestLapsed          = "request.lapsed"
	GrantScheduled         = "grant.scheduled"
	GrantStarted           = "grant.started"
	GrantMoved             = "grant.moved"  // its end, or its start too: what it is bound to did
	GrantEnding            = "grant.ending" // soon; one event for each end
	GrantEnded             = "grant.ended"
	BindingDesired         = "binding.desired"        // what the target should hold changed
	BindingAttempted       = "binding.attempted"      // the first attempt of a generation is about to leave
	BindingFailed          = "binding.attempt_failed" // in another way than the one before, or an hour later
	BindingOvertaken       = "binding.overtaken"      // an attempt ended after what was desired had turned
	BindingProvisioned     = "binding.provisioned"    // the target confirmed
	BindingDeprovisioned   = "binding.deprovisioned"  // the target confirmed
	BindingOverdue         = "binding.overdue"
	BindingAccepted        = "binding.accepted"   // the target has the message; its word is waited for
	BindingUpdated         = "binding.updated"    // the target confirmed that it knows the new deadline
	BindingRetried         = "binding.retried"    // a person wanted the next attempt at once
	BindingReasserted      = "binding.reasserted" // what is desired is told anew: a person wanted it, or it was not so at the target
	BindingForced          = "binding.forced"     // declared gone, by two persons, without the target's word
	BindingVerified        = "binding.verified"   // asked, the target said that it is as it should be: after a confirmation, or after it was not
	BindingDrifted         = "binding.drifted"    // asked, the target said that it is not as it should be
	TaskOpened             = "task.opened"
	TaskUpdated            = "task.updated"  // a flag has one more reason
	TaskReminded           = "task.reminded" // nobody has closed it
	TaskClosed             = "task.closed"
	TaskApproved           = "task.approved"
	TaskRejected           = "task.rejected"
	ResourceCreated        = "resource.created"
	ResourceUpdated        = "resource.updated"
	ResourceArchived       = "resource.archived"
	CatalogueSynced        = "catalogue.synced"  // a source's snapshot is in force
	CatalogueRefused       = "catalogue.refused" // a source's snapshot is not taken
	AlarmRaised            = "alarm.raised"      // operators are to be told of a target, or of a source, until it is resolved
	AlarmChanged           = "alarm.changed"     // it is graver, or about many more, or many fewer
	AlarmResolved          = "alarm.resolved"
	ConfirmationRefused    = "callback.refused" // a target's word was not taken; one event a source and minute
	PersonChanged          = "person.changed"   // in what one source says of them
	RotaLoaded             = "rota.loaded"
	RotaRefused            = "rota.refused"             // its file can not be used; what it said before stays
	SourceFailed           = "source.failed"            // it could not be asked; one event a gap
	SourceRecovered        = "source.recovered"         // it answered again
	SourceStale            = "source.stale"             // what it said last is too old to count; one event a gap
	SourceFaultsChanged    = "source.faults_changed"    // what of it can not be used
	PolicyActivated        = "policy.activated"         // a revision is the active one for all nodes
	PolicyRefused          = "policy.refused"           // policies can not be used; those in force stay
	DecisionLogOverflowed  = "decision_log.overflowed"  // decisions are not in it for want of room; one event a minute
	AccessRequestSubmitted = "access_request.submitted" // a request that answers a denial of an evaluation
	CallbackDelivered      = "access_request.callback_delivered"
	CallbackFailed         = "access_request.callback_failed" // for a day; it is given up
	OperationDenied        = "operation.denied"               // one event a caller, operation and minute
	CallerRefused          = "caller.refused"                 // a bearer token was missing or wrong; one event a source and minute
	IncidentResolved       = "incident.resolved"              // a source told so; what was bound to it ended
	IncidentReopened       = "incident.reopened"              // a source told so; nothing is restored
	HookRefused            = "hook.refused"                   // a message to a hook was not signed by who should send it; one event a source and minute
	NoticeDropped          = "notice.dropped"                 // somebody can not be told of something, and it is given up
	KeyChanged             = "audit.key_changed"              // checkpoints are signed by other keys from here on
	Checkpointed           = "audit.checkpointed"             // a signed checkpoint, as an event, so that every sink holds one
	Exported               = "audit.exported"                 // somebody took events out
	ExportConfirmed        = "audit.export_confirmed"         // somebody says that an export is kept outside
	EventsRemoved          = "audit.events_removed"           // older than they are kept; their leaves stay in the tree
	SinkFailed             = "sink.failed"                    // it does not take events; one event a gap
	SinkRecovered          = "sink.recovered"                 // it takes them again
	SinkRetried            = "sink.retried"                   // a person wants it tried at once, and what it would not take sent again
	SinkSetAside           = "sink.event_set_aside"           // it will never take an event; those behind it go on
	SinkResent             = "sink.event_resent"              // what was set aside is taken now: a person wanted it sent again
	GatewayStarted         = "gateway.started"
	GatewayStopped         = "gateway.stopped"
)

// Event is one entry of the audit log: who did what to whom, when, on whose
// word, under which policy. Every member is in the JSON; what does not apply is
// null.
type Event struct {
	ID            string              `json:"id"`
	Version       int                 `json:"version"`
	Type          string              `json:"type"`
	Time          time.Time           `json:"time"`
	Actor         *access.Subject     `json:"actor"` // nil: the gateway itself
	Subject       *access.Subject     `json:"subject"`
	Action        *access.Action      `json:"action"`
	Resource      *access.ResourceRef `json:"resource"`
	RequestID     Text                `json:"request_id"`
	GrantID       Text                `json:"grant_id"`
	BindingID     Text                `json:"binding_id"`
	DecisionID    Text                `json:"decision_id"`
	Revision      Text                `json:"revision"`
	Channel       Text                `json:"channel"`
	Source        Text                `json:"source"` // address that the caller came from
	HTTPRequestID Text                `json:"http_request_id"`
	Data          map[string]any      `json:"data"`
}

// Text is a string that is null in JSON when it is empty.
type Text string

// MarshalJSON renders null for the empty text.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// About sets subject, action and resource, and returns the event.
func (e Event) About(x access.Entitled) Event {
	e.Subject, e.Action, e.Resource = &x.Subject, &x.Action, &x.Resource
	return e
}

// Leaf returns the RFC 6962 hash of an event's canonical bytes.
func Leaf(canonical []byte) []byte {
	h := tlog.RecordHash(canonical)
	return h[:]
}
