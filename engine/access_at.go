package engine

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// opAccess is what data.api.allow is asked about before somebody learns who had
// access.
const opAccess = "audit.access"

// AccessFilter says whose access is asked for, to what and when: at one moment, or
// at any of a period. Empty members do not narrow.
type AccessFilter struct {
	Paging
	At       time.Time // a moment; zero for a period
	From, To time.Time // a period: from the one on, and before the other
	Subject  string    // "user:alice@example.com"
	Resource string    // "customer:acme"
	// Granted leaves out access that a grant did not give any more, and that could be
	// used only because the target had not confirmed its removal.
	Granted bool
}

// AccessState is by what somebody could use access at the time that is asked about.
type AccessState string

// The states of an access at the time that is asked about.
const (
	AccessGranted   AccessState = "granted"   // a grant gave it
	AccessUnremoved AccessState = "unremoved" // the grant had ended, and its target had not confirmed the removal
)

// RemovalState is what became of access after its grant.
type RemovalState string

// What becomes of access after its grant.
const (
	RemovalNotDue    RemovalState = "not_due"   // the grant has not ended
	RemovalOpen      RemovalState = "open"      // not proven gone
	RemovalConfirmed RemovalState = "confirmed" // by the target
	RemovalForced    RemovalState = "forced"    // two persons declared it gone, without the target's word
	RemovalContinued RemovalState = "continued" // another grant on the same binding went on giving it
	RemovalReopened  RemovalState = "reopened"  // before it was confirmed, another grant gave it again
	RemovalNeedless  RemovalState = "needless"  // the target never had it
	RemovalUnknown   RemovalState = "unknown"   // its events are not kept any more
)

// AccessItem is one access: who could do what, on whose word, under which policy,
// and when it was really removed.
type AccessItem struct {
	GrantID string `json:"grant_id"`
	access.Entitled
	State     AccessState       `json:"state"`
	Live      bool              `json:"live"` // the grant gave access at the moment asked about; of a period: now
	StartsAt  time.Time         `json:"starts_at"`
	ExpiresAt time.Time         `json:"expires_at"` // when its time is, or was, over
	EndsAt    *time.Time        `json:"ends_at"`    // when the grant stopped giving it: the earlier of its end and expires_at; nil: not yet
	EndReason *access.EndReason `json:"end_reason"`
	Request   AccessRequested   `json:"request"`
	Decision  AccessDecision    `json:"decision"` // that gave it
	Reviews   []AccessReview    `json:"reviews"`  // oldest first
	Binding   AccessBinding     `json:"binding"`
	// ProvisionedAt is when the target confirmed that it is there; before starts_at
	// when another grant had opened it; nil: it did not confirm.
	ProvisionedAt *time.Time   `json:"provisioned_at"`
	RemovalState  RemovalState `json:"removal_state"`
	RemovedAt     *time.Time   `json:"removed_at"` // when that was confirmed, or declared; nil: it is not proven gone
	// UsableUntil is until when it could be used at the target: until the grant ended,
	// or until its removal was confirmed. nil: it may be usable now.
	UsableUntil *time.Time  `json:"usable_until"`
	Removal     *Removal    `json:"removal"` // nil when there was none of its own
	Proof       AccessProof `json:"proof"`
}

// AccessRequested is the request behind an access.
type AccessRequested struct {
	ID        string           `json:"id"`
	Requester access.Subject   `json:"requester"`
	Reason    string           `json:"reason"`
	For       *access.Duration `json:"for"`
	While     *string          `json:"while"`
	Emergency bool             `json:"emergency"`
	Channel   access.Channel   `json:"channel"`
	AskedAt   time.Time        `json:"asked_at"`
}

// AccessDecision is the decision that gave an access.
type AccessDecision struct {
	ID        string          `json:"id"`
	Effect    access.Effect   `json:"effect"`
	Reasons   []access.Reason `json:"reasons"`
	Revision  string          `json:"revision"` // of the policy
	DecidedAt time.Time       `json:"decided_at"`
}

// AccessReview is a person's answer to the request.
type AccessReview struct {
	Reviewer   access.Subject `json:"reviewer"`
	Verdict    access.Verdict `json:"verdict"`
	Comment    string         `json:"comment"`
	At         time.Time      `json:"at"`
	DecisionID string         `json:"decision_id"`
	Revision   string         `json:"revision"` // of the policy that let this person answer
}

