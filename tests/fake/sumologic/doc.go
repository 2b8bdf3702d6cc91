// Package sumologic is a fake of a Sumo Logic HTTP source: an address that is the
// secret, a line a message with what the headers say of it, gzip, a size limit,
// throttling, requests that are given up with a part of them taken, and an ingest
// budget under which it says yes and drops. It is for tests and for examples, and is
// safe for concurrent use.
//
//	sumo := sumologic.New(t, sumologic.Config{})
//	sumo.Script(sumologic.Throttled(30), sumologic.TimedOut(2))
//	… point a sink at sumo.URL() …
//	sumo.Await(t, "it came", func(s sumologic.State) bool { return len(s.Messages) == 3 })
package sumologic
