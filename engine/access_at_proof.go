package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
)

// AccessProof holds an access against the audit log: what is shown is read from rows
// that somebody with the database could have changed, and the log can not be changed
// without that being seen.
type AccessProof struct {
	// Agrees reports whether the log says the same; nil: its events are not kept any
	// more.
	Agrees  *bool              `json:"agrees"`
	Differs []AccessDifference `json:"differs"` // in what it does not
	Sealed  bool               `json:"sealed"`  // every event has its place in the log; within a second it has
	Events  []ProofEvent       `json:"events"`  // that tell of it, in their order
}

// AccessDifference is something of which the row and the log say different things.
type AccessDifference struct {
	What string `json:"what"` // such as starts_at
	Row  string `json:"row"`
	Log  string `json:"log"` // "" when the log does not say
}

// ProofEvent is an event of the audit log: GET /v1/audit/proof/{id} proves it.
type ProofEvent struct {
	ID   string     `json:"id"`
	Type string     `json:"type"`
	Seq  *int64     `json:"seq"` // nil: it has no place in the log yet
	Time time.Time  `json:"time"`
	Leaf audit.Hash `json:"leaf"`
}

// storyTypes are the events that tell of a request and of its grant.
var storyTypes = []string{ //nolint:gochecknoglobals // a constant
	audit.RequestSubmitted, audit.RequestReviewed, audit.RequestApproved,
	audit.GrantScheduled, audit.GrantStarted, audit.GrantMoved, audit.GrantEnded,
}

// holding compares rows with what the log tells of them.
type holding struct{ differs []AccessDifference }

func (h *holding) text(what, row, log string) {
	if row != log {
		h.differs = append(h.differs, AccessDifference{what, row, log})
	}
}

func (h *holding) time(what string, row *time.Time, log time.Time) {
	text := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	at := time.Time{}
	if row != nil {
		at = *row
	}
	h.text(what, text(at), text(log))
}

// proofOf holds an access against the events of its request and grant. others are
// further events that are shown with it. removed says that old events are not kept.
func proofOf(g access.Grant, item AccessItem, story, others []toldEvent, removed bool) AccessProof {
	p := AccessProof{Sealed: true, Differs: []AccessDifference{}, Events: []ProofEvent{}}
	for _, e := range shown(story, others) {
		shown := ProofEvent{ID: e.ID, Type: e.Type, Time: e.Time, Leaf: e.leaf}
		if e.seq > 0 {
			shown.Seq = &e.seq
		}
		p.Sealed = p.Sealed && e.seq > 0
		p.Events = append(p.Events, shown)
	}
	begun := last(story, audit.GrantScheduled, audit.GrantStarted)
	if begun == nil && removed {
		return p
	}
	h := &holding{differs: p.Differs}
	for _, e := range slices.Concat(story, others) {
		if !e.intact {
			h.text("event "+e.ID, "its body", "another leaf")
		}
	}
	h.grant(g, story, begun)
	h.decision(item.Decision, story)
	if asked := last(story, audit.RequestSubmitted); asked != nil || !removed {
		h.request(item, asked)
		h.reviews(item.Reviews, story)
	}
	agrees := len(h.differs) == 0
	p.Agrees, p.Differs = &agrees, h.differs
	return p
}

// shown is the events that a proof names, in their order: of a grant that moved often
// the last move alone.
func shown(story, others []toldEvent) []toldEvent {
	moved := last(story, audit.GrantMoved)
	events := slices.DeleteFunc(slices.Concat(story, others), func(e toldEvent) bool {
		return e.Type == audit.GrantMoved && e.ID != moved.ID
	})
	slices.SortStableFunc(events, func(a, b toldEvent) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.order, b.order)) })
	return slices.CompactFunc(events, func(a, b toldEvent) bool { return a.ID == b.ID })
}

// last is the last of the events that is of one of the types; nil without one.
func last(events []toldEvent, types ...string) *toldEvent {
	for i := len(events) - 1; i >= 0; i-- {
		if slices.Contains(types, events[i].Type) {
			return &events[i]
		}
	}
	return nil
}

// grant compares who had access to what, and from when to when.
func (h *holding) grant(g access.Grant, story []toldEvent, begun *toldEvent) {
	if begun == nil {
		h.text("grant", g.ID, "")
		return
	}
	h.text("grant_id", g.ID, string(begun.GrantID))
	h.text("request_id", g.RequestID, string(begun.RequestID))
	h.text("binding_id", g.BindingID, string(begun.BindingID))
	h.text("decision_id", g.DecisionID, string(begun.DecisionID))
	h.entitled(g.Entitled, begun)
	newest := last(story, audit.GrantScheduled, audit.GrantStarted, audit.GrantMoved, audit.GrantEnded)
	h.time("starts_at", &g.StartsAt, newest.instant("starts_at"))
	h.time("expires_at", &g.ExpiresAt, newest.instant("expires_at"))
	ended := last(story, audit.GrantEnded)
	if ended == nil {
		h.time("ended_at", g.EndedAt, time.Time{})
		return
	}
	reason := access.EndReason("")
	if g.EndReason != nil {
		reason = *g.EndReason
	}
	h.time("ended_at", g.EndedAt, ended.Time)
	h.text("end_reason", string(reason), ended.text("end_reason"))
}

// decision compares under which policy the grant was given, and what that said, with the
// events that name the decision: not each of them says both.
func (h *holding) decision(d AccessDecision, story []toldEvent) {
	var revision, effect string
	for _, e := range story {
		if string(e.DecisionID) == d.ID {
			revision, effect = cmp.Or(revision, string(e.Revision)), cmp.Or(effect, e.text("effect"))
		}
	}
	if revision != "" {
		h.text("revision", d.Revision, revision)
	}
	if effect != "" {
		h.text("effect", string(d.Effect), effect)
	}
}

func (h *holding) entitled(x access.Entitled, e *toldEvent) {
	var told access.Entitled
	if e.Subject != nil && e.Action != nil && e.Resource != nil {
		told = access.Entitled{Subject: *e.Subject, Action: *e.Action, Resource: *e.Resource}
	}
	h.text("subject", x.Subject.String(), told.Subject.String())
	h.text("action", x.Action.Name, told.Action.Name)
	h.text("resource", x.Resource.String(), told.Resource.String())
}

// request compares who asked, and why.
func (h *holding) request(item AccessItem, asked *toldEvent) {
	if asked == nil {
		h.text("request", item.Request.ID, "")
		return
	}
	h.text("requester", item.Request.Requester.String(), asked.text("requester"))
	h.text("reason", item.Request.Reason, asked.text("reason"))
	emergency, _ := asked.Data["emergency"].(bool)
	h.text("emergency", strconv.FormatBool(item.Request.Emergency), strconv.FormatBool(emergency))
}

// reviews compares who answered, and what. A review that policy did not let count is
// in the log alone.
func (h *holding) reviews(rows []AccessReview, story []toldEvent) {
	var told []toldEvent
	for _, e := range story {
		if counted, said := e.Data["counted"].(bool); e.Type == audit.RequestReviewed && (counted || !said) {
			told = append(told, e)
		}
	}
	for i := range max(len(rows), len(told)) {
		var row, log string
		if i < len(rows) {
			row = fmt.Sprintf("%s: %s %q", rows[i].Reviewer, rows[i].Verdict, rows[i].Comment)
		}
		if i < len(told) && told[i].Actor != nil {
			log = fmt.Sprintf("%s: %s %q", told[i].Actor, told[i].text("verdict"), told[i].text("comment"))
		}
		h.text("review", row, log)
	}
}
