// Package splunk is a fake of Splunk's HTTP event collector: tokens with their
// indexes, batches of concatenated events, gzip, its codes, and indexer
// acknowledgement with channels and numbers that are told once. What it has taken goes
// into a queue, and from there into an index that can be searched, at once or when a
// test says so. It is for tests and for examples, and is safe for concurrent use.
//
//	splunk := splunk.New(t, splunk.Config{Token: splunk.Token{Ack: true}})
//	splunk.Hold()
//	… point a sink at splunk.URL() with splunk.Token() …
//	splunk.Await(t, "it came", func(s splunk.State) bool { return s.Queued > 0 })
//	splunk.Restart() // and what was not indexed is lost
package splunk
