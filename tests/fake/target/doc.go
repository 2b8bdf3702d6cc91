// Package target is a fake of a system that opens and closes access: it takes
// Standard Webhooks on a real address, verifies them, remembers what exists, and
// misbehaves when told to. It is for tests and for examples, and is safe for
// concurrent use.
//
//	tgt := target.New(t, target.Config{})
//	tgt.Script(target.Answer(503).Times(2), target.Hang().Acting())
//	… configure a gateway with tgt.URL() and tgt.Secret() …
//	tgt.Await(t, "access is open", func(s target.State) bool { return s.Exists[alice] })
package target
