// Package pagerduty is a fake PagerDuty: accounts, schedules, escalation policies
// and incidents on a real address, with the API's paging, limits and refusals, with
// signed webhooks, and with the Events API v2. It is for tests and for examples, and
// is safe for concurrent use. Its clock is a function, so that a test moves it.
//
//	pd := pagerduty.New(t, pagerduty.Config{})
//	alice := pd.AddUser("alice@example.com")
//	primary := pd.AddSchedule("Primary")
//	pd.AddPolicy("Payments", []pagerduty.Target{pagerduty.OfSchedule(primary)})
//	pd.Shift(primary, alice, now, now.Add(8*time.Hour))
//	pd.Script(pagerduty.Status(503).Times(2), pagerduty.RateLimited(20))
//	… point a gateway at pd.URL() with pd.Key() …
//	pd.Await(t, "it was asked", pagerduty.Asked("/oncalls", 1))
package pagerduty
