// Package access is the vocabulary of Curfew: the types, states, legal moves
// and sentinel errors that every other package speaks in.
//
// It owns meaning, not behaviour: nothing here does I/O or reads a clock, and
// it imports only the standard library. Names follow OpenID AuthZEN 1.0
// (Subject, Action, Resource, Context) and NIST SP 800-207 (PDP, PEP, PIP).
package access
