// Package siem sends audit events to where others keep and search them: Splunk's
// HTTP event collector, Sumo Logic's HTTP source, a webhook, a file, syslog.
//
// Each sender takes a batch of records in their order, and says what became of it in
// the terms of package access: nothing but an error is lost. Who is sent what, in
// which order, how often and since when is the caller's to decide and to remember.
// It knows the vendors' limits and codes, and no rule of the gateway.
package siem
