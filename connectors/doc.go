// Package connectors holds the rules for talking to other systems: how long a
// call may take, what is tried again, which addresses may be dialled, how a
// message is signed, and what of an answer people may see.
//
// It is the home of go-retryablehttp and closes its traps: nothing is logged, no
// redirect is followed, no wait is longer than the caller's deadline, and an
// error holds no URL beyond scheme and host and no secret. It knows no vendor and
// no use case; each vendor has a package of its own below this one.
package connectors
