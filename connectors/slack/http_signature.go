package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/curfew-access/curfew/engine/trouble"
)

const (
	timestampHeader = "X-Slack-Request-Timestamp"
	signatureHeader = "X-Slack-Signature"
)

// maxSkew is how far the time of a message may be from ours. Until then a message
// that somebody recorded can be sent again: it has the effect that it had.
const maxSkew = 5 * time.Minute

var (
	errUnsigned = errors.New("it has no signature")
	errWrong    = errors.New("the signature is not by the signing secret that is configured")
	errStale    = errors.New("its time is more than five minutes from the gateway's")
)

// verify says what a message is if nothing shows that Slack sent it just now.
func (a *App) verify(ctx context.Context, header http.Header, body []byte) outcome {
	err := a.signed(header, body)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errUnsigned):
		a.refuse(ctx, &a.lines.unsigned, "signature_missing", "REFUSED: a message to Slack's address is not signed; Slack signs all of its own", err)
		return outcomeUnsigned
	case errors.Is(err, errStale):
		a.refuse(ctx, &a.lines.stale, "timestamp_stale", "REFUSED: a message to Slack's address is not of now: "+
			"somebody sends a recorded one, or the gateway's clock is wrong", err)
		return outcomeStale
	}
	a.refuse(ctx, &a.lines.wrong, "signature_wrong", "REFUSED: a message to Slack's address is not signed by the signing secret that is configured. "+
		"If Slack sent it, nothing that people do there arrives: configure the signing secret of the app (Basic Information)", err)
	return outcomeRefused
}

// signed reports why nothing shows that Slack sent the body. The signature is held
// against the body as it came, in a time that does not depend on where they differ.
func (a *App) signed(header http.Header, body []byte) error {
	verifier, err := slackapi.NewSecretsVerifier(header, a.cfg.SigningSecret)
	switch {
	case errors.Is(err, slackapi.ErrMissingHeaders):
		return errUnsigned
	case errors.Is(err, slackapi.ErrExpiredTimestamp): // said before the signature is looked at
		if !a.signedOnce(header, body) {
			return errWrong
		}
		return errStale
	case err != nil: // also where there is no signing secret: nothing comes by HTTP then
		return errWrong
	}
	_, _ = verifier.Write(body)
	if verifier.Ensure() != nil {
		return errWrong
	}
	seconds, err := strconv.ParseInt(header.Get(timestampHeader), 10, 64)
	if err != nil || a.cfg.Now().Sub(time.Unix(seconds, 0)).Abs() > maxSkew {
		return errStale // by the ledger's clock; the SDK goes by the machine's
	}
	return nil
}

// signedOnce reports whether a message is Slack's, however long ago. It tells a
// clock that is wrong from somebody who sends anything.
func (a *App) signedOnce(header http.Header, body []byte) bool {
	given, err := hex.DecodeString(strings.TrimPrefix(header.Get(signatureHeader), "v0="))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(a.cfg.SigningSecret))
	_, _ = fmt.Fprintf(mac, "v0:%s:", header.Get(timestampHeader))
	_, _ = mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}

// refuse alerts, and has it written down, once a source and minute. The answer
// does not depend on whether that worked, nor wait for it.
func (a *App) refuse(ctx context.Context, l *trouble.Line, code, what string, why error) {
	from := arrivalOf(ctx).source
	l.Failed(a.cfg.Log.With("source", from), what, why)
	select {
	case a.refusing <- struct{}{}:
	default:
		return // so many that one more says nothing
	}
	detached := context.WithoutCancel(ctx)
	go func() {
		defer func() { <-a.refusing }()
		_ = a.within(detached, refuseIn, func(ctx context.Context) error {
			a.cfg.Refusals.RefuseHook(ctx, "slack", from, code)
			return nil
		})
	}()
}

// refuseIn bounds writing a refusal down.
const refuseIn = 3 * time.Second
