package access

import "time"

// AlarmKind is what an alarm is about.
type AlarmKind string

// The kinds of alarm. The first two are about a target, the third about a source of
// the catalogue, then one about a sink of audit events, and one about the audit log.
const (
	AlarmOverdue   AlarmKind = "overdue"    // it has not confirmed what it was told, for too long
	AlarmDrifted   AlarmKind = "drifted"    // asked, it said that access is not as it should be
	AlarmSyncStale AlarmKind = "sync_stale" // it has not told what it has for longer than it said that it would
	// It has not had audit events for too long, or will have none before it is mended.
	AlarmSinkBehind  AlarmKind = "sink_behind"
	AlarmAuditBroken AlarmKind = "audit_broken" // the log is not what was sealed, and nothing is sealed onto it
)

// Severity is how grave an alarm is, in the words that pagers have for it.
type Severity string

// The severities, the gravest last.
const (
	SeverityWarning  Severity = "warning"  // what is offered, or known elsewhere, may be old
	SeverityError    Severity = "error"    // access that was given may not be there, or a sink has nothing before it is mended
	SeverityCritical Severity = "critical" // access may be there that was not given, or the log was changed
)

// severities has the gravest last.
var severities = map[Severity]int{SeverityWarning: 1, SeverityError: 2, SeverityCritical: 3}

// GraverThan reports whether it is.
func (s Severity) GraverThan(other Severity) bool { return severities[s] > severities[other] }

// Condition is what operators are to be told of as long as it holds.
type Condition struct {
	Kind     AlarmKind
	About    string // the name of the target, of the source, or of the sink; "audit"
	Severity Severity
	Count    int64      // bindings that are not as they should be; 0 for what has none
	Removals int64      // of them, those that should be gone
	Oldest   *time.Time // since when the first of them is so; of a source: when it told last; nil: never
	Class    Class      // of the newest failure; "" for none
	Error    string     // the same in the target's words
	Bindings []string   // ids of the first few
}

// Key names the condition: the same whenever it holds.
func (c Condition) Key() string { return string(c.Kind) + ":" + c.About }

// MaxAlarmed is how many of the bindings that an alarm is about are named in it.
const MaxAlarmed = 5

// Alarm is a spell in which a condition held. It is raised when that begins and
// resolved when it ends, by itself.
type Alarm struct {
	Condition  // as it was when it was raised, or has changed much
	ID         string
	RaisedAt   time.Time
	ChangedAt  time.Time  // when the condition in it was noted last
	ResolvedAt *time.Time // nil: it still holds
}

// AlarmView is an alarm with the first few of what it is about, as the ledger has
// them now.
type AlarmView struct {
	Alarm
	Accesses []AlarmedAccess
}

// AlarmedAccess is one access that an alarm is about.
type AlarmedAccess struct {
	Entitled
	BindingID string
	Desired   Presence
	Since     time.Time // it is not so
	Error     string    // of the newest attempt; "" for none
}

// AlarmCounts is how many alarms are open, by kind, and how many a pager has not
// heard of, or not that they are over.
type AlarmCounts struct {
	Overdue, Drifted, SyncStale, SinkBehind, AuditBroken int64
	Untold                                               int64
}
