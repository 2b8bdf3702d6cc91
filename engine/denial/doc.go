// Package denial signs what ties a request to the denial that it answers, and
// verifies it when it comes back: the binding token of AuthZEN's access request
// profile, a JWS in compact form over the evaluation as it was sent.
//
// Each process has an Ed25519 key of its own, in memory alone, and publishes the
// public half where every node and every verifier finds it. So no private key is
// stored or shared, and what a node signed stays valid, for the minutes that it
// is, also when the node is gone. The package decides nothing: a token that is
// good says what was denied, and never that it should be allowed.
package denial
