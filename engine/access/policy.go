package access

import "time"

// PolicyRevision is a revision of the policies, as the ledger knows it: the one
// that is active for all nodes.
type PolicyRevision struct {
	Name        string // digest of the files, and what their author calls them; "" before the first
	Bundle      string // what the author of the bundle calls it; "" without one
	Source      string // where it came from; names no secret
	ActivatedAt time.Time
}

// PolicyRefusal tells of policies that can not be used. What was in force stays.
type PolicyRefusal struct {
	Source string   // where they came from; names no secret
	Faults int      // how many there are
	Lines  []string // the first of them, each shortened
}
