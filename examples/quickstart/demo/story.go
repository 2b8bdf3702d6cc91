package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/curfew-access/curfew/examples/stage"
)

func story() []stage.Step[*world] {
	return []stage.Step[*world]{
		{Title: "Alice is on call for payments: she gets acme for 30 s at once.", Play: allowedOnCall},
		{Title: "Carol is neither on call for payments nor in that team: she is told why not.", Play: deniedWithReason},
		{Title: "Carol is in the team that owns globex: her request waits for security.", Play: waitsForReview},
		{Title: "She can not approve it herself.", Play: ownApprovalRefused},
		{Title: "Bob of security asks for globex too, and can not approve his own request either.", Play: reviewersOwnRefused},
		{Title: "Bob approves Carol's request, for 30 s instead of 2 h: it is opened.", Play: approvedByAnother},
		{Title: "Alice's 30 s are over: her access is closed within a second of that.", Play: closedInTime},
		{Title: "The receiver goes down, Carol's access ends meanwhile, and it comes back 20 s later: closed then, once.", Play: closedAfterOutage},
		{Title: "The audit log tells the whole story.", Play: audited},
	}
}

func allowedOnCall(ctx context.Context, w *world) error {
	out, err := w.Command(ctx, "alice", stage.Granted, "request", "customer/acme", "debug", "--for", "30s", "--reason", "PD-4711: checkout is slow")
	if err != nil {
		return err
	}
	if w.aliceEnds, err = stage.TimeIn(out); err != nil {
		return err
	}
	_, err = w.receiver.Wait(ctx, 5*time.Second, "access.provision", "alice@example.com", "customer:acme", "signature ok")
	return err
}

func deniedWithReason(ctx context.Context, w *world) error {
	out, err := w.Command(ctx, "carol", stage.Denied, "request", "customer/acme", "debug", "--for", "2h", "--reason", "curious")
	if err != nil {
		return err
	}
	return stage.Contains(out, "not_on_call_nor_in_team")
}

func waitsForReview(ctx context.Context, w *world) error {
	out, err := w.Command(ctx, "carol", stage.Pending, "request", "customer/globex", "debug", "--for", "2h", "--reason", "INC-12: stuck export")
	if err != nil {
		return err
	}
	w.carolRequest, err = stage.IDIn("req", out)
	return errors.Join(err, stage.Contains(out, "team_review"))
}

func ownApprovalRefused(ctx context.Context, w *world) error {
	_, err := w.Command(ctx, "carol", stage.Denied, "approve", w.carolRequest)
	return err
}

func reviewersOwnRefused(ctx context.Context, w *world) error {
	out, err := w.Command(ctx, "bob", stage.Pending, "request", "customer/globex", "debug", "--for", "30s", "--reason", "to look at the export")
	if err != nil {
		return err
	}
	own, err := stage.IDIn("req", out)
	if err != nil {
		return err
	}
	out, err = w.Command(ctx, "bob", stage.Denied, "approve", own)
	if err != nil {
		return err
	}
	_, withdrawn := w.Command(ctx, "bob", stage.Granted, "withdraw", own)
	return errors.Join(stage.Contains(out, "own_request"), withdrawn)
}

func approvedByAnother(ctx context.Context, w *world) error {
	out, err := w.Command(ctx, "bob", stage.Granted, "approve", w.carolRequest, "--for", "30s", "--comment", "30 s will do")
	if err != nil {
		return err
	}
	if w.carolEnds, err = stage.TimeIn(out); err != nil {
		return err
	}
	_, err = w.receiver.Wait(ctx, 5*time.Second, "access.provision", "carol@example.com", "customer:globex", "signature ok")
	return err
}

func closedInTime(ctx context.Context, w *world) error {
	at, err := w.receiver.Wait(ctx, time.Until(w.aliceEnds)+5*time.Second, "access.deprovision", "alice@example.com", "customer:acme")
	if err != nil {
		return err
	}
	return stage.InTime("closed", at, w.aliceEnds)
}

func closedAfterOutage(ctx context.Context, w *world) error {
	if err := w.receiver.End(); err != nil {
		return err
	}
	back := w.carolEnds.Add(20 * time.Second)
	stage.Print("   the receiver is down; Carol's access ends at %s\n", w.carolEnds.Format(time.TimeOnly))
	select {
	case <-time.After(time.Until(back)):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := w.startReceiver(ctx); err != nil {
		return err
	}
	stage.Print("   the receiver is back\n")
	words := []string{"access.deprovision", "carol@example.com", "customer:globex"}
	if _, err := w.receiver.Wait(ctx, 15*time.Second, words...); err != nil {
		return err
	}
	// What is confirmed has no next attempt: nothing more can come.
	err := w.Until(ctx, "carol", []string{"grants", "--output", "json"}, `"observed": "absent"`, `"next_at": null`)
	if err != nil {
		return err
	}
	if n := w.receiver.Count(words...); n != 1 {
		return fmt.Errorf("it was closed %d times, want once", n)
	}
	_, err = w.Command(ctx, "carol", stage.Granted, "grants")
	return err
}

func audited(ctx context.Context, w *world) error {
	out, err := w.Command(ctx, "bob", stage.Granted, "audit", "tail", "-n", "12")
	if err != nil {
		return err
	}
	return errors.Join(stage.Contains(out, "grant.ended"), stage.Contains(out, "binding.deprovisioned"))
}
