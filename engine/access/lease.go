package access

import "time"

// Hold is a live grant as a lease holds it: whose end it is to announce.
type Hold struct {
	GrantID string
	Until   time.Time
}

// Standing is what a lease holds for checks of one subject, action and resource:
// until when there is access, over all of the three's bindings.
type Standing struct {
	Entitled
	// BindingID is one of the three's bindings, by which the ledger finds the
	// three again: names of keys are hashes.
	BindingID string
	// Version grows with every change to any of the bindings' grants. It is the
	// sum of the bindings' versions, read in one statement.
	Version int64
	// Until is when the access ends; the zero time says that there is none: a
	// tombstone.
	Until time.Time
	// Epoch is the lease's when this was read from the ledger: it is not written
	// in another one. 0 is any.
	Epoch int64
	// Keep is how long what is written must be kept at the least: until the last
	// of the times that any older version could have carried as its Until.
	Keep time.Time
}

// LiveAt reports whether the standing gives access at t.
func (s Standing) LiveAt(t time.Time) bool { return t.Before(s.Until) }

// LeaseEpoch numbers a life of the lease's store. What was written in another
// epoch is never read.
type LeaseEpoch struct {
	Number int64
	// Server is the identity of what the epoch is on: of each master, its run id
	// and its replication id. "" before the first.
	Server string
	Since  time.Time
}

// Mended counts what was wrong in a lease and was put right.
type Mended struct {
	Missing int // not there
	Extra   int // there, and not to be
	Wrong   int // there with another end, version or expiry
}

// LeasePage is some of what a lease holds, to be compared with the ledger.
type LeasePage struct {
	Grants   []string // ids of grants held
	Bindings []string // Standing.BindingID of each standing held
	Keys     []string // the key of each of Bindings; none where none can be forged
	Unknown  []string // names of keys of ours whose value can not be read
	Next     string   // cursor of the next page; "" after the last
}

// Ahead is a standing in a lease whose version the ledger did not have when it
// was read: either it is newer than the reading, or nobody of ours wrote it.
type Ahead struct {
	Entitled
	BindingID string
	Version   int64  // as it is in the lease
	Seen      string // the lease's own form of it, to be replaced only as it is
}
