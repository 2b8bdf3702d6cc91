package access

import (
	"encoding/json"
	"time"
)

// RemindTask is how often somebody is asked again to look at access that was used
// before anybody had, until somebody does.
const RemindTask = 24 * time.Hour

// Task is something that a second person must close.
type Task struct {
	ID        string
	Kind      TaskKind
	State     TaskState
	RequestID string
	GrantID   string // what it is about; "" for a bulk end, and for a binding
	BindingID string // of the grant, or what it is about
	OpenedBy  Subject
	OpenedAt  time.Time
	Reason    string
	Data      json.RawMessage // of its kind; nil: none
	ClosedBy  *Subject        // nil: open, or the gateway itself closed it
	ClosedAt  *time.Time
	Comment   string // of whoever closed it

	About     *Entitled // of its binding; nil: it is about none
	Requester Subject   // who asked for that
}

// FlagData is what a flag says: every different answer that led to it.
type FlagData struct {
	Rechecks []Recheck `json:"rechecks"`
}

// BulkEndData is what a bulk end says.
type BulkEndData struct {
	Revision  string   `json:"revision"`
	Evaluated int64    `json:"evaluated"` // live grants
	Ends      int64    `json:"ends"`
	Flags     int64    `json:"flags"`
	Sample    []string `json:"sample"` // some of the grants that would end
}

// TaskCounts is how many tasks are open, by kind.
type TaskCounts struct{ AfterReview, Flag, BulkEnd, ForceClose int64 }
