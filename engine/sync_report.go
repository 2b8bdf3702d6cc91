package engine

import (
	"time"

	"github.com/curfew-access/curfew/engine/access"
)

// CatalogueSource is a source of resources that is expected to bring its
// catalogue again and again.
type CatalogueSource struct {
	Name  string
	Every time.Duration // it is stale when it has not for longer; 0: it may bring it whenever it likes
}

// SyncCounts is what a snapshot of a source comes to.
type SyncCounts = access.SyncCounts

// SyncReport says what a snapshot of a source changed, or would change.
type SyncReport struct {
	Source string `json:"source"`
	RunID  string `json:"run_id"`
	DryRun bool   `json:"dry_run"`
	SyncCounts
	Changes        []SyncChange `json:"changes,omitempty"` // of a dry run, the first MaxSyncChanges
	ChangesOmitted int          `json:"changes_omitted,omitzero"`
	Refusal        *SyncRefusal `json:"refusal,omitempty"` // of a dry run: why the run itself would be refused
	Errors         []SyncError  `json:"errors"`            // of skipped items, the first MaxSyncErrors
	ErrorCount     int          `json:"error_count"`
}

// The bounds of what a report lists; what is beyond them is counted.
const (
	MaxSyncChanges = 1000
	MaxSyncErrors  = 100
)

// SyncChange is what a snapshot does to one resource.
type SyncChange struct {
	Change string   `json:"change"` // created, updated or archived
	Type   string   `json:"type"`
	ID     string   `json:"id"`
	Fields []string `json:"fields,omitempty"` // of an updated one, what differs: name, properties, entitlements
}

// SyncRefusal is why a snapshot is not taken.
type SyncRefusal struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// SyncError is what is wrong with one item of a snapshot.
type SyncError struct {
	Line     int                 `json:"line"`               // of the body, where the item begins; the first is 1
	Index    int                 `json:"index"`              // of the item; the first is 0
	Resource *access.ResourceRef `json:"resource,omitempty"` // if it can be read
	Pointer  string              `json:"pointer"`            // within the item
	Code     string              `json:"code"`
	Detail   string              `json:"detail"`
}

// The outcomes of a run.
const (
	SyncApplied = "applied"
	SyncRefused = "refused" // nothing changed
	SyncDryRun  = "dry_run"
)

// SyncRun is one entry of a source's history.
type SyncRun struct {
	ID         string    `json:"id"`
	Source     string    `json:"source"`
	Outcome    string    `json:"outcome"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Actor      string    `json:"actor"` // "service:sync"; "" is the gateway itself
	SyncCounts
	Code       string      `json:"code,omitempty"` // why it was refused
	Detail     string      `json:"detail,omitempty"`
	Errors     []SyncError `json:"errors"` // the first maxRunErrors
	ErrorCount int         `json:"error_count"`
}

// SourceView is a source of resources and how it is.
type SourceView struct {
	Source       string     `json:"source"`
	Resources    int        `json:"resources"`      // in the catalogue now
	EverySeconds *int64     `json:"every_seconds"`  // as it is declared; nil: it is not
	LastSyncedAt *time.Time `json:"last_synced_at"` // of the newest snapshot that was applied
	LastRun      *SyncRun   `json:"last_run"`       // applied or not
	Stale        bool       `json:"stale"`
	DueAt        *time.Time `json:"due_at"` // when its next snapshot is expected
}
