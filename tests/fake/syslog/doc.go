// Package syslog is a fake of a log collector: it takes RFC 5424 messages in RFC 5425
// frames over TLS, on a real address, reads them with a parser that is not ours,
// remembers them, and misbehaves when told to. It is for tests, and is safe for
// concurrent use.
//
//	logs := syslog.New(t, syslog.Config{})
//	… configure a sink with logs.Address() and the file logs.CA() …
//	logs.CloseAfter(2)
//	logs.Await(t, "all have come", func(s syslog.State) bool { return len(s.Messages) == 5 })
package syslog
