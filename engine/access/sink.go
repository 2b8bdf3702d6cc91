package access

import (
	"fmt"
	"time"
)

// AuditRecord is a sealed audit event on its way out of the gateway.
type AuditRecord struct {
	Seq     int64  // its place in the sequence, from 1; with no gap
	EventID string // the same whenever it is sent: what a receiver knows a repeat by
	Type    string // such as grant.ended
	Time    time.Time
	Body    []byte // one JSON object, in the format that the sink is configured for
}

// RejectedError says that a sink will never take a record, however often it is sent:
// the record is set aside, and those behind it go on.
type RejectedError struct {
	Index  int // of the record among those that were sent; -1: one of them, it is not known which
	Reason string
}

// Error names the reason, as the sink gave it.
func (e *RejectedError) Error() string {
	if e.Index < 0 {
		return "one of the records is refused: " + e.Reason
	}
	return fmt.Sprintf("record %d is refused: %s", e.Index, e.Reason)
}

// SinkPosition is how far a sink that is configured has come in the sealed sequence.
type SinkPosition struct {
	Name     string
	Seq      int64 // whatever is up to here is safe there, or set aside
	SetAside int64 // the lowest number that is set aside, and may be wanted again; 0: none is
}

// SinkState is what the ledger keeps of a sink, at one moment.
type SinkState struct {
	Name           string
	Seq            int64      // whatever is up to here is safe there, or set aside
	Head           int64      // of the sequence
	Oldest         *time.Time // when the first event happened that it has not; nil: it has all
	ClaimedBy      string     // who sends; "" for nobody
	ClaimedUntil   time.Time  // then another may
	Receipt        string     // of what it has taken and is not known to be safe; "" for nothing
	ReceiptThrough int64      // up to where that is
	ReceiptAt      time.Time
	FailingSince   *time.Time // nil: it took what it was sent last
	Told           bool       // that it fails is an event
	Misconfigured  bool       // it will fail until somebody mends something
	Failures       int        // in a row
	LastError      string     // of the newest failure; no secret
	NextAt         time.Time  // it is not tried before then
	Lenient        bool       // a person wants it to go on, however much it refuses
	SentAt         *time.Time // when it took something last
	RetiredAt      *time.Time // since when it is not configured; nil: it is
	SetAside       int64      // how many events are
	Wanted         int64      // of them, those that somebody wants sent again
}

// SinkBehindAfter is how old the first event that a sink has not may be before the
// sink is taken to be behind.
const SinkBehindAfter = 15 * time.Minute

// Lag is how old the first event that the sink has not is.
func (s SinkState) Lag(now time.Time) time.Duration {
	if s.Oldest == nil {
		return 0
	}
	return max(now.Sub(*s.Oldest), 0)
}

// The standings of a sink.
const (
	SinkOK            = "ok"
	SinkBehind        = "behind"        // it takes what it is sent, and has not had all for a while
	SinkFailing       = "failing"       // it did not take what it was sent last; that is tried again
	SinkMisconfigured = "misconfigured" // it takes nothing before somebody mends something
	SinkRetired       = "retired"       // it is not configured any more, and is sent nothing
)

// Standing says in one word how the sink is.
func (s SinkState) Standing(now time.Time) string {
	switch {
	case s.RetiredAt != nil:
		return SinkRetired
	case s.Misconfigured:
		return SinkMisconfigured
	case s.FailingSince != nil:
		return SinkFailing
	case s.Lag(now) > SinkBehindAfter:
		return SinkBehind
	}
	return SinkOK
}

// SetAside is an event that a sink would not take.
type SetAside struct {
	Seq      int64
	EventID  string
	Reason   string // no secret
	At       time.Time
	Retried  int        // how often it was sent again, and refused
	WantedAt *time.Time // since when somebody wants it sent again; nil: nobody does
	WantedBy string     // "user:alice@example.com"
}

// SinkFailure is what became of sending when the sink did not take it.
type SinkFailure struct {
	Why           string // no secret
	Misconfigured bool   // it takes nothing before somebody mends something
	Drop          bool   // what it gave a receipt for is not waited for any more
}
