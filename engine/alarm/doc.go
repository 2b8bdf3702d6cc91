// Package alarm has operators told of what holds until it is over: a target that
// does not confirm, one where access is not as it should be, a source that has
// gone silent.
//
// It is level-triggered: a turn compares what holds with what the pager was told
// last, and tells it the difference. What began and ended between two turns, or
// while the pager was down, is never told; what was told is resolved by itself.
// The ledger knows what was told, so that a restart tells nothing twice, but for
// what was told and not yet written down: the pager knows a repeat by its key.
//
// Of all nodes one does it at a time. The package decides nothing, and knows no
// vendor.
package alarm
