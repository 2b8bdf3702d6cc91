// Package notice tells people what happened: it plans notices from the sealed
// sequence of audit events, and has a Messenger show them.
//
// It is behind the ledger and beside everything that gives or ends access: what
// happened has been committed before it is read here, and nothing waits for what
// is done here. A messenger that is down delays notices and nothing else.
//
// A Follower's turn reads events after the last one that was planned from, and
// commits what it plans together with how far it has come, so that an event is
// planned from once, however many nodes read it. What is planned is a pure
// function of the event and of what the ledger says (Planner).
//
// Showing is level-triggered, like delivery: a notice has a version, which grows
// when what it is about goes on, and a courier shows the newest until that is the
// one that is shown. What was recorded as shown is never shown a second time, only
// changed where it is. A crash between the two may show it twice, under one id.
//
// The package decides nothing about access, and what a notice looks like is its
// messenger's.
package notice
