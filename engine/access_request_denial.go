package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/ledger"
)

// AccessRequestOffer says how a request that answers a denial is made.
type AccessRequestOffer struct {
	Endpoint         string       `json:"endpoint"`
	ExpiresAt        time.Time    `json:"expires_at"`
	BindingToken     string       `json:"binding_token"`
	RequestSchemaURL string       `json:"request_schema_url"`
	Display          DisplayHints `json:"display"`
}

// DisplayHints is what a person may be shown.
type DisplayHints struct {
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

const (
	// answerable is how long a denial can be answered by a request.
	answerable = 5 * time.Minute
	// offerPatience bounds what a denial waits to learn whether it can be answered.
	offerPatience = 500 * time.Millisecond
	// maxBound bounds what a denial is bound to, in bytes: a submission holds it twice,
	// once within the token.
	maxBound = 16 << 10
	// offerRemembered is how long that is remembered.
	offerRemembered = 5 * time.Second
)

// aboutRequests is what the answer to an evaluation says of requests and approvals:
// how a denial could be resolved, and what became of an approval that was shown;
// nil: nothing. It costs a plain yes nothing, and a denial little where the
// catalogue does not offer what was denied.
func (e *Engine) aboutRequests(ctx context.Context, call Call, x Evaluation, v CheckView, shown *approved) map[string]any {
	if e.accessRequests == nil {
		return nil
	}
	if shown != nil {
		return e.reevaluated(ctx, call, x, v, *shown)
	}
	if v.Decision || v.Reason == checkUnavailable {
		return nil
	}
	offer := e.offer(ctx, call, x, v)
	if offer == nil {
		return nil
	}
	said := denied(v, reasonApprovalRequired)
	said["access_request"] = offer
	return said
}

// denied begins what is said of a denial.
func denied(v CheckView, reason string) map[string]any {
	return map[string]any{"evaluation_id": v.ID, "evaluated_at": v.At, "reason": reason}
}

// offer says how a request could resolve the denial; nil: by none, or nobody knows
// at the moment.
func (e *Engine) offer(ctx context.Context, call Call, x Evaluation, v CheckView) *AccessRequestOffer {
	ctx, cancel := context.WithTimeout(ctx, offerPatience)
	defer cancel()
	x, ours := x.known()
	if !ours || len(x.Sent.Subject)+len(x.Sent.Resource)+len(x.Sent.Action) > maxBound {
		return nil
	}
	name, requestable := e.requestable(ctx, call, x.Entitled)
	if !requestable {
		return nil
	}
	end := v.At.Add(answerable).Truncate(time.Second)
	token, err := e.accessRequests.Denials.Sign(ctx, access.DenialBinding{
		EvaluationID: v.ID, Subject: x.Sent.Subject, Resource: x.Sent.Resource, Action: x.Sent.Action, IssuedAt: v.At, ExpiresAt: end,
	})
	if err != nil {
		e.complain("denials can not be answered by requests: their binding is not signed", err)
		return nil
	}
	return &AccessRequestOffer{
		Endpoint: e.accessRequests.at(AccessRequestPath), ExpiresAt: end, BindingToken: token,
		RequestSchemaURL: e.accessRequests.at(RequestSchemaPath),
		Display:          DisplayHints{Title: "Request access", Description: "Access for " + x.Action.Name + " on " + name + " can be requested."},
	}
}

// requestable reports whether policy would allow or review the least request of
// the subject for the access, made by the caller. It says what the resource is called.
func (e *Engine) requestable(ctx context.Context, call Call, x access.Entitled) (name string, ok bool) {
	if x.Resource.Validate() != nil || x.Action.Validate() != nil {
		return "", false // the catalogue has none of that name
	}
	key := requestKey{call.Caller, x}
	now := e.ledger.Now()
	if a, known := e.requestability.get(key, now); known {
		return a.name, a.ok
	}
	name, ok, err := e.askRequestable(ctx, call, x)
	if err != nil {
		if ctx.Err() == nil {
			e.complain("it is not known whether denials can be answered by requests", err)
		}
		return "", false
	}
	e.requestability.put(key, requestAnswer{name, ok, now.Add(offerRemembered)})
	return name, ok
}

func (e *Engine) askRequestable(ctx context.Context, call Call, x access.Entitled) (name string, ok bool, err error) {
	var r access.Resource
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		r, err = tx.Resource(x.Resource)
		return err
	})
	if isNotFound(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	entitlement, offered := r.Entitlement(x.Action.Name)
	if !offered {
		return "", false, nil
	}
	a := asked{Request: access.Request{
		Entitled: x, Requester: call.Caller, Reason: "what may be requested", Channel: call.Channel,
	}, resource: r, entitlement: entitlement}
	a.For, a.While = shortestOf(entitlement)
	if a.target, err = e.target(entitlement.Target); err != nil || a.For == nil && a.While == nil {
		return "", false, nil // a target that takes no access is an answer
	}
	d, err := e.decide(ctx, a, access.PhaseRequest)
	if err != nil || d.Decision.Effect == access.Deny || holds(d.Input.Context.Grants, x) {
		return "", false, err
	}
	return cmp.Or(r.Name, r.Ref().String()), true, nil
}

// holds reports whether there is a grant already: what is denied with it, another
// would not resolve.
func holds(grants []access.InputGrant, x access.Entitled) bool {
	return slices.ContainsFunc(grants, func(g access.InputGrant) bool { return g.Action == x.Action && g.Resource == x.Resource })
}

// requestability remembers what may be requested, for moments.
type requestability struct {
	mu sync.RWMutex
	at map[requestKey]requestAnswer
}

type requestKey struct {
	caller access.Subject
	x      access.Entitled
}

type requestAnswer struct {
	name  string // of the resource
	ok    bool
	until time.Time
}

func (r *requestability) get(k requestKey, now time.Time) (requestAnswer, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	a, known := r.at[k]
	return a, known && now.Before(a.until)
}

func (r *requestability) put(k requestKey, a requestAnswer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil || len(r.at) >= maxHeard {
		r.at = map[requestKey]requestAnswer{}
	}
	r.at[k.alone()] = a
}

// alone is the key with names of its own: those that were sent are parts of a whole
// body, which they would keep.
func (k requestKey) alone() requestKey {
	for _, name := range []*string{&k.x.Subject.Type, &k.x.Subject.ID, &k.x.Action.Name, &k.x.Resource.Type, &k.x.Resource.ID} {
		*name = strings.Clone(*name)
	}
	return k
}
