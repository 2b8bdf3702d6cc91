package engine

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/ledger"
)

const (
	// tokenPrefix marks the one-use token of a callback, for people and for scanners.
	tokenPrefix = "cbt_"
	tokenBytes  = 32
	tokenLength = len(tokenPrefix) + 43 // as base64
	// maxWord bounds, in bytes, what is kept of what a target says.
	maxWord = 512
	// byCallback is what confirmed a delivery whose target called back.
	byCallback = "callback"
)

// ConfirmationView is the answer to a target's word: what of it is written down.
type ConfirmationView struct {
	Binding access.BindingRef      `json:"binding"` // with the generation that the word was about
	Outcome access.CallbackOutcome `json:"outcome"`
}

// callback is where the target is to say what became of a message that begins now,
// with a token of its own; nil for a target whose response says it.
func (e *Engine) callback(bindingID string, target Target, now time.Time) *access.Callback {
	if target.CallbackWithin <= 0 {
		return nil
	}
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // it never fails
	return &access.Callback{
		URL: e.callbackURL + bindingID, Token: tokenPrefix + base64.RawURLEncoding.EncodeToString(raw),
		ExpiresAt: now.Add(target.Deadline + target.CallbackWithin),
	}
}

// Confirm takes a target's word of what became of a message that it accepted. The
// token names the attempt, and is used once: the same word with it again is answered
// as before and changes nothing. The word counts while the generation of its message
// is current, whenever it comes, and before the target's response too; after that it
// is ErrConflict. The call has no caller: the token is all that is known of it.
func (e *Engine) Confirm(
	ctx context.Context, call Call, bindingID, token string, word access.Confirmation,
) (view ConfirmationView, err error) {
	a, found, err := e.attemptOfToken(ctx, bindingID, token)
	if err != nil {
		return view, err
	}
	if !found {
		return view, e.refuseWord(ctx, call, "", access.Denied("token_invalid",
			"this token is of no message about this binding; take that of data.callback of the message"))
	}
	if err := checkWord(a, word); err != nil {
		return view, e.refuseWord(ctx, call, bindingID, err)
	}
	word.Detail = cleanWord(word.Detail, token)
	if a.CalledBack == "" {
		if a, err = e.takeWord(ctx, call, bindingID, token, word); err != nil {
			return view, err
		}
	}
	if err := answerTo(a, word); err != nil {
		return view, e.refuseWord(ctx, call, bindingID, err)
	}
	return ConfirmationView{access.BindingRef{ID: a.BindingID, Generation: a.Generation}, a.CalledBack}, nil
}

// attemptOfToken looks, without a write transaction, whose message held the token.
func (e *Engine) attemptOfToken(ctx context.Context, bindingID, token string) (a ledger.Attempt, found bool, err error) {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) {
		return a, false, nil
	}
	err = e.ledger.Look(ctx, func(tx *ledger.Tx) error {
		a, found, err = tx.AttemptOfToken(bindingID, token)
		return err
	})
	return a, found, err
}

// refuseWord records, once a source and minute, that a target's word is not taken. The
// binding is known when the token was one of its own.
func (e *Engine) refuseWord(ctx context.Context, call Call, bindingID string, refusal error) error {
	code := access.CodeOf(refusal)
	event := call.event(audit.ConfirmationRefused)
	event.BindingID, event.Data = audit.Text(bindingID), map[string]any{"reason": code}
	return e.recordRefusal(ctx, event, call.Source+" "+code, refusal)
}

func checkWord(a ledger.Attempt, word access.Confirmation) error {
	var faults []error
	if word.Outcome != access.CallbackDone && word.Outcome != access.CallbackFailed {
		faults = append(faults, access.Invalid("invalid_outcome", "/outcome", "outcome is done or failed"))
	}
	if word.Generation != a.Generation {
		faults = append(faults, access.Invalid("wrong_generation", "/generation",
			"the token is of generation %d; say what became of that one", a.Generation))
	}
	return errors.Join(faults...)
}

// cleanWord is what is kept of a target's words: a line of text without the token.
func cleanWord(s, token string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), token, "<secret>")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if len(s) > maxWord {
		s = strings.ToValidUTF8(s[:maxWord], "")
	}
	return s
}

// answerTo is what the token's second use gets, and what the first one did.
func answerTo(a ledger.Attempt, word access.Confirmation) error {
	switch {
	case a.CalledBack != word.Outcome:
		return access.Conflict("token_used", "this token was used to say %q; each has one use", a.CalledBack)
	case a.CalledLate:
		return access.Conflict("generation_passed",
			"generation %d of this binding is over; its newest message says what is to be so", a.Generation)
	}
	return nil
}

// takeWord writes the word down, and lets it count. It returns the attempt as it is
// then: with the word of another who was first, if there was one.
func (e *Engine) takeWord(
	ctx context.Context, call Call, bindingID, token string, word access.Confirmation,
) (a ledger.Attempt, err error) {
	var removed *time.Duration
	counted := false
	err = e.ledger.Update(ctx, func(tx *ledger.Tx) error {
		removed, counted = nil, false
		held, err := tx.HoldClaimed(bindingID)
		if err != nil {
			return err
		}
		var found bool
		a, found, err = tx.AttemptOfToken(bindingID, token) // as it is now that nobody else can use it
		if err != nil || !found || a.CalledBack != "" {
			return err
		}
		b := held[bindingID]
		was, now := b.Binding, tx.Now()
		said := speak(call, was, a, word)
		a.CalledBack, a.CalledAt, a.CalledLate = word.Outcome, &now, was.Generation != a.Generation
		if err := tx.CallBack(said.end, word.Outcome, a.CalledLate); err != nil {
			return err
		}
		if b, err = e.heed(tx, b, said); err != nil {
			return err
		}
		if counted = true; was.DueAt != nil && b.ConfirmedAt != nil && b.ConfirmedAt.Equal(now) && b.Observed == access.Absent {
			late := now.Sub(*was.DueAt)
			removed = &late
		}
		return errors.Join(tx.PutBindings(b), e.askLater(tx, b))
	})
	if err != nil || !counted {
		return a, err
	}
	if removed != nil {
		e.observer.Confirmed(*removed)
	}
	e.step("callback.committed")
	poke(e.deliveryWake)
	return a, nil
}
