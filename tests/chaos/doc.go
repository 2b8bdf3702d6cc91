// Package chaos shows what the gateway promises while everything around it
// fails: a generator asks for access on real gateways, a nemesis kills, cuts and
// confuses them and what they depend on, and checkers hold what was recorded
// against the guarantees of the design.
//
// This package is the part that can be reasoned about without any process: a Plan
// that follows from a seed, a History of what happened, and checkers, which are
// functions of a History. Its tests run the real programs.
package chaos
