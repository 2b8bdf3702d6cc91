package engine

import (
	"context"
	"errors"
	"time"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
	"github.com/curfew-access/curfew/engine/trouble"
)

const (
	// askFirst is when a target that did not answer is asked again, doubled each time.
	askFirst = time.Minute
	// askUnsent is when a question is asked that was claimed and not sent.
	askUnsent = time.Second
	// tellFailures is from how many failures in a row on a verification shows them.
	tellFailures = 3
	// lookAgainAt bounds for how long nobody knows that a drift was put right, or that a
	// repair was of no use.
	lookAgainAt = time.Hour
)

// RecordAnswers writes down what targets answered, together, and if that fails each
// by itself. An answer counts only for who asked, and only while the binding is
// settled at the generation that was asked about: what turned meanwhile was neither
// right nor wrong. What is not written down is asked again when its claim lapses. It
// satisfies outbox.Asker.
func (e *Engine) RecordAnswers(ctx context.Context, answers ...access.Answer) error {
	err := e.recordAnswers(ctx, answers)
	if err == nil || len(answers) == 1 || ctx.Err() != nil {
		return err
	}
	err = nil
	for _, a := range answers {
		err = errors.Join(err, e.recordAnswers(ctx, []access.Answer{a}))
	}
	return err
}

func (e *Engine) recordAnswers(ctx context.Context, answers []access.Answer) error {
	ids := make([]string, len(answers))
	for i, a := range answers {
		ids[i] = a.BindingID
	}
	var asked []access.Asked
	repairs := false
	err := e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		h := hearing{engine: e, tx: tx}
		if err := h.open(ids); err != nil {
			return err
		}
		for _, a := range answers {
			if err := h.hear(a); err != nil {
				return err
			}
		}
		asked, repairs = h.asked, len(h.repaired) > 0
		return errors.Join(tx.PutVerifications(h.heard...), tx.PutBindings(h.repaired...))
	})
	if err != nil {
		return err
	}
	for _, what := range asked {
		e.observer.Asked(what)
	}
	if repairs {
		poke(e.deliveryWake)
	}
	return nil
}

// hearing is what targets answered, compared with bindings that are held.
type hearing struct {
	engine   *Engine
	tx       *ledger.Tx
	bindings map[string]ledger.Claimed
	kept     map[string]ledger.Verified
	live     map[string][]access.Grant

	heard    []ledger.Verified
	repaired []ledger.Claimed
	asked    []access.Asked
}

func (h *hearing) open(ids []string) (err error) {
	if h.bindings, err = h.tx.HoldClaimed(ids...); err != nil {
		return err
	}
	if h.kept, err = h.tx.Verifications(ids...); err != nil {
		return err
	}
	h.live, err = h.tx.LiveGrantsOn(ids...)
	return err
}

// hear takes one answer.
func (h *hearing) hear(a access.Answer) error {
	v, ok := h.kept[a.BindingID]
	if !ok || v.Claim != a.Owner {
		h.asked = append(h.asked, access.AskedOver)
		return nil
	}
	b, v, what, err := h.judge(a, h.bindings[a.BindingID], v)
	if err != nil {
		return err
	}
	v.Claim = ""
	h.heard = append(h.heard, v)
	if what != "" {
		h.asked = append(h.asked, what)
	}
	if b.Generation != a.Generation && what == access.AskedDrifted {
		h.repaired = append(h.repaired, b)
	}
	return nil
}

// judge is the binding and its verification after an answer of who asked, and what
// became of the question.
func (h *hearing) judge(a access.Answer, b ledger.Claimed, v ledger.Verified) (ledger.Claimed, ledger.Verified, access.Asked, error) {
	now := h.tx.Now()
	target, asked := h.engine.askedOf(b.Binding)
	switch {
	case !asked: // another node asks it
		v.NextAt = timeAt(now.Add(lookAgainAt))
		return b, v, access.AskedOver, nil
	case a.Unsent:
		v.NextAt = timeAt(now.Add(askUnsent))
		return b, v, "", nil
	case b.Generation != a.Generation || !b.Settled(b.Claim) || b.Desired == access.Present && len(h.live[b.ID]) == 0:
		v.NextAt = timeAt(nextSweep(target, now)) // when it settles it is asked before
		return b, v, access.AskedOver, nil
	case a.Failure != nil:
		return b, notAnswered(v, a.Failure, target, now), access.AskedFailed, nil //nolint:nilerr // that a target does not answer is an outcome, and no failure of ours
	}
	v.Failures, v.Error = 0, ""
	if a.Exists != b.Desired && a.Exists != access.Unknown {
		b, v, err := h.drifted(a, b, v, target)
		return b, v, access.AskedDrifted, err
	}
	v, what, err := h.agreed(a, b, v, target)
	return b, v, what, err
}

