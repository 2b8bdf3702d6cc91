package pdp

import (
	"time"
	"unicode/utf8"

	"github.com/curfew-access/curfew/engine/access"
)

// The bounds of what policy says of reviews: a channel's name is Slack's, and
// nobody is asked again within a minute, or for ever in vain.
const (
	maxChannels    = 10
	maxChannelName = 80
	minWait        = 60
	maxRemind      = 86400
)

func (r *reader) reviewers(at string, v any) *access.Reviewers {
	if v == nil {
		return nil
	}
	o := r.object(at, v, "groups", "subjects", "quorum", "channels", "remind_seconds", "escalate")
	reviewers := &access.Reviewers{
		Groups: o.texts("groups"), Subjects: o.subjects("subjects"), Quorum: o.count("quorum"), Channels: o.channels("channels"),
		RemindSeconds: o.integer("remind_seconds", minWait, maxRemind), Escalate: r.escalation(o.member("escalate")),
	}
	if len(reviewers.Groups)+len(reviewers.Subjects) == 0 {
		return nil
	}
	return reviewers
}

// escalation names somebody: a channel alone would make nobody a reviewer.
func (r *reader) escalation(at string, v any) *access.Escalation {
	if v == nil {
		return nil
	}
	o := r.object(at, v, "after_seconds", "groups", "subjects", "channels")
	escalation := &access.Escalation{Groups: o.texts("groups"), Subjects: o.subjects("subjects"), Channels: o.channels("channels")}
	if after := o.seconds("after_seconds", minWait); after != nil {
		escalation.AfterSeconds = *after
	} else if o.members["after_seconds"] == nil {
		r.fault("%s.after_seconds: it is missing", at)
	}
	if len(escalation.Groups)+len(escalation.Subjects) == 0 {
		r.fault("%s: it names neither groups nor subjects", at)
	}
	return escalation
}

// inTime holds the escalation of a review against when the request lapses: one
// that comes later never comes.
func (r *reader) inTime(d access.Decision) {
	if d.Effect != access.Review || d.Reviewers == nil || d.Reviewers.Escalate == nil {
		return
	}
	lapse := int64(access.DefaultLapse / time.Second)
	if d.LapseSeconds != nil {
		lapse = *d.LapseSeconds
	}
	if after := d.Reviewers.Escalate.AfterSeconds; after >= lapse {
		r.fault("decision.reviewers.escalate.after_seconds: after %d seconds the request has lapsed, which it does after %d", after, lapse)
	}
}

func (o object) subjects(name string) (subjects []access.Subject) {
	for at, item := range o.list(name) {
		s := o.object(at, item, "type", "id")
		subject, err := access.Subject{Type: s.text("type"), ID: s.text("id")}.Canonical()
		if err != nil {
			o.fault("%s: %w", at, err)
		}
		subjects = append(subjects, subject)
	}
	return subjects
}

func (o object) channels(name string) []string {
	channels := o.texts(name)
	if len(channels) > maxChannels {
		o.fault("%s.%s: there are %d, and %d are the most", o.at, name, len(channels), maxChannels)
	}
	for _, channel := range channels {
		if utf8.RuneCountInString(channel) > maxChannelName {
			o.fault("%s.%s: a channel has more than %d characters", o.at, name, maxChannelName)
		}
	}
	return channels
}
