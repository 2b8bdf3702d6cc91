package access

import (
	"strings"
	"time"
)

// NoticeKind is what a notice tells.
type NoticeKind string

// The kinds of notice.
const (
	NoticeReview   NoticeKind = "review"   // answer this request; shown anew as it goes on
	NoticeReminder NoticeKind = "reminder" // the same, to whoever has not answered in time
	NoticeEscalate NoticeKind = "escalate" // the same, to whom policy names when nobody answered
	NoticeGranted  NoticeKind = "granted"
	NoticeDenied   NoticeKind = "denied"
	NoticeLapsed   NoticeKind = "lapsed"
	NoticeEnding   NoticeKind = "ending" // access is about to end, and can be asked for again
	NoticeEnded    NoticeKind = "ended"
	NoticeObliged  NoticeKind = "obliged" // policy wants it to be known: access was given, by break-glass too
	NoticeTask     NoticeKind = "task"    // a second person must close this task; shown anew when it is closed
	NoticeAlarm    NoticeKind = "alarm"   // something is wrong with a target, or a source; shown anew as it goes on, and when it is over
)

// Urgent reports whether somebody or something waits for whoever is told: such a
// notice is shown before others, however long those have waited, and before any
// change of what is shown.
func (k NoticeKind) Urgent() bool {
	switch k {
	case NoticeReview, NoticeReminder, NoticeEscalate, NoticeTask, NoticeAlarm:
		return true
	case NoticeGranted, NoticeDenied, NoticeLapsed, NoticeEnding, NoticeEnded, NoticeObliged:
	}
	return false
}

// Notice is one message to one reader. It is planned in the ledger, shown when
// its messenger can, and recorded as shown: then it is never shown twice. What it
// is about may go on, and then what is shown is changed.
type Notice struct {
	ID        string // "ntc_…": the same however often it is tried, and told to the messenger
	Kind      NoticeKind
	EventID   string // the audit event that it tells of
	To        Recipient
	RequestID string // "" as for all: it is not about one
	GrantID   string
	BindingID string
	TaskID    string
	AlarmID   string
	CreatedAt time.Time
	Until     *time.Time // when it is of no use any more, unless it was shown; nil: never
	Version   int64      // counts what there was to show; 1 at first
	Shown     int64      // the version that is shown; 0: none
	Place     Place      // where; zero: nowhere yet
	Attempts  int        // since it was last shown
}

// Recipient is a person or a channel: one of them.
type Recipient struct {
	Subject *Subject `json:"subject,omitempty"`
	Channel string   `json:"channel,omitempty"` // as policy or the configuration names it: "#security" or an id
}

// String renders a recipient for logs and keys: "user:alice@example.com", "#security".
func (r Recipient) String() string {
	if r.Subject != nil {
		return r.Subject.String()
	}
	return r.Channel
}

// ParseRecipient reads what String renders: a user, or else a channel.
func ParseRecipient(text string) Recipient {
	if id, is := strings.CutPrefix(text, TypeUser+":"); is {
		return Recipient{Subject: &Subject{Type: TypeUser, ID: id}}
	}
	return Recipient{Channel: text}
}

// NoticeCounts is what waits to be shown, new or changed.
type NoticeCounts struct {
	Waiting int64
	Oldest  time.Duration // since when the first of them; 0: none waits
}

// Place is where a notice is shown: in Slack, the id of a conversation and the
// timestamp of a message.
type Place struct {
	Channel string `json:"channel"`
	At      string `json:"at"`
}

// NoticeView is a notice with what it is about, as the ledger has it now.
type NoticeView struct {
	Notice
	Now     time.Time // of the ledger
	Case    *Case     // of its request, or of its grant's; nil: it is about none
	Grant   *Grant    // that it is about
	Binding *Binding  // of the grant, or that it is about
	Task    *Task
	Alarm   *AlarmView
	Reader  *Person // whom it is for, as far as is known; nil: a channel
}

// Case is a request with all that was said about it and became of it: what
// people are shown.
type Case struct {
	Request
	ResourceName string         `json:"resource_name"`
	Decision     Decision       `json:"decision"`   // the newest
	OnCall       OnCall         `json:"oncall"`     // of the subject, as the newest decision saw it
	Reviews      []ReviewRecord `json:"reviews"`    // all, oldest first
	Reviewers    *Reviewers     `json:"reviewers"`  // who may answer now; nil: nobody
	Counted      []Subject      `json:"counted"`    // whose approvals count now
	Escalated    bool           `json:"escalated"`  // nobody answered in time, and more people may
	Shorter      []Duration     `json:"shorter"`    // what a reviewer can shorten it to, shortest first
	Grant        *Grant         `json:"grant"`      // that it led to
	Binding      *Binding       `json:"binding"`    // of the grant
	AfterReview  *Task          `json:"after_task"` // of the grant
	Comment      string         `json:"comment"`    // of whoever denied it
}
