package access

import "time"

// DecisionChunkSpan is the longest time between two decisions of one chunk, so
// that who looks for a decision by its id need not look far.
const DecisionChunkSpan = time.Minute

// DecisionChunk is a part of the decision log as the ledger keeps it.
type DecisionChunk struct {
	ID              string
	FirstID, LastID string // the least and the greatest id of its decisions
	FirstAt, LastAt time.Time
	Node            string // that decided
	Count           int
	Body            []byte // the events, a line each, in the order in which they were recorded; compressed
}
