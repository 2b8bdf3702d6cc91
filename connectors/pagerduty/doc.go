// Package pagerduty asks PagerDuty who is on call and which incidents are open,
// and takes the webhooks by which it tells of incidents.
//
// It is part of the policy information point (PIP): two sources over one client.
// It says what PagerDuty says and nothing about what that gives access to. What it
// can not use it names in a snapshot's Faults; it never guesses. A fetch that could
// not be finished is an error, never a snapshot with holes in it: who is missing
// from a snapshot goes off call.
//
// It is the home of go-pagerduty, which sees neither the key nor an answer other
// than 2xx: the HTTP client beneath it is ours.
package pagerduty
