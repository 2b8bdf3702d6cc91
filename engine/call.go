package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

// Call is who calls, from where and how: what every use case must know beside
// its input.
type Call struct {
	Caller        access.Subject
	Channel       access.Channel
	Source        string // address that the caller came from
	HTTPRequestID string
	Once          Once
}

// Once makes a change happen one time however often it is asked for. The zero
// value asks for no such thing.
type Once struct {
	Route    string // "POST /v1/requests"
	Key      string // the caller's Idempotency-Key
	BodyHash string // another body under the same key is refused
}

// The operations that data.api.allow is asked about.
const (
	opDecide   = "decision.ask"
	opSubmit   = "request.submit"
	opRequests = "request.list"
	opRequest  = "request.read"
	opReview   = "request.review"
	opWithdraw = "request.withdraw"
	opGrants   = "grant.list"
	opGrant    = "grant.read"
	opRevoke   = "grant.revoke"
	opCatalog  = "resource.list"
	opResource = "resource.read"
	opAudit    = "audit.read"
)

// authorize asks policy whether the caller may do this. A refusal is ErrDenied
// and, once a minute for the same caller and operation, an audit event. ErrBusy
// says that policy was not asked, which is no refusal.
func (e *Engine) authorize(ctx context.Context, call Call, operation string, object access.APIObject) error {
	groups, known, err := e.ledger.Groups(ctx, call.Caller)
	if err != nil {
		return err
	}
	permission, err := e.policy.Allow(ctx, access.APIInput{
		Actor: access.InputSubject{
			Type: call.Caller.Type, ID: call.Caller.ID,
			Properties: access.SubjectProperties{Groups: groups, GroupsKnown: known},
		},
		Operation: operation,
		Object:    object,
	})
	if errors.Is(err, access.ErrBusy) {
		return err
	}
	if err != nil {
		e.log.Error("data.api.allow failed; the call is refused", "operation", operation, "error", err)
	}
	if permission.Allowed && err == nil {
		return nil
	}
	why := permission.Reason
	if why == "" {
		why = "policy does not allow it"
	}
	refusal := access.Denied("not_allowed", "%s may not do %s: %s", call.Caller, operation, why)
	return e.refuseOperation(ctx, call, operation, object, why, refusal)
}

// refuseOperation records that the caller may not do something, and returns the
// refusal.
func (e *Engine) refuseOperation(ctx context.Context, call Call, operation string, object access.APIObject, why string, refusal error) error {
	event := call.event(audit.OperationDenied)
	event.Subject, event.Action, event.Resource = object.Subject, object.Action, object.Resource
	event.Data = map[string]any{"operation": operation, "reason": why}
	return e.recordRefusal(ctx, event, call.Caller.String()+" "+operation, refusal)
}

// refusePerson is refuseOperation of a refusal that is not policy's: a person may not
// answer what is about themselves. Any other error it only returns.
func (e *Engine) refusePerson(ctx context.Context, call Call, operation string, object access.APIObject, err error) error {
	var refusal *access.Error
	if !errors.Is(err, access.ErrDenied) || !errors.As(err, &refusal) {
		return err
	}
	return e.refuseOperation(ctx, call, operation, object, refusal.Detail, err)
}

// RefuseCaller records that a bearer token was missing or wrong. It returns the
// refusal.
func (e *Engine) RefuseCaller(ctx context.Context, call Call, code, detail string) error {
	refusal := access.Denied(code, "%s", detail)
	event := call.event(audit.CallerRefused)
	event.Data = map[string]any{"reason": code}
	return e.recordRefusal(ctx, event, call.Source, refusal)
}

// recordRefusal writes one event a key and minute, and returns the refusal. If
// it can not be written the call is refused all the same. That the caller has
// left does not keep it out of the log.
func (e *Engine) recordRefusal(ctx context.Context, event audit.Event, key string, refusal error) error {
	key = event.Type + " " + key
	if !e.refused.first(key, e.ledger.Now()) {
		return refusal
	}
	err := e.ledger.Update(context.WithoutCancel(ctx), func(tx *ledger.Tx) error { return tx.Append(event) })
	if err != nil {
		e.refused.forget(key)
		e.log.Error("a refusal could not be written to the audit log", "type", event.Type, "error", err)
	}
	return refusal
}

// event starts an audit event of the call.
func (c Call) event(typ string) audit.Event {
	e := audit.Event{
		Type: typ, Channel: audit.Text(c.Channel), Source: audit.Text(c.Source), HTTPRequestID: audit.Text(c.HTTPRequestID),
	}
	if c.Caller.ID != "" {
		e.Actor = &c.Caller
	}
	return e
}

// decision starts an event of the decision log that the call leads to.
func (c Call) decision(id, path string, at time.Time) access.DecisionEvent {
	return access.DecisionEvent{ID: id, Path: path, At: at, Caller: c.Caller, Source: c.Source, HTTPRequestID: c.HTTPRequestID}
}

// once runs change in a transaction, at most one time for the call's key: a
// repeat is answered with the first answer, and another body under the key is
// ErrInvalid. The key is reserved before the effect, so that a twin waits for
// it, and the answer commits with the effect. fx is emptied before change, which
// may be run more than once; nil when there is nothing to do afterwards.
func once[T any](ctx context.Context, e *Engine, call Call, fx *effects, change func(*ledger.Tx) (T, error)) (answer T, err error) {
	o := call.Once
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		if fx != nil {
			*fx = effects{}
		}
		if o.Key == "" {
			answer, err = change(tx)
			return err
		}
		first, err := tx.ReserveKey(call.Caller.String(), o.Route, o.Key, o.BodyHash)
		if err != nil {
			return err
		}
		if !first {
			earlier, found, err := kept[T](tx, call)
			answer = earlier
			if err == nil && !found {
				err = access.Conflict("idempotency_key_in_use", "the Idempotency-Key was just forgotten; ask again")
			}
			return err
		}
		if answer, err = change(tx); err != nil {
			return err
		}
		raw, err := json.Marshal(answer)
		if err != nil {
			return fmt.Errorf("keep the answer: %w", err)
		}
		return tx.KeepAnswer(call.Caller.String(), o.Route, o.Key, raw)
	})
	return answer, err
}

// replay returns the answer that was kept for the call's key, if there is one:
// asked before an input is checked against a world that may have moved on.
func replay[T any](ctx context.Context, e *Engine, call Call) (answer T, found bool, err error) {
	if call.Once.Key == "" {
		return answer, false, nil
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		answer, found, err = kept[T](tx, call)
		return err
	})
	return answer, found, err
}

func kept[T any](tx *ledger.Tx, call Call) (answer T, found bool, err error) {
	o := call.Once
	if o.Key == "" {
		return answer, false, nil
	}
	a, found, err := tx.KeptAnswer(call.Caller.String(), o.Route, o.Key)
	if err != nil || !found {
		return answer, false, err
	}
	if a.BodyHash != o.BodyHash {
		return answer, false, access.Invalid("idempotency_key_reused", "",
			"this Idempotency-Key was used for another body on %s; take a fresh key", strings.TrimSpace(o.Route))
	}
	return answer, true, json.Unmarshal(a.Answer, &answer)
}
