package access

// SyncCounts is what a snapshot of a source comes to, resource by resource.
type SyncCounts struct {
	Received    int `json:"received"` // items of the snapshot
	Created     int `json:"created"`
	Updated     int `json:"updated"` // or back after having been archived
	Unchanged   int `json:"unchanged"`
	Archived    int `json:"archived"`
	Skipped     int `json:"skipped"`      // items with faults, whose resources stay as they are
	GrantsEnded int `json:"grants_ended"` // or would end, of a dry run
}

// What a snapshot does to a resource.
const (
	ResourceCreated  = "created"
	ResourceUpdated  = "updated"
	ResourceArchived = "archived"
)