// notAnswered is a verification after a question without an answer.
func notAnswered(v ledger.Verified, failure error, target Target, now time.Time) ledger.Verified {
	v.Failures++
	if v.Failures >= tellFailures {
		v.Error = failure.Error()
	}
	again := trouble.Backoff{First: askFirst, Cap: target.Verify.Every}
	v.NextAt = timeAt(now.Add(again.After(v.Failures, false)))
	return v
}

// agreed is a verification after an answer that the binding is as it should be, or
// that the target can not tell: then what it said before stands. It is told the first
// time after a confirmation, and when a drift ends by it.
func (h *hearing) agreed(a access.Answer, b ledger.Claimed, v ledger.Verified, target Target) (ledger.Verified, access.Asked, error) {
	now := h.tx.Now()
	fresh := stale(v.AnsweredAt, b.Binding)
	v.Answer, v.AnsweredAt, v.NextAt = a.Exists, &now, timeAt(nextSweep(target, now))
	if fresh {
		v.NextAt = timeAt(firstSweep(target, now))
	}
	if a.Exists == access.Unknown {
		return v, access.AskedUnknown, nil
	}
	tell := stale(v.VerifiedAt, b.Binding) || v.DriftedSince != nil
	event := verifyEvent(audit.BindingVerified, a, b)
	if v.DriftedSince != nil {
		event.Data["drifted_since"] = v.DriftedSince
	}
	v.VerifiedAt, v.DriftedSince, v.Repairs = &now, nil, 0
	if !tell {
		return v, access.AskedAgreed, nil
	}
	return v, access.AskedAgreed, h.tx.Append(event)
}

// drifted is a binding and its verification after an answer that the binding is not
// as it should be. It is told once, and again when it is so after a confirmation that
// it is not; and repaired, if the target is one where that is wanted.
func (h *hearing) drifted(a access.Answer, b ledger.Claimed, v ledger.Verified, target Target) (ledger.Claimed, ledger.Verified, error) {
	now := h.tx.Now()
	tell := v.DriftedSince == nil || stale(v.AnsweredAt, b.Binding)
	event := verifyEvent(audit.BindingDrifted, a, b)
	if v.DriftedSince == nil {
		v.DriftedSince = &now
	}
	event.Data["drifted_since"], event.Data["repair"] = v.DriftedSince, target.Verify.Repair
	v.Answer, v.AnsweredAt = a.Exists, &now
	v.NextAt = timeAt(sweepWithin(now, min(target.Verify.Every, lookAgainAt), 0))
	var err error
	if tell {
		err = h.tx.Append(event)
	}
	if !target.Verify.Repair || err != nil {
		return b, v, err
	}
	v.Repairs++
	b.Binding = reasserted(b.Binding, *v.DriftedSince, repairAt(v.Repairs, target, now))
	again := bindingEvent(audit.BindingReasserted, b.Binding)
	again.Data["cause"], again.Data["desired"], again.Data["repairs"] = "drift", b.Desired, v.Repairs
	return b, v, h.tx.Append(again)
}

// repairAt is when what is not as it should be is told anew: at once, and when that
// was of no use later and later, so that a target which confirms and does not do it is
// not told without end.
func repairAt(repairs int, target Target, now time.Time) time.Time {
	if repairs <= 1 {
		return now
	}
	again := trouble.Backoff{First: askFirst, Cap: min(target.Verify.Every, lookAgainAt)}
	return now.Add(again.After(repairs-1, false)).Truncate(time.Microsecond)
}

// reasserted is a settled binding whose desired state the target is to be told anew. It
// counts as wrong since the time given, so that it becomes overdue if that does not
// help, and nobody's word that it was gone counts any more.
func reasserted(b access.Binding, wrong, at time.Time) access.Binding {
	b.Generation++
	b.Observed, b.DueAt, b.NextAt, b.ForcedAt = access.Unknown, &wrong, &at, nil
	b.Attempts, b.LastClass, b.LastError, b.ReportedAt, b.Renewing = 0, "", "", nil, false
	return b
}

func verifyEvent(typ string, a access.Answer, b ledger.Claimed) audit.Event {
	event := bindingEvent(typ, b.Binding)
	event.Data["answer"], event.Data["desired"] = a.Exists, b.Desired
	if b.ForcedAt != nil {
		event.Data["forced_at"] = b.ForcedAt
	}
	return event
}

// stale reports whether the time, if there is one, was before the binding was settled
// last.
func stale(at *time.Time, b access.Binding) bool {
	settled := time.Time{}
	for _, t := range []*time.Time{b.ConfirmedAt, b.ForcedAt} {
		if t != nil {
			settled = later(settled, *t)
		}
	}
	return at == nil || at.Before(settled)
}

func timeAt(t time.Time) *time.Time { return &t }
