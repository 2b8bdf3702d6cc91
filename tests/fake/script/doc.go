// Package script is what the fakes have in common: an address that stays the same
// while it goes down and up, a queue of what the next requests meet, and a history
// that tests wait for. What a step does is each fake's own.
package script