// AccessBinding is where an access was.
type AccessBinding struct {
	ID     string `json:"id"`
	Target string `json:"target"`
}

// AccessPage is accesses, the latest start first.
type AccessPage struct {
	At      *time.Time `json:"at"`   // that was asked about; nil: a period
	From    *time.Time `json:"from"` // nil: a moment
	To      *time.Time `json:"to"`
	AskedAt time.Time  `json:"asked_at"` // what was known then
	Page[AccessItem]
}

// Access lists who had access at a moment or in a period. A page can be empty and
// have a cursor.
func (e *Engine) Access(ctx context.Context, call Call, f AccessFilter) (page AccessPage, err error) {
	now := e.ledger.Now()
	lf, err := f.narrow(now)
	if err != nil {
		return page, err
	}
	if err := e.authorize(ctx, call, opAccess, access.APIObject{}); err != nil {
		return page, err
	}
	page = AccessPage{AskedAt: now}
	if f.At.IsZero() {
		page.From, page.To = &f.From, &f.To
	} else {
		page.At = &f.At
	}
	err = e.ledger.View(ctx, func(tx *ledger.Tx) error {
		page.Page, err = e.accessPage(tx, f, lf)
		return err
	})
	return page, err
}

// narrow is the ledger's filter, for one item more than the page holds.
func (f AccessFilter) narrow(now time.Time) (ledger.AccessFilter, error) {
	lf := ledger.AccessFilter{Subject: f.Subject, Resource: f.Resource, Granted: f.Granted}
	after, limit, err := f.page()
	if err != nil {
		return lf, err
	}
	lf.Limit = limit + 1
	if lf.Before, err = accessPlace(after); err != nil {
		return lf, err
	}
	switch {
	case f.At.IsZero() && (f.From.IsZero() || f.To.IsZero()):
		return lf, access.Invalid("period_missing", "", "say when: at=<time>, or from=<time> and to=<time>")
	case !f.At.IsZero() && (!f.From.IsZero() || !f.To.IsZero()):
		return lf, access.Invalid("period_ambiguous", "", "say at=<time>, or from=<time> and to=<time>, and not both")
	case f.At.After(now), f.From.After(now):
		return lf, access.Invalid("time_ahead", "", "who will have access is not known; it is %s", now.Format(time.RFC3339))
	case !f.At.IsZero():
		lf.From, lf.To = f.At, f.At.Add(time.Microsecond)
	case !f.From.Before(f.To):
		return lf, access.Invalid("invalid_period", "", "from is before to")
	default:
		lf.From, lf.To = f.From, f.To
	}
	return lf, nil
}

// accessPlace reads a cursor: microseconds and an id.
func accessPlace(after string) (*ledger.AccessPlace, error) {
	if after == "" {
		return nil, nil //nolint:nilnil // the beginning
	}
	at, id, _ := strings.Cut(after, ":")
	us, err := strconv.ParseInt(at, 10, 64)
	if err != nil || access.CheckID(access.KindGrant, id) != nil {
		return nil, access.Invalid("invalid_cursor", "", "the cursor is not one that a list answered")
	}
	return &ledger.AccessPlace{StartsAt: time.UnixMicro(us).UTC(), ID: id}, nil
}

func placeText(p ledger.AccessPlace) string {
	return strconv.FormatInt(p.StartsAt.UnixMicro(), 10) + ":" + p.ID
}

// accessRounds bounds how often a page is filled up, because what was found could
// not be used at the time after all. One that is not full then has a cursor.
const accessRounds = 8

// accessPage fills a page.
func (e *Engine) accessPage(tx *ledger.Tx, f AccessFilter, lf ledger.AccessFilter) (page Page[AccessItem], err error) {
	page.Items = []AccessItem{}
	limit := lf.Limit - 1
	for range accessRounds {
		places, err := tx.Accesses(lf)
		if err != nil {
			return page, err
		}
		more := len(places) == lf.Limit
		if more {
			places = places[:len(places)-1]
		}
		items, err := e.accessItems(tx, f, lf, places)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, items...)
		if !more {
			return page, nil
		}
		lf.Before = &places[len(places)-1]
		lf.Limit = limit - len(page.Items) + 1
		if lf.Limit <= 1 {
			break
		}
	}
	page.NextCursor = cursor(placeText(*lf.Before))
	return page, nil
}
