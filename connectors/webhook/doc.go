// Package webhook tells a target over HTTP, as Standard Webhooks 1.0.0 says, that
// a binding is to exist or to be gone. It makes one attempt at a time; when to make
// the next is the outbox's to decide, and what an attempt changes is the ledger's.
package webhook
