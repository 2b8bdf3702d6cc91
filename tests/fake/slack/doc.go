// Package slack is a fake Slack: a workspace with people, channels and one app, on
// a real address. It has the Web API that the app calls, Socket Mode, response URLs
// and signed messages, with Slack's limits and refusals. It is for tests, and is
// safe for concurrent use.
//
// Every view and every message is compared with Slack's published limits and
// schema, and every answer of the app must come within three seconds: what Slack
// would refuse, drop or show as trouble makes the test fail at its end.
//
//	sl := slack.New(t, slack.Config{})
//	sl.AddUser(slack.User{Email: "alice@example.com"})
//	sl.AddChannel("security")
//	… point an app at sl.URL() with sl.BotToken() and sl.SigningSecret() …
//	sl.AppAt("http://127.0.0.1:8080/hooks/slack/") // or nothing, for Socket Mode
//	alice := sl.Person(t, "alice")
//	alice.Type("/access")
//	form := alice.View()
//	form.Pick("form.resource", "acme")
//	form.Write("form.reason", "the disk is full")
//	form.Submit()
//	message := sl.AwaitMessage(t, "a review is asked for", func(m slack.Message) bool { return m.ChannelName == "security" })
//	sl.Person(t, "bob").Click(message, "review.approve")
package slack
