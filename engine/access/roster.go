package access

import "time"

// RosterFilter says whose shifts are asked for. Empty members do not narrow.
type RosterFilter struct {
	Subject  *Subject
	Schedule string // its id
}

// RosterEntry is one person's turn, and how sure it is.
type RosterEntry struct {
	Subject    Subject    `json:"subject"`
	Source     string     `json:"source"`
	Schedule   *Ref       `json:"schedule"` // nil: named directly in the escalation policy
	Policy     *Ref       `json:"policy"`   // the escalation policy; nil for a plain rota
	Level      int        `json:"level"`
	Start      *time.Time `json:"start"`
	End        *time.Time `json:"end"`
	FetchedAt  time.Time  `json:"fetched_at"` // when the source said so
	AgeSeconds int64      `json:"age_seconds"`
	Known      bool       `json:"known"` // the source is fresh, and clear about the subject: it counts
}

// SourceNews is what all nodes know of a source, without what it said.
type SourceNews struct {
	FetchedAt   time.Time // when it was asked; the zero time: it never answered
	ChangedAt   time.Time // when it was asked and said something else than before
	Until       time.Time // how far ahead its shifts are known
	PokedAt     time.Time // when some node last wanted it to be asked soon
	FailedSince *time.Time
	Error       string
}
