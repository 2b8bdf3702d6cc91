// Package decisions is the decision log: every decision with its whole input,
// in the event format of OPA's decision logs, taken down off the path of whoever
// waits for it.
//
// An INSERT for each decision would cost more than the decision. So an event is
// one line in a bounded buffer, and once a second the lines go to the ledger
// together, compressed, as one row: a chunk. When the buffer is full, because the
// ledger is away for long, events are dropped, and that is counted and told.
// Decisions that give access are not in here: they are in the transaction of
// their request, and never dropped.
//
// It decides nothing, and what is masked never reaches the buffer.
package decisions
