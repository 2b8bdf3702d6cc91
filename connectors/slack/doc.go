// Package slack is Curfew in Slack: requests by command and form, reviews by
// button, and notices. It is the home of the Slack SDK.
//
// No rule lives here. What somebody asks for, answers or ends goes through Desk,
// as every other channel does; what they are told comes from the ledger, through
// Messenger. What Slack sends is taken only if it is signed (HTTP) or comes by our
// own socket (Socket Mode), and whose it is is learned from Slack and held against
// what is known of people, never from a name or a text.
package slack
